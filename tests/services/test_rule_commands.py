"""`accord rules` as somebody meets it who has a folder of tables and nothing else."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from policies.rules import RULE_COLUMNS
from services.cli import main

PACKS = Path(__file__).resolve().parents[2] / "policies" / "packs"
NAMES = sorted(each.name for each in PACKS.iterdir() if each.is_dir())
HEADER = ",".join(RULE_COLUMNS)
YES = "RIVER-01,role:grantee,use.read,*,*,health,*,*,*,*,*,allow,We agreed to this at a hui."
NO = "RIVER-02,role:grantee,use,*,*,*,debt,*,*,*,*,deny,Nobody is pursued with what they told us."


def accord(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["rules", *map(str, arguments)])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rules.csv").write_text(f"{HEADER}\n{YES}\n{NO}\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("name", NAMES)
def test_every_shipped_pack_is_right_and_its_cases_hold(name: str) -> None:
    told = accord("check", PACKS / name)
    assert (told.exit_code, told.stderr) == (0, "")
    assert told.stdout.startswith("Nothing is wrong. Lines: ")
    told = accord("test", PACKS / name)
    assert (told.exit_code, told.stderr) == (0, "")
    assert "decides no case" not in told.stdout


def test_it_needs_no_database_and_no_settings(folder: Path) -> None:
    kept = {k: v for k, v in os.environ.items() if not k.startswith("ACCORD_")}
    told = subprocess.run(
        [sys.executable, "-P", "-m", "services.cli", "rules", "check", str(folder)],
        env={**kept, "ACCORD_HOME": str(folder / "no-home"), "ACCORD_DATABASE": "no database"},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout == "Nothing is wrong. Lines: 2 in rules.csv.\n"
    assert sorted(each.name for each in folder.iterdir()) == ["rules.csv"]


def test_what_is_wrong_is_told_by_file_line_and_column(folder: Path) -> None:
    wrong = YES.replace("use.read", "use.raed").replace("allow", "Allow")
    (folder / "rules.csv").write_text(f"{HEADER}\n{NO}\n{wrong}\n", encoding="utf-8")
    (folder / "rulez.csv").write_text("", encoding="utf-8")
    told = accord("check", folder)
    assert told.exit_code == 1
    assert told.stdout == ""
    assert told.stderr.splitlines() == [
        "rulez.csv, line 1, name: A pack has no file of this name. Did you mean rules.csv?",
        "rules.csv, line 3, act: 'use.raed' is no act that Accord knows; did you mean use.read?",
        "rules.csv, line 3, effect: 'Allow' is no effect that Accord knows; did you mean allow?",
        "Nothing of the pack is used until every line is right.",
    ]
    as_json = json.loads(accord("check", folder, "--json").stdout)
    assert (as_json["right"], as_json["count"]) == (False, 3)
    assert as_json["faults"][1]["line"] == 3


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("cases.csv", "id\n", "cases.csv, line 1, header: "),
        ("purposes.csv", "id\n", "purposes.csv, line 1, header: "),
        ("proposals.csv", "id\n", "proposals.csv, line 1, "),
        ("roles.csv", "id,role,includes,because\nR-1,role:member,role:anyone,It is so here.\n",
         "roles.csv, line 2, role: "),
        ("rules.xlsx", "PK", "Did you mean rules.csv?"),
    ],
)  # fmt: skip
def test_every_file_of_the_folder_is_read(folder: Path, name, content, said) -> None:
    (folder / name).write_text(content, encoding="utf-8")
    told = accord("check", folder)
    assert told.exit_code == 1
    assert said in told.stderr
    for command in ("test", "try"):
        assert accord(command, folder).exit_code == 1, "nothing of a faulty pack is used"


def test_more_faults_than_are_told_are_counted(folder: Path) -> None:
    lines = "".join(f"{YES.replace('RIVER-01', f'r{n}')}\n" for n in range(80))
    (folder / "rules.csv").write_text(f"{HEADER}\n{lines}", encoding="utf-8")
    told = accord("check", folder).stderr.splitlines()
    assert told[50] == "And 30 more."


def test_what_lies_beside_open_files_and_explains_is_passed_over(folder: Path) -> None:
    (folder / ".~lock.rules.csv#").write_text("somebody", encoding="utf-8")
    (folder / "README.md").write_text("What we meant.", encoding="utf-8")
    assert accord("check", folder).exit_code == 0


def test_a_folder_without_a_pack_says_so(tmp_path: Path) -> None:
    told = accord("check", tmp_path)
    assert told.exit_code == 1
    assert "Here is no pack" in told.stderr
    (tmp_path / "inner").mkdir()
    assert "inner, line 1" in accord("check", tmp_path).stderr
    assert accord("check", tmp_path / "none").exit_code == 2


def test_a_case_that_does_not_hold_is_told_and_fails(tmp_path: Path) -> None:
    shutil.copytree(PACKS / "draft", tmp_path / "ours")
    rules = tmp_path / "ours" / "rules.csv"
    text = rules.read_text(encoding="utf-8").replace(
        "policing,*,*,*,*,deny", "policing,*,*,*,*,allow"
    )
    rules.write_text(text, encoding="utf-8")
    told = accord("test", tmp_path / "ours")
    assert told.exit_code == 1
    assert "POLICE-COUNTS: expected no by DRAFT-NO-POLICING, found yes by " in told.stderr
    found = json.loads(accord("test", tmp_path / "ours", "--json").stdout)
    assert found["wrong"][0]["case"] == "POLICE-COUNTS"


def test_a_line_that_no_case_is_about_is_named_and_fails_nothing(folder: Path) -> None:
    told = accord("test", folder)
    assert told.exit_code == 0
    assert "RIVER-01 decides no case" in told.stdout


# One question.

ASK = ("--act", "use.read", "--class", "health", "--at", "2026-05-03T09:00:00+12:00")


def test_a_yes_names_its_line_and_why(folder: Path) -> None:
    told = accord("try", folder, *ASK)
    assert told.exit_code == 0
    assert told.stdout.splitlines() == [
        "Asked: role:grantee, use.read, class health, level aggregate, part people:its-own,"
        " at 2026-05-02T21:00:00.000000Z",
        "Yes, by RIVER-01: We agreed to this at a hui.",
        "  allow  RIVER-01 (rules.csv, line 2): We agreed to this at a hui.",
    ]


def test_a_no_names_the_line_that_decided_and_every_line_that_matched(folder: Path) -> None:
    told = accord("try", folder, *ASK, "--purpose", "debt")
    assert told.exit_code == 1
    assert "No, by RIVER-02: Nobody is pursued with what they told us." in told.stdout
    found = json.loads(accord("try", folder, *ASK, "--purpose", "debt", "--json").stdout)
    assert (found["allowed"], found["decided"]) == (False, "RIVER-02")
    assert [(each["id"], each["line"]) for each in found["matched"]] == [
        ("RIVER-01", 2), ("RIVER-02", 3),
    ]  # fmt: skip


def test_what_no_line_allows_is_a_no_that_says_so(folder: Path) -> None:
    told = accord("try", folder, "--act", "use.train", "--class", "health")
    assert told.exit_code == 1
    assert "No: no line allows it, and what no line allows is refused." in told.stdout


def test_a_yes_reaches_the_bodys_own_part_alone(folder: Path) -> None:
    assert accord("try", folder, *ASK, "--people", "example-river-people").exit_code == 0
    for whose in ("another", "none"):
        assert accord("try", folder, *ASK, "--speaks-for", whose).exit_code == 1
    debt = accord("try", folder, *ASK, "--purpose", "debt", "--speaks-for", "none")
    assert "No, by RIVER-02" in debt.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--class", "health"), "--act"),
        (("--act", "use.read"), "--class"),
        (("--act", "use.raed", "--class", "health"), "did you mean use.read?"),
        (("--act", "use", "--class", "health"), "is no act"),
        ((*ASK, "--level", "fine"), "is no level"),
        ((*ASK, "--at", "2026-05-03"), "A day alone"),
        ((*ASK, "--people", "any"), "people: or place:"),
        ((*ASK, "--people", "a", "--place", "b"), "one at a time"),
        ((*ASK, "--slice", "{}"), "The slice says nothing"),
        (("--act", "body:request:ask"), "write a role"),
        (("--capacity", "people"), "--class"),
        (("--capacity", "iwi", "--class", "health"), "iwi"),
    ],
)
def test_a_question_that_is_not_right_is_not_asked(folder: Path, arguments, said) -> None:
    told = accord("try", folder, *arguments)
    assert told.exit_code == 2
    assert said in told.stderr


def test_who_must_decide_can_be_asked_too() -> None:
    told = accord("try", PACKS / "draft", "--capacity", "people", "--class", "health")
    assert told.exit_code == 0
    assert told.stdout.startswith("Yes: the body that adopts this pack must decide, by DRAFT-ROUTE")
    newcomers = ("--capacity", "people", "--class", "health", "--people", "example-newcomer-people")
    told = accord("try", PACKS / "example-newcomers", *newcomers)
    assert told.stdout.startswith("Yes: no collective body decides for this, by NOBODY-NEWCOMERS")
    told = accord("try", PACKS / "example", "--capacity", "holder", "--class", "health", "--json")
    assert told.exit_code == 1
    assert json.loads(told.stdout) == {"self": None, "none": None}

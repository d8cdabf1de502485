"""The page that teaches rules says what is so: its lines are right, and do what it says of them;
its mistakes are refused with the very words it gives."""

import re
from pathlib import Path

import pytest

from policies import columns, roles, table
from policies.adopting import Adopter, check_adopter
from policies.cases import CASE_COLUMNS, ROUTING_CASE_COLUMNS, Tried, asked_question
from policies.codec import instant
from policies.rules import PACK_FILES, RULE_COLUMNS, FaultsError, Pack, read_pack
from policies.writing import written_table

PAGE = (Path(__file__).resolve().parents[2] / "policies" / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```csv\n(.*?)```", PAGE, re.S)
GOOD = {
    **dict.fromkeys(RULE_COLUMNS, "*"),
    "id": "RIVER-01", "role": "role:grantee", "act": "use.read", "effect": "allow",
    "because": "We agreed to this at a hui.",
}  # fmt: skip


def mistakes() -> list[tuple[str, str, str]]:
    """The column, the cell and the sentence of each row of the page's table."""
    rows = PAGE.split("| what you are told |\n|---|---|---|---|\n")[1].split("\n\n")[0]
    found = []
    for row in rows.splitlines():
        _, column, cell, told = (each.strip() for each in row.strip("|").split("|"))
        inside = re.search(r"\| `([^|]*)` \|", row)
        cell = inside[1] if inside else cell
        found.append((column, cell.replace("\\u200b", "\u200b"), told))
    return found


@pytest.mark.parametrize(("column", "cell", "told"), mistakes())
def test_a_mistake_on_the_page_is_refused_with_its_words(column, cell, told) -> None:
    row = {**GOOD, column: cell}
    if column == "slice" and "Only a deny" not in told:
        row["effect"] = "deny"
    with pytest.raises(FaultsError) as refused:
        read_pack({"rules.csv": written_table(RULE_COLUMNS, [row.values()])})
    assert [(each.column, each.sentence) for each in refused.value.faults] == [(column, told)]


def test_there_are_enough_of_them_to_be_of_use() -> None:
    assert len(mistakes()) >= 15


def example(number: int) -> Pack:
    pack = read_pack({"rules.csv": EXAMPLES[number].encode()})
    check_adopter(pack, Adopter.BODY)
    return pack


def answer(pack: Pack, act: str, klass: str, level: str, at: str, **more: str) -> bool | None:
    """Yes, no by a line, or None for want of one."""
    asked = asked_question(
        "role:grantee", act, instant(at), more.get("whose", "people:ours"),
        more.get("records", "*"), "survey", "survey.sleep", klass,
        more.get("purpose", "a-study"), level,
    )  # fmt: skip
    found = Tried(pack).answer(asked, "people:ours")
    return found.allowed if found.rule else None


DAY = "2026-05-03T09:00:00+12:00"


def test_every_example_is_a_right_line_that_a_body_may_adopt() -> None:
    assert len(EXAMPLES) == 4
    ids = [rule.id for number in range(4) for rule in example(number).rules]
    assert ids == ["RIVER-01", "RIVER-02", "RIVER-03", "RIVER-04"]


def test_the_line_that_is_read_aloud_says_what_is_read() -> None:
    assert answer(example(0), "use.read", "health", "aggregate", DAY) is True
    assert answer(example(0), "use.read", "health", "deidentified", DAY) is None
    assert answer(example(0), "use.read", "child", "aggregate", DAY) is None
    assert answer(example(0), "use.read", "health", "aggregate", DAY, whose="people:else") is None


def test_the_yes_holds_for_its_year_and_is_over_by_itself() -> None:
    asked = ("use.read", "health", "aggregate")
    assert answer(example(1), *asked, "2025-12-31T23:59:59+13:00") is None
    assert answer(example(1), *asked, "2026-01-01T00:00:00+13:00") is True
    assert answer(example(1), *asked, "2026-12-31T23:59:59+13:00") is True
    assert answer(example(1), *asked, "2027-01-01T00:00:00+13:00") is None


def test_the_no_reaches_every_use_for_its_area_alone() -> None:
    for act in ("use.read", "use.link", "use.train", "use.commercial", "use.offshore"):
        assert answer(example(2), act, "open", "identifiable", DAY, purpose="debt") is False
        assert answer(example(2), act, "open", "identifiable", DAY) is None


def test_the_no_for_some_records_leaves_the_others_alone() -> None:
    asked = ("use.read", "health", "aggregate", DAY)
    assert answer(example(3), *asked) is False, "the whole takes them in"
    touching = '{"places": ["example-valley", "example-hill"], "years": [2018, 2019]}'
    assert answer(example(3), *asked, records=touching) is False
    assert answer(example(3), *asked, records='{"years": [2019]}') is None
    assert answer(example(3), *asked, records='{"places": ["example-hill"]}') is None


def test_every_column_file_and_bound_is_on_the_page() -> None:
    for column in (*RULE_COLUMNS, *CASE_COLUMNS, *ROUTING_CASE_COLUMNS):
        assert re.search(rf"\b{column}\b", PAGE), column
    for file in PACK_FILES:
        assert f"`{file}`" in PAGE, file
    said = " ".join(PAGE.split())
    for bound in (
        f"{table.MAX_FILE_BYTES // 1_000_000} MB", f"{table.MAX_LINES:,} lines",
        f"{table.MAX_CELL:,} characters", f"a because {columns.LONGEST_WHY}",
    ):  # fmt: skip
        assert bound in said, bound
    assert roles.LONGEST_CHAIN == 8
    assert "eight links" in said

"""The default pack: draft, unadopted, and careful; what its tables say is what its rules do."""

import unicodedata
from datetime import UTC, datetime
from pathlib import Path

import pytest

from policies.conditions import FORBIDS, LIBRARY, KeptBy
from policies.enforcer import Enforcer, Question, part_of_people
from policies.rules import EVERY, PACK_FILES, read_pack
from policies.slices import Slice
from policies.tables import ALWAYS, NEVER, RULE, TABLES
from policies.types import CLASSES, SENSITIVE, USE_ACTS, Capacity, KawaRule, Level
from policies.writing import written_pack

FOLDER = Path(__file__).resolve().parents[2] / "policies" / "packs" / "draft"
FILES = {name: (FOLDER / name).read_bytes() for name in PACK_FILES if (FOLDER / name).exists()}
PACK = read_pack(FILES)
NOW = datetime(2026, 5, 3, tzinfo=UTC)
RIVER = "example-river-people"
HELD = Enforcer([PACK.adopted_by("body-river")], speaking=[(part_of_people(RIVER), "body-river")])
WORDS = " ".join(content.decode() for content in FILES.values())


def table(name: str) -> list[dict[str, str]]:
    return [dict(zip(TABLES[name].columns, row, strict=True)) for row in PACK.tables[name]]


def may(act: str, klass: str, level: str, purpose: str = "example-study") -> bool:
    return HELD.may(
        Question("role:grantee", act, NOW, part_of_people(RIVER), "survey", "survey.sleep", klass,
                 purpose, level, Slice(frozenset({RIVER})))
    ).allowed  # fmt: skip


def test_the_files_are_as_they_would_be_written_out() -> None:
    assert written_pack(PACK) == FILES
    assert set(FILES) == set(PACK_FILES) - {"roles.csv"}


@pytest.mark.parametrize("act", [each for each in USE_ACTS if each != "use.read"])
def test_every_use_beyond_reading_is_no_until_a_body_writes_a_line(act: str) -> None:
    assert not any(may(act, klass, level) for klass in CLASSES for level in Level)


def test_each_class_is_read_as_finely_as_its_table_says_and_no_finer() -> None:
    said = {row["class"]: row["read_at"] for row in table("classes.csv")}
    assert set(said) == CLASSES
    for klass, finest in said.items():
        most = -1 if finest == NEVER else Level(finest).rank
        for level in Level:
            assert may("use.read", klass, level) is (level.rank <= most), (klass, level)


def test_nobody_is_read_by_name_by_default() -> None:
    assert [klass for klass in CLASSES if may("use.read", klass, Level.IDENTIFIABLE)] == ["open"]


def test_of_what_bodies_look_at_one_by_one_no_record_is_read_by_default() -> None:
    assert not any(may("use.read", klass, Level.DEIDENTIFIED) for klass in SENSITIVE)


def test_a_body_of_every_standing_is_asked_and_nobody_is_left_out_by_class() -> None:
    assert {line.capacity for line in PACK.routing} == {*map(str, Capacity)}
    assert {(line.klass, line.people, line.place) for line in PACK.routing} == {(EVERY,) * 3}


def test_the_thirty_conditions_say_honestly_how_each_is_kept() -> None:
    rows = table("conditions.csv")
    assert [row["number"] for row in rows if row["number"] != "-"] == [*map(str, range(1, 31))]
    for row in rows:
        if row["by"] in LIBRARY:
            assert row["kept_by"] == LIBRARY[row["by"]].kept_by, row["id"]
        if row["kept_by"] == KeptBy.DECISION_POINT:
            assert row["by"] in LIBRARY or row["by"] in (ALWAYS, RULE, "restriction"), row["id"]
    assert {row["by"] for row in rows} >= set(LIBRARY), "every condition that exists is offered"
    forbidden = {row["by"] for row in rows} & set(FORBIDS)
    assert forbidden == set(FORBIDS)


def test_what_is_kept_by_a_rule_has_its_lines() -> None:
    named = {row["name"] for row in table("conditions.csv") if row["by"] == RULE}
    assert named == {"no policing, immigration or debt use"}
    for area in ("policing", "immigration", "debt"):
        assert not may("use.read", "open", Level.AGGREGATE, area)


def test_consensus_is_the_way_of_deciding_to_begin_with() -> None:
    rows = table("kawa.csv")
    assert {row["way"] for row in rows} == {*map(str, KawaRule)}
    assert [row["way"] for row in rows if row["default"] == "yes"] == ["consensus"]


def test_a_restriction_is_called_what_it_is_and_lifts_itself_never() -> None:
    for row in table("restrictions.csv"):
        said = "Rāhui-style restriction (as defined by the body that places it): "
        assert row["kind"].startswith(said)
        assert (row["live_grants"], row["at_its_date"]) == ("suspend", "review")


def test_every_reason_is_a_sentence_and_every_name_is_spelt_right() -> None:
    for name in TABLES:
        for row in table(name):
            assert row["because"].endswith("."), row["id"]
            assert row["because"][0].isupper(), row["id"]
    assert unicodedata.is_normalized("NFC", WORDS)
    for plain, spelt in (("rahui", "rāhui"), ("whanau ", "whānau "), ("Maori", "Māori"),
                         ("korero", "kōrero"), ("matauranga ", "mātauranga ")):  # fmt: skip
        prose = " ".join(row[c] for name in TABLES for row in table(name)
                         for c in row if c not in ("id", "class", "by", "way"))  # fmt: skip
        assert plain not in prose, f"write {spelt}"


@pytest.mark.parametrize(
    "never", ["compliant", "iwi of", "Ngāti", "Ngāi", "Te Arawa", "score", "women", "men only"]
)
def test_the_pack_claims_nothing_and_names_nobody(never: str) -> None:
    assert never not in WORDS.replace("Models, scores and tables", "")

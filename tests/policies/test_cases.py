"""The cases beside every shipped pack hold, and say of every line what it is for."""

from pathlib import Path

import pytest

from policies.adopting import Adopter, likely_adopter
from policies.cases import (
    CASE_COLUMNS,
    CASE_FILES,
    ROUTING_CASE_COLUMNS,
    Cases,
    read_cases,
    undecided,
    wrong_cases,
)
from policies.columns import COMMANDS
from policies.rules import PACK_FILES, FaultsError, Pack, read_pack
from policies.types import USE_ACTS
from policies.writing import written_table

PACKS = Path(__file__).resolve().parents[2] / "policies" / "packs"
NAMES = sorted(each.name for each in PACKS.iterdir() if each.is_dir())


def files(name: str, known) -> dict[str, bytes]:
    return {
        each: (PACKS / name / each).read_bytes() for each in known if (PACKS / name / each).exists()
    }


def shipped(name: str) -> tuple[Pack, Cases]:
    return read_pack(files(name, PACK_FILES)), read_cases(files(name, CASE_FILES))


@pytest.mark.parametrize("name", NAMES)
def test_every_case_beside_a_pack_comes_out_as_it_says(name: str) -> None:
    pack, cases = shipped(name)
    assert cases.uses or cases.routing
    assert [str(each) for each in wrong_cases(pack, cases)] == []


@pytest.mark.parametrize("name", NAMES)
def test_every_line_of_a_pack_decides_a_case(name: str) -> None:
    assert undecided(*shipped(name)) == ()


@pytest.mark.parametrize("name", NAMES)
def test_every_pack_is_tried_by_a_no_as_well_as_by_a_yes(name: str) -> None:
    _, cases = shipped(name)
    expected = {each.expected for each in cases.uses} | {each.expected for each in cases.routing}
    assert expected == {True, False}


def test_roles_of_the_house_hold_its_cases_up() -> None:
    pack, cases = shipped("house")
    for gone in pack.roles:
        less = Pack(pack.rules, pack.routing, tuple(r for r in pack.roles if r != gone))
        assert list(wrong_cases(less, cases)), f"no case needs {gone.id}"


@pytest.mark.parametrize("name", NAMES)
def test_a_line_taken_out_is_missed_by_a_case(name: str) -> None:
    pack, cases = shipped(name)
    for gone in pack.rules[:: max(1, len(pack.rules) // 10)]:
        less = Pack(tuple(r for r in pack.rules if r != gone), pack.routing, pack.roles)
        assert gone.id in {each.line for each in cases.uses}
        assert list(wrong_cases(less, cases)), f"no case needs {gone.id}"


# Written by hand.

RULES = (
    "id,role,act,collection,item,class,purpose,level,slice,from,until,effect,because\n"
    "A-READ,role:grantee,use.read,*,*,health,*,*,*,2026-01-01T00:00:00Z,2027-01-01T00:00:00Z,"
    "allow,We agreed for a year.\n"
    'B-NO-2018,role:grantee,use,*,*,*,*,*,"{""years"": [2018]}",*,*,deny,That was a hard year.\n'
)
GOOD = [
    "READ", "role:grantee", "use.read", "survey", "survey.sleep", "health", "a-study", "aggregate",
    "*", "people:river", "people:river", "2026-05-03T09:00:00+12:00", "deny", "B-NO-2018",
    "The whole of it takes in that year.",
]  # fmt: skip


def case(**but: str) -> list[str]:
    return [but.get(column, value) for column, value in zip(CASE_COLUMNS, GOOD, strict=True)]


def pack() -> Pack:
    return read_pack({"rules.csv": RULES.encode()})


def told(*rows: list[str]) -> list[str]:
    cases = read_cases({"cases.csv": written_table(CASE_COLUMNS, rows)})
    return [str(each) for each in wrong_cases(pack(), cases)]


def test_a_case_that_holds_says_nothing() -> None:
    assert told(case()) == []
    other = case(slice='{"years": [2020]}', expected="allow", line="A-READ")
    assert told(other) == []


def test_a_wrong_expectation_names_the_case_what_was_expected_and_what_was_found() -> None:
    assert told(case(expected="allow", line="A-READ")) == [
        "READ: expected yes by A-READ, found no by B-NO-2018."
    ]


def test_the_right_answer_by_another_line_is_wrong() -> None:
    assert told(case(line="-")) == ["READ: expected no for want of a line, found no by B-NO-2018."]


@pytest.mark.parametrize(
    ("at", "expected", "line"),
    [
        ("2025-12-31T23:59:59Z", "deny", "-"),
        ("2026-01-01T00:00:00Z", "allow", "A-READ"),
        ("2026-12-31T23:59:59.999999Z", "allow", "A-READ"),
        ("2027-01-01T00:00:00Z", "deny", "-"),
        ("2027-01-01T12:59:00+13:00", "allow", "A-READ"),
    ],
)
def test_from_is_the_first_instant_and_until_the_first_after_the_last(at, expected, line) -> None:
    assert told(case(slice='{"years": [2020]}', at=at, expected=expected, line=line)) == []


def test_whose_part_it_is_decides_whether_a_bodys_lines_reach_it() -> None:
    others = {"whose": "people:hill", "expected": "deny", "line": "-"}
    assert told(case(**others)) == []
    assert told(case(speaks_for="place:valley", whose="place:valley")) == []
    assert told(case(speaks_for="-")) == [], "a no of a body that speaks for none is for all"


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("id", "read"), ("role", "*"), ("role", "role:boss"), ("act", "use"), ("act", "*"),
        ("collection", "*"), ("item", ""), ("class", "*"), ("class", "helth"), ("purpose", "*"),
        ("level", "*"), ("slice", '{"years": []}'), ("whose", "river"), ("whose", "people:"),
        ("whose", "people:*"), ("speaks_for", "body:river"), ("at", "*"), ("at", "2026-05-03"),
        ("expected", "yes"), ("line", "read"), ("because", ""),
    ],
)  # fmt: skip
def test_each_column_of_a_case_is_checked(column, value) -> None:
    with pytest.raises(FaultsError) as refused:
        told(case(**{column: value}))
    assert [(each.file, each.line, each.column) for each in refused.value.faults] == [
        ("cases.csv", 2, column)
    ]
    assert len(refused.value.faults[0].sentence.split()) <= 25


def test_a_routing_case_names_what_was_expected_and_found() -> None:
    routing = b"id,body,capacity,class,people,place,because\nR,self,people,*,*,*,Our own decide.\n"
    asks = ["ASK", "self", "people", "health", "river", "-", "no", "-", "It is not asked."]
    cases = read_cases({"routing_cases.csv": written_table(ROUTING_CASE_COLUMNS, [asks])})
    found = wrong_cases(read_pack({"routing.csv": routing}), cases)
    assert [str(each) for each in found] == ["ASK: expected no for want of a line, found yes by R."]


def test_a_line_that_decides_no_case_is_named() -> None:
    cases = read_cases({"cases.csv": written_table(CASE_COLUMNS, [case()])})
    assert undecided(pack(), cases) == ("A-READ",)


def test_ids_of_cases_are_their_own_over_both_files() -> None:
    asks = ["READ", "self", "people", "health", "river", "-", "no", "-", "It is not asked."]
    with pytest.raises(FaultsError, match="was used before"):
        read_cases({
            "cases.csv": written_table(CASE_COLUMNS, [case()]),
            "routing_cases.csv": written_table(ROUTING_CASE_COLUMNS, [asks]),
        })  # fmt: skip


def test_bodies_packs_are_tried_as_a_bodys_and_the_house_as_the_deployments() -> None:
    for name in NAMES:
        pack, cases = shipped(name)
        adopter = Adopter.DEPLOYMENT if name == "house" else Adopter.BODY
        assert likely_adopter(pack) is adopter
        asked = {each.question.act for each in cases.uses}
        assert not asked & (COMMANDS if adopter is Adopter.BODY else set())
    assert {each.question.act for each in shipped("house")[1].uses} - set(USE_ACTS) == COMMANDS

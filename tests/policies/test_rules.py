"""Rule packs as people write them: read strictly, refused whole, by file, line and column."""

import re
from pathlib import Path

import pytest

from policies.adopting import check_adopter, likely_adopter
from policies.permissions import COMMAND_ACTS, OTHER_ACTS
from policies.rules import (
    EVERY,
    PACK_FILES,
    ROLE_COLUMNS,
    ROUTING_COLUMNS,
    RULE_COLUMNS,
    FaultsError,
    Pack,
    read_pack,
)
from policies.types import USE_ACTS

PACKS = Path(__file__).resolve().parents[2] / "policies" / "packs"
NAMES = sorted(each.name for each in PACKS.iterdir() if each.is_dir())
FILES = PACK_FILES

RULES = ",".join(RULE_COLUMNS)
ROUTING = ",".join(ROUTING_COLUMNS)
ROLES = ",".join(ROLE_COLUMNS)
GOOD = "LINE-1,role:grantee,use.read,*,*,health,*,*,*,*,*,allow,Because it is a test."
GOOD_ROUTE = "ROUTE-1,self,people,*,*,*,Because it is a test."
GOOD_ROLE = "ROLE-1,role:applicant,role:participant,Because it is a test."


def shipped(name: str) -> Pack:
    return read_pack(
        {
            file: (PACKS / name / file).read_bytes()
            for file in FILES
            if (PACKS / name / file).exists()
        }
    )


def faults(file: str, *lines: str) -> list[tuple[str, int, str]]:
    """Where everything is wrong in a file of these lines."""
    with pytest.raises(FaultsError) as refused:
        read_pack({file: "".join(f"{line}\n" for line in lines).encode()})
    for fault in refused.value.faults:
        assert len(fault.sentence.split()) <= 25
        assert str(fault).startswith(f"{fault.file}, line {fault.line}, {fault.column}: ")
    return [(fault.file, fault.line, fault.column) for fault in refused.value.faults]


def with_field(line: str, columns: str, column: str, value: str) -> str:
    fields = line.split(",")
    fields[columns.split(",").index(column)] = value
    return ",".join(fields)


def test_a_good_pack_is_read_whole() -> None:
    pack = read_pack({
        "rules.csv": f"{RULES}\n{GOOD}\n".encode(),
        "routing.csv": f"{ROUTING}\n{GOOD_ROUTE}\n".encode(),
        "roles.csv": f"{ROLES}\n{GOOD_ROLE}\n".encode(),
    })  # fmt: skip
    assert [each.id for each in (*pack.rules, *pack.routing, *pack.roles)] == [
        "LINE-1", "ROUTE-1", "ROLE-1",
    ]  # fmt: skip
    line = pack.rules[0]
    assert line.row == ["LINE-1", "role:grantee", "use.read", "*", "*", "*", "health", "*", "*",
                        "*", "*", "*", "allow"]  # fmt: skip
    assert (line.adopter, line.reach) == ("", EVERY)
    assert (line.restriction, line.hidden) == (None, False)


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("id", "line-1"),
        ("id", ""),
        ("id", "LINE 1"),
        ("id", "LINE-1@body-river"),
        ("role", "role:kaumatua"),
        ("role", "person-1"),
        ("role", ""),
        ("act", "use.destroy"),
        ("act", "use."),
        ("act", "read"),
        ("collection", ""),
        ("collection", "any"),
        ("item", "survey/sleep"),
        ("item", "**"),
        ("class", "Health"),
        ("class", "secret"),
        ("purpose", "any purpose"),
        ("purpose", "imigration"),
        ("from", ""),
        ("from", "2026-05-03"),
        ("from", "2026-05-03T09:00:00"),
        ("from", "2026-13-03T09:00:00Z"),
        ("from", "0001-01-01T00:00:00+12:00"),
        ("from", "tomorrow"),
        ("until", "3/05/2026"),
        ("until", "2026-05-03T24:00:00Z"),
        ("level", "finest"),
        ("effect", "Deny"),
        ("effect", "eval(r.role)"),
        ("because", ""),
        ("because", "so there"[:7]),
        # A space at an end would make a line miss what it means.
        ("role", "role:grantee "),
        ("item", " *"),
        ("effect", "deny "),
        ("because", "Because\tof a tab."),
        ("because", "Because of a \x00 mark."),
        ("because", "Because of a \x1b[31m mark."),
    ],
)
def test_each_column_of_a_rule_is_checked(column, value) -> None:
    line = with_field(GOOD, RULES, column, value)
    assert faults("rules.csv", RULES, line) == [("rules.csv", 2, column)]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("id", "route-1"),
        ("body", "body-river"),
        ("body", "*"),
        ("capacity", "operator"),
        ("capacity", "*"),
        ("class", "secret"),
        ("people", "some people"),
        ("place", ""),
        ("people", "any"),
        ("because", "short"),
        # A line about what its question never names would never be met.
        ("place", "the-river"),
    ],
)
def test_each_column_of_a_routing_line_is_checked(column, value) -> None:
    line = with_field(GOOD_ROUTE, ROUTING, column, value)
    assert faults("routing.csv", ROUTING, line) == [("routing.csv", 2, column)]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("id", "1"),
        ("role", "role:boss"),
        ("role", "*"),
        ("includes", "person-1"),
        ("includes", "*"),
        ("includes", "role:applicant"),
        ("because", ""),
    ],
)
def test_each_column_of_a_role_line_is_checked(column, value) -> None:
    line = with_field(GOOD_ROLE, ROLES, column, value)
    assert faults("roles.csv", ROLES, line) == [("roles.csv", 2, column)]


def slice_line(effect: str, written: str) -> str:
    quoted = '"' + written.replace('"', '""') + '"'
    return f"LINE-2,role:grantee,use.read,*,*,health,*,*,{quoted},*,*,{effect},Because it is one."


def test_a_deny_line_may_name_a_slice() -> None:
    written = '{"peoples": ["river-people"]}'
    text = f"{RULES}\n{GOOD}\n{slice_line('deny', written)}\n"
    assert read_pack({"rules.csv": text.encode()}).rules[1].slice == written


def test_an_allow_line_may_not_for_lines_apply_where_slices_merely_overlap() -> None:
    line = slice_line("allow", '{"peoples": ["river-people"]}')
    assert faults("rules.csv", RULES, line) == [("rules.csv", 2, "slice")]


@pytest.mark.parametrize(
    "written",
    ["any", "[]", "{}x", '{"people": []}', pytest.param("[" * 5000, id="too deep")],
)
def test_a_slice_that_cannot_be_read_is_refused(written) -> None:
    line = slice_line("deny", written)
    assert faults("rules.csv", RULES, line) == [("rules.csv", 2, "slice")]


@pytest.mark.parametrize("part", ["peoples", "places", "years"])
def test_a_slice_that_matches_nothing_is_refused_for_its_line_would_be_ignored(part) -> None:
    line = slice_line("deny", f'{{"{part}": []}}')
    assert faults("rules.csv", RULES, line) == [("rules.csv", 2, "slice")]


def test_a_line_with_too_many_or_too_few_columns_is_refused() -> None:
    # An unquoted comma in the reason is the commonest slip of all.
    assert faults("rules.csv", RULES, f"{GOOD}, and more") == [("rules.csv", 2, "columns")]
    assert faults("rules.csv", RULES, "LINE-1,role:grantee") == [("rules.csv", 2, "columns")]
    assert faults("rules.csv", RULES, "", GOOD) == [("rules.csv", 2, "columns")]


@pytest.mark.parametrize(
    "header", ["", "id,role", RULES + ",note", RULES.upper(), "\ufeff\ufeff" + RULES, GOOD]
)
def test_another_header_is_refused(header) -> None:
    assert faults("rules.csv", header, GOOD) == [("rules.csv", 1, "header")]


def test_an_instant_is_kept_as_the_ledger_writes_it() -> None:
    line = with_field(GOOD, RULES, "from", "2026-05-03T09:00+12:00")
    line = with_field(line, RULES, "until", "2026-05-02T21:00:00.000001Z")
    rule = read_pack({"rules.csv": f"{RULES}\n{line}\n".encode()}).rules[0]
    assert (rule.since, rule.until) == (
        "2026-05-02T21:00:00.000000Z", "2026-05-02T21:00:00.000001Z",
    )  # fmt: skip


def test_a_no_may_begin_at_an_instant_and_ends_by_nobodys_calendar() -> None:
    no = with_field(GOOD, RULES, "effect", "deny")
    since = with_field(no, RULES, "from", "2026-05-03T09:00:00Z")
    assert read_pack({"rules.csv": f"{RULES}\n{since}\n".encode()}).rules[0].effect == "deny"
    until = with_field(no, RULES, "until", "2026-05-03T09:00:00Z")
    assert faults("rules.csv", RULES, until) == [("rules.csv", 2, "until")]


def test_a_header_over_two_lines_is_no_header() -> None:
    assert faults("rules.csv", RULES.replace("id,", '"id\n",'), GOOD)


@pytest.mark.parametrize("file", FILES)
def test_a_file_cut_to_nothing_is_refused(file) -> None:
    with pytest.raises(FaultsError):
        read_pack({file: b""})


def test_a_file_with_a_header_alone_has_no_lines() -> None:
    assert read_pack({"rules.csv": f"{RULES}\n".encode()}) == Pack()


def test_quotes_that_do_not_close_are_refused() -> None:
    assert ("rules.csv", 2, "quoting") in faults("rules.csv", RULES, f'{GOOD[:-1]},"open')
    assert faults("rules.csv", RULES, GOOD, '"LINE-2"x,role:grantee')


def test_a_file_in_another_encoding_is_refused_by_its_line() -> None:
    with pytest.raises(FaultsError) as refused:
        read_pack({"rules.csv": f"{RULES}\n{GOOD}\n".encode() + "whānau".encode("latin-1", "ignore")
                   + b"\xff\n"})  # fmt: skip
    fault = refused.value.faults[0]
    assert (fault.line, fault.column) == (3, "encoding")


def test_an_id_used_twice_is_refused_in_one_file_and_across_files() -> None:
    assert faults("rules.csv", RULES, GOOD, GOOD) == [("rules.csv", 3, "id")]
    with pytest.raises(FaultsError) as refused:
        read_pack({
            "rules.csv": f"{RULES}\n{GOOD}\n".encode(),
            "routing.csv": f"{ROUTING}\n{GOOD_ROUTE.replace('ROUTE-1', 'LINE-1')}\n".encode(),
        })  # fmt: skip
    assert str(refused.value) == (
        "routing.csv, line 2, id: LINE-1 was used before, at rules.csv, line 2."
    )


def test_a_file_of_another_name_is_refused() -> None:
    with pytest.raises(FaultsError) as refused:
        read_pack({"rule.csv": f"{RULES}\n{GOOD}\n".encode()})
    assert refused.value.faults[0].file == "rule.csv"


def test_every_fault_is_named_and_nothing_is_half_read() -> None:
    wrong = with_field(with_field(GOOD, RULES, "effect", "Deny"), RULES, "role", "boss")
    found = faults("rules.csv", RULES, GOOD, wrong.replace("LINE-1", "LINE-2"), "LINE-3,x")
    assert found == [
        ("rules.csv", 3, "role"), ("rules.csv", 3, "effect"), ("rules.csv", 4, "columns"),
    ]  # fmt: skip


def test_a_fault_after_a_quoted_line_break_is_named_by_its_own_line() -> None:
    broken = with_field(GOOD, RULES, "because", '"Because of\na break."')
    found = faults("rules.csv", RULES, broken, with_field(GOOD, RULES, "effect", "no"))
    # Lines are counted as an editor shows them, and a cell ends on its own line.
    assert found == [
        ("rules.csv", 2, "quoting"),
        ("rules.csv", 3, "columns"),
        ("rules.csv", 4, "effect"),
    ]


# What is shipped.


@pytest.mark.parametrize("name", NAMES)
def test_a_shipped_pack_is_read_without_fault_and_every_line_says_why(name) -> None:
    pack = shipped(name)
    lines = (*pack.rules, *pack.routing, *pack.roles)
    assert lines
    check_adopter(pack, likely_adopter(pack))
    for line in lines:
        assert len(line.because.split()) >= 4, f"{line.id} does not say why"
        assert line.because.endswith((".", "!")), f"{line.id} is not a sentence"


def test_no_two_shipped_packs_use_one_id() -> None:
    """A body that adopts both would otherwise have the second line in place of the first."""
    ids = [
        line.id
        for name in NAMES
        for line in (*shipped(name).rules, *shipped(name).routing, *shipped(name).roles)
    ]
    assert len(ids) == len(set(ids))


def test_the_house_pack_says_who_may_do_every_command_there_is() -> None:
    named = {line.act for line in shipped("house").rules if line.effect == "allow"}
    assert named - {EVERY} == COMMAND_ACTS | OTHER_ACTS
    assert EVERY not in named, "a line for every act would hide a command that was forgotten"


def test_the_house_pack_opens_no_use_of_data() -> None:
    assert not {line.act for line in shipped("house").rules} & set(USE_ACTS)


def test_what_the_clock_and_other_streams_cause_no_person_may_do() -> None:
    for line in shipped("house").rules:
        assert (line.role == "role:system") is line.act.startswith("system:"), line.id


def test_shipped_packs_name_no_people_but_the_invented_ones() -> None:
    for name in NAMES:
        for line in shipped(name).routing:
            assert line.people == EVERY or re.fullmatch(r"example-[\w-]+", line.people)

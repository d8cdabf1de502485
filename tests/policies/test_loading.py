"""Whatever bytes come, a pack is read whole or refused with faults: nothing else, and nothing
dropped in silence; and what is written out is read back as it was."""

import csv
import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from policies.codec import written
from policies.columns import COMMANDS
from policies.faults import MOST_FAULTS
from policies.rules import (
    ANY_USE,
    EVERY,
    PACK_FILES,
    ROLE_COLUMNS,
    ROLES,
    ROUTING_COLUMNS,
    RULE_COLUMNS,
    FaultsError,
    Pack,
    RoleRule,
    RoutingRule,
    Rule,
    read_pack,
)
from policies.tables import TABLES
from policies.types import CLASSES, USE_ACTS, Level
from policies.writing import sha256_of, written_pack, written_table

# Packs that are good, of every kind of line.

IDS = st.from_regex(r"[A-Z][A-Z0-9]{0,5}(-[A-Z0-9]{1,5}){0,2}", fullmatch=True)
NAMES = st.from_regex(r"[a-zāēīōū][a-zāēīōū0-9.\-:ʻ]{0,12}", fullmatch=True).filter(
    lambda each: each not in {"any", "all", "none", "unknown", "self"}
)
WHYS = st.text(
    st.characters(categories=["L", "N", "P", "S"], include_characters=" "), max_size=40
).map(lambda text: ("Because of " + text).strip())
INSTANTS = st.integers(-2_000_000_000_000_000, 7_000_000_000_000_000).map(
    lambda microseconds: written(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(0, 0, microseconds))
)
EVERY_OR = lambda known: st.just(EVERY) | known  # noqa: E731
SLICES = st.fixed_dictionaries(
    {"peoples": st.lists(NAMES, min_size=1, max_size=3)},
    optional={
        "places": st.just("any") | st.lists(NAMES, min_size=1, max_size=2),
        "years": st.lists(st.integers(1000, 9999), min_size=1, max_size=3),
    },
).map(lambda parts: json.dumps(parts, ensure_ascii=False))


@st.composite
def a_rule(draw: st.DrawFn) -> Rule:
    effect = draw(st.sampled_from(["allow", "deny"]))
    plain = draw(EVERY_OR(st.sampled_from(sorted(CLASSES))))
    act = draw(st.sampled_from([ANY_USE, EVERY, *USE_ACTS, *sorted(COMMANDS)[:4]]))
    whole = act in COMMANDS
    since, until = sorted(draw(st.tuples(INSTANTS, INSTANTS).filter(lambda two: two[0] != two[1])))
    return Rule(
        draw(IDS),
        draw(st.sampled_from([EVERY, *sorted(ROLES)])),
        act,
        EVERY if whole else draw(EVERY_OR(NAMES)),
        EVERY if whole else draw(EVERY_OR(NAMES)),
        EVERY if whole else plain,
        EVERY if whole else draw(EVERY_OR(st.sampled_from(["health", "a-study-of-sleep"]))),
        EVERY if whole else draw(EVERY_OR(st.sampled_from([*map(str, Level)]))),
        EVERY if whole or effect == "allow" else draw(EVERY_OR(SLICES)),
        effect,
        draw(WHYS),
        draw(st.sampled_from([EVERY, since])),
        EVERY if effect == "deny" else draw(st.sampled_from([EVERY, until])),
    )


@st.composite
def a_route(draw: st.DrawFn) -> RoutingRule:
    capacity = draw(st.sampled_from(["people", "place", "ethics", "holder"]))
    nobody = capacity in ("people", "place") and draw(st.booleans())
    named = NAMES if nobody else EVERY_OR(NAMES)
    return RoutingRule(
        draw(IDS), "none" if nobody else "self", capacity,
        draw(EVERY_OR(st.sampled_from(sorted(CLASSES)))),
        draw(named) if capacity == "people" else EVERY,
        draw(named) if capacity == "place" else EVERY,
        draw(WHYS),
    )  # fmt: skip


ORDER = sorted(ROLES)
LINKS = st.lists(
    st.tuples(st.integers(0, 8), st.integers(0, 8)).filter(lambda two: two[0] < two[1]),
    unique=True,
    max_size=4,
)
TABLE_ROWS = st.fixed_dictionaries({}, optional={
    "defaults.csv": st.lists(st.tuples(IDS, WHYS, WHYS, st.sampled_from(["duty", "body"]), WHYS),
                             max_size=3),
    "kawa.csv": st.lists(st.tuples(IDS, st.just("consensus"), st.just("yes"), WHYS, WHYS, WHYS),
                         max_size=2),
})  # fmt: skip


@st.composite
def packs(draw: st.DrawFn) -> Pack:
    rules = draw(st.lists(a_rule(), max_size=5))
    routing = draw(st.lists(a_route(), max_size=3))
    roles = [
        RoleRule(draw(IDS), ORDER[one], ORDER[other], draw(WHYS)) for one, other in draw(LINKS)
    ]
    tables = {name: tuple(rows) for name, rows in draw(TABLE_ROWS).items()}
    pack = Pack(tuple(rules), tuple(routing), tuple(roles), tables)
    ids = [line.id for line in (*rules, *routing, *roles)]
    ids += [row[0] for rows in tables.values() for row in rows]
    if len(ids) != len(set(ids)):
        return draw(packs())
    return pack


@given(packs())
@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
def test_what_is_written_is_read_back_as_it_was(pack: Pack) -> None:
    files = written_pack(pack)
    assert read_pack(files) == pack
    assert written_pack(read_pack(files)) == files
    assert set(files) <= set(PACK_FILES)


@given(packs(), st.sampled_from([b"\r\n", b"\n"]), st.booleans())
@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
def test_line_ends_and_a_mark_at_the_beginning_change_no_hash(pack, end, mark) -> None:
    files = written_pack(pack)
    other = {
        name: b"\xef\xbb\xbf" * mark + content.replace(b"\n", end)
        for name, content in files.items()
    }
    assert sha256_of(written_pack(read_pack(other))) == sha256_of(files)


def test_an_adopted_pack_is_not_written_to_files() -> None:
    line = Rule("A-1", "role:grantee", "use", *[EVERY] * 6, "deny", "Because it is a test.")
    with pytest.raises(ValueError, match="nobody has adopted"):
        written_pack(Pack((line,)).adopted_by("body-river"))


# Anything at all.


def records(content: bytes) -> int:
    """Lines after the first, counted by another hand: those of a good file hold no line break in
    a cell, and only empty ones at its end are none."""
    lines = content.decode("utf-8").replace("\r\n", "\n").split("\n")
    while lines and not lines[-1]:
        lines.pop()
    return len(lines) - 1


def well_told(error: FaultsError) -> FaultsError:
    assert 0 < len(error.faults) <= MOST_FAULTS
    assert error.count >= len(error.faults)
    for fault in error.faults:
        assert str(fault).isprintable()
        assert len(fault.sentence.split()) <= 25, fault.sentence
    return error


def read_or_refused(files: dict[str, bytes]) -> Pack | FaultsError:
    try:
        pack = read_pack(files)
    except FaultsError as error:
        return well_told(error)
    assert len(pack.rules) == records(files.get("rules.csv", b"x"))
    assert len(pack.routing) == records(files.get("routing.csv", b"x"))
    assert len(pack.roles) == records(files.get("roles.csv", b"x"))
    assert written_pack(read_pack(written_pack(pack))) == written_pack(pack)
    return pack


FILE = st.sampled_from(PACK_FILES)


@given(FILE, st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(name, content) -> None:
    read_or_refused({name: content})


@given(FILE, st.text(max_size=200))
def test_any_text_under_a_good_header_is_read_or_refused(name, text) -> None:
    columns = {
        "rules.csv": RULE_COLUMNS, "routing.csv": ROUTING_COLUMNS, "roles.csv": ROLE_COLUMNS,
        **{each: layout.columns for each, layout in TABLES.items()},
    }[name]  # fmt: skip
    read_or_refused({name: (",".join(columns) + "\n" + text).encode("utf-8", "surrogatepass")})


CELL = st.sampled_from(
    ["*", "", "role:grantee", "use.read", "use", "health", "allow", "deny", "-", '"', '""',
     "\u200b", "{}", '{"peoples": ["a"]}', "2026-05-03T09:00:00Z", "Because of it.",
     "=1+1", "A-1", "B-2"]
) | st.text(max_size=12)  # fmt: skip


@given(st.lists(st.lists(CELL, min_size=11, max_size=14), max_size=4))
def test_any_cells_are_read_or_refused(rows) -> None:
    read_or_refused({"rules.csv": written_table(RULE_COLUMNS, rows)})


@given(packs(), st.data())
@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
def test_a_mangled_pack_is_refused_or_loses_no_line(pack, data) -> None:
    """Bytes put in, taken out, changed about or doubled anywhere in any file."""
    files = written_pack(pack)
    if not files:
        return
    name = data.draw(st.sampled_from(sorted(files)))
    content = files[name]
    at = data.draw(st.integers(0, len(content)))
    until = data.draw(st.integers(at, min(len(content), at + 8)))
    piece = data.draw(
        st.sampled_from(
            [b"", b'"', b",", b"\n", b"\r", b";", b" ", b"\x00", b"\xff", b"\xe2\x80\x8b"]
        )
        | st.binary(max_size=6)
    )
    read_or_refused({**files, name: content[:at] + piece + content[until:]})


@given(packs())
@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
def test_a_stock_csv_reader_sees_the_same_cells(pack: Pack) -> None:
    """Any spreadsheet opens what is written, and shows what is meant."""
    for name, content in written_pack(pack).items():
        seen = list(csv.reader(io.StringIO(content.decode(), newline="")))
        if name == "rules.csv":
            assert [row[0] for row in seen[1:]] == [rule.id for rule in pack.rules]
            assert [row[-1] for row in seen[1:]] == [rule.because for rule in pack.rules]


# What could take long: each of these would, were it read with less care.


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "content",
    [
        b"," * 4_900_000,
        b'"' * 4_900_000,
        b"\n" * 4_900_000,
        ",".join(RULE_COLUMNS).encode() + b"\n" + b"," * 4_900_000,
        ",".join(RULE_COLUMNS).encode() + b"\n" + (b"," * 12 + b"\n") * 19_000,
        ",".join(RULE_COLUMNS).encode()
        + b"\n"
        + b"".join(
            b"x%d,rolex%d,usex%d,*,*,helth%d,*,*,*,*,*,den%d,y\n" % ((n,) * 5)
            for n in range(19_000)
        ),
        ",".join(RULE_COLUMNS).encode()
        + b"\n"
        + b"A-1,role:grantee,use,*,*,*,*,*,"
        + b"[" * 9_000
        + b",*,*,deny,Because it is deep.\n",
        ",".join(RULE_COLUMNS).encode()
        + b"\n"
        + b'A-1,role:grantee,use,*,*,*,*,*,"{""years"": ['
        + b"9" * 9_000
        + b']}",*,*,deny,Because it is a big number.\n',
    ],
    ids=["commas", "quotes", "lines", "a-long-line", "empty-rows", "all-wrong", "deep", "digits"],
)  # fmt: skip
def test_what_is_large_or_deep_is_refused_all_the_same(content) -> None:
    assert isinstance(read_or_refused({"rules.csv": content}), FaultsError)

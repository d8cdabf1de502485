"""What the catalogue reader accepts, and how it tells what is wrong."""

import csv
import io
import random
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.catalogue import reader
from services.catalogue.reader import Fault, TooLarge, Variable, read

ROOT = Path(__file__).resolve().parents[3]
REAL = ROOT / "deploy" / "example" / "idi-variables.csv"
HEADER = "agency,collection,schema,table,variable"
GOOD = "Example office,Example survey,example_survey,people,income_band"


def text(*lines: str | bytes, header: str | bytes = HEADER, end: bytes = b"\n") -> io.BytesIO:
    """A stream of `header` and `lines`."""
    parts = [each.encode() if isinstance(each, str) else each for each in (header, *lines)]
    return io.BytesIO(end.join(parts) + end)


def faults(*lines: str | bytes, **options: int) -> list[tuple[int, str | int]]:
    """Where the faults of a file with these lines are, every sentence being short."""
    found = [each for each in read(text(*lines), **options) if isinstance(each, Fault)]
    for fault in found:
        assert len(fault.sentence.split()) <= 25, fault.sentence
    return [(fault.line, fault.column) for fault in found]


def variables(stream: io.BytesIO) -> list[Variable]:
    """What a file without faults holds."""
    found = list(read(stream))
    assert not [each for each in found if isinstance(each, Fault)]
    return [each for each in found if isinstance(each, Variable)]


def test_the_real_list_has_no_fault_and_is_read_whole() -> None:
    began = time.perf_counter()
    found = list(read(REAL))
    taken = time.perf_counter() - began
    with REAL.open(encoding="utf-8", newline="") as stream:
        expected = list(csv.reader(stream, strict=True))[1:]
    assert len(found) == 17_487
    assert [
        (each.agency, each.collection, each.schema, each.table, each.variable)
        for each in found
        if isinstance(each, Variable)
    ] == [tuple(each) for each in expected]
    assert [each.line for each in found] == list(range(2, 17_489))
    # It takes some 0.15 s; the rest is room for a busy machine.
    assert taken < 2


def test_the_example_catalogue_has_no_fault() -> None:
    found = variables(io.BytesIO((REAL.parent / "catalogue.csv").read_bytes()))
    assert [each.key for each in found] == [
        "example_genome.assembly.sequence",
        "example_survey.people.clinic_visits",
        "example_survey.people.language_at_home",
        "example_survey.people.income_band",
        "example_survey.people.birth_year",
        "example_register.gardens.kept_by",
        "example_register.gardens.planted_year",
    ]
    assert {each.collection_key for each in found} == {
        "example_genome", "example_survey", "example_register",
    }  # fmt: skip


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
def test_either_line_end_and_a_byte_order_mark_are_read(end: bytes, mark: bytes) -> None:
    (found,) = variables(text(GOOD, header=mark + HEADER.encode(), end=end))
    assert found.key == "example_survey.people.income_band"
    assert found.line == 2


def test_the_last_line_needs_no_end() -> None:
    (found,) = variables(io.BytesIO(f"{HEADER}\n{GOOD}".encode()))
    assert found.variable == "income_band"


def test_quoted_fields_may_hold_commas_and_quotes() -> None:
    (found,) = variables(text('"An ""example"", or two","A, B",s,"t, u",v'))
    assert found.agency == 'An "example", or two'
    assert found.key == "s.t, u.v"


@pytest.mark.parametrize(
    "name",
    ["whānau", "wha\u0304nau", "aʻoga", "a‘oga", "tu'a", "fakaʼuto", "Māori_01-b", "reo, 2"],
)
def test_names_are_kept_as_they_were_written(name: str) -> None:
    (found,) = variables(text(f'Tāngata,Kōrero ʻa,s,t,"{name}"'))
    assert found.variable == name
    assert (found.agency, found.collection) == ("Tāngata", "Kōrero ʻa")


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ("a,b,s,t", 5),
        ("a,b,s,t,v,w", 6),
        ("", 1),
        ("   ", 1),
        (",b,s,t,v", "agency"),
        ("a,,s,t,v", "collection"),
        ('a,b,"",t,v', "schema"),
        ("a,b,s,,v", "table"),
        ("a,b,s,t,", "variable"),
        ("a,b, s,t,v", "schema"),
        ("a ,b,s,t,v", "agency"),
        ('a,"b ",s,t,v', "collection"),
        ("a,b,s,t\x07u,v", "table"),
        ("a,b\x00c,s,t,v", "collection"),
        ("a,b\u202ec,s,t,v", "collection"),
        ("a,b\u00a0c,s,t,v", "collection"),
        ("a,b\rc,s,t,v", "collection"),
        ("a,b,s,t,v\ufeff", "variable"),
        ("a,b,s,t," + "v" * 501, "variable"),
        ("a" * 501 + ",b,s,t,v", "agency"),
        ("a" * 50_000 + ",b,s,t,v", "line"),
        (b"a,b,s,t\xff,v", "byte 8"),
        ("a,é,s,t,".encode() + b"\xc3", "byte 10"),
        (b"\xe9,b,s,t,v", "byte 1"),
        ('a,b,s,"t,v', 4),
        ('a,b,s,t"u,v', 4),
        ('a,b,s,"t"u,v', 4),
        ('a,b,s,t,v"', 5),
        ("a,b,s,t/u,v", "table"),
        ("a,b,s,t,v?", "variable"),
        ("a,b,s#,t,v", "schema"),
        ("a,b,s,t,%2e", "variable"),
        ("a,b,s,..,v", "table"),
        ("a,b,s,t,\u0304a", "variable"),
        ("a,b,s,t,½", "variable"),
    ],
)
def test_each_fault_is_told_by_line_and_column(line: str | bytes, column: str | int) -> None:
    other = "a,b,s,t,other"
    assert faults(other, line, "a,b,s,t,third") == [(3, column)]


def test_every_field_amiss_is_told() -> None:
    assert faults(",b ,s,t,v") == [(2, "agency"), (2, "collection")]
    assert faults("a,b,s.,t/,v?") == [(2, "schema"), (2, "table"), (2, "variable")]


def test_a_line_break_inside_a_field_is_a_fault_and_lines_stay_physical() -> None:
    found = faults("a,b,s,t,v1", 'a,b,s,"t', 'u",v2', "a,b,s,t,v3", "a,b,s,,v4")
    assert found[0] == (3, 4)
    assert found[-1] == (6, "table")
    assert {line for line, _ in found} == {3, 4, 6}


def test_a_name_given_twice_is_told_with_its_first_line() -> None:
    found = list(read(text("a,b,s,t,v", "a,b,s,t,w", "a,b,s,t,v", "a,b,s,t,V")))
    (fault,) = [each for each in found if isinstance(each, Fault)]
    assert (fault.line, fault.column) == (4, "variable")
    assert "line 2" in fault.sentence
    assert len(found) == 4


def test_two_encodings_of_one_macron_are_one_name() -> None:
    assert faults("a,b,s,t,whānau", "a,b,s,t,wha\u0304nau") == [(3, "variable")]


@pytest.mark.parametrize(
    ("line", "column"),
    [
        ("other,b,s,t,w", "agency"),
        ("a,other,s,t,w", "collection"),
    ],
)
def test_a_schema_is_one_collection_of_one_agency(line: str, column: str) -> None:
    found = list(read(text("a,b,s,t,v", "a,b,r,t,v", line)))
    (fault,) = [each for each in found if isinstance(each, Fault)]
    assert (fault.line, fault.column) == (4, column)
    assert "line 2" in fault.sentence


def test_a_schema_is_spelt_one_way() -> None:
    assert faults("a,b,ā,t,v", "a,b,a\u0304,t,w") == [(3, "schema")]


@pytest.mark.parametrize(
    ("header", "column"),
    [
        ("agency,collection,schema,table", 5),
        ("agency,collection,schema,table,variable,more", 6),
        ("agency,collection,Schema,table,variable", 3),
        ("agency,collection,table,schema,variable", 3),
        (" agency,collection,schema,table,variable", 1),
        ('"agency",collection,schema,table,variable', 1),
        ("agency;collection;schema;table;variable", 1),
        ("", 1),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "file"),
        (b"PK\x03\x04\x00\x00", "file"),
        (HEADER.encode("utf-16"), "file"),
        (b"x" * 100_000, "file"),
    ],
)
def test_a_wrong_header_ends_the_reading(header: str | bytes, column: str | int) -> None:
    found = list(read(text(GOOD, header=header)))
    assert [(each.line, each.column) for each in found if isinstance(each, Fault)] == [(1, column)]
    assert len(found) == 1


def test_empty_files_are_told() -> None:
    assert [each.line for each in read(io.BytesIO(b""))] == [0]
    (only,) = read(text())
    assert isinstance(only, Fault)
    assert (only.line, only.column) == (1, "file")


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing.csv", Path("/dev/null"), tmp_path / "a\0b"):
        (fault,) = read(path)
        assert isinstance(fault, Fault)
        assert (fault.line, fault.column) == (0, "file")


def test_a_file_that_is_too_large_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    with path.open("wb") as stream:
        stream.truncate(50_000_001)
    with pytest.raises(TooLarge):
        read(path)


def test_a_stream_that_is_too_large_is_not_read_further() -> None:
    class Endless(io.RawIOBase):
        given = 0

        def readline(self, size: int | None = -1, /) -> bytes:
            assert size is not None
            assert size > 0
            piece = b"x" * size if self.given else f"{HEADER}\n".encode()
            self.given += len(piece)
            return piece

    stream = Endless()
    with pytest.raises(TooLarge):
        list(read(stream, max_bytes=1_000_000))  # type: ignore[arg-type]
    assert stream.given < 1_100_000


def test_rows_and_faults_are_bounded() -> None:
    lines = [f"a,b,s,t,v{number}" for number in range(20)]
    assert faults(*lines, max_rows=20) == []
    assert faults(*lines, max_rows=19) == [(21, "file")]
    found = faults(*["bad"] * 20, max_faults=5)
    assert found == [(2, 2), (3, 2), (4, 2), (5, 2), (6, 2), (6, "file")]


def test_schemas_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "MAX_COLLECTIONS", 3)
    lines = [f"a,b,s{number},t,v" for number in range(5)]
    assert faults(*lines) == [(5, "schema")]


def test_duplicates_are_found_however_many_names_there_are() -> None:
    lines = [f"a,b,s,t{number % 7},v{number}" for number in range(20_000)]
    again = random.Random(7).sample(range(20_000), 25)
    found = [
        each for each in read(text(*lines, *[lines[n] for n in again])) if isinstance(each, Fault)
    ]
    assert [each.line for each in found] == list(range(20_002, 20_027))
    assert [f"line {n + 2} " in each.sentence for n, each in zip(again, found, strict=True)] == [
        True
    ] * 25


LINES = [f'Agency,"Title, {n % 3}",s{n % 3},table_{n},whānau_ʻa_{n}' for n in range(9)]


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_damage_anywhere_gives_faults_and_nothing_worse(data: st.DataObject) -> None:
    whole = text(*LINES).getvalue()
    at = data.draw(st.integers(0, len(whole) - 1))
    gone = data.draw(st.integers(0, 3))
    put = data.draw(
        st.one_of(
            st.binary(max_size=4),
            st.sampled_from([b",", b'"', b"\n", b"\r", b"\0", b" ", b".", b"/", b"\xff", b"\xc4"]),
        )
    )
    damaged = whole[:at] + put + whole[at + gone :]
    first = whole[:at].count(b"\n") + 1
    last = damaged[: at + len(put)].count(b"\n") + 1
    found = list(read(io.BytesIO(damaged)))
    for each in found:
        if isinstance(each, Variable):
            continue
        assert len(each.sentence.split()) <= 25
        # A schema or a name that was changed may also be told where it is next used.
        later = "otherwise for this schema" in each.sentence or "has this name" in each.sentence
        assert first <= each.line <= last + 1 or later, each
    if not any(isinstance(each, Fault) for each in found):
        keys = [each.key for each in found if isinstance(each, Variable)]
        assert len(set(keys)) == len(keys)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=300))
def test_any_bytes_after_a_header_give_faults_and_nothing_worse(body: bytes) -> None:
    found = list(read(io.BytesIO(HEADER.encode() + b"\n" + body)))
    assert all(isinstance(each, Variable | Fault) for each in found)
    assert all(each.line <= body.count(b"\n") + 2 for each in found)

"""What verification of an exported ledger catches, what only an earlier head catches, and what
nothing catches and is therefore said.
"""

import io
import json
import time
import tracemalloc
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.ledger.chain import (
    FIRST_PREV,
    Head,
    canonical,
    commitment,
    head_of,
    leaf_hash,
    new_salt,
    utc_text,
)
from services.ledger.export import entry_line, write_export
from services.ledger.verify import Report, commitment_matches, head_from_export, verify

EXPORTED_AT = datetime(2026, 11, 24, tzinfo=UTC)
STREAMS = ("request-a", "body-b", "request-c", "access-d")
WORDS = {"text-1": (bytes(range(32)), "Kia ora, he kōrero nā te rōpū ʻo Example".encode())}


def ledger(count: int, streams: tuple[str, ...] = STREAMS) -> Iterator[bytes]:
    """`count` entries in leaf order, spread over the streams in an irregular but fixed way."""
    tips = {stream: (0, FIRST_PREV) for stream in streams}
    start = datetime(2026, 11, 23, 1, 2, 3, 456789, tzinfo=UTC)
    for n in range(count):
        stream = streams[(n * n + n // 3) % len(streams)]
        sequence, prev = tips[stream]
        data = canonical(
            {
                "id": str(uuid.uuid5(uuid.NAMESPACE_OID, f"entry {n}")),
                "stream": stream,
                "sequence": sequence + 1,
                "command": str(uuid.uuid5(uuid.NAMESPACE_OID, f"command {n}")),
                "cause": str(uuid.uuid5(uuid.NAMESPACE_OID, f"entry {n - 1}")) if n % 5 else None,
                "actor": "person-9",
                "at": utc_text(start + timedelta(seconds=n)),
                "owner": f"body-{n % 2}",
                "authorisation": {"rule": "p, rōpū, decide", "rules_version": n},
                "events": [{"type": "noted", "version": 1, "data": {"n": n, "share": 0.5}}],
                "commitments": {t: commitment(*words) for t, words in WORDS.items()},
                "prev": prev,
            }
        )
        tips[stream] = (sequence + 1, leaf_hash(data).hex())
        yield data


def export(entries: list[bytes], tail: int = 0) -> list[bytes]:
    """A whole export's lines; the last `tail` entries are not sequenced yet."""
    out = io.BytesIO()
    sequenced = len(entries) - tail
    placed = ((n if n < sequenced else None, data) for n, data in enumerate(entries))
    write_export(out, placed, "whole", EXPORTED_AT)
    return out.getvalue().splitlines(keepends=True)


def rewritten(entries: list[bytes], change: Callable[[int, dict[str, Any]], bool]) -> list[bytes]:
    """A forger's ledger: each entry changed or (False) left out, then every hash made anew."""
    tips: dict[str, tuple[int, str]] = {}
    made = []
    for n, data in enumerate(entries):
        entry = json.loads(data)
        if not change(n, entry):
            continue
        sequence, prev = tips.get(entry["stream"], (0, FIRST_PREV))
        forged = canonical({**entry, "sequence": sequence + 1, "prev": prev})
        tips[entry["stream"]] = (sequence + 1, leaf_hash(forged).hex())
        made.append(forged)
    return made


def closed_anew(entry_lines: list[bytes]) -> list[bytes]:
    """The same entry lines between fresh opening and closing lines that agree with them."""
    streams: dict[str, Any] = {}
    leaves = []
    for line in entry_lines:
        found = json.loads(line)
        streams[found["entry"]["stream"]] = [found["entry"]["sequence"], found["hash"]]
        if found["index"] is not None:
            leaves.append(canonical(found["entry"]))
    closing = {
        "head": head_of(leaves).to_json(),
        "streams": streams,
        "entries": len(entry_lines),
    }
    return [GOOD[0], *entry_lines, canonical(closing) + b"\n"]


ENTRIES = list(ledger(24))
GOOD = export(ENTRIES, tail=3)
HEAD = head_of(ENTRIES[:21])


def sentence(report: Report) -> str:
    assert not report.verified
    assert report.first_bad is not None
    for problem in report.problems:
        assert len(problem.sentence.split()) <= 25
    return report.first_bad.sentence


def test_a_good_export_verifies_and_says_what_it_could_not_show() -> None:
    report = verify(GOOD)
    assert report.verified
    assert (report.entries, report.sequenced, report.unsequenced) == (24, 21, 3)
    assert report.head == HEAD == head_from_export(GOOD)
    assert report.first_bad is None
    assert report.notes == (
        "No earlier head was given: a cut end or a complete rewrite would not show.",
        "Entries at the end that are not sequenced yet: 3. No head protects them.",
    )


def test_lines_may_come_without_their_line_ends() -> None:
    assert verify([line.rstrip(b"\n") for line in GOOD]).verified


def test_an_export_verifies_against_every_earlier_head() -> None:
    for size in range(22):
        report = verify(GOOD, earlier=head_of(ENTRIES[:size]))
        assert report.verified
        assert "No earlier head" not in report.notes[0]


def test_an_empty_ledger_verifies() -> None:
    lines = export([])
    assert len(lines) == 2
    report = verify(lines, earlier=Head(0, head_of([]).root))
    assert report.verified
    assert report.head == head_of([])
    assert not verify(lines, earlier=HEAD).verified


def test_a_ledger_with_nothing_sequenced_yet_verifies() -> None:
    report = verify(export(ENTRIES[:4], tail=4))
    assert report.verified
    assert (report.sequenced, report.unsequenced) == (0, 4)


@given(st.data())
def test_any_byte_changed_in_any_entry_line_is_caught_at_that_line(data: st.DataObject) -> None:
    place = data.draw(st.integers(1, 24), label="line")
    line = GOOD[place]
    position = data.draw(st.integers(0, len(line) - 2), label="byte")
    byte = data.draw(st.integers(0, 255).filter(lambda b: b != line[position]), label="value")
    changed = line[:position] + bytes([byte]) + line[position + 1 :]
    # Joined and split again, as a file would be: the new byte may be a line end.
    report = verify(io.BytesIO(b"".join([*GOOD[:place], changed, *GOOD[place + 1 :]])))
    assert not report.verified
    assert report.first_bad is not None
    assert report.first_bad.line == place + 1


@given(st.data())
def test_any_byte_changed_in_the_closing_line_is_caught(data: st.DataObject) -> None:
    line = GOOD[-1]
    position = data.draw(st.integers(0, len(line) - 2), label="byte")
    byte = data.draw(st.integers(0, 255).filter(lambda b: b != line[position]), label="value")
    changed = line[:position] + bytes([byte]) + line[position + 1 :]
    assert not verify(io.BytesIO(b"".join([*GOOD[:-1], changed]))).verified


@pytest.mark.parametrize("reclosed", [False, True])
@pytest.mark.parametrize("place", [1, 2, 10, 20])
def test_a_dropped_line_is_caught_where_it_is_missing(place: int, reclosed: bool) -> None:
    body = GOOD[1:place] + GOOD[place + 1 : -1]
    report = verify(closed_anew(body) if reclosed else [GOOD[0], *body, GOOD[-1]])
    assert sentence(report) == f"Index {place - 1} should stand here."
    assert report.first_bad is not None
    assert report.first_bad.entry_id == json.loads(GOOD[place + 1])["entry"]["id"]


@pytest.mark.parametrize("reclosed", [False, True])
@pytest.mark.parametrize("place", [1, 10, 21, 23])
def test_a_duplicated_line_is_caught(place: int, reclosed: bool) -> None:
    body = [*GOOD[1 : place + 1], *GOOD[place:-1]]
    report = verify(closed_anew(body) if reclosed else [GOOD[0], *body, GOOD[-1]])
    assert not report.verified
    assert report.first_bad is not None
    assert report.first_bad.line == place + 2
    assert "The entry's command was used by an earlier entry." in {
        problem.sentence for problem in report.problems
    }


@given(st.integers(1, 21), st.integers(1, 21))
def test_swapped_lines_are_caught_at_the_first_of_them(one: int, other: int) -> None:
    lines = GOOD.copy()
    lines[one], lines[other] = lines[other], lines[one]
    for swapped in (lines, closed_anew(lines[1:-1])):
        report = verify(swapped)
        assert report.verified == (one == other)
        if report.first_bad is not None:
            assert report.first_bad.line == min(one, other) + 1


def test_leaf_order_rewritten_across_streams_is_caught_by_the_earlier_head_alone() -> None:
    # Two neighbours of different streams keep every chain whole when they change places.
    moved = [*ENTRIES[:6], ENTRIES[7], ENTRIES[6], *ENTRIES[8:]]
    assert json.loads(moved[6])["stream"] != json.loads(moved[7])["stream"]
    lines = export(moved)
    assert verify(lines).verified
    assert "not those of the earlier head" in sentence(verify(lines, earlier=HEAD))


@pytest.mark.parametrize("end", [1, 5, 22, 24])
def test_a_file_cut_short_is_caught(end: int) -> None:
    report = verify(GOOD[:end])
    assert sentence(report) == "The closing line is missing: the file was cut short."
    with pytest.raises(ValueError, match=r"cut short|not JSON"):
        head_from_export(GOOD[:end])


def test_a_tail_cut_and_closed_anew_is_caught_by_the_earlier_head_alone() -> None:
    cut = closed_anew(GOOD[1:16])
    assert verify(cut).verified
    assert sentence(verify(cut, earlier=HEAD)) == (
        "The ledger held 21 sequenced entries before, and holds 15 here: entries are gone."
    )


def test_a_complete_rewrite_is_caught_by_the_earlier_head_alone() -> None:
    def decline_becomes_yes(n: int, entry: dict[str, Any]) -> bool:
        if n == 4:
            entry["events"][0]["data"]["n"] = 400
        return True

    forged = export(rewritten(ENTRIES, decline_becomes_yes))
    assert verify(forged).verified
    assert verify(forged, earlier=head_of(ENTRIES[:4])).verified
    for size in (5, 21, 24):
        report = verify(forged, earlier=head_of(ENTRIES[:size]))
        assert "not those of the earlier head" in sentence(report)


def test_a_dropped_stream_is_caught_by_the_earlier_head_alone() -> None:
    kept = rewritten(ENTRIES, lambda n, entry: entry["stream"] != "request-c")
    lines = export(kept)
    assert len(kept) < len(ENTRIES)
    assert verify(lines).verified
    assert "entries are gone" in sentence(verify(lines, earlier=HEAD))
    # Grown past the earlier size again with invented entries, it is caught all the same.
    padded = export(kept + list(ledger(40, ("body-invented",)))[30:])
    assert not verify(padded, earlier=HEAD).verified
    padding = [
        canonical({**json.loads(data), "id": f"padding {n}", "command": f"padding {n}"})
        for n, data in enumerate(ledger(20, ("body-invented",)))
    ]
    padded = export(kept + rewritten(padding, lambda n, entry: True))
    assert verify(padded).verified
    assert "not those of the earlier head" in sentence(verify(padded, earlier=HEAD))


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("sequence", 2, "Sequence 1 of its stream should stand here."),
        ("prev", "1" * 64, "The entry does not follow the one before it in its stream"),
        ("id", json.loads(ENTRIES[0])["id"], "The entry's id was used by an earlier entry."),
        ("command", json.loads(ENTRIES[0])["command"], "The entry's command was used by"),
        ("at", "2026-11-23", "The entry's field 'at' is missing or malformed."),
        ("events", None, "The entry's field 'events' is missing or malformed."),
    ],
)
def test_an_entry_that_the_store_should_have_refused_is_named(
    field: str, value: object, expected: str
) -> None:
    first = json.loads(ENTRIES[0])
    second = {**first, "id": "other", "command": "other", "stream": "body-z", field: value}
    report = verify(export([ENTRIES[0], canonical(second)]))
    assert sentence(report).startswith(expected)
    assert report.first_bad is not None
    assert (report.first_bad.index, report.first_bad.stream) == (1, "body-z")
    assert report.first_bad.entry_id == second["id"]
    assert report.first_bad.sequence == second["sequence"]


def test_a_stored_entry_changed_in_place_is_named_by_its_chain() -> None:
    entry = json.loads(ENTRIES[2])
    entry["actor"] = "person-10"
    lines = export([*ENTRIES[:2], canonical(entry), *ENTRIES[3:]])
    report = verify(lines)
    assert "does not follow the one before it" in sentence(report)
    assert report.first_bad is not None
    assert report.first_bad.stream == entry["stream"]
    assert report.first_bad.sequence == entry["sequence"] + 1


def retold(old: bytes, new: bytes) -> list[bytes]:
    """The good export with one entry's JSON spelt otherwise, and its line's hash agreeing."""
    line = GOOD[5]
    assert line.count(old) == 1
    stored = ENTRIES[4].replace(old, new)
    return [*GOOD[:5], entry_line(4, leaf_hash(stored).hex(), stored) + b"\n", *GOOD[6:]]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (b'"actor":"person-9"', b'"actor":"person-9","actor":"person-9"', "a key appears twice"),
        (b'"actor":"person-9"', b'"actor":"person-1","actor":"person-9"', "a key appears twice"),
        (b'"n":4', b'"n":NaN', "NaN is not a JSON number"),
        (b'"n":4', b'"n":-Infinity', "-Infinity is not a JSON number"),
        (b'"n":4', b'"n":4.0', "not written in canonical form"),
        (b'"n":4', b'"n":4e0', "not written in canonical form"),
        (b'"n":4', b'"n":9007199254740993', "not written in canonical form"),
        (b'"n":4', b'"n":1e999', "what canonical JSON cannot write"),
        (b'"n":4', b'"n": 4', "not written in canonical form"),
        (b'"n":4', b'"n":' + b"[" * 100_000, "nested too deeply"),
        (b'"actor":"person-9"', b'"actor":"person\\u002d9"', "not written in canonical form"),
        (b'"actor":"person-9"', b'"actor":"\\ud800"', "what canonical JSON cannot write"),
    ],
)
def test_what_is_not_canonical_is_refused(old: bytes, new: bytes, expected: str) -> None:
    report = verify(retold(old, new))
    assert expected in sentence(report)
    assert report.first_bad is not None
    assert report.first_bad.line == 6


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], "The file is empty."),
        ([b"\n"], "The first line is not"),
        ([b"\x00\xff"], "The first line is not"),
        (GOOD[1:], "The first line is not"),
        ([GOOD[0].replace(b"ledger/1", b"ledger/2"), *GOOD[1:]], "The first line is not"),
        ([GOOD[0].replace(b":", b": ", 1), *GOOD[1:]], "The first line is not"),
        ([GOOD[0].replace(b"-11-24T", b"-11-31T"), *GOOD[1:]], "The first line is not"),
        ([GOOD[0].replace(b'"whole"', b'"some"'), *GOOD[1:]], "The first line says neither"),
        ([GOOD[0].replace(b'"whole"', b"5"), *GOOD[1:]], "The first line says neither"),
        ([*GOOD, b"\n"], "There is a line after the closing line."),
        ([*GOOD, GOOD[1]], "There is a line after the closing line."),
        ([GOOD[0], b"\n", *GOOD[1:]], "This line cannot be read: this is not JSON."),
        ([GOOD[0], b"{}\n", *GOOD[1:]], "This line is neither an entry nor the closing line."),
        ([*GOOD[:22], GOOD[24], *GOOD[22:24], GOOD[25]], "Sequence "),
        ([*GOOD[:20], GOOD[22], *GOOD[20:22], *GOOD[23:]], "A sequenced entry follows"),
        ([line.replace(b"\n", b"\r\n") for line in GOOD], "The first line is not"),
        ([*GOOD[:-1], GOOD[-1].replace(b'"entries":24', b'"entries":24.0')], "The closing line"),
        ([*GOOD[:-1], GOOD[-1].replace(b'"size":21', b'"size":true')], "The closing line is mal"),
        (
            [line.replace(b'"index":0}', b'"index":false}') for line in GOOD],
            "The line's entry, hash or index is malformed.",
        ),
        (
            [*GOOD[:-1], GOOD[-1].replace(HEAD.root.encode(), b"0" * 64)],
            "The closing head is not the root of these entries.",
        ),
    ],
)
def test_a_file_of_another_shape_is_refused(lines: list[bytes], expected: str) -> None:
    assert sentence(verify(lines)).startswith(expected)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (b'"entries":1', b'"entries":2', "The closing line counts another number of entries."),
        (b'"entries":1', b'"entries":true', "The closing line counts another number of entries."),
        (b'"size":1', b'"size":2', "The closing head counts another number of sequenced"),
        (b":[1,", b":[2,", "The closing line's streams end elsewhere than the entries do."),
        (b":[1,", b":[true,", "The closing line's streams end elsewhere than the entries do."),
        (b'"head":{', b'"head": {', "The closing line is not written in canonical form."),
    ],
)
def test_each_part_of_the_closing_line_is_computed_again(
    old: bytes, new: bytes, expected: str
) -> None:
    lines = export(ENTRIES[:1])
    assert lines[-1].count(old) == 1
    assert sentence(verify([*lines[:-1], lines[-1].replace(old, new)])).startswith(expected)


def test_a_file_of_another_shape_never_raises_against_an_earlier_head_either() -> None:
    for lines in ([], [b"\x00"], GOOD[:3], GOOD[1:]):
        assert not verify(lines, earlier=HEAD).verified


@given(st.lists(st.binary(max_size=40), max_size=5))
def test_rubbish_never_verifies_and_never_raises(lines: list[bytes]) -> None:
    assert not verify(lines).verified
    assert not verify([GOOD[0], *lines]).verified


def test_only_the_first_twenty_problems_are_kept() -> None:
    lines = [GOOD[0], *(b"rubbish\n" for _ in range(500)), GOOD[-1]]
    assert len(verify(lines).problems) == 20


def test_erasing_a_text_leaves_the_ledger_whole() -> None:
    salt, content = new_salt(), "he kōrero".encode()
    texts = {"text-7": (salt, content)}
    entry = {**json.loads(ENTRIES[0]), "commitments": {"text-7": commitment(salt, content)}}
    stored = canonical(entry)
    assert commitment_matches(entry, "text-7", salt, content)
    before = export([stored])
    del texts["text-7"]
    after = export([stored])
    assert not texts
    assert after == before
    assert verify(after, earlier=head_from_export(before)).verified
    assert content not in b"".join(after)
    # With the salt gone, the right words under any other salt prove nothing.
    assert not commitment_matches(entry, "text-7", new_salt(), content)


def test_a_commitment_speaks_for_its_own_text_only() -> None:
    entry = json.loads(ENTRIES[0])
    salt, content = WORDS["text-1"]
    assert commitment_matches(entry, "text-1", salt, content)
    assert not commitment_matches(entry, "text-1", salt, content + b".")
    assert not commitment_matches(entry, "text-2", salt, content)
    assert not commitment_matches({}, "text-1", salt, content)
    with pytest.raises(ValueError, match="32 bytes"):
        commitment_matches(entry, "text-1", b"short", content)


def own_export(owner: str, head: Head = HEAD) -> list[bytes]:
    out = io.BytesIO()
    own = ((n, d) for n, d in enumerate(ENTRIES[:21]) if json.loads(d)["owner"] == owner)
    assert write_export(out, own, f"body:{owner}", EXPORTED_AT, head=head) == head
    return out.getvalue().splitlines(keepends=True)


def test_a_body_checks_its_own_entries_and_is_told_what_was_not_checked() -> None:
    lines = own_export("body-1")
    report = verify(lines)
    assert report.verified
    assert (report.scope, report.entries, report.head) == ("body:body-1", 10, None)
    assert report.notes == ("Own entries checked one by one; the whole-ledger head was not.",)
    assert head_from_export(lines) == HEAD
    for place in range(1, len(lines) - 1):
        changed = lines[place].replace(b"person-9", b"person-8")
        assert not verify([*lines[:place], changed, *lines[place + 1 :]]).verified


def test_a_body_s_export_keeps_its_order_and_stays_below_the_head() -> None:
    lines = own_export("body-1")
    assert not verify([lines[0], lines[2], lines[1], *lines[3:]]).verified
    assert "lies beyond" in sentence(verify(own_export("body-1", Head(19, HEAD.root))))


def test_a_body_s_export_may_skip_within_a_stream_but_never_go_back() -> None:
    of_one_stream = [data for data in ENTRIES if json.loads(data)["stream"] == STREAMS[0]]

    def with_sequences(first: int, second: int) -> list[bytes]:
        changed = [
            canonical({**json.loads(data), "sequence": sequence})
            for data, sequence in zip(of_one_stream, (first, second), strict=False)
        ]
        out = io.BytesIO()
        write_export(out, enumerate(changed), "body:x", EXPORTED_AT, head=HEAD)
        return out.getvalue().splitlines(keepends=True)

    assert verify(with_sequences(3, 7)).verified
    assert "Sequence 4" in sentence(verify(with_sequences(3, 3)))
    assert "Sequence 4" in sentence(verify(with_sequences(3, 2)))


def test_a_whole_export_relabelled_as_a_body_s_cannot_escape_an_earlier_head() -> None:
    relabelled = [GOOD[0].replace(b'"whole"', b'"body:x"'), *GOOD[1:]]
    assert verify(relabelled).verified
    assert "One body's export cannot be checked" in sentence(verify(relabelled, earlier=HEAD))


@pytest.mark.parametrize(
    ("entries", "scope", "head", "expected"),
    [
        ([], "everything", None, "scope"),
        ([], "body:", HEAD, "scope"),
        ([], "body:x", None, "head"),
        ([], "whole", HEAD, "head"),
        ([(1, ENTRIES[0])], "whole", None, "leaf order"),
        ([(5, ENTRIES[0]), (4, ENTRIES[1])], "body:x", HEAD, "leaf order"),
        ([(None, ENTRIES[0]), (0, ENTRIES[1])], "whole", None, "leaf order"),
        ([(0, b"{}")], "whole", None, "stream and sequence"),
        ([(0, b"rubbish")], "whole", None, "not JSON"),
        ([(0, ENTRIES[0] + b"\n")], "whole", None, "line end"),
    ],
)
def test_an_export_that_could_not_be_read_is_not_closed(
    entries: list[tuple[int | None, bytes]], scope: str, head: Head | None, expected: str
) -> None:
    out = io.BytesIO()
    with pytest.raises(ValueError, match=expected):
        write_export(out, entries, scope, EXPORTED_AT, head=head)
    assert not verify(out.getvalue().splitlines(keepends=True)).verified


def test_an_export_shows_a_bad_entry_rather_than_hiding_it() -> None:
    spaced = ENTRIES[0].replace(b":", b": ", 1)
    report = verify(export([spaced, *ENTRIES[1:]]))
    assert "not written in canonical form" in sentence(report)


@pytest.mark.timeout(60)
def test_ten_thousand_entries_are_checked_soon_and_in_little_memory() -> None:
    count = 10_000
    out = io.BytesIO()
    head = write_export(out, enumerate(ledger(count)), "whole", EXPORTED_AT)
    out.seek(0)
    started = time.perf_counter()
    report = verify(out, earlier=head)
    elapsed = time.perf_counter() - started
    assert report.verified
    assert report.head == head
    assert report.sequenced == count
    # A generous bound: a loaded machine is slower, a quadratic check far slower still.
    assert elapsed < 30
    out.seek(0)
    tracemalloc.start()
    try:
        for_memory = verify(line for _, line in zip(range(4000), out, strict=False))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert for_memory.entries == 3999
    assert peak / for_memory.entries < 500, "bytes held for each entry"

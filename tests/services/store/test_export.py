"""Exports: the whole ledger and one body's own, as anybody can check them without Accord."""

import io
import json
import shutil
import sqlite3
import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
import sqlalchemy as sa

from policies import pack
from services.ledger.chain import canonical, head_of, leaf_hash
from services.ledger.verify import head_from_export, verify
from services.store import leaves, schema
from services.store.session import Store
from workflows.envelopes import envelope_of

REQUEST = "request-1"


def entries(lines: list[bytes]) -> list[dict[str, Any]]:
    return [json.loads(line)["entry"] for line in lines[1:-1]]


@pytest.fixture
def busy(house: Any) -> Any:
    """Two bodies, a request that asks both of them, its grant, and a gateway's answers."""
    house.carried(
        house.enter("body-a", "person-secretary-body-a"),
        house.enter("body-b", "person-secretary-body-b"),
        house.submit(REQUEST, "body-a", "body-b"),
        house.hui(REQUEST, "body-a"),
        house.answer(),
        house.hui(REQUEST, "body-b"),
        house.accept(REQUEST, "body-a", "body-b"),
    )
    (row,) = house.rows(sa.select(schema.outbox.c.envelope))
    house.carried(envelope_of(row.envelope))
    for body in ("body-a", "body-b"):
        adoption = pack.Adopt(body, 1, "0" * 64)
        house.carried(house.envelope("pack-house", f"person-secretary-{body}", adoption))
    house.carried(house.submit("request-2", "body-b", actor="person-2"))
    house.sequenced()
    return house


def test_the_whole_ledger_verifies(busy: Any) -> None:
    lines = busy.exported()
    report = verify(lines)
    assert (report.verified, report.problems) == (True, ())
    assert (report.entries, report.sequenced, report.unsequenced) == (11, 11, 0)
    assert report.head == leaves.head(busy.store) == head_from_export(lines)
    assert report.head == head_of(canonical(each) for each in entries(lines))


def test_entries_without_a_place_come_last_and_are_said_to_be_unprotected(busy: Any) -> None:
    earlier = leaves.head(busy.store)
    busy.carried(busy.answer(), busy.hui("request-2", "body-b"), busy.answer())
    report = verify(busy.exported(), earlier)
    assert (report.verified, report.sequenced, report.unsequenced) == (True, 11, 3)
    assert any("No head protects them" in note for note in report.notes)
    busy.sequenced()
    later = verify(busy.exported(), earlier)
    assert (later.verified, later.sequenced) == (True, 14)


def test_an_empty_ledger_can_be_exported(house: Any) -> None:
    report = verify(house.exported())
    assert (report.verified, report.entries) == (True, 0)


def kinds(lines: list[bytes]) -> list[tuple[str, str, str]]:
    return [(e["stream"], e["events"][0]["type"], e["owner"]) for e in entries(lines)]


def test_a_body_takes_its_own_and_nothing_of_others(busy: Any) -> None:
    grant = "grant-" + busy.rows(sa.select(schema.grants.c.id))[0].id.partition("-")[2]
    lines = busy.exported("body:body-a")
    report = verify(lines)
    assert (report.verified, report.problems, report.scope) == (True, (), "body:body-a")
    assert kinds(lines) == [
        ("body-a", "Entered", "body-a"),
        (REQUEST, "Submitted", REQUEST),
        (REQUEST, "HuiRecorded", "body-a"),
        (REQUEST, "Accepted", REQUEST),
        (grant, "Issued", grant),
        ("pack-house", "Kept", "body-a"),
    ]
    # The head is the whole ledger's of that moment.
    assert head_from_export(lines) == leaves.head(busy.store)
    other = kinds(busy.exported("body:body-b"))
    assert ("request-2", "Submitted", "request-2") in other
    assert not [each for each in other if each[2] == "body-a"]
    assert kinds(busy.exported("body:body-nobody")) == []


def test_what_a_body_did_last_is_exported_before_it_has_a_place(busy: Any) -> None:
    busy.carried(busy.hui("request-2", "body-b"), busy.answer())
    report = verify(busy.exported("body:body-b"))
    assert (report.verified, report.unsequenced) == (True, 1)
    assert verify(busy.exported("body:body-a")).unsequenced == 0


def test_an_export_is_of_one_moment(busy: Any) -> None:
    """What is recorded and sequenced while it is being written is not in it."""

    class Slow(io.BytesIO):
        def write(self, data: Any, /) -> int:
            busy.carried(busy.answer())
            busy.sequenced()
            return super().write(data)

    for scope in ("whole", "body:body-a"):
        before = leaves.head(busy.store)
        out = Slow()
        assert leaves.export(busy.store, out, scope) == before
        assert verify(out.getvalue().splitlines()).verified
        assert leaves.head(busy.store).size > before.size


@pytest.mark.parametrize("scope", ["", "body:", "body", "request:1"])
def test_there_are_two_scopes(house: Any, scope: str) -> None:
    with pytest.raises(ValueError, match="scope"):
        house.exported(scope)


def test_memory_does_not_grow_with_the_ledger(house: Any, entry_on: Callable[..., Any]) -> None:
    """Ten megabytes go through; what is held at once is a fraction of it."""
    count, rows, prev = 2500, [], "0" * 64
    first = entry_on(house_stream(), 1)
    for number in range(1, count + 1):
        entry = first | {
            "id": f"entry-{number}",
            "command": f"command-{number}",
            "sequence": number,
            "prev": prev,
            "authorisation": {"rule": "x" * 4000},
        }
        content = canonical(entry)
        prev = leaf_hash(content).hex()
        rows.append(
            {
                **{name: entry[name] for name in ("id", "stream", "sequence", "command", "owner")},
                "digest": "", "at": entry["at"], "canonical": content, "hash": prev,
            }
        )  # fmt: skip
    with house.store.write() as connection:
        connection.execute(sa.insert(schema.entries), rows)
    del rows
    assert sum(house.sequenced() for _ in range(3)) == count

    class Counting:
        written = 0

        def write(self, data: bytes, /) -> None:
            self.written += len(data)

    cursors: set[str] = set()

    def note(connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if "canonical" in statement:
            cursors.add(type(cursor).__name__)

    sa.event.listen(house.store.engine, "before_cursor_execute", note)
    out = Counting()
    tracemalloc.start()
    leaves.export(house.store, out)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert out.written > 10_000_000
    assert peak < 5_000_000
    # What a driver holds is not counted above: PostgreSQL's must not fetch everything at once.
    assert cursors == {"Cursor" if house.store.sqlite else "ServerCursor"}


def house_stream() -> Any:
    return type("Stream", (), {"id": "access-a", "sequence": 0, "head": "0" * 64})


@pytest.fixture
def copy(busy: Any, database: str) -> str:
    """The path of a copy of the SQLite file that somebody has taken away to work on."""
    assert database == "sqlite"
    path: str = busy.store.url.removeprefix("sqlite:///")
    busy.store.close()
    shutil.copyfile(path, path + ".copy")
    return path + ".copy"


def exported(path: str) -> list[bytes]:
    store, out = Store(f"sqlite:///{path}"), io.BytesIO()
    try:
        leaves.export(store, out)
    finally:
        store.close()
    return out.getvalue().splitlines()


only_sqlite = pytest.mark.parametrize("database", ["sqlite"], indirect=True)


@only_sqlite
def test_one_byte_changed_in_the_file_is_caught(busy: Any, copy: str) -> None:
    decided = busy.stream(REQUEST)[1]
    stored = canonical(decided)
    with open(copy, "r+b") as file:
        content = file.read()
        place = content.index(stored[:300]) + stored.index(b'"actor":"person-s') + 9
        file.seek(place)
        file.write(b"q")
    with pytest.raises(leaves.DamagedError, match=decided["id"]):
        exported(copy)


@only_sqlite
@pytest.mark.parametrize("last", [False, True])
def test_an_entry_rewritten_with_its_hash_is_caught(busy: Any, copy: str, last: bool) -> None:
    """Whoever may drop triggers can make one row agree with itself, not the rest with it."""
    earlier = leaves.head(busy.store)
    stream = busy.stream("request-2" if last else REQUEST)
    changed = stream[0] | {"actor": "person-other"}
    content = canonical(changed)
    with sqlite3.connect(copy) as file:
        file.execute("DROP TRIGGER entries_never_change")
        file.execute(
            "UPDATE entries SET canonical = ?, hash = ? WHERE id = ?",
            (content, leaf_hash(content).hex(), changed["id"]),
        )
    file.close()
    lines = exported(copy)
    report = verify(lines)
    # The entry after it still says what this one was; where none is, an earlier head does.
    assert report.verified is last
    if not last:
        assert report.first_bad is not None
        assert report.first_bad.stream == REQUEST
    assert not verify(lines, earlier).verified


@only_sqlite
def test_an_entry_taken_out_is_caught(busy: Any, copy: str) -> None:
    with sqlite3.connect(copy) as file:
        file.execute("DROP TRIGGER entries_never_go")
        file.execute("DELETE FROM entries WHERE stream = ? AND sequence = 2", (REQUEST,))
    file.close()
    with pytest.raises(leaves.DamagedError, match="is missing"):
        exported(copy)


@only_sqlite
def test_a_leaf_taken_out_is_caught(busy: Any, copy: str) -> None:
    earlier = leaves.head(busy.store)
    with sqlite3.connect(copy) as file:
        file.execute("DROP TRIGGER leaves_never_go")
        file.execute('DELETE FROM leaves WHERE "index" = 10')
    file.close()
    # Its entry is unsequenced again, which only an earlier head can hold against it.
    assert verify(exported(copy)).verified
    assert not verify(exported(copy), earlier).verified
    with sqlite3.connect(copy) as file:
        file.execute('DELETE FROM leaves WHERE "index" = 4')
    file.close()
    with pytest.raises(ValueError, match="out of leaf order"):
        exported(copy)

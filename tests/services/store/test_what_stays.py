"""What the database refuses by itself, whoever asks: raw SQL, past everything in `services`."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, IntegrityError

from policies.refusals import Code, RefusedError
from services import clock
from services.store import schema, streams
from services.store.session import Store

CHANGES = [
    "UPDATE entries SET canonical = canonical",
    "UPDATE entries SET hash = '' WHERE sequence = 1",
    "DELETE FROM entries",
    "DELETE FROM entries WHERE sequence = 2",
]
ORDERS = [
    'UPDATE leaves SET "index" = "index" + 10',
    "UPDATE leaves SET entry = 'x' WHERE \"index\" = 0",
    "DELETE FROM leaves",
    'DELETE FROM leaves WHERE "index" = 1',
]


RULES = [
    "UPDATE rule_changes SET at = ''",
    "DELETE FROM rule_changes",
    "DELETE FROM rule_changes WHERE position = 1",
]


@pytest.fixture
def full(house: Any) -> Any:
    """Three entries with places, and one without."""
    house.carried(*(house.answer() for _ in range(3)))
    assert house.sequenced() == 3
    house.carried(house.answer())
    return house


def everything(house: Any) -> list[Any]:
    return house.rows("SELECT * FROM entries ORDER BY id") + house.rows(
        'SELECT * FROM leaves ORDER BY "index"'
    )


@pytest.mark.parametrize("statement", CHANGES + ORDERS)
def test_the_record_is_never_changed_or_removed(full: Any, statement: str) -> None:
    before = everything(full)
    with pytest.raises(IntegrityError, match=r"(?i)never changed or (removed|cut)"):
        full.do(statement)
    assert everything(full) == before


@pytest.mark.parametrize("statement", RULES)
def test_what_was_in_force_when_is_never_changed_or_removed(full: Any, statement: str) -> None:
    before = full.rows("SELECT * FROM rule_changes ORDER BY position")
    assert before
    with pytest.raises(IntegrityError, match="never changed or removed"):
        full.do(statement)
    assert full.rows("SELECT * FROM rule_changes ORDER BY position") == before


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
@pytest.mark.parametrize(
    "statement", ["TRUNCATE entries", "TRUNCATE leaves", "TRUNCATE deployment"]
)
def test_nothing_is_emptied(full: Any, statement: str) -> None:
    before = everything(full)
    with pytest.raises(IntegrityError, match=r"never changed or|made once"):
        full.do(statement)
    assert everything(full) == before


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
@pytest.mark.parametrize("key", ["id", "command"])
def test_postgresql_inserts_over_nothing(full: Any, key: str) -> None:
    with pytest.raises(IntegrityError, match="never changed or removed"):
        full.do(
            f"INSERT INTO entries SELECT * FROM entries ON CONFLICT ({key}) DO UPDATE"
            " SET canonical = EXCLUDED.canonical"
        )


ONE = "SELECT {} FROM entries WHERE sequence = 1"
OTHER = {
    "id": "id, 'stream-y', 9, 'command-y', digest, owner, at, canonical, hash",
    "stream": "'entry-y', stream, sequence, 'command-y', digest, owner, at, canonical, hash",
    "command": "'entry-y', 'stream-y', 9, command, digest, owner, at, canonical, hash",
}


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("how", ["INSERT OR REPLACE", "REPLACE", "INSERT OR IGNORE"])
@pytest.mark.parametrize("same", OTHER)
def test_sqlite_replaces_no_entry(full: Any, how: str, same: str) -> None:
    before = everything(full)
    with pytest.raises(IntegrityError, match="never changed or removed"):
        full.do(f"{how} INTO entries {ONE.format(OTHER[same])}")
    assert everything(full) == before


COLUMNS = "id, stream, sequence, command, digest, owner, at, canonical, hash"
NEW = "'entry-z', 'stream-z', 9, 'command-z', '', '', '', x'', ''"


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_sqlite_replaces_no_row_by_its_number(full: Any) -> None:
    """A table whose key is text has a hidden number for each row, which is unique as well."""
    before = everything(full)
    with pytest.raises(IntegrityError, match="never changed or removed"):
        full.do(f"REPLACE INTO entries (rowid, {COLUMNS}) SELECT min(rowid), {NEW} FROM entries")
    assert everything(full) == before


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
@pytest.mark.parametrize("values", ["0, 'entry-z'", "9, (SELECT max(entry) FROM leaves)"])
def test_sqlite_replaces_no_leaf(full: Any, values: str) -> None:
    before = everything(full)
    with pytest.raises(IntegrityError, match="never changed or cut"):
        full.do(f"REPLACE INTO leaves VALUES ({values})")
    assert everything(full) == before


def test_sequences_and_commands_are_used_once(house: Any, entry_on: Callable[..., Any]) -> None:
    with house.store.write() as connection:
        first = streams.append(connection, entry_on(streams.get(connection, "access-a"), 1), "d")
    empty = streams.Stream("access-a", "", 0, first.head, first.state)
    for entry in (
        entry_on(empty, 2),
        entry_on(first, 2, command="command-access-a-1"),
        entry_on(first, 2, id="entry-access-a-1"),
    ):
        with pytest.raises(IntegrityError), house.store.write() as connection:
            streams.append(connection, entry, "d")
    assert len(house.stream("access-a")) == 1


def test_a_temporary_clock_moves(store: Store) -> None:
    with store.write() as connection:
        before = clock.now(connection)
        assert clock.advance(connection, timedelta(days=3)) >= before + timedelta(days=3)
    with store.read() as connection:
        moved = clock.now(connection) - before
    assert timedelta(days=3) <= moved < timedelta(days=3, minutes=1)


@pytest.mark.lasting
def test_a_lasting_clock_stands(store: Store) -> None:
    with pytest.raises(RefusedError) as refused, store.write() as connection:
        clock.advance(connection, timedelta(days=3))
    assert refused.value.refused.code is Code.EXAMPLE_ONLY


@pytest.mark.lasting
def test_a_lasting_clock_is_asked_for_once(store: Store) -> None:
    asked: list[str] = []
    sa.event.listen(
        store.engine, "before_cursor_execute", lambda *given: asked.append(str(given[2]))
    )
    for _ in range(3):
        with store.read() as connection:
            clock.now(connection)
    assert len([each for each in asked if "deployment" in each]) == 1


def test_a_temporary_clock_moves_for_every_connection(store: Store) -> None:
    with store.read() as one, store.read() as other:
        before = clock.now(one)
        assert clock.now(other) >= before
    with store.write() as connection:
        clock.advance(connection, timedelta(days=3))
    with store.read() as one, store.read() as other:
        assert min(clock.now(one), clock.now(other)) >= before + timedelta(days=3)


@pytest.mark.lasting
@pytest.mark.parametrize(
    "statements",
    [
        ["UPDATE deployment SET offset_seconds = 60"],
        ["UPDATE deployment SET temporary = true"],
        ["UPDATE deployment SET temporary = true, offset_seconds = 60"],
        ["DELETE FROM deployment", "INSERT INTO deployment VALUES (1, 'x', true, false, 60)"],
        ["INSERT INTO deployment VALUES (2, 'x', true, false, 60)"],
        ["INSERT INTO deployment VALUES (1, 'x', true, false, 60)"],
    ],
)
def test_a_lasting_home_stays_one(store: Store, statements: list[str]) -> None:
    def change() -> None:
        with store.write() as connection:
            for statement in statements:
                connection.execute(sa.text(statement))

    with pytest.raises(DBAPIError):
        change()
    with store.read() as connection:
        row = connection.execute(sa.text("SELECT id, temporary, offset_seconds FROM deployment"))
        assert [tuple(each) for each in row] == [(1, False, 0.0)]


@pytest.mark.lasting
@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_sqlite_replaces_no_home(store: Store) -> None:
    with pytest.raises(IntegrityError, match="made once"), store.write() as connection:
        connection.execute(sa.text("REPLACE INTO deployment VALUES (1, 'x', true, false, 60)"))


DOCUMENT = {"pack": "example", "version": 1, "sha256": "0" * 64, "content": b"PK", "entry": "e"}


@pytest.mark.parametrize(
    "statement",
    ["UPDATE pack_documents SET sha256 = ''", "DELETE FROM pack_documents WHERE version = 1"],
)
def test_a_version_of_a_pack_is_never_changed_or_removed(store: Store, statement: str) -> None:
    with store.write() as connection:
        connection.execute(sa.insert(schema.pack_documents).values(DOCUMENT))
    with pytest.raises(IntegrityError, match="never changed or removed"), store.write() as changing:
        changing.execute(sa.text(statement))
    with store.read() as connection:
        assert connection.execute(sa.select(schema.pack_documents)).one().content == b"PK"


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_sqlite_replaces_no_version_of_a_pack(store: Store) -> None:
    with store.write() as connection:
        connection.execute(sa.insert(schema.pack_documents).values(DOCUMENT))
    with pytest.raises(IntegrityError, match="never changed or removed"), store.write() as changing:
        changing.execute(
            sa.text("REPLACE INTO pack_documents VALUES ('example', 1, '', x'00', 'e')")
        )

"""Transactions: reads that see one moment, writes that happen whole or not at all."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import InternalError

from services.store import versions
from services.store.schema import names, read_backs
from services.store.session import Store, insert_new, upsert

Together = Callable[..., list[Any]]


def raised(store: Store, name: str) -> int:
    with store.write() as connection:
        return versions.raise_(connection, name)


def value(store: Store, name: str) -> int:
    with store.read() as connection:
        return versions.read(connection, [name])[name]


def test_a_read_sees_one_moment(store: Store) -> None:
    with store.read() as connection:
        assert versions.read(connection, ["rules"]) == {"rules": 0}
        assert raised(store, "rules") == 1
        assert versions.read(connection, ["rules"]) == {"rules": 0}
    assert value(store, "rules") == 1


@pytest.mark.parametrize("database", ["postgresql"], indirect=True)
def test_a_read_cannot_write(store: Store) -> None:
    with pytest.raises(InternalError, match="read-only"), store.read() as connection:
        versions.raise_(connection, "rules")
    # The same connection writes again when it is next used for that.
    assert raised(store, "rules") == 1


def test_what_a_read_writes_does_not_stay(store: Store, database: str) -> None:
    with store.read() as connection:
        try:
            versions.raise_(connection, "rules")
        except InternalError:
            assert database == "postgresql"
    assert value(store, "rules") == 0


def test_a_write_that_fails_leaves_nothing(store: Store) -> None:
    def fail() -> None:
        with store.write() as connection:
            versions.raise_(connection, "rules")
            upsert(connection, names, {"id": "people-x", "kind": "people", "name": "text-x"})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert value(store, "rules") == 0
    with store.read() as connection:
        assert connection.execute(sa.select(names)).all() == []
    assert raised(store, "rules") == 1


def test_a_statement_that_fails_takes_the_whole_write_with_it(store: Store) -> None:
    def fail() -> None:
        with store.write() as connection:
            versions.raise_(connection, "bodies")
            connection.execute(sa.text("INSERT INTO versions VALUES ('rules', 1)"))

    with pytest.raises(sa.exc.IntegrityError):
        fail()
    assert value(store, "bodies") == 0


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_sqlite_writers_come_one_after_the_other(store: Store, together: Together) -> None:
    """Sixteen threads over two stores, as two processes have them: nobody hears "locked",
    and nothing that two of them counted at the same moment is lost."""
    second = Store(store.url)

    def writing(own: Store) -> Callable[[], None]:
        def work() -> None:
            for _ in range(50):
                with own.write() as connection:
                    seen = versions.read(connection, ["rules"])["rules"]
                    connection.execute(
                        sa.text("UPDATE versions SET value = :value WHERE name = 'rules'"),
                        {"value": seen + 1},
                    )

        return work

    found = together(*(writing(store if n % 2 else second) for n in range(16)))
    second.close()
    assert found == [None] * 16
    assert value(store, "rules") == 16 * 50


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_sqlite_reads_go_on_during_a_write(store: Store) -> None:
    with store.write() as connection:
        versions.raise_(connection, "rules")
        begun = time.monotonic()
        assert value(store, "rules") == 0
        assert time.monotonic() - begun < 1
    assert value(store, "rules") == 1


@pytest.mark.parametrize("database", ["sqlite"], indirect=True)
def test_sqlite_is_set_to_survive_a_power_cut(store: Store) -> None:
    with store.read() as connection:
        found = [
            connection.exec_driver_sql(f"PRAGMA {name}").scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        ]
    assert found == ["wal", 2, 1]


def test_the_first_to_insert_a_row_keeps_it(store: Store, in_thread: Any) -> None:
    first = {"id": "people-x", "kind": "people", "name": "text-first"}

    def second() -> bool:
        with store.write() as connection:
            return insert_new(connection, names, first | {"name": "text-second"})

    with store.write() as connection:
        assert insert_new(connection, names, first)
        waiting = in_thread(second)
        waiting.join(0.2)
        assert waiting.is_alive()
    assert waiting.result() is False
    with store.read() as connection:
        assert connection.execute(sa.select(names.c.name)).scalars().all() == ["text-first"]


def test_a_row_is_told_by_another_constraint_where_that_is_asked(store: Store) -> None:
    """Whoever prints a code anew for the same person replaces the one before."""
    row = {"request": "request-1", "entry": "entry-1", "person": "person-1", "made_at": "now"}
    with store.write() as connection:
        for code in ("one", "two"):
            upsert(connection, read_backs, {"code_hash": code, **row}, by=("entry", "person"))
        other = {"code_hash": "three", **row, "person": "person-2"}
        upsert(connection, read_backs, other, by=("entry", "person"))
        query = sa.select(read_backs.c.code_hash).order_by(read_backs.c.code_hash)
        assert list(connection.execute(query).scalars()) == ["three", "two"]


def test_several_that_open_a_new_file_at_once_all_come_in(tmp_path: Path) -> None:
    """SQLite refuses one of two that make a file's first switch to WAL together."""

    def opened(url: str, together: threading.Barrier) -> None:
        store = Store(url)
        together.wait()
        with store.write() as connection:
            connection.execute(sa.text("CREATE TABLE IF NOT EXISTS first (a INTEGER)"))
        store.close()

    with ThreadPoolExecutor(4) as several:
        for number in range(60):
            together = threading.Barrier(4)
            url = f"sqlite:///{tmp_path}/{number}.sqlite"
            for each in [several.submit(opened, url, together) for _ in range(4)]:
                each.result()

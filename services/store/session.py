"""Transactions on SQLite and PostgreSQL, read and write kept apart.

Durability: SQLite runs with WAL and ``synchronous=FULL``, so a commit has reached the
disk before it is answered, power cut included as far as the disk tells the truth;
PostgreSQL runs with its own ``synchronous_commit`` (on, unless the server says else).
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy import Connection, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql import dml

BUSY_SECONDS = 30


class Store:
    """One database, given as a SQLAlchemy URL (``sqlite:///…`` or ``postgresql+psycopg://…``)."""

    def __init__(self, url: str) -> None:
        """Connections are made when first needed."""
        self.url = url
        self.sqlite = url.startswith("sqlite")
        arguments: dict[str, Any] = {"pool_size": 20, "max_overflow": 80}
        if self.sqlite:
            arguments["connect_args"] = {"timeout": BUSY_SECONDS, "check_same_thread": False}
        else:
            arguments["pool_pre_ping"] = True
        self.engine = sa.create_engine(url, **arguments)
        # SQLite has one writer. Waiting for it here is first come, first served;
        # its own busy handler sleeps in growing steps and lets newcomers pass.
        self._turn = threading.Lock()
        if self.sqlite:
            event.listen(self.engine, "connect", _sqlite_connected)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One snapshot of the database; nothing can be written through it."""
        with self.engine.connect() as connection:
            if self.sqlite:
                connection.exec_driver_sql("BEGIN")
            else:
                connection = connection.execution_options(
                    isolation_level="REPEATABLE READ", postgresql_readonly=True
                )
            try:
                yield connection
            finally:
                if self.sqlite:
                    connection.exec_driver_sql("ROLLBACK")
                else:
                    connection.rollback()

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction: leaving commits it, an exception rolls all of it back."""
        if not self.sqlite:
            with self.engine.begin() as connection:
                yield connection
            return
        with self._turn, self.engine.connect() as connection:
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.exec_driver_sql("ROLLBACK")
                raise
            connection.exec_driver_sql("COMMIT")

    def close(self) -> None:
        """Give every connection back."""
        self.engine.dispose()


def _sqlite_connected(raw: Any, record: object) -> None:
    # The driver's own transaction handling would begin deferred ones behind our back.
    raw.isolation_level = None
    _write_ahead(raw)
    for pragma in (
        "synchronous=FULL",
        "foreign_keys=ON",
        "temp_store=MEMORY",
    ):
        raw.execute(f"PRAGMA {pragma}")


def _write_ahead(raw: Any) -> None:
    """Switch to WAL, which a new file needs once. Where two processes meet in doing so, SQLite
    refuses one at once, whatever its timeout: the lock that it would wait for is one that both
    hold in part. So this waits, as long as any other lock is waited for."""
    last = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            raw.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > last:
                raise
            time.sleep(0.01)


def upsert(
    connection: Connection,
    table: sa.Table,
    values: dict[str, Any],
    *more: dict[str, Any],
    by: tuple[str, ...] = (),
) -> None:
    """Insert a row, or bring the one with the same primary key up to date. `more` rows,
    with the same columns as the first, go in the same statement. `by` are the columns of
    another unique constraint, where it is that one which tells the row."""
    statement = _upsert(connection.dialect.name, table, tuple(values), by)
    connection.execute(statement, [values, *more] if more else values)


def insert_new(connection: Connection, table: sa.Table, values: dict[str, Any]) -> bool:
    """Insert a row; False, and nothing written, when its primary key is taken.

    A transaction that is about to take it is waited for.
    """
    inserted = connection.execute(_insert_new(connection.dialect.name, table), values)
    return inserted.one_or_none() is not None


# A statement is built once and given its values at each execution: building one anew costs
# more than running it. There are as many of them as the code has.


@cache
def _upsert(
    dialect: str, table: sa.Table, columns: tuple[str, ...], by: tuple[str, ...]
) -> sa.Insert:
    keys = list(by) or [column.name for column in table.primary_key]
    statement = _insert(dialect, table)
    rest = {name: statement.excluded[name] for name in columns if name not in keys}
    if rest:
        return statement.on_conflict_do_update(index_elements=keys, set_=rest)
    return statement.on_conflict_do_nothing(index_elements=keys)


@cache
def _insert_new(dialect: str, table: sa.Table) -> dml.ReturningInsert[Any]:
    keys = [column.name for column in table.primary_key]
    statement = _insert(dialect, table).on_conflict_do_nothing(index_elements=keys)
    return statement.returning(*table.primary_key)


def _insert(dialect: str, table: sa.Table) -> postgresql.Insert:
    if dialect == "sqlite":
        # The two have the same methods; only their SQL differs.
        return cast("postgresql.Insert", sqlite.insert(table))
    return postgresql.insert(table)

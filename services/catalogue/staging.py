"""The rows of an import on their way in: written where no reader sees them, a few at a time.

SQLite has one writer, and others wait while it writes. So every transaction here is
short (some hundreds of rows), and whoever runs several of them pauses in between.

There is one import at a time. A new one takes the place of one that has not been
published: it may be the rest of a process that died, and the living one is told so.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from policies.codec import written
from policies.refusals import Code, RefusedError
from services import clock
from services.store.schema import collections, deployment, imports, items, proposals
from services.store.session import Store

CHUNK = 250
"""The most items in one transaction."""

CHUNK_PROPOSALS = 1_000
"""The most proposals, unless a single item has more."""

ABANDONED_AFTER = timedelta(days=1)

Row = dict[str, Any]


@dataclass
class Chunk:
    """Rows to be written in one transaction. Each collection's row is under its id."""

    collections: dict[str, Row] = field(default_factory=dict)
    items: list[Row] = field(default_factory=list)
    proposals: list[Row] = field(default_factory=list)

    @property
    def full(self) -> bool:
        """True when it is time to write it."""
        return len(self.items) >= CHUNK or len(self.proposals) >= CHUNK_PROPOSALS


@dataclass(frozen=True)
class Added:
    """What a chunk came to: items that are new, items known before, new items for which
    something is proposed, and the ids of new collections."""

    rows: int
    known: int
    proposed: int
    collections: tuple[str, ...]

    def __add__(self, other: Added) -> Added:
        """What both came to."""
        return Added(
            self.rows + other.rows,
            self.known + other.known,
            self.proposed + other.proposed,
            self.collections + other.collections,
        )


NOTHING = Added(0, 0, 0, ())


def begin(connection: Connection, batch: str, sha256: str, now: datetime) -> None:
    """Open `batch`; whatever else was staged and not published is given up."""
    if connection.dialect.name != "sqlite":
        # Two that begin at once would not see each other's row. One waits for the other.
        connection.execute(sa.select(deployment.c.id).with_for_update()).all()
    _give_up(connection, sa.true())
    connection.execute(
        sa.insert(imports).values(
            id=batch, sha256=sha256, rows=0, status="staged", staged_at=written(now)
        )
    )


def add(connection: Connection, batch: str, chunk: Chunk) -> Added:
    """Stage `chunk`, leaving out what the catalogue has already.

    Raises:
        RefusedError: another import has taken the place of this one.
    """
    still_there(connection, batch, "staged")
    there = _present(connection, items, [row["id"] for row in chunk.items])
    fresh = [row for row in chunk.items if row["id"] not in there]
    guesses = [row for row in chunk.proposals if row["item"] not in there]
    held = _present(connection, collections, list(chunk.collections))
    opened = [row for each, row in chunk.collections.items() if each not in held]
    for table, rows in ((collections, opened), (items, fresh), (proposals, guesses)):
        if rows:
            connection.execute(sa.insert(table), rows)
    connection.execute(
        sa.update(imports).where(imports.c.id == batch).values(rows=imports.c.rows + len(fresh))
    )
    return Added(
        len(fresh),
        len(there),
        len({row["item"] for row in guesses}),
        tuple(row["id"] for row in opened),
    )


def still_there(connection: Connection, batch: str, status: str) -> None:
    """Make sure that `batch` has `status`, and keep it so until the transaction ends.

    Raises:
        RefusedError: another import has taken the place of this one.
    """
    query = sa.select(imports.c.id).where(imports.c.id == batch, imports.c.status == status)
    if connection.dialect.name != "sqlite":
        query = query.with_for_update()
    if connection.execute(query).one_or_none() is None:
        raise RefusedError(
            Code.STALE,
            sentence="Another import began, so this one ended; nothing of it was kept.",
            next="Run it again when the other one has ended.",
        )


def give_up(store: Store, batch: str) -> None:
    """End an import that failed and erase what it had staged; a published one stays."""
    with store.write() as connection:
        _give_up(connection, imports.c.id == batch)
    for _ in erasing(store):
        pass


def sweep(store: Store) -> int:
    """Erase what imports left behind that neither ended nor went on for a day.

    Returns how many imports were given up.
    """
    with store.write() as connection:
        before = written(clock.now(connection) - ABANDONED_AFTER)
        given_up = _give_up(connection, imports.c.staged_at < before)
    for _ in erasing(store):
        pass
    return given_up


def erasing(store: Store) -> Iterator[None]:
    """Erase the rows of imports given up, in short transactions with pauses between them."""
    while True:
        started = time.monotonic()
        with store.write() as connection:
            more = _erase_some(connection)
        if not more:
            return
        pause(store, started)
        yield


def pause(store: Store, started: float) -> None:
    """Let others write, for as long as this has kept them waiting since `started` (seconds
    of the monotonic clock). PostgreSQL has many writers, and nobody has waited."""
    if store.sqlite:
        time.sleep(max(0.001, time.monotonic() - started))


def _give_up(connection: Connection, which: sa.ColumnElement[bool]) -> int:
    ended = connection.execute(
        sa.update(imports).where(imports.c.status == "staged", which).values(status="dropped")
    )
    return int(ended.rowcount)


def _erase_some(connection: Connection) -> bool:
    """Erase up to a chunk of rows; False when there was nothing to erase."""
    batch = connection.execute(
        sa.select(imports.c.id).where(imports.c.status == "dropped").limit(1)
    ).scalar_one_or_none()
    if batch is None:
        return False
    some = sa.select(items.c.id).where(items.c.batch == batch).order_by(items.c.id).limit(CHUNK)
    if connection.dialect.name != "sqlite":
        # Somebody else may be erasing the same rows; once they are gone, their ids are free
        # for another import, whose rows must not be taken for these.
        some = some.with_for_update()
    ids = list(connection.execute(some).scalars())
    connection.execute(sa.delete(proposals).where(proposals.c.item.in_(ids)))
    connection.execute(sa.delete(items).where(items.c.id.in_(ids)))
    if len(ids) < CHUNK:
        # The row that says so goes last: until then the rest is known to be left over.
        connection.execute(sa.delete(collections).where(collections.c.batch == batch))
        connection.execute(sa.delete(imports).where(imports.c.id == batch))
    return True


def _present(connection: Connection, table: sa.Table, ids: list[str]) -> set[str]:
    return set(connection.execute(sa.select(table.c.id).where(table.c.id.in_(ids))).scalars())

"""The one order over all streams: entries become leaves, leaves make heads and exports.

Nothing that is hashed holds a global position, so writers on different streams never
wait for each other; the order is given afterwards, by one sequencer at a time.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

import sqlalchemy as sa
from sqlalchemy import Connection

from policies.codec import written
from services import clock
from services.ledger.chain import Head, Leaves, leaf_hash
from services.ledger.export import WHOLE, ByteSink, write_export
from services.store.schema import entries, grants, leaves, request_bodies, streams
from services.store.session import Store

ROWS_AT_ONCE = 500
"""How many rows a read of many keeps in memory."""

BODY = "body:"
"""What the scope of one body's export begins with."""

_LOCK = 0x4163_636F_7264_02
"""The advisory lock of the one sequencer of a PostgreSQL database."""


class DamagedError(Exception):
    """The store does not hold what was recorded. Its text names the entry or the leaf."""


def sequence(connection: Connection, most: int = 1000) -> int:
    """Give the next places to entries that are committed and have none; returns how many.

    Within a stream, places follow its own sequence. At most `most` entries are placed;
    call it again until it returns less. It returns 0 as well when another sequencer is
    at work. `connection` must come from `Store.write`.
    """
    if connection.dialect.name != "sqlite":
        alone = connection.execute(sa.select(sa.func.pg_try_advisory_xact_lock(_LOCK)))
        if not alone.scalar_one():
            return 0
    # A statement of its own, after the lock: whatever an earlier sequencer placed is seen.
    waiting = _waiting(connection).subquery()
    first = sa.select(sa.func.coalesce(sa.func.max(leaves.c.index), -1)).scalar_subquery()
    place = sa.func.row_number().over(order_by=_in_order(waiting))
    placed = connection.execute(
        sa.insert(leaves).from_select(
            ["index", "entry"],
            sa.select(first + place, waiting.c.id).order_by(place).limit(most),
        ),
        execution_options={"preserve_rowcount": True},
    )
    return placed.rowcount


def unsequenced(connection: Connection, older_than: datetime) -> int:
    """How many entries that were recorded before `older_than` still have no place."""
    waiting = _waiting(connection).subquery()
    query = sa.select(sa.func.count()).where(waiting.c.at < written(older_than))
    return connection.execute(query).scalar_one()


def head(store: Store) -> Head:
    """The present head: how many leaves there are, and their root.

    Each process keeps the tree, 32 bytes a leaf, and reads only what was added since.

    Raises:
        DamagedError: a leaf is missing, or its entry is.
    """
    with store.read() as connection:
        return _head(store, connection)


def export(store: Store, out: ByteSink, scope: str = WHOLE) -> Head:
    """Write the ledger as of one moment to `out`, entry by entry; returns the closing head.

    `scope` is ``whole`` or ``body:<id>``. The whole ledger is every leaf, then the entries
    that have no place yet. A body's own is what that body did; what its own streams did of
    themselves; and the same of requests that asked it and of their grants. What other
    bodies did there is theirs.

    Raises:
        DamagedError: an entry's bytes and its stored hash differ, or it is missing.
        ValueError: a leaf is missing between others, or the scope is neither. Either way
            the file has no closing line, and does not verify.
    """
    with store.read() as connection:
        whole = scope == WHOLE
        head_now = None if whole else _head(store, connection)
        chosen = None if whole else _of_body(scope.removeprefix(BODY))
        return write_export(out, _lines(connection, chosen), scope, clock.now(connection), head_now)


def _waiting(connection: Connection) -> sa.Select[Any]:
    """The entries that are not in `leaves`, each with the latest instant of its stream so far:
    in the order of that, a stream's entries never overtake each other, whatever the clock did.

    An anti-join over all entries, never "id greater than the last": a slow transaction
    commits late. SQLite, which looks each entry up, reads from the newest row back and
    stops when it has as many as are waiting.
    """
    apart = (
        sa.select(entries.c.id, entries.c.stream, entries.c.sequence, entries.c.at)
        .outerjoin(leaves, leaves.c.entry == entries.c.id)
        .where(leaves.c.entry.is_(None))
    )
    if connection.dialect.name == "sqlite":
        every = sa.select(sa.func.count()).select_from(entries).scalar_subquery()
        placed = sa.select(sa.func.count()).select_from(leaves).scalar_subquery()
        apart = apart.order_by(sa.literal_column("entries.rowid").desc()).limit(every - placed)
    found = apart.subquery()
    latest = sa.func.max(found.c.at).over(
        partition_by=found.c.stream, order_by=found.c.sequence.asc()
    )
    return sa.select(found, latest.label("latest"))


def _in_order(waiting: sa.Subquery) -> list[sa.ColumnElement[Any]]:
    return [waiting.c.latest, waiting.c.stream, waiting.c.sequence]


def _of_body(body: str) -> sa.ColumnElement[bool]:
    """Which entries are `body`'s own to take away."""
    asked = sa.select(request_bodies.c.request).where(request_bodies.c.body == body)
    granted = sa.select(grants.c.id).where(grants.c.request.in_(asked))
    own = sa.select(streams.c.id).where(streams.c.owner == body)
    of_the_stream = sa.and_(
        entries.c.owner == entries.c.stream,
        sa.or_(*(entries.c.stream.in_(each) for each in (asked, granted, own))),
    )
    return sa.or_(entries.c.owner == body, of_the_stream)


def _lines(
    connection: Connection, chosen: sa.ColumnElement[bool] | None
) -> Iterator[tuple[int | None, bytes]]:
    placed = (
        sa.select(leaves.c.index, leaves.c.entry, entries.c.canonical, entries.c.hash)
        .outerjoin(entries, entries.c.id == leaves.c.entry)
        .order_by(leaves.c.index)
    )
    waiting = _waiting(connection).subquery()
    tail = (
        sa.select(sa.null().label("index"), entries.c.id, entries.c.canonical, entries.c.hash)
        .join(waiting, waiting.c.id == entries.c.id)
        .order_by(*_in_order(waiting))
    )
    for query in (placed, tail):
        query = query if chosen is None else query.where(chosen)
        for index, entry, canonical, digest in _streamed(connection, query):
            if canonical is None:
                raise DamagedError(f"The entry {entry}, leaf {index}, is missing.")
            content = bytes(canonical)
            if leaf_hash(content).hex() != digest:
                raise DamagedError(f"The entry {entry} is not what was recorded under its hash.")
            yield index, content


def _streamed(connection: Connection, query: sa.Select[Any]) -> Iterator[Any]:
    yield from connection.execute(query, execution_options={"yield_per": ROWS_AT_ONCE})


@dataclass
class _Known:
    """The tree as this process last read it, and the last head that was computed."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    tree: Leaves = field(default_factory=Leaves)
    size: int = 0
    last: str = ""
    head: Head | None = None


_KNOWN: WeakKeyDictionary[Store, _Known] = WeakKeyDictionary()
_KNOWN_LOCK = threading.Lock()


def _head(store: Store, connection: Connection) -> Head:
    with _KNOWN_LOCK:
        known = _KNOWN.setdefault(store, _Known())
    with known.lock:
        if known.size and _hash_at(connection, known.size - 1) != known.last:
            # Another database is in its place (put back from a back-up), or this snapshot is
            # older than the last one: what was kept says nothing about it.
            known.tree, known.size, known.last, known.head = Leaves(), 0, "", None
        query = (
            sa.select(leaves.c.index, leaves.c.entry, entries.c.hash)
            .outerjoin(entries, entries.c.id == leaves.c.entry)
            .where(leaves.c.index >= known.size)
            .order_by(leaves.c.index)
        )
        for index, entry, digest in _streamed(connection, query):
            if index != known.size:
                raise DamagedError(f"The leaf {known.size} is missing.")
            if digest is None:
                raise DamagedError(f"The entry {entry}, leaf {index}, is missing.")
            known.tree.add_hash(bytes.fromhex(digest))
            known.size, known.last, known.head = index + 1, digest, None
        known.head = known.head or known.tree.head()
        return known.head


def _hash_at(connection: Connection, index: int) -> str | None:
    return connection.execute(
        sa.select(entries.c.hash)
        .join(leaves, leaves.c.entry == entries.c.id)
        .where(leaves.c.index == index)
    ).scalar_one_or_none()

"""Streams and their entries: appended once, in order, and read back as they were written."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from policies import codec
from policies.machines import MACHINES, kind_of
from services.ledger.chain import FIRST_PREV, canonical, leaf_hash
from services.store.schema import entries, streams
from services.store.session import upsert

Json = dict[str, Any]

# Built once; each execution gives the values.
_GET = sa.select(streams).where(streams.c.id == sa.bindparam("stream"))
_HEAD = sa.select(streams.c.owner, streams.c.sequence, streams.c.head).where(
    streams.c.id == sa.bindparam("stream")
)
_STATE = sa.select(streams.c.state).where(streams.c.id == sa.bindparam("stream"))
_LOOK = sa.select(
    streams.c.owner,
    streams.c.sequence,
    streams.c.head,
    sa.select(entries.c.id)
    .where(entries.c.command == sa.bindparam("command"))
    .scalar_subquery()
    .label("known"),
).where(streams.c.id == sa.bindparam("stream"))
_LOOK_LOCKED = _LOOK.with_for_update()
_AFTER = (
    sa.select(entries.c.canonical)
    .where(
        entries.c.stream == sa.bindparam("stream"), entries.c.sequence > sa.bindparam("sequence")
    )
    .order_by(entries.c.sequence)
)
_OF_COMMAND = sa.select(entries.c.canonical, entries.c.digest).where(
    entries.c.command == sa.bindparam("command")
)
_APPEND = sa.insert(entries)


@dataclass(frozen=True)
class Stream:
    """A stream as it stands: its last sequence and hash, its owner, its folded state."""

    id: str
    owner: str
    sequence: int
    head: str
    state: Any


class Folded:
    """The states that this process folded lately. A stream's head names all that went before:
    the state kept with a head is the state of whatever row has that head. May be shared by
    threads."""

    MOST = 1000

    def __init__(self) -> None:
        """Nothing is kept yet."""
        self._kept: OrderedDict[str, Stream] = OrderedDict()
        self._lock = threading.Lock()

    def keep(self, stream: Stream) -> None:
        """Keep the state of `stream`, and let go of what was kept longest."""
        with self._lock:
            self._kept[stream.id] = stream
            self._kept.move_to_end(stream.id)
            while len(self._kept) > self.MOST:
                self._kept.popitem(last=False)

    def at(self, stream: str, head: str) -> Any | None:
        """The state of `stream` with that head, if it is kept."""
        found = self._kept.get(stream)
        return found.state if found is not None and found.head == head else None


def get(connection: Connection, stream: str, folded: Folded | None = None) -> Stream:
    """The stream, or the empty one of that name. With `folded`, its state is read only where it
    is not kept there."""
    if folded is not None:
        head = connection.execute(_HEAD, {"stream": stream}).one_or_none()
        if head is None:
            return _empty(stream)
        state = folded.at(stream, head.head)
        if state is not None:
            return Stream(stream, head.owner, head.sequence, head.head, state)
    row = connection.execute(_GET, {"stream": stream}).one_or_none()
    if row is None:
        return _empty(stream)
    found = Stream(row.id, row.owner, row.sequence, row.head, _state(stream, row.state))
    if folded is not None:
        folded.keep(found)
    return found


def to_append(
    connection: Connection, stream: str, command: str, folded: Folded
) -> tuple[Stream, bool]:
    """The stream as `get` has it, and whether it may be that `command` was carried before.
    Other writers are kept out (by a lock on PostgreSQL; SQLite has one writer in any case).
    """
    values = {"stream": stream, "command": command}
    sqlite = connection.dialect.name == "sqlite"
    row = connection.execute(_LOOK if sqlite else _LOOK_LOCKED, values).one_or_none()
    if row is None:
        return _empty(stream), True
    state = folded.at(stream, row.head)
    if state is None:
        state = _state(stream, connection.execute(_STATE, {"stream": stream}).scalar_one())
    return Stream(stream, row.owner, row.sequence, row.head, state), row.known is not None


def _empty(stream: str) -> Stream:
    return Stream(stream, "", 0, FIRST_PREV, MACHINES[kind_of(stream)].initial)


def _state(stream: str, written: Any) -> Any:
    return codec.decode(type(MACHINES[kind_of(stream)].initial), written)


def states(connection: Connection, ids: Iterable[str]) -> dict[str, Any]:
    """The folded states of those streams that exist, by id."""
    return {name: stream.state for name, stream in several(connection, ids).items()}


def several(connection: Connection, ids: Iterable[str]) -> dict[str, Stream]:
    """Those streams that exist, by id. For none it asks as well: how many statements an answer
    takes must not tell whether there was anything."""
    wanted = sorted(set(ids))
    found: dict[str, Stream] = {}
    for start in range(0, len(wanted) or 1, 500):
        rows = connection.execute(
            sa.select(streams).where(streams.c.id.in_(wanted[start : start + 500]))
        )
        for row in rows:
            state = _state(row.id, row.state)
            found[row.id] = Stream(row.id, row.owner, row.sequence, row.head, state)
    return found


def sequences(connection: Connection, ids: Iterable[str]) -> dict[str, int]:
    """The last sequence of each of those streams that exist, by id; asked for none as well."""
    query = sa.select(streams.c.id, streams.c.sequence).where(streams.c.id.in_(sorted(set(ids))))
    return {row.id: row.sequence for row in connection.execute(query)}


def after(connection: Connection, stream: str, sequence: int) -> list[Json]:
    """The entries of `stream` that follow `sequence`, in order, as plain JSON."""
    rows = connection.execute(_AFTER, {"stream": stream, "sequence": sequence})
    return [json.loads(bytes(row.canonical)) for row in rows]


def of_command(connection: Connection, command: str) -> tuple[Json, str] | None:
    """The entry that a command made and the digest of what its sender wrote, if it is known."""
    row = connection.execute(_OF_COMMAND, {"command": command}).one_or_none()
    return None if row is None else (json.loads(bytes(row.canonical)), row.digest)


def append(
    connection: Connection,
    entry: Json,
    digest: str,
    known: Stream | None = None,
    happened: list[Any] | None = None,
) -> Stream:
    """Write `entry` (with the `prev` of its stream) and fold it into the stream's state.

    `known` is the stream as this transaction has read it already, and `happened` the entry's
    events, where they have been read. The two unique constraints,
    on (stream, sequence) and on the command id, are the last word: a second writer's
    transaction fails whole.
    """
    stream, row = to_write(known or get(connection, entry["stream"]), entry, digest, happened)
    append_all(connection, [row], [stream])
    return stream


def to_write(
    stream: Stream, entry: Json, digest: str, happened: list[Any] | None = None
) -> tuple[Stream, Json]:
    """The stream with `entry` at its end, and the entry's row; nothing is written yet.

    Raises ValueError for an entry that cannot be written as canonical JSON.
    """
    content = canonical(entry)
    digest_of_entry = leaf_hash(content).hex()
    state = MACHINES[kind_of(stream.id)].fold(stream.state, entry, happened)
    row = {
        "id": entry["id"],
        "stream": stream.id,
        "sequence": entry["sequence"],
        "command": entry["command"],
        "digest": digest,
        "owner": entry["owner"],
        "at": entry["at"],
        "canonical": content,
        "hash": digest_of_entry,
    }
    owner = stream.owner or entry["owner"]
    return Stream(stream.id, owner, entry["sequence"], digest_of_entry, state), row


def append_all(connection: Connection, rows: list[Json], ends: list[Stream]) -> None:
    """Write the rows of entries (`to_write`), and the streams as they stand after them."""
    connection.execute(_APPEND, rows)
    upsert(
        connection,
        streams,
        *(
            {
                "id": stream.id,
                "kind": MACHINES[kind_of(stream.id)].kind,
                "owner": stream.owner,
                "sequence": stream.sequence,
                "head": stream.head,
                "open": bool(stream.state.open),
                "state": codec.encode(stream.state),
            }
            for stream in ends
        ),
    )


def refold(connection: Connection, kind: str | None = None) -> None:
    """Tell the state of every stream (of one `kind`, if it is given) anew from its entries, for a
    migration: what a state holds is this Accord's own affair, and may be another in the next."""
    wanted = sa.select(streams.c.id)
    if kind is not None:
        wanted = wanted.where(streams.c.kind == kind)
    for stream in list(connection.execute(wanted).scalars()):
        machine = MACHINES[kind_of(stream)]
        state = machine.initial
        for entry in after(connection, stream, 0):
            state = machine.fold(state, entry)
        connection.execute(
            sa.update(streams)
            .where(streams.c.id == stream)
            .values(state=codec.encode(state), open=bool(state.open))
        )


def open_driven(connection: Connection) -> list[str]:
    """The streams that a workflow must be driving."""
    kinds = [machine.kind for machine in MACHINES.values() if machine.driven]
    rows = connection.execute(
        sa.select(streams.c.id).where(streams.c.kind.in_(kinds), streams.c.open.is_(True))
    )
    return [row.id for row in rows]

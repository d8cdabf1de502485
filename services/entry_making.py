"""What an entry is made of beside its events: whose it is, what it follows from, and what it
causes in other streams."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from policies import codec
from policies.body.commands import DEPLOYMENT
from policies.consequences import consequences
from policies.machines import MACHINES, kind_of, written_event
from policies.refusals import Refused, RefusedError
from policies.request import events as request_events
from policies.types import SYSTEM, Authorisation, Envelope, derived_id
from services.store import streams
from services.store.schema import entries, outbox
from workflows.contracts import Json
from workflows.envelopes import written_envelope


def entry_of(
    envelope: Envelope,
    stream: streams.Stream,
    now: datetime,
    authorisation: Authorisation,
    events: list[Json],
    happened: list[Any],
    cause: str | None,
) -> Json:
    """The entry that comes next in `stream`, committed to no texts yet. `happened` are `events`
    as they are read."""
    return {
        "id": str(uuid.uuid4()),
        "stream": stream.id,
        "sequence": stream.sequence + 1,
        "command": envelope.id,
        "cause": cause,
        "actor": envelope.actor,
        "at": codec.written(now),
        "owner": owner_of(envelope, stream.owner, happened),
        "authorisation": codec.encode(authorisation),
        "events": events,
        "commitments": {},
        "prev": stream.head,
    }


Written = tuple[streams.Stream, list[Any], Json]
"""A stream as it stands after an entry, the entry's events as they are read, and the entry."""


@dataclass
class Made:
    """Entries made on the ends of their streams, and written all together."""

    ends: dict[str, streams.Stream] = field(default_factory=dict)
    rows: list[Json] = field(default_factory=list)
    written: list[Written] = field(default_factory=list)

    def more(self) -> Made:
        """What may be made on these ends, and taken, or left with nothing changed."""
        return Made(dict(self.ends))

    def take(self, more: Made) -> None:
        """Take what was made since."""
        self.ends = more.ends
        self.rows += more.rows
        self.written += more.written

    @property
    def entries(self) -> list[Json]:
        """The entries, in the order in which they were made."""
        return [entry for _, _, entry in self.written]

    @property
    def changed(self) -> list[str]:
        """The streams that have a new end."""
        return sorted({row["stream"] for row in self.rows})

    def add(self, envelope: Envelope, authorisation: Authorisation, now: datetime) -> None:
        """Decide a command, and make its entry.

        Raises:
            RefusedError: its stream's machine refuses it.
            ValueError: its stream has a workflow or its event names words, which the recorder
                carries one by one; or the entry cannot be written.
        """
        stream = self.ends[envelope.stream]
        machine = MACHINES[kind_of(stream.id)]
        happened = machine.decide(stream.state, envelope)
        if isinstance(happened, Refused):
            raise RefusedError.of(happened)
        if machine.driven or any(True for each in happened for _ in codec.text_ids(each)):
            raise ValueError(f"{type(envelope.command).__name__} is carried by itself")
        events = [written_event(each) for each in happened]
        entry = entry_of(envelope, stream, now, authorisation, events, happened, envelope.cause)
        end, row = streams.to_write(stream, entry, envelope.digest, happened)
        self.ends[stream.id] = end
        self.rows.append(row)
        self.written.append((end, happened, entry))

    def write(self, connection: Connection) -> None:
        """Write the entries and the ends of their streams."""
        if self.rows:
            streams.append_all(connection, self.rows, [self.ends[each] for each in self.changed])


def owner_of(envelope: Envelope, stream_owner: str, happened: list[Any]) -> str:
    """The body whose act this is, or whose own affair; otherwise the stream's owner.

    A request's and a grant's own entries belong to the request or grant, that is to its
    parties; what concerns no body in particular, or several each within itself, is the
    deployment's.
    """
    sitting = getattr(envelope.command, "sitting", None)
    body = sitting.body if sitting is not None else getattr(envelope.command, "body", None)
    if body is not None:
        return str(body)
    if affected := _within(happened):
        return affected.pop() if len(affected) == 1 else DEPLOYMENT
    if kind_of(envelope.stream) in ("request", "grant", "body"):
        return envelope.stream
    return stream_owner if kind_of(envelope.stream) == "restriction" else DEPLOYMENT


def _within(happened: list[Any]) -> set[str]:
    """The bodies within which this happened: that somebody disputes a body's record, or that it
    was told how long it is waited for, is for no other body's export."""
    bodies: set[str] = set()
    for event in happened:
        match event:
            case request_events.Disputed() | request_events.DelegateCalled():
                bodies.add(event.body)
            case request_events.Reminded():
                bodies |= {each for each in event.bodies if kind_of(each) == "body"}
    return bodies


def cause_of(connection: Connection, envelope: Envelope) -> str | None:
    """What the clock does follows from the last entry that was there."""
    if envelope.actor != SYSTEM:
        return None
    return connection.execute(
        sa.select(entries.c.id).where(
            entries.c.stream == envelope.stream, entries.c.sequence == envelope.seen
        )
    ).scalar_one_or_none()


def post(connection: Connection, stream: streams.Stream, happened: list[Any], entry: Json) -> int:
    """Put into the outbox what this entry causes in other streams; returns how much."""
    terms = getattr(stream.state, "terms", None)
    request = terms.request if terms is not None else None
    grant = getattr(stream.state, "grant", None)
    caused = consequences(request, happened, grant)
    for number, (target, command) in enumerate(caused):
        envelope = Envelope(
            id=derived_id(entry["id"], str(number), target),
            stream=target,
            seen=0,
            actor=SYSTEM,
            at=codec.instant(entry["at"]),
            command=command,
            cause=entry["id"],
            digest=derived_id(entry["id"], str(number), "digest"),
        )
        connection.execute(
            sa.insert(outbox).values(
                entry=entry["id"], target=target, envelope=written_envelope(envelope)
            )
        )
    return len(caused)

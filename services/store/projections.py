"""The tables that follow from streams, written in the entry's own transaction.

They can be thrown away and made again from the entries; nothing here decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from policies import body, catalogue, codec
from policies.machines import kind_of
from policies.request import events as request_events
from policies.request.state import RequestState
from policies.restriction import events as restriction_events
from services.store import schema, versions
from services.store.session import upsert
from services.store.streams import Json, Stream

CATALOGUE = "catalogue-main"
"""The one stream of the catalogue."""

_WHO_TAKES_PART = (request_events.Submitted, request_events.BodiesAdded)
"""Only these bring anybody new into a request; what else happens leaves some of them out,
and who was asked once is kept."""


def project(connection: Connection, stream: Stream, happened: list[Any], entry: Json) -> None:
    """Bring the tables up to `entry`, whose events are `happened`."""
    _KINDS[kind_of(stream.id)](connection, stream, happened, entry)


def _request(connection: Connection, stream: Stream, happened: list[Any], entry: Json) -> None:
    state: RequestState = stream.state
    upsert(
        connection,
        schema.requests,
        {
            "id": stream.id,
            "applicant": state.applicant,
            "status": str(state.status),
            "updated_at": entry["at"],
        },
    )
    if not any(isinstance(event, _WHO_TAKES_PART) for event in happened):
        return
    bodies = [{"request": stream.id, "body": each} for each in sorted(state.bodies())]
    if bodies:
        upsert(connection, schema.request_bodies, *bodies)
    people = [{"request": stream.id, "person": each} for each in sorted(state.applicants)]
    upsert(connection, schema.request_people, *people)


def _grant(connection: Connection, stream: Stream, happened: list[Any], entry: Json) -> None:
    terms = stream.state.terms
    upsert(
        connection,
        schema.grants,
        {
            "id": stream.id,
            "request": terms.request,
            "status": str(stream.state.status),
            "updated_at": entry["at"],
        },
    )
    if entry["sequence"] > 1:
        return
    people = [{"grant": stream.id, "person": each} for each in sorted(terms.people)]
    upsert(connection, schema.grant_people, *people)
    items = [{"grant": stream.id, "item": each} for each in sorted(terms.items)]
    upsert(connection, schema.grant_items, *items)


def _restriction(connection: Connection, stream: Stream, happened: list[Any], entry: Json) -> None:
    for event in happened:
        if isinstance(event, restriction_events.Placed):
            connection.execute(
                sa.insert(schema.restrictions).values(
                    id=stream.id,
                    owner=event.body,
                    status="open",
                    words=event.words,
                    updated_at=entry["at"],
                )
            )
        if isinstance(event, restriction_events.Placed | restriction_events.Lifted):
            versions.raise_(connection, versions.RESTRICTIONS)
    connection.execute(
        sa.update(schema.restrictions)
        .where(schema.restrictions.c.id == stream.id)
        .values(status=str(stream.state.status), updated_at=entry["at"])
    )


def _body(connection: Connection, stream: Stream, happened: list[Any], entry: Json) -> None:
    for event in happened:
        if isinstance(event, body.Entered):
            upsert(connection, schema.bodies, {"id": stream.id, "name": event.name})
    # Who a body is and how it decides is relied on by name; that any body changed, by
    # whoever computed a route over all of them.
    versions.raise_(connection, stream.id)
    versions.raise_(connection, versions.BODIES)


def _pack(connection: Connection, stream: Stream, happened: list[Any], entry: Json) -> None:
    versions.raise_(connection, versions.RULES)


def _catalogue(connection: Connection, stream: Stream, happened: list[Any], entry: Json) -> None:
    for event in happened:
        match event:
            case catalogue.Imported():
                connection.execute(
                    sa.update(schema.imports)
                    .where(schema.imports.c.id == event.batch, schema.imports.c.status == "staged")
                    .values(status="published")
                )
            case catalogue.NamesKnown():
                rows = [
                    {"id": each, "kind": kind, "name": name}
                    for kind, known in (("people", event.peoples), ("place", event.places))
                    for each, name in known.items()
                ]
                names = schema.names
                _replace(connection, names, names.c.id.in_([row["id"] for row in rows]), rows)
            case catalogue.HistoryWritten():
                connection.execute(
                    sa.update(schema.collections)
                    .where(schema.collections.c.id == event.collection)
                    .values(history=event.history)
                )
            case catalogue.Confirmed():
                said = codec.encode(event.classification)
                rows = [
                    {"item": item, "body": event.body, "classification": said, "entry": entry["id"]}
                    for item in sorted(event.items)
                ]
                own = schema.confirmations.c.body == event.body
                these = schema.confirmations.c.item.in_(sorted(event.items))
                _replace(connection, schema.confirmations, own & these, rows)
    versions.raise_(connection, versions.CATALOGUE)


def _replace(
    connection: Connection, table: sa.Table, old: sa.ColumnElement[bool], rows: list[Json]
) -> None:
    """Put `rows` where `old` ones were: two statements however many, for the lock's sake."""
    connection.execute(sa.delete(table).where(old))
    if rows:
        connection.execute(sa.insert(table), rows)


def _nothing(connection: Connection, stream: Stream, happened: list[Any], entry: Json) -> None:
    """A gateway's answers are read from its stream."""


_KINDS: Mapping[str, Callable[[Connection, Stream, list[Any], Json], None]] = {
    "request": _request,
    "grant": _grant,
    "restriction": _restriction,
    "body": _body,
    "pack": _pack,
    "catalogue": _catalogue,
    "access": _nothing,
}

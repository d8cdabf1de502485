"""The tables that follow from streams, written in the entry's own transaction.

They can be thrown away and made again from the entries; nothing here decides.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from policies import codec, pack
from policies.body import events as body_events
from policies.catalogue import events as catalogue_events
from policies.machines import kind_of
from policies.request import events as request_events
from policies.request.state import RequestState, Status
from policies.restriction import events as restriction_events
from services.store import in_force, schema, versions
from services.store.session import upsert
from services.store.streams import Json, Stream

CATALOGUE = "catalogue-main"
"""The one stream of the catalogue."""

_WHO_TAKES_PART = (
    request_events.Submitted, request_events.Resubmitted, request_events.Forwarded,
    request_events.BodiesAdded,
)  # fmt: skip
"""Only these bring anybody new into a request; what else happens leaves some of them out,
and who was asked once is kept."""

_WITHIN_A_BODY = (
    request_events.Spoken, request_events.StoodAside, request_events.HuiRecorded,
    request_events.Advised,
)  # fmt: skip
"""What nobody else learns of, not even by when a request was last touched."""


def project(connection: Connection, stream: Stream, happened: list[Any], entry: Json) -> None:
    """Bring the tables up to `entry`, whose events are `happened`."""
    _KINDS[kind_of(stream.id)](connection, stream, happened, entry)


def _request(connection: Connection, stream: Stream, happened: list[Any], entry: Json) -> None:
    state: RequestState = stream.state
    if not all(isinstance(event, _WITHIN_A_BODY) for event in happened):
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
    _disputes(connection, state, happened)
    # The reviewer finds what was referred to them in their own list.
    reviewers = {
        event.reviewer for event in happened if isinstance(event, request_events.Escalated)
    }
    takes_part = any(isinstance(event, _WHO_TAKES_PART) for event in happened)
    if takes_part:
        _asked(connection, stream.id, state)
    people = reviewers | (state.applicants if takes_part else frozenset())
    if people:
        rows = [{"request": stream.id, "person": each} for each in sorted(people)]
        upsert(connection, schema.request_people, *rows)


def _asked(connection: Connection, request: str, state: RequestState) -> None:
    """Whose lists and exports a request is in: while it is at the desk, the desk's alone;
    afterwards those of the bodies that are asked, and not the desk's."""
    at_the_desk = state.status in (Status.AT_DESK, Status.RETURNED)
    wanted = sorted(state.concerned() if at_the_desk else state.asked_ever())
    kept = schema.request_bodies
    connection.execute(sa.delete(kept).where(kept.c.request == request, kept.c.body.not_in(wanted)))
    if wanted:
        upsert(connection, kept, *({"request": request, "body": each} for each in wanted))


def _disputes(connection: Connection, state: RequestState, happened: list[Any]) -> None:
    """What rests on a disputed record rests with it, in every process, from this commit on."""
    for event in happened:
        if isinstance(event, request_events.Disputed):
            rests_on = state.disputes[event.dispute].rests_on
            row = {"dispute": event.dispute, "rests_on": rests_on}
            connection.execute(sa.insert(schema.disputes).values(row))
            versions.raise_(connection, versions.RESTRICTIONS)
        if isinstance(event, request_events.DisputeAnswered) and event.stands:
            # Where the record does not stand, what rests on it rests for good: its grant ends
            # by the outbox, and until that has come nothing opens again.
            gone = schema.disputes.c.dispute == event.dispute
            connection.execute(sa.delete(schema.disputes).where(gone))
            versions.raise_(connection, versions.RESTRICTIONS)


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
            in_force.restrict(connection, stream.id, stream.state, entry["id"])
    connection.execute(
        sa.update(schema.restrictions)
        .where(schema.restrictions.c.id == stream.id)
        .values(status=str(stream.state.status), updated_at=entry["at"])
    )


_RESTATED = (body_events.Entered, body_events.MandateRestated, body_events.Welcomed)
"""What changes for whom a body speaks."""

_NO_NEWS = (body_events.Introduced, body_events.Proposed, body_events.Said)
"""What changes no route."""


def _body(connection: Connection, stream: Stream, happened: list[Any], entry: Json) -> None:
    for event in happened:
        if isinstance(event, body_events.Entered):
            upsert(connection, schema.bodies, {"id": stream.id, "name": event.name})
        if isinstance(event, _RESTATED):
            in_force.restate(connection, stream.id, stream.state, entry["id"])
    # Who a body is and how it decides is relied on by name; that any body changed, by
    # whoever computed a route over all of them.
    versions.raise_(connection, stream.id)
    if not all(isinstance(event, _NO_NEWS) for event in happened):
        versions.raise_(connection, versions.BODIES)


_IN_FORCE = (pack.Adopted, pack.AdoptionWithdrawn)


def _pack(connection: Connection, stream: Stream, happened: list[Any], entry: Json) -> None:
    # A fork and a further version are in force nowhere. That an adoption ended for the sake of
    # another was in force with that one.
    if any(isinstance(event, _IN_FORCE) for event in happened):
        versions.raise_(connection, versions.RULES)


def _catalogue(connection: Connection, stream: Stream, happened: list[Any], entry: Json) -> None:
    for event in happened:
        match event:
            case catalogue_events.Imported():
                connection.execute(
                    sa.update(schema.imports)
                    .where(schema.imports.c.id == event.batch, schema.imports.c.status == "staged")
                    .values(status="published")
                )
            case catalogue_events.NamesKnown():
                rows = [
                    {"id": each, "kind": kind, "name": name}
                    for kind, known in (("people", event.peoples), ("place", event.places))
                    for each, name in known.items()
                ]
                names = schema.names
                _replace(connection, names, names.c.id.in_([row["id"] for row in rows]), rows)
            case catalogue_events.HistoryWritten():
                connection.execute(
                    sa.update(schema.collections)
                    .where(schema.collections.c.id == event.collection)
                    .values(history=event.history)
                )
            case catalogue_events.Confirmed():
                said = codec.encode(event.classification)
                rows = [
                    {"item": item, "body": event.body, "classification": said, "entry": entry["id"]}
                    for item in sorted(event.items)
                ]
                own = schema.confirmations.c.body == event.body
                these = schema.confirmations.c.item.in_(sorted(event.items))
                _replace(connection, schema.confirmations, own & these, rows)
            case _:
                _unsettled(connection, event)
    versions.raise_(connection, versions.CATALOGUE)


def _unsettled(connection: Connection, event: Any) -> None:
    """What bodies claim, look for and wish."""
    match event:
        case catalogue_events.Claimed():
            subjects = event.items | event.peoples | event.places
            rows = [{"claim": event.claim, "subject": each} for each in sorted(subjects)]
            connection.execute(sa.insert(schema.claims), rows)
        case catalogue_events.ClaimSettled():
            gone = schema.claims.c.claim == event.claim
            connection.execute(sa.delete(schema.claims).where(gone))
        case catalogue_events.SearchOpened():
            row = {
                "id": event.search,
                "subjects": sorted(event.items | event.peoples | event.places),
                "searcher": event.searcher,
                "words": event.words,
            }
            connection.execute(sa.insert(schema.searches).values(row))
        case catalogue_events.SearchEnded():
            gone = schema.searches.c.id == event.search
            connection.execute(sa.delete(schema.searches).where(gone))
        case catalogue_events.WishesWritten():
            row = {
                "item": event.item,
                "body": event.body,
                "wishes": event.wishes,
                "context": event.context,
            }
            upsert(connection, schema.wishes, row)


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

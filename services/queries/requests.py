"""Requests as people see them: each viewer only what is theirs.

A researcher sees what each body decided, and never who said what within it. A member
sees the request, everybody's questions and their own body's affairs, and never how
others decided. To anybody else a request does not exist.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from policies import codec
from policies import conditions as library
from policies.body import DEPLOYMENT
from policies.refusals import Code, RefusedError
from policies.request.state import RequestState, Status
from services.path import Sight
from services.people import Viewer
from services.queries import names
from services.store import streams, texts
from services.store.schema import collections, grants, request_bodies, request_people, requests

Json = dict[str, Any]

_OF_A_BODY = {"Spoken", "StoodAside", "HuiRecorded"}
"""What stays within the body it happened in."""
_TO_ALL_PARTIES = {"Submitted", "QuestionAsked", "QuestionAnswered", "Rejustified", "Narrowed",
                   "BodiesAdded", "Withdrawn", "Declined", "Closed"}  # fmt: skip


def listed(sight: Sight, viewer: Viewer) -> list[Json]:
    """The viewer's own requests, and those that their bodies are asked about."""
    own = sa.select(request_people.c.request).where(request_people.c.person == viewer.person)
    asked = sa.select(request_bodies.c.request).where(
        request_bodies.c.body.in_(sight.bodies.of(viewer.person))
    )
    rows = sight.connection.execute(
        sa.select(requests)
        .where(requests.c.id.in_(own.union(asked)))
        .order_by(requests.c.updated_at.desc())
        .limit(200)
    )
    found = [(row.id, row.status, row.updated_at) for row in rows]
    states = streams.states(sight.connection, [each[0] for each in found])
    titles = texts.read(
        sight.connection,
        [state.content.words["title"] for state in states.values() if state.content],
    )
    return [
        {
            "id": name,
            "title": titles.get(states[name].content.words["title"]),
            "status": status,
            "updated_at": updated_at,
            "waiting_for_us": sorted(
                states[name].waiting_for() & set(sight.bodies.of(viewer.person))
            ),
        }
        for name, status, updated_at in found
    ]


def shown(sight: Sight, viewer: Viewer, request: str) -> Json:
    """One request as the viewer may see it. Raises RefusedError for one that is not theirs."""
    stream = streams.get(sight.connection, request)
    state: RequestState = stream.state
    own = state.asked_ever() & (frozenset(sight.bodies.of(viewer.person)) - {DEPLOYMENT})
    researcher = viewer.person in state.applicants
    if state.status is Status.NONE or not (researcher or own):
        raise RefusedError(Code.NOT_FOUND)
    assert state.content is not None
    assert state.pinned is not None
    entries = streams.after(sight.connection, request, 0)
    told = [event for entry in entries for event in _told(entry, researcher, own)]
    conditions = [
        each
        for each in state.conditions.values()
        if each.body in own or (researcher and each.body in state.decisions)
    ]
    said = texts.read(
        sight.connection,
        [
            *state.content.words.values(),
            *state.content.why.values(),
            *(text for event in told for text in event["texts"]),
            *(each.words for each in conditions if each.words),
        ],
    )
    called = names.of(sight.connection, sight.bodies, state.applicants)
    return {
        "id": request,
        "sequence": stream.sequence,
        "status": str(state.status),
        "round": state.round,
        "purpose": state.content.purpose,
        "words": {name: said.get(text) for name, text in state.content.words.items()},
        "people": [
            {"person": each.person, "name": called.get(each.person), "role": each.role}
            for each in state.content.people
        ],
        "items": [
            {
                "id": item,
                "collection": state.pinned.items[item].collection,
                "classes": sorted(state.pinned.items[item].classes),
                "why": said.get(state.content.why.get(item, "")),
            }
            for item in sorted(state.items)
        ],
        "collections": _histories(sight.connection, state),
        "slice": state.slice.to_json(),
        "asked_first": state.content.slice.to_json(),
        "acts": sorted(state.content.acts),
        "ends_at": codec.written(state.content.ends_at),
        "bodies": [
            {
                "body": entry.body,
                "name": called.get(entry.body),
                "capacity": str(entry.capacity),
                "rules": list(entry.rules),
                "outcome": _outcome(state, entry.body, researcher, own),
            }
            for entry in state.asked()
        ],
        "conditions": [_condition(each, said, called) for each in conditions],
        "open_questions": sorted(q for q, each in state.questions.items() if not each.answered),
        "voices": {
            body: {person: str(voice) for person, voice in state.voices.get(body, {}).items()}
            for body in sorted(own)
        },
        "grant": state.grant,
        "history": [{**event, "texts": {t: said.get(t) for t in event["texts"]}} for event in told],
    }


def _outcome(state: RequestState, body: str, researcher: bool, own: frozenset[str]) -> str | None:
    decision = state.decisions.get(body)
    if not (researcher or body in own):
        return "not_shown"
    return str(decision.outcome) if decision else None


def _told(entry: Json, researcher: bool, own: frozenset[str]) -> list[Json]:
    """The events of an entry that the viewer may see, each with the texts it names."""
    found = []
    for event in entry["events"]:
        kind, data = event["type"], event["data"]
        body = data.get("body") or (data.get("condition") or {}).get("body")
        ours = body in own
        if kind in _OF_A_BODY and not ours:
            continue
        seen = ours or researcher or kind in _TO_ALL_PARTIES
        if kind == "ConditionSet" and not ours:
            continue
        if not seen:
            continue
        found.append(
            {
                "at": entry["at"],
                "entry": entry["id"],
                "event": kind,
                # Whose no took records out is between that body and the researcher.
                "body": body if ours or researcher or kind != "Narrowed" else None,
                "question": data.get("question") if kind.startswith("Question") else None,
                "outcome": data.get("outcome"),
                "slice": data.get("slice"),
                "texts": [
                    value
                    for value in (data.get("text"), data.get("justification"), data.get("minutes"))
                    if value
                ],
            }
        )
    return found


def _condition(condition: library.Condition, said: Any, called: Any) -> Json:
    kind = library.LIBRARY[condition.kind]
    return {
        "id": condition.id,
        "body": condition.body,
        "set_by": called.get(condition.body),
        "kind": condition.kind,
        "sentence": said.get(condition.words) if condition.words else kind.sentence,
        "at": codec.written(condition.at) if condition.at else None,
        "choice": condition.choice,
        "kept_by": str(kind.kept_by),
    }


def _histories(connection: Connection, state: RequestState) -> list[Json]:
    """The history of each collection that the request touches, beside the request."""
    assert state.pinned is not None
    wanted = {each.collection for each in state.pinned.items.values()}
    rows = list(
        connection.execute(
            sa.select(collections.c.id, collections.c.name, collections.c.history).where(
                collections.c.id.in_(sorted(wanted))
            )
        )
    )
    said = texts.read(connection, [row.history for row in rows if row.history])
    return [
        {"id": row.id, "name": row.name, "history": said.get(row.history or "")} for row in rows
    ]


def grant_of(connection: Connection, request: str) -> str | None:
    """The grant that a request became, once it is issued."""
    return connection.execute(
        sa.select(grants.c.id).where(grants.c.request == request)
    ).scalar_one_or_none()

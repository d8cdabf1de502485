"""Requests as people see them: each viewer only what is theirs (`standing.py`)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from policies import codec
from policies import conditions as library
from policies.body.commands import DEPLOYMENT
from policies.refusals import Code, RefusedError
from policies.request.commands import APPLICANT, Content
from policies.request.state import RequestState
from policies.request.waiting import DESK
from policies.types import RouteEntry, derived_id
from policies.working_days import explained
from services.path import Sight
from services.people import Viewer
from services.queries import names
from services.queries.differences import differences
from services.queries.standing import Standing, as_the_desk_left_it, standing, told
from services.store import streams, texts
from services.store.schema import (
    collections,
    entries,
    grants,
    request_bodies,
    request_people,
    requests,
)
from services.waiting import look

Json = dict[str, Any]


def listed(sight: Sight, viewer: Viewer) -> list[Json]:
    """The viewer's own requests, and those that their bodies are asked about."""
    own = frozenset(sight.bodies.of(viewer.person)) - {DEPLOYMENT}
    mine = sa.select(request_people.c.request).where(request_people.c.person == viewer.person)
    asked = sa.select(request_bodies.c.request).where(request_bodies.c.body.in_(sorted(own)))
    rows = sight.connection.execute(
        sa.select(requests)
        .where(requests.c.id.in_(mine.union(asked)))
        .order_by(requests.c.updated_at.desc())
        .limit(200)
    )
    found = {row.id: row for row in rows}
    states: dict[str, RequestState] = streams.states(sight.connection, found)
    seen = {name: standing(sight, viewer, states[name]) for name in found}
    titled = {name: each.content.words["title"] for name, each in states.items() if each.content}
    titles = texts.read(sight.connection, titled.values())
    last = _last_seen(sight.connection, found, own)
    shown = [
        {
            "id": name,
            "title": titles.get(titled[name]),
            "status": row.status,
            "updated_at": row.updated_at if seen[name].researcher else last[name],
            "waiting_for_us": sorted(_whose_turn(states[name]) & own),
        }
        for name, row in found.items()
        if seen[name].any
    ]
    return sorted(shown, key=lambda each: str(each["updated_at"]), reverse=True)


def _last_seen(
    connection: Connection, names: Iterable[str], own: frozenset[str]
) -> Mapping[str, str]:
    """When something last happened in each request that a member of the bodies `own` sees. When
    another body last spoke is that body's own."""
    latest = connection.execute(
        sa.select(entries.c.stream, sa.func.max(entries.c.at))
        .where(
            entries.c.stream.in_(sorted(names)),
            sa.or_(entries.c.owner == entries.c.stream, entries.c.owner.in_(sorted(own))),
        )
        .group_by(entries.c.stream)
    ).all()
    return {stream: at for stream, at in latest}


def _whose_turn(state: RequestState) -> frozenset[str]:
    desk = state.pinned.desk if state.pinned else None
    return frozenset(desk or who if who == DESK else who for who in state.waited_for())


def shown(sight: Sight, viewer: Viewer, request: str) -> Json:
    """One request as the viewer may see it. Raises RefusedError for one that is not theirs."""
    stream = streams.get(sight.connection, request)
    state: RequestState = stream.state
    seen = standing(sight, viewer, state)
    if not seen.any:
        raise RefusedError(Code.NOT_FOUND)
    happened = streams.after(sight.connection, request, 0)
    if seen.only_desk:
        state, happened = as_the_desk_left_it(happened)
    assert state.content is not None
    assert state.pinned is not None
    asked_by = {name: each.body for name, each in state.questions.items()}
    history = [event for entry in happened for event in told(entry, seen, asked_by)]
    conditions = [
        each
        for each in state.conditions.values()
        if each.body in seen.own or (seen.researcher and each.body in state.decisions)
    ]
    said = texts.read(
        sight.connection,
        [
            *state.content.words.values(),
            *state.content.why.values(),
            *(text for event in history for text in event["texts"]),
            *(each.words for each in conditions if each.words),
        ],
    )
    called = names.of(sight.connection, sight.bodies, state.applicants)
    return {
        "id": request,
        "sequence": happened[-1]["sequence"],
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
        "asked_first": (state.content.slice if seen.parties else state.slice).to_json(),
        "acts": sorted(state.content.acts),
        "named": codec.encode(state.content.named),
        "area": state.content.area,
        "use_kind": state.content.use_kind,
        "for_body": state.content.for_body,
        "revises": _revised(sight, state),
        "ends_at": codec.written(state.content.ends_at),
        "waiting": _waiting(sight, state, called, seen),
        "bodies": [
            {
                "body": entry.body,
                "name": called.get(entry.body),
                "capacity": str(entry.capacity),
                "rules": list(entry.rules),
                "outcome": _outcome(state, entry.body, seen),
                "after": sorted(_after(state, entry, seen)),
                "in_principle": _in_principle(state, entry.body, seen),
                "meeting": str(state.meetings[entry.body])
                if entry.body in state.meetings and seen.knows_of(entry.body)
                else None,
            }
            for entry in state.asked()
        ],
        "conditions": [_condition(each, said, called) for each in conditions],
        "disputes": [
            {"id": name, "body": each.body, "entry": each.entry, "open": each.open}
            for name, each in sorted(state.disputes.items())
            if seen.researcher or each.body in seen.own
        ],
        "open_questions": sorted(
            name
            for name, each in state.questions.items()
            if not each.answered and (seen.parties or each.body in seen.reviews)
        ),
        "voices": {
            body: {person: str(voice) for person, voice in state.voices.get(body, {}).items()}
            for body in sorted(seen.own)
        },
        "grant": state.grant if seen.parties else None,
        "history": [
            {**event, "texts": {t: said.get(t) for t in event["texts"]}} for event in history
        ],
    }


def _outcome(state: RequestState, body: str, seen: Standing) -> str | None:
    decision = state.decisions.get(body)
    if not seen.knows_of(body):
        return "not_shown"
    return str(decision.outcome) if decision else None


def _after(state: RequestState, entry: RouteEntry, seen: Standing) -> frozenset[str]:
    """Whom a body still waits for, by its own rule; to others only whom it comes after: who is
    waited for no more has said yes."""
    return state.before(entry.body) if seen.knows_of(entry.body) else entry.after


def _revised(sight: Sight, state: RequestState) -> Json | None:
    """The request that this one takes the place of, and what has changed: not in words, which
    both have, but in what is asked."""
    assert state.content is not None
    if state.content.revises is None:
        return None
    earlier = "request-" + derived_id(state.content.revises, "request")
    before: RequestState = streams.get(sight.connection, earlier).state
    if before.content is None or before.applicant != state.applicant:
        return {"request": None, "changes": []}
    return {
        "request": earlier,
        "changes": differences(_asked(before.content), _asked(state.content)),
    }


def _asked(content: Content) -> Json:
    """What a request asks, without its words."""
    asked: Json = codec.encode(replace(content, words={}, why={}, revises=None))
    return {**asked, "items": sorted(content.why)}


def _in_principle(state: RequestState, body: str, seen: Standing) -> list[str] | None:
    """On what a yes in principle depends, for those who may see what the body decided."""
    if body not in state.in_principle or not seen.knows_of(body):
        return None
    return sorted(state.in_principle[body])


def _waiting(
    sight: Sight, state: RequestState, called: dict[str, str], seen: Standing
) -> list[Json]:
    """Whose turn it is, since when, and the date of what comes next with its reason."""
    found = look(sight.connection, state, sight.now)
    return [
        {
            "for": each.who,
            "name": called.get(each.who),
            "since": codec.written(each.since),
            "working_days": each.reached.counted,
            "reason": each.reason,
            "stands": each.stands or None,
            "told_next_on": each.next.day.isoformat() if each.next else None,
            "told_next_because": explained(each.next, for_you=each.who == APPLICANT)
            if each.next
            else None,
            "referred_to_reviewer": state.waits[each.who].escalated,
        }
        for each in found.clocks
        if seen.waits_for(each.who)
    ]


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

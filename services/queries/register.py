"""Restrictions that bodies show and reports with replies, for anyone; grants, for whoever has
signed in; and of a grant the parts that only its parties see.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from policies import codec
from policies import conditions as library
from policies.body.commands import DEPLOYMENT
from policies.grant.state import GrantState, Status
from policies.refusals import Code, RefusedError
from policies.restriction.commands import Visibility
from policies.restriction.state import RestrictionState
from policies.restriction.state import Status as RestrictionStatus
from services import facts
from services.path import Sight
from services.people import Viewer
from services.queries import names
from services.store import streams, texts
from services.store.schema import grants, restrictions
from services.store.schema import streams as kept

Json = dict[str, Any]


def grant_list(sight: Sight) -> list[Json]:
    """Every grant: for what, which slice, until when, by which bodies' decisions; no people,
    and no stories: those are told to the grant's parties alone."""
    rows = sight.connection.execute(sa.select(grants.c.id).order_by(grants.c.updated_at.desc()))
    states = streams.states(sight.connection, [row.id for row in rows])
    called = names.of(sight.connection, sight.bodies)
    stories = facts.stories(sight.connection)
    return [_public(name, state, called, stories) for name, state in sorted(states.items())]


def grant_shown(sight: Sight, viewer: Viewer, grant: str) -> Json:
    """A grant as its parties see it. Raises RefusedError for anybody else."""
    stream = streams.get(sight.connection, grant)
    state: GrantState = stream.state
    own = state.communities() & set(sight.bodies.of(viewer.person))
    terms = state.terms
    if terms is None or not (viewer.person in terms.people or own):
        raise RefusedError(Code.NOT_FOUND)
    called = names.of(sight.connection, sight.bodies, terms.people)
    said = texts.read(sight.connection, [each.words for each in terms.conditions if each.words])
    overdue = state.overdue(sight.now)
    return {
        **_public(grant, state, called),
        "request": terms.request,
        "sequence": stream.sequence,
        "people": [{"person": each, "name": called.get(each)} for each in terms.people],
        "acts": sorted(terms.acts),
        "paused_for": overdue,
        "conditions": [
            {
                "body": each.body,
                "kind": each.kind,
                "sentence": said.get(each.words) if each.words else kind.sentence,
                "kept_by": str(kind.kept_by),
            }
            for each in terms.conditions
            for kind in (library.LIBRARY[each.kind],)
        ],
        "decisions": dict(terms.decisions),
        "duties": [
            {
                "id": name,
                "kind": duty.terms.kind,
                "due_at": codec.written(duty.terms.due_at),
                "standing": str(duty.standing),
                "version": duty.version,
                "owed_to": list(duty.terms.recipients),
                "accepted_by": sorted(duty.accepted_by),
            }
            for name, duty in sorted(state.duties.items())
        ],
        "history": [
            {"at": entry["at"], "entry": entry["id"], "event": event["type"]}
            for entry in streams.after(sight.connection, grant, 0)
            for event in entry["events"]
        ],
    }


def reports(sight: Sight) -> list[Json]:
    """Every report that its communities have accepted, their replies beside it."""
    rows = sight.connection.execute(sa.select(grants.c.id).order_by(grants.c.id))
    called = names.of(sight.connection, sight.bodies)
    found: list[Json] = []
    for name in [row.id for row in rows]:
        filed: dict[str, Json] = {}
        replies: dict[str, list[Json]] = {}
        for entry in streams.after(sight.connection, name, 0):
            for event in entry["events"]:
                data = event["data"]
                if event["type"] == "ReportFiled":
                    filed[data["duty"]] = {"at": entry["at"], **data}
                    replies[data["duty"]] = []
                if event["type"] == "ReportAccepted":
                    replies[data["duty"]].append(data)
                if event["type"] == "DutyDone":
                    found.append(
                        {"grant": name, **filed[data["duty"]], "replies": replies[data["duty"]]}
                    )
    said = texts.read(
        sight.connection,
        [t for each in found for t in (*each["words"].values(),
                                       *(reply["reply"] for reply in each["replies"]))],
    )  # fmt: skip
    return [
        {
            "grant": each["grant"],
            "filed_at": each["at"],
            "version": each["version"],
            "words": {name: said.get(text) for name, text in each["words"].items()},
            "replies": [
                {
                    "body": reply["body"],
                    "name": called.get(reply["body"]),
                    "reply": said.get(reply["reply"]),
                }
                for reply in each["replies"]
            ],
        }
        for each in found
    ]


def restriction_list(sight: Sight, viewer: Viewer | None) -> list[Json]:
    """Restrictions that bodies show, and for their own members the hidden ones too."""
    own = set(sight.bodies.of(viewer.person)) - {DEPLOYMENT} if viewer else set()
    # Chosen by the database: of what others hide, nothing is read, in no number of readings.
    shown = kept.c.state["visibility"].as_string() == str(Visibility.SHOWN)
    rows = list(
        sight.connection.execute(
            sa.select(restrictions.c.id, restrictions.c.words, kept.c.state)
            .join(kept, kept.c.id == restrictions.c.id)
            .where(sa.or_(shown, restrictions.c.owner.in_(sorted(own))))
            .order_by(restrictions.c.updated_at.desc())
        )
    )
    said = texts.read(sight.connection, [row.words for row in rows])
    called = names.of(sight.connection, sight.bodies)
    return [
        _restriction(row.id, codec.decode(RestrictionState, row.state), said.get(row.words), called)
        for row in rows
    ]


def restriction_shown(sight: Sight, viewer: Viewer | None, restriction: str) -> Json:
    """One restriction. Raises RefusedError: none of that name, or a hidden one of others."""
    stream = streams.get(sight.connection, restriction)
    state: RestrictionState = stream.state
    own = set(sight.bodies.of(viewer.person)) if viewer else set()
    hidden = state.visibility is Visibility.HIDDEN and state.body not in own
    if state.status is RestrictionStatus.NONE or hidden:
        raise RefusedError(Code.NOT_FOUND)
    words = sight.connection.execute(
        sa.select(restrictions.c.words).where(restrictions.c.id == restriction)
    ).scalar_one()
    said = texts.read(sight.connection, [words]).get(words)
    called = names.of(sight.connection, sight.bodies)
    shown = _restriction(restriction, state, said, called) | {"sequence": stream.sequence}
    if state.body in own:
        shown["voices"] = {person: str(voice) for person, voice in state.voices.items()}
    return shown


def _restriction(name: str, state: RestrictionState, said: str | None, called: Any) -> Json:
    assert state.scope is not None
    return {
        "id": name,
        "body": state.body,
        "placed_by": called.get(state.body),
        "status": str(state.status),
        "words": said,
        "scope": codec.encode(state.scope),
        "review_at": codec.written(state.review_at) if state.review_at else None,
    }


def _public(
    name: str, state: GrantState, called: Any, unlisted: frozenset[str] = frozenset()
) -> Json:
    terms = state.terms
    assert terms is not None
    assert state.status is not Status.NONE
    return {
        "id": name,
        "status": str(state.status),
        "purpose": terms.purpose,
        "items": sorted(terms.items.keys() - unlisted),
        "slice": terms.slice.to_json(),
        "starts_at": codec.written(state.starts_at) if state.starts_at else None,
        "ends_at": codec.written(terms.ends_at),
        "decided_by": [
            {"body": body, "name": called.get(body)} for body in sorted(terms.decisions)
        ],
    }

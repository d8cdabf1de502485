"""What bodies have proposed to change together, and how far each has come."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from policies import codec
from policies.body.commands import DEPLOYMENT
from policies.body.state import BodyState
from policies.request.state import Status
from policies.request.waiting import DESK
from services.path import Sight
from services.people import Viewer, speaking
from services.queries import names
from services.store import streams, texts
from services.store.schema import requests
from services.waiting import look

Json = dict[str, Any]


_PEOPLE = ("operator", "reviewer")
"""The kinds of change whose subject is a person."""


def desk(sight: Sight) -> Json:
    """The desk and its waits. Which requests they are is between their parties."""
    shared: BodyState = streams.get(sight.connection, DEPLOYMENT).state
    called = names.of(sight.connection, sight.bodies)
    there = sight.connection.execute(
        sa.select(requests.c.id).where(requests.c.status == str(Status.AT_DESK))
    ).scalars()
    waits = [
        {
            "since": codec.written(each.since),
            "working_days": each.reached.counted,
            "reason": each.reason,
        }
        for state in streams.states(sight.connection, there).values()
        for each in look(sight.connection, state, sight.now).clocks
        if each.who == DESK
    ]
    return {
        "desk": shared.desk,
        "name": called.get(shared.desk or ""),
        "working_days": shared.desk_days,
        "reviewer_named": shared.reviewer is not None,
        "waiting": sorted(waits, key=lambda each: str(each["since"])),
    }


def proposals(sight: Sight, viewer: Viewer | None) -> list[Json]:
    """Every proposal with what each body said; minutes stay with their body. Who is proposed
    as operator or reviewer is read by those who decide about it, not by everybody."""
    known = speaking(sight.bodies) | {DEPLOYMENT}
    decides = viewer is not None and bool(known & set(sight.bodies.of(viewer.person)))
    state: BodyState = streams.get(sight.connection, DEPLOYMENT).state
    made = {
        event["data"]["id"]: {**event["data"], "at": entry["at"]}
        for entry in streams.after(sight.connection, DEPLOYMENT, 0)
        for event in entry["events"]
        if event["type"] == "Proposed"
    }
    called = names.of(sight.connection, sight.bodies)
    why = texts.read(sight.connection, [each["words"] for each in made.values()])
    return [
        {
            "id": name,
            "at": made[name]["at"],
            "by": each.body,
            "name": called.get(each.body),
            "change": {
                **codec.encode(each.change),
                "subject": each.change.subject
                if decides or each.change.kind not in _PEOPLE
                else None,
            },
            "why": why.get(made[name]["words"]),
            "said": {body: str(outcome) for body, outcome in sorted(each.said.items())},
            "waiting_for": []
            if each.agreed is not None
            else sorted(known - {DEPLOYMENT} - set(each.said)),
            "agreed": each.agreed,
        }
        for name, each in state.proposals.items()
    ]

"""Restrictions: placed by a body over what is its own, lifted by its own rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from policies.body.commands import Mandate
from policies.refusals import Code, RefusedError
from policies.restriction import commands as c
from policies.restriction.state import RestrictionState, Status
from policies.types import Outcome, Sitting, Voice, derived_id
from services import calendar
from services.path import Path, Ready, Sent, Sight, words
from services.people import Viewer, acting_for, speaking_for
from services.store import streams
from services.store.schema import PUBLISHED, collections, items
from services.store.texts import Audience, Words


@dataclass(frozen=True)
class Placing:
    """A restriction as its secretary writes it. The review day lifts nothing."""

    scope: c.Scope
    words: str
    authority: str
    hidden: bool
    review_on: date | None
    held_on: date | None
    method: str


class Restrictions:
    """What bodies do with restrictions."""

    def __init__(self, path: Path) -> None:
        """`path` is the one way that commands go."""
        self._path = path

    async def place(
        self, viewer: Viewer, body: str, sent: Sent, placing: Placing
    ) -> dict[str, Any]:
        """Place a restriction; it binds every answer from the moment this returns."""
        restriction = "restriction-" + derived_id(sent.id, "restriction")
        shown = Audience.BODY if placing.hidden else Audience.PUBLIC
        named, spoken = words(sent, body, shown, {"words": placing.words})
        also, written = words(sent, body, Audience.BODY, {"authority": placing.authority})

        def build(sight: Sight) -> Ready:
            roles = speaking_for(sight.bodies, viewer, body)
            rule = sight.permitted("body:restriction:place", roles)
            mandate = sight.bodies.states[body].mandate
            if mandate.until is not None and mandate.until <= sight.now:
                # What has run out speaks for nobody until the body states it anew.
                mandate = Mandate(frozenset())
            _there(sight, placing.scope)
            command = c.Place(
                sight.bodies.sitting(body),
                placing.scope,
                named["words"],
                also["authority"],
                c.Visibility.HIDDEN if placing.hidden else c.Visibility.SHOWN,
                mandate.peoples,
                mandate.places,
                calendar.end_of(placing.review_on) if placing.review_on else None,
                placing.held_on,
                placing.method,
            )
            return Ready(restriction, command, rule, (body,), spoken + written)

        return await self._path.send(viewer, "body:restriction:place", sent, build)

    async def speak(
        self, viewer: Viewer, restriction: str, sent: Sent, voice: Voice
    ) -> dict[str, Any]:
        """Say whether it should be lifted."""
        return await self._for_body(
            viewer, restriction, "body:restriction:speak", sent, lambda body: ((), {}),
            lambda sitting, named: c.Speak(sitting, voice),
        )  # fmt: skip

    async def conclude(
        self, viewer: Viewer, restriction: str, sent: Sent, outcome: Outcome
    ) -> dict[str, Any]:
        """Record that the voices have come to lifting (approve) or keeping it (decline)."""
        return await self._for_body(
            viewer, restriction, "body:restriction:conclude", sent, lambda body: ((), {}),
            lambda sitting, named: c.Conclude(sitting, outcome),
        )  # fmt: skip

    async def record_hui(
        self,
        viewer: Viewer,
        restriction: str,
        sent: Sent,
        held_on: date,
        method: str,
        voices: Mapping[str, Voice],
        outcome: Outcome,
        minutes: str,
    ) -> dict[str, Any]:
        """The secretary writes up what was decided about lifting."""

        def said(body: str) -> tuple[tuple[Words, ...], Mapping[str, Any]]:
            named, kept = words(sent, body, Audience.BODY, {"minutes": minutes})
            return kept, named

        return await self._for_body(
            viewer, restriction, "body:restriction:record_hui", sent, said,
            lambda sitting, named: c.RecordHui(
                sitting, held_on, method, voices, outcome, named["minutes"]
            ),
        )  # fmt: skip

    async def _for_body(
        self,
        viewer: Viewer,
        restriction: str,
        act: str,
        sent: Sent,
        said: Callable[[str], tuple[tuple[Words, ...], Mapping[str, Any]]],
        command: Callable[[Sitting, Mapping[str, Any]], Any],
    ) -> dict[str, Any]:
        def build(sight: Sight) -> Ready:
            state: RestrictionState = streams.get(sight.connection, restriction).state
            if state.status is Status.NONE:
                raise RefusedError(Code.NOT_FOUND)
            roles = acting_for(sight.bodies, viewer, state.body)
            kept, named = said(state.body)
            rule = sight.permitted(act, roles)
            sitting = sight.bodies.sitting(state.body)
            return Ready(restriction, command(sitting, named), rule, (state.body,), kept)

        return await self._path.send(viewer, act, sent, build)


def _there(sight: Sight, scope: c.Scope) -> None:
    """A misspelt item or collection would restrict nothing, in silence: refuse it."""
    for table, wanted, name in (
        (items, scope.items, "scope.items"),
        (collections, scope.collections, "scope.collections"),
    ):
        found = set(
            sight.connection.execute(
                sa.select(table.c.id).where(
                    table.c.id.in_(sorted(wanted)), table.c.batch.in_(PUBLISHED)
                )
            ).scalars()
        )
        if wanted - found:
            raise RefusedError(
                Code.INVALID,
                field=name,
                sentence="The catalogue has no such item or collection.",
                next="Pick them from the catalogue.",
            )

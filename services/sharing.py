"""What all bodies share, and change only together: who is welcome, operator, reviewer, desk.

Proposals and what each body says to them are events of the deployment's own stream. Every
body that speaks has a say; each must agree, and one that is silent has not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from policies.body import commands as b
from policies.body.commands import DEPLOYMENT
from policies.refusals import Code, RefusedError
from policies.types import Outcome, Voice
from services.path import Path, Ready, Sent, Sight, words
from services.people import Bodies, Viewer, acting_for, speaking
from services.store import schema
from services.store.texts import Audience

PUBLIC = Audience.PUBLIC


@dataclass(frozen=True)
class Word:
    """What a body came to about a proposal, as its secretary wrote it down."""

    outcome: Outcome
    voices: Mapping[str, Voice]
    held_on: date
    method: str
    minutes: str


class Sharing:
    """Proposing and deciding what is shared."""

    def __init__(self, path: Path) -> None:
        """`path` is the one way that commands go."""
        self._path = path

    async def propose(
        self, viewer: Viewer, body: str, sent: Sent, change: b.Change, said: str
    ) -> dict[str, Any]:
        """A body proposes a change; `said` is why, for anybody to read."""
        named, kept = words(sent, DEPLOYMENT, PUBLIC, {"proposal": said})

        def build(sight: Sight) -> Ready:
            roles = acting_for(sight.bodies, viewer, body)
            rule = sight.permitted("body:body:propose", roles)
            _may_propose(sight.bodies, body, change)
            _there(sight, change)
            command = b.Propose(body, change, named["proposal"])
            return Ready(DEPLOYMENT, command, rule, (body, DEPLOYMENT), kept)

        return await self._path.send(viewer, "body:body:propose", sent, build)

    async def say(
        self, viewer: Viewer, body: str, sent: Sent, proposal: str, word: Word
    ) -> dict[str, Any]:
        """The secretary records what the body says; by the last yes of all, the change holds."""
        named, kept = words(sent, body, Audience.BODY, {"minutes": word.minutes})

        def build(sight: Sight) -> Ready:
            roles = acting_for(sight.bodies, viewer, body)
            rule = sight.permitted("body:body:say", roles)
            command = b.Say(
                sight.bodies.sitting(body), proposal, word.outcome, word.voices, word.held_on,
                word.method, named["minutes"], speaking(sight.bodies),
            )  # fmt: skip
            return Ready(DEPLOYMENT, command, rule, (body, DEPLOYMENT), kept)

        return await self._path.send(viewer, "body:body:say", sent, build)


def _may_propose(bodies: Bodies, body: str, change: b.Change) -> None:
    """A body that is not welcome yet may propose that it be, and nothing else. The operator
    proposes nothing."""
    own_welcome = change.kind == "welcome" and change.subject == body
    if body not in speaking(bodies) and not own_welcome:
        raise RefusedError(Code.NOT_PERMITTED)


def _there(sight: Sight, change: b.Change) -> None:
    """Refuse a change that names nobody: it would hold, and mean nothing."""
    if change.kind in ("operator", "reviewer"):
        known = sight.connection.execute(
            sa.select(schema.persons.c.id).where(schema.persons.c.id == change.subject)
        ).one_or_none()
        if known is None:
            raise RefusedError(Code.INVALID, field="change.subject")
    if change.kind in ("welcome", "desk") and change.subject is not None:
        state = sight.bodies.states.get(change.subject)
        if state is None or not state.entered or change.subject == DEPLOYMENT:
            raise RefusedError(Code.INVALID, field="change.subject")
        if change.kind == "welcome" and state.welcome:
            raise RefusedError(Code.ALREADY_DONE)

"""Who is asking, and in which roles: worked out from records at each command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from policies.body import DEPLOYMENT, BodyState
from policies.refusals import Code, RefusedError
from policies.types import Sitting
from services.store import streams, versions
from services.store.schema import bodies

ANYONE = "role:anyone"


@dataclass(frozen=True)
class Viewer:
    """Somebody who has signed in. Every read and every command is somebody's."""

    person: str


@dataclass(frozen=True)
class Bodies:
    """Every body as one snapshot has it, with the version each had."""

    states: Mapping[str, BodyState]
    versions: Mapping[str, int]
    now: datetime

    def sitting(self, body: str) -> Sitting:
        """The body as it can decide now. Raises RefusedError for one that is not there."""
        if body not in self.states:
            raise RefusedError(Code.NOT_FOUND)
        return self.states[body].sitting(body, self.versions[body], self.now)

    def roles(self, person: str, body: str) -> tuple[str, ...]:
        """The person's roles in `body` today; empty for somebody who is not of it."""
        state = self.states.get(body)
        member = state.current(self.now).get(person) if state else None
        return tuple(f"role:{role}" for role in sorted(member.roles)) if member else ()

    def of(self, person: str) -> tuple[str, ...]:
        """The bodies that the person is of today."""
        return tuple(body for body in sorted(self.states) if self.roles(person, body))


def all_bodies(connection: Connection, now: datetime) -> Bodies:
    """Read every body. (A handful to some hundreds; the rules issue makes it lazy.)"""
    ids = [row.id for row in connection.execute(sa.select(bodies.c.id))]
    found = streams.states(connection, [*ids, DEPLOYMENT])
    return Bodies(found, versions.read(connection, found), now)


def acting_for(known: Bodies, viewer: Viewer, body: str) -> tuple[str, ...]:
    """The viewer's roles in `body`.

    Raises:
        RefusedError: they are not of it. To outsiders a body's affairs do not exist, so
            this is `not_found`.
    """
    roles = known.roles(viewer.person, body)
    if not roles:
        raise RefusedError(Code.NOT_FOUND)
    return roles

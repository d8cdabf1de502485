"""Who is asking, and in which roles: worked out from records at each command."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from policies.body.commands import DEPLOYMENT
from policies.body.state import BodyState
from policies.refusals import Code, RefusedError
from policies.stepping_up import STEP_UP_ACTS
from policies.types import Sitting
from services import calendar
from services.store import streams, versions
from services.store.schema import bodies

ANYONE = "role:anyone"


@dataclass(frozen=True)
class Viewer:
    """Somebody who has signed in. Every read and every command is somebody's.

    `stepped_up` says that they showed within the last minutes that it is them
    (`policies/stepping_up.py`); what nothing is known of does not count.
    """

    person: str
    stepped_up: bool = False

    @classmethod
    def inside(cls, person: str) -> Viewer:
        """A person as whom code on this machine itself acts: the invented ones of the example,
        an operator at the command line. No browser could have been left open there."""
        return cls(person, stepped_up=True)


def require_fresh(viewer: Viewer, act: str) -> None:
    """Nothing, when `viewer` may go on to `act` with the sign-in that they have.

    Raises:
        RefusedError: the act asks for a fresh one. Who may do it is asked afterwards, so
            this says nothing of the rules.
    """
    if act in STEP_UP_ACTS and not viewer.stepped_up:
        raise RefusedError(Code.STEP_UP)


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
        return self.states[body].sitting(
            body, self.versions[body], self.now, calendar.today(self.now)
        )

    def roles(self, person: str, body: str) -> tuple[str, ...]:
        """The person's roles in `body` today; empty for somebody who is not of it."""
        state = self.states.get(body)
        if state is None:
            return ()
        member = state.current(self.now).get(person)
        if member is not None:
            return tuple(f"role:{role}" for role in sorted(member.roles))
        # Whoever speaks for one of its members sees what that member would; what they may
        # do there is the machines' to say.
        delegated = self.sitting(body).delegates.values()
        return ("role:member",) if person in delegated else ()

    def member(self, person: str, body: str) -> bool:
        """Is the person of the body today, themselves, and not for somebody else?"""
        state = self.states.get(body)
        return state is not None and person in state.current(self.now)

    def of(self, person: str) -> tuple[str, ...]:
        """The bodies that the person is of today."""
        return tuple(body for body in sorted(self.states) if self.roles(person, body))


def all_bodies(connection: Connection, now: datetime) -> Bodies:
    """Read every body. (A handful to some hundreds; the rules issue makes it lazy.)"""
    ids = [row.id for row in connection.execute(sa.select(bodies.c.id))]
    found = streams.states(connection, [*ids, DEPLOYMENT])
    return Bodies(found, versions.read(connection, found), now)


def speaking(known: Bodies) -> frozenset[str]:
    """Every body that the others know, and that speaks here; the deployment is none of them."""
    return frozenset(
        body
        for body, state in known.states.items()
        if body != DEPLOYMENT and state.entered and state.welcome
    )


def speaking_for(known: Bodies, viewer: Viewer, body: str) -> tuple[str, ...]:
    """As `acting_for`, for what only a body does that the others know. Raises RefusedError."""
    roles = acting_for(known, viewer, body)
    if body != DEPLOYMENT and body not in speaking(known):
        raise RefusedError(Code.NOT_WELCOME_YET)
    return roles


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

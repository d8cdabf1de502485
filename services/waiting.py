"""Whom a request waits for, since when, and for how many working days by now.

The state of a request keeps instants; here they meet calendars: New Zealand's holidays, each
body's region, closures and pauses, and the restrictions under which no clock runs. What
follows from so many days is decided by `policies/request/clock.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

from policies import codec
from policies.body.commands import DEPLOYMENT
from policies.body.state import BodyState, as_closure
from policies.request import waiting
from policies.request.commands import APPLICANT, Remind, Waited
from policies.request.state import RequestState
from policies.request.waiting import DESK, Wait
from policies.restriction.commands import Visibility
from policies.restriction.state import RestrictionState
from policies.types import Capacity
from policies.working_days import Due, Stop, WorkingDays, due, elapsed, explained, stands
from services import calendar
from services.store import streams
from services.store.schema import entries, restrictions
from services.store.schema import streams as kept

APPLICANT_AFTER = (5, 10, 20)
"""After how many working days whoever asked is reminded of what is theirs to do."""
REVIEW_AFTER = 20
"""After how many working days of a holder's silence the named reviewer is told: as long as an
agency has for a request for information (Official Information Act 1982, s 15)."""
LOOK_AGAIN = timedelta(days=7)
"""How soon a clock is looked at again that stands still for something outside the request."""


@dataclass(frozen=True)
class Clock:
    """One wait with its calendar: what has been counted, and when something more follows."""

    who: str
    since: datetime
    waited: Waited
    reached: Due
    stands: str
    next: Due | None

    @property
    def reason(self) -> str:
        """How long they have been waited for, and what was not counted, in one sentence."""
        return explained(self.reached, for_you=False)


@dataclass(frozen=True)
class Look:
    """What is due of a request at one instant, and when to look again."""

    clocks: tuple[Clock, ...]
    command: Remind | None
    wake_at: datetime | None


def look(connection: Connection, state: RequestState, now: datetime) -> Look:
    """Everybody whom the request waits for at `now`."""
    found = _Calendars(connection, state, now)
    clocks = tuple(found.clock(who, wait) for who, wait in sorted(state.waits.items()))
    overdue = [each for each in clocks if _more_is_due(state.waits[each.who], each, found)]
    command = None
    if overdue:
        command = Remind(
            {each.who: each.waited for each in overdue},
            found.deployment.reviewer,
            found.desk_days,
        )
    wakes = [calendar.start_of(each.next.day) for each in clocks if each.next is not None]
    if any(_may_go_on(state.waits[each.who], each) for each in clocks):
        wakes.append(now + LOOK_AGAIN)
    return Look(clocks, command, min(wakes, default=None))


def _may_go_on(wait: Wait, clock: Clock) -> bool:
    """Does a clock stand for something outside the request, which may end at any time: a pause,
    a restriction, or a closure longer than anybody plans?"""
    if wait.stands:
        return False
    nothing_in_sight = clock.next is None and waiting.next_step(wait, clock.waited) is not None
    return bool(clock.stands) or nothing_in_sight


def _more_is_due(wait: Wait, clock: Clock, found: _Calendars) -> bool:
    if wait.stands:
        return False
    step = waiting.next_step(wait, clock.waited)
    if clock.who == DESK and found.desk_days is not None:
        step = min(step or found.desk_days, found.desk_days)
    return step is not None and step <= clock.waited.days


class _Calendars:
    """The bodies that one request concerns, their days, and what stops all clocks."""

    def __init__(self, connection: Connection, state: RequestState, now: datetime) -> None:
        self._state = state
        self._now = now
        name = state.pinned.desk if state.pinned else None
        desk = {name} if name else set()
        wanted = {*state.waits, *desk, DEPLOYMENT} - {APPLICANT, DESK}
        self._bodies: Mapping[str, BodyState] = streams.states(connection, wanted)
        self.deployment: BodyState = self._bodies.get(DEPLOYMENT, BodyState())
        self._desk = self._bodies.get(name or "", BodyState())
        self.desk_days = _agreed_days(self.deployment, name)
        since = min((each.since for each in state.waits.values()), default=now)
        self._restricted = list(_under_restriction(connection, state, since))

    def clock(self, who: str, wait: Wait) -> Clock:
        """The clock of one wait."""
        body = self._of(who)
        since = calendar.today(wait.since)
        days = calendar.working_days(
            body.region or self.deployment.region, since, tuple(map(as_closure, body.closures))
        )
        stops = [*self._halts(wait), *_pauses(body), *self._restricted]
        today = calendar.today(self._now)
        reached = elapsed(since, today, days, stops)
        waited = self._waited(who, body, reached.counted)
        return Clock(
            who, wait.since, waited, reached, stands(_open(stops, today), for_you=False),
            self._next(who, wait, waited, days, stops),
        )  # fmt: skip

    def _next(
        self, who: str, wait: Wait, waited: Waited, days: WorkingDays, stops: list[Stop]
    ) -> Due | None:
        step = waiting.next_step(wait, waited)
        if who == DESK and self.desk_days is not None:
            step = min(step or self.desk_days, self.desk_days)
        try:
            return due(calendar.today(wait.since), step, days, stops) if step else None
        except ValueError:
            # Closed, or in a pause, for longer than a clock looks ahead: nothing is in sight.
            return None

    def _of(self, who: str) -> BodyState:
        if who == APPLICANT:
            return self.deployment
        found: BodyState | None = self._desk if who == DESK else self._bodies.get(who)
        return found or BodyState()

    def _waited(self, who: str, body: BodyState, days: int) -> Waited:
        if who == APPLICANT:
            return Waited(days, APPLICANT_AFTER)
        wishes = body.reminders
        holder = any(
            each.body == who and each.capacity is Capacity.HOLDER for each in self._state.asked()
        )
        review = REVIEW_AFTER if holder and self.deployment.reviewer else None
        return Waited(days, wishes.days, wishes.then, wishes.then_after, review)

    def _halts(self, wait: Wait) -> Iterable[Stop]:
        for each in wait.halts:
            until = calendar.today(each.until) if each.until else None
            yield Stop(calendar.today(each.since), until, each.why)


def _agreed_days(deployment: BodyState, desk: str | None) -> int | None:
    """The working days that the bodies agreed with this desk. They hold for what it has
    before it also when another desk, or none, has taken its place."""
    if desk is None or deployment.desk == desk:
        return deployment.desk_days
    agreed = [
        each.change.days
        for each in deployment.proposals.values()
        if each.agreed and each.change.kind == "desk" and each.change.subject == desk
    ]
    return agreed[-1] if agreed else None


def _pauses(body: BodyState) -> Iterable[Stop]:
    for each in body.pauses.values():
        # One that was ended before it began was none.
        if each.last is None or each.first <= each.last:
            yield Stop(each.first, each.last, "pause")


def _open(stops: Iterable[Stop], today: date) -> list[Stop]:
    return [each for each in stops if each.until is None and each.since <= today]


def _under_restriction(
    connection: Connection, state: RequestState, since: datetime
) -> Iterable[Stop]:
    """The days on which a restriction covered part of what is asked. Of a hidden one nobody
    learns from a date: it reads as a pause."""
    # One statement for all of them, whether or not there are any: how many statements a look
    # takes must tell nobody of one that is hidden.
    rows = connection.execute(
        sa.select(restrictions.c.id, restrictions.c.status, restrictions.c.updated_at, kept.c.state)
        .join(kept, kept.c.id == restrictions.c.id)
        .where(
            sa.or_(
                restrictions.c.status != "lifted",
                restrictions.c.updated_at > codec.written(since),
            )
        )
    )
    found = {row.id: row for row in rows}
    states = {name: codec.decode(RestrictionState, row.state) for name, row in found.items()}
    touching = [name for name, each in sorted(states.items()) if _touches(each, state)]
    placed = dict(
        connection.execute(
            sa.select(entries.c.stream, entries.c.at).where(
                entries.c.stream.in_(touching), entries.c.sequence == 1
            )
        ).all()
    )
    for name in touching:
        lifted = found[name].status == "lifted"
        until = calendar.today(codec.instant(found[name].updated_at)) if lifted else None
        hidden = states[name].visibility is Visibility.HIDDEN
        first = calendar.today(codec.instant(placed[name]))
        yield Stop(first, until, "pause" if hidden else "restriction")


def _touches(restriction: RestrictionState, state: RequestState) -> bool:
    scope = restriction.scope
    if scope is None or state.pinned is None or state.content is None:
        return False
    if not scope.acts & state.content.acts or not scope.slice.overlaps(state.slice):
        return False
    if not (scope.items or scope.collections):
        return True
    held = {state.pinned.items[item].collection for item in state.items}
    return bool(scope.items & state.items or scope.collections & held)

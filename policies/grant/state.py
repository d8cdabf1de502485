"""A grant as its events tell it. Suspension is never stored: it is computed at each answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from policies.grant import events as e
from policies.grant import report
from policies.grant.report import Duty
from policies.request.events import Terms
from policies.stream import Meta


class Status(StrEnum):
    """Where a grant stands, its suspensions aside."""

    NONE = "none"
    ACTIVE = "active"
    ENDED = "ended"
    CLOSED = "closed"


@dataclass(frozen=True)
class GrantState:
    """What `decide` and the decision point need to know."""

    status: Status = Status.NONE
    terms: Terms | None = None
    starts_at: datetime | None = None
    duties: Mapping[str, Duty] = field(default_factory=dict)
    disposal_attested: bool = False
    disposal_acknowledged: frozenset[str] = frozenset()
    lapses: Mapping[str, datetime] = field(default_factory=dict)
    lapse_told: frozenset[str] = frozenset()

    @property
    def open(self) -> bool:
        """False once nothing is owed any more."""
        return self.status is not Status.CLOSED

    def overdue(self, now: datetime) -> str | None:
        """The duty for which access is paused at `now`, whether or not a timer has fired."""
        for name, duty in sorted(self.duties.items()):
            if duty.overdue(now):
                return name
        return None

    def lapsed(self, now: datetime) -> str | None:
        """The body whose decision, made elsewhere, has lapsed at `now`."""
        return next((body for body, at in sorted(self.lapses.items()) if at <= now), None)

    def may_pause_at(self) -> list[datetime]:
        """The instants at which access is suspended unless something happens before: a duty
        falls overdue, a decision made elsewhere lapses."""
        overdue = [each.terms.due_at for each in self.duties.values() if each.can_fall_overdue]
        return [*overdue, *self.lapses.values()]

    def communities(self) -> frozenset[str]:
        """The bodies that reports and disposal are owed to."""
        return frozenset(body for duty in self.duties.values() for body in duty.terms.recipients)


def evolve(state: GrantState, event: e.Event, meta: Meta) -> GrantState:
    """The state after `event`, which the entry `meta` recorded."""
    match event:
        case e.Issued():
            duties = {f"duty-{n}": Duty(each) for n, each in enumerate(event.terms.duties, 1)}
            return GrantState(
                Status.ACTIVE, event.terms, meta.at, duties, lapses=event.terms.lapses
            )
        case e.RenewedElsewhere():
            return replace(
                state,
                lapses={**state.lapses, event.body: event.expires_at},
                lapse_told=state.lapse_told - {event.body},
            )
        case e.LapsePassed():
            return replace(state, lapse_told=state.lapse_told | {event.body})
        case e.Ended():
            return replace(state, status=Status.ENDED)
        case e.DisposalAttested():
            return replace(state, disposal_attested=True)
        case e.DisposalAcknowledged():
            bodies = state.disposal_acknowledged | {event.body}
            return replace(state, disposal_acknowledged=bodies)
        case e.Closed():
            return replace(state, status=Status.CLOSED)
        case _:
            duty = report.evolve(state.duties[event.duty], event, meta)
            return replace(state, duties={**state.duties, event.duty: duty})

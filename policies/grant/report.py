"""A duty and its report as a state machine of its own: owed, filed, returned, done."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from policies.grant import events as e
from policies.request.events import DutyTerms
from policies.stream import Meta


class Standing(StrEnum):
    """With whom the duty is: the researcher owes it, the bodies read it, or it is done."""

    OWED = "owed"
    FILED = "filed"
    DONE = "done"


@dataclass(frozen=True)
class Duty:
    """One duty, by when it is owed and how far it has come."""

    terms: DutyTerms
    standing: Standing = Standing.OWED
    version: int = 0
    in_time: bool = False
    accepted_by: frozenset[str] = frozenset()
    reminded: bool = False
    paused: bool = False

    @property
    def waiting_for(self) -> frozenset[str]:
        """The communities that have not accepted the version filed last."""
        return frozenset(self.terms.recipients) - self.accepted_by

    @property
    def can_fall_overdue(self) -> bool:
        """False once done, and while a report that came in time is with its readers:
        a community may take as long as it needs, and that is not held against her."""
        if self.standing is Standing.FILED:
            return not self.in_time
        return self.standing is Standing.OWED

    def overdue(self, now: datetime) -> bool:
        """True while access is paused for this duty at `now`."""
        return self.can_fall_overdue and self.terms.due_at <= now


def evolve(duty: Duty, event: e.Event, meta: Meta) -> Duty:
    """The duty after `event`. A return voids earlier acceptances: all read the next version."""
    match event:
        case e.DutyReminded():
            return replace(duty, reminded=True)
        case e.AccessPaused():
            return replace(duty, paused=True)
        case e.ReportFiled():
            return replace(
                duty, standing=Standing.FILED, version=event.version, accepted_by=frozenset(),
                in_time=meta.at <= duty.terms.due_at,
            )  # fmt: skip
        case e.ReportReturned():
            return replace(duty, standing=Standing.OWED, accepted_by=frozenset())
        case e.ReportAccepted():
            return replace(duty, accepted_by=duty.accepted_by | {event.body})
        case e.DutyDone():
            return replace(duty, standing=Standing.DONE)
        case _:
            return duty

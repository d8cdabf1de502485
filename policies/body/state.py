"""A body as its events tell it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from policies import working_days
from policies.body import events as e
from policies.body.commands import (
    PAUSES,
    Change,
    Closure,
    Delegation,
    Mandate,
    Member,
    Pause,
    Reminders,
)
from policies.stream import Meta
from policies.types import Kawa, KawaRule, Outcome, Sitting


@dataclass(frozen=True)
class Proposal:
    """A change of what all share, and what bodies have said to it so far."""

    body: str
    change: Change
    said: Mapping[str, Outcome] = field(default_factory=dict)
    agreed: bool | None = None


@dataclass(frozen=True)
class BodyState:
    """A body as its events tell it. Until it is `welcome` it speaks for nobody."""

    entered: bool = False
    mandate: Mandate = field(default_factory=lambda: Mandate(frozenset()))
    kawa: Kawa = field(default_factory=lambda: Kawa(KawaRule.CONSENSUS))
    members: Mapping[str, Member] = field(default_factory=dict)
    gateways: frozenset[str] = frozenset()
    welcome: bool = True
    region: str | None = None
    closures: tuple[Closure, ...] = ()
    pauses: Mapping[str, Pause] = field(default_factory=dict)
    taken_back: frozenset[str] = frozenset()
    reminders: Reminders = field(default_factory=Reminders)
    delegations: Mapping[str, Delegation] = field(default_factory=dict)
    introduced: frozenset[str] = frozenset()
    korero: Mapping[str, date] = field(default_factory=dict)
    proposals: Mapping[str, Proposal] = field(default_factory=dict)
    reviewer: str | None = None
    desk: str | None = None
    desk_days: int | None = None

    @property
    def open(self) -> bool:
        """A body does not end of itself."""
        return True

    def current(self, now: datetime) -> Mapping[str, Member]:
        """The members whose term has not ended at `now`."""
        return {
            person: each
            for person, each in self.members.items()
            if each.until is None or each.until > now
        }

    def sitting(self, body: str, version: int, now: datetime, today: date) -> Sitting:
        """The body as it can decide at `now`, which falls on the local day `today`."""
        current = self.current(now)
        secretaries = {person for person, each in current.items() if "secretary" in each.roles}
        # A secretary may only hold the pen; who speaks is whoever holds the role of member.
        speakers = {person for person, each in current.items() if "member" in each.roles}
        return Sitting(
            body,
            version,
            self.kawa,
            frozenset(speakers),
            frozenset(secretaries),
            {
                each.person: each.to
                for each in self.delegations.values()
                if each.until > now and each.person in speakers
            },
            {person: each.institution for person, each in current.items() if each.institution},
            self.pause_on(today),
        )

    def pause_on(self, day: date) -> str | None:
        """The kind of a pause that the body keeps on `day`, or None."""
        for pause in self.pauses.values():
            if pause.first <= day and (pause.last is None or day <= pause.last):
                return pause.kind
        for each in self.closures:
            if each.kind in PAUSES and as_closure(each).covers(day):
                return each.kind
        return None


def as_closure(closure: Closure) -> working_days.Closure:
    """A closure as the clock counts with it. Raises ValueError for days that cannot be meant."""
    return working_days.Closure(closure.first, closure.last, closure.kind, closure.yearly)


def evolve(state: BodyState, event: e.Event, meta: Meta) -> BodyState:  # noqa: C901  one arm an event
    """The state after `event`."""
    match event:
        case e.Entered():
            members = {each.person: each for each in event.members}
            return BodyState(
                True, event.mandate, event.kawa, members, welcome=not event.awaits_welcome
            )
        case e.Welcomed():
            return replace(state, welcome=True)
        case e.MemberAdded():
            return replace(state, members={**state.members, event.member.person: event.member})
        case e.MembershipEnded():
            left = {p: each for p, each in state.members.items() if p != event.person}
            told = state.reminders
            if told.then == event.person:
                # Whoever has left learns nothing more of what the body is asked.
                told = replace(told, then=None)
            return replace(state, members=left, reminders=told)
        case e.KawaSet():
            return replace(state, kawa=event.kawa)
        case e.MandateRestated():
            return replace(state, mandate=event.mandate)
        case e.GatewayAdded():
            return replace(state, gateways=state.gateways | {event.gateway})
        case e.Delegated():
            return replace(state, delegations={**state.delegations, event.id: event.delegation})
        case e.DelegationRevoked():
            kept = {n: each for n, each in state.delegations.items() if n != event.delegation}
            return replace(state, delegations=kept)
        case e.CalendarSet():
            return replace(state, region=event.region, closures=event.closures)
        case e.PauseBegun():
            return replace(state, pauses={**state.pauses, event.id: event.pause})
        case e.PauseEnded():
            return _pause_ended(state, event)
        case e.RemindersSet():
            return replace(state, reminders=event.reminders)
        case e.Introduced():
            return replace(state, introduced=state.introduced | {event.person})
        case e.KoreroRecorded():
            return replace(state, korero={**state.korero, event.person: event.held_on})
        case e.Proposed():
            proposal = Proposal(event.body, event.change)
            return replace(state, proposals={**state.proposals, event.id: proposal})
        case e.Said():
            proposal = state.proposals[event.proposal]
            said = replace(proposal, said={**proposal.said, event.body: event.outcome})
            return replace(state, proposals={**state.proposals, event.proposal: said})
        case e.Settled():
            return _settled(state, event)


def _pause_ended(state: BodyState, event: e.PauseEnded) -> BodyState:
    """An ended pause's days stay known, since no clock ran in them. One that is ended before it
    begins was none, and only its name is kept."""
    ended = state.pauses[event.pause]
    if event.on < ended.first:
        left = {name: each for name, each in state.pauses.items() if name != event.pause}
        return replace(state, pauses=left, taken_back=state.taken_back | {event.pause})
    last = event.on if ended.last is None else min(event.on, ended.last)
    return replace(state, pauses={**state.pauses, event.pause: replace(ended, last=last)})


def _settled(state: BodyState, event: e.Settled) -> BodyState:
    settled = replace(state.proposals[event.proposal], agreed=event.agreed)
    state = replace(state, proposals={**state.proposals, event.proposal: settled})
    if not event.agreed:
        return state
    change = event.change
    match change.kind:
        case "reviewer":
            return replace(state, reviewer=change.subject)
        case "desk":
            return replace(state, desk=change.subject, desk_days=change.days)
        case "operator":
            assert change.subject is not None
            others = {
                p: replace(each, roles=each.roles - {"operator"})
                for p, each in state.members.items()
            }
            kept = {p: each for p, each in others.items() if each.roles - {"secretary"}}
            operator = Member(change.subject, frozenset({"operator", "secretary"}))
            return replace(state, members={**kept, change.subject: operator})
    return state

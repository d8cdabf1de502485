"""May a body's people change this about it, and what follows?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from policies import kawa as deciding
from policies import order
from policies.body import commands as c
from policies.body import events as e
from policies.body.state import BodyState, Proposal, as_closure
from policies.refusals import Code, Refused
from policies.types import SYSTEM, Envelope, Kawa, KawaRule, Outcome

Decided = list[e.Event] | Refused

SHARED = {"welcome": "body-", "operator": "person-", "reviewer": "person-", "desk": "body-"}
"""What bodies change together (`commands.Change`), and how the ids begin of what it is about."""


def decide(state: BodyState, envelope: Envelope) -> Decided:  # noqa: C901  one arm a command
    """The events that `envelope`'s command causes, or why it is refused. Pure."""
    match envelope.command:
        case c.Enter() as command:
            return _enter(state, command)
        case _ if not state.entered:
            return Refused(Code.NOT_FOUND)
        case c.Welcome():
            if envelope.actor != SYSTEM:
                return Refused(Code.NOT_PERMITTED)
            return Refused(Code.ALREADY_DONE) if state.welcome else [e.Welcomed()]
        case c.AddMember() as command:
            if not command.member.roles or not command.member.roles <= c.ROLES:
                return _invalid("roles")
            joined = {**state.members, command.member.person: command.member}
            # Whom the kawa names neither leaves nor loses their voice before it is changed.
            if command.member.person in _needed(state.kawa) and (
                refusal := _unworkable(state.kawa, joined)
            ):
                return refusal
            return _stewardless(joined) or [e.MemberAdded(command.member)]
        case c.EndMembership() as command:
            return _leave(state, command)
        case c.SetKawa() as command:
            return _unworkable(command.kawa, state.members) or [e.KawaSet(command.kawa)]
        case c.RestateMandate() as command:
            return [e.MandateRestated(command.mandate)]
        case c.AddGateway() as command:
            if command.gateway in state.gateways:
                return Refused(Code.ALREADY_DONE)
            return [e.GatewayAdded(command.gateway, command.collections)]
        case c.Delegate() as command:
            return _delegate(state, envelope, command)
        case c.RevokeDelegation() as command:
            return _revoke(state, envelope, command)
        case c.SetCalendar() as command:
            return _set_calendar(command)
        case c.BeginPause() as command:
            last = command.pause.last
            if command.pause.kind not in c.PAUSES:
                return _invalid("pause.kind")
            if last is not None and last < command.pause.first:
                return _invalid("pause.last")
            return [e.PauseBegun(envelope.id, command.pause)]
        case c.EndPause() as command:
            pause = state.pauses.get(command.pause)
            if command.pause in state.taken_back:
                return Refused(Code.ALREADY_DONE)
            if pause is None:
                return Refused(Code.NOT_FOUND)
            if pause.last is not None and pause.last <= command.on:
                return Refused(Code.ALREADY_DONE)
            return [e.PauseEnded(command.pause, command.on)]
        case c.SetReminders() as command:
            return _remind(state, command)
        case c.Introduce() as command:
            if envelope.actor in state.introduced:
                return Refused(Code.ALREADY_DONE)
            return [e.Introduced(envelope.actor, command.words)]
        case c.RecordKorero() as command:
            if command.held_on > (envelope.at + timedelta(hours=14)).date():
                return _invalid("held_on")
            return [e.KoreroRecorded(command.person, command.held_on, command.method)]
        case c.Propose() as command:
            return _propose(state, envelope, command)
        case c.Say() as command:
            return _say(state, envelope, command)
    raise TypeError(type(envelope.command).__name__)


def _enter(state: BodyState, command: c.Enter) -> Decided:
    if state.entered:
        return Refused(Code.ALREADY_DONE)
    members = {each.person: each for each in command.members}
    if refusal := _unworkable(command.kawa, members):
        return refusal
    roles = [each.roles for each in members.values()]
    if not all(each and each <= c.ROLES for each in roles):
        return _invalid("roles")
    if not any("secretary" in each for each in roles):
        return _invalid("members")
    return [
        e.Entered(
            command.name, command.mandate, command.kawa, command.members, command.awaits_welcome
        )
    ]


def _leave(state: BodyState, command: c.EndMembership) -> Decided:
    if command.person not in state.members:
        return Refused(Code.NOT_FOUND)
    if command.person in _needed(state.kawa):
        # What the kawa asks of somebody who is gone could never come, or would be let go
        # in silence: the body says first who stands in their place.
        return Refused(Code.INVALID, {
            "field": "person",
            "sentence": "The body's kawa names this person.",
            "next": "Change the kawa first, so that it names who stands in their place.",
        })  # fmt: skip
    left = {p: each for p, each in state.members.items() if p != command.person}
    ended: list[e.Event] = [
        e.DelegationRevoked(name)
        for name, each in sorted(state.delegations.items())
        if each.person == command.person
    ]
    return _stewardless(left) or [e.MembershipEnded(command.person), *ended]


def _delegate(state: BodyState, envelope: Envelope, command: c.Delegate) -> Decided:
    given = command.delegation
    member = state.current(envelope.at).get(given.person)
    if member is None or "member" not in member.roles:
        return Refused(Code.NOT_A_MEMBER)
    if envelope.actor not in {given.person, *_pens(state, envelope)}:
        return Refused(Code.NOT_PERMITTED)
    if given.to == given.person:
        return _invalid("to")
    if not envelope.at < given.until <= envelope.at + c.LONGEST_DELEGATION:
        return Refused(Code.INVALID, {
            "field": "until",
            "sentence": "A delegation lasts until a day within the next four months.",
            "next": "Name an earlier day; it can be given again.",
        })  # fmt: skip
    standing = [each for each in state.delegations.values() if each.until > envelope.at]
    if any(each.to == given.to and each.person != given.person for each in standing):
        # Small: nobody gathers the voices of many.
        return Refused(Code.INVALID, {
            "field": "to",
            "sentence": "This person speaks for somebody else already.",
            "next": "Name another person, or end that delegation first.",
        })  # fmt: skip
    if any(each.person in (given.person, given.to) for each in standing):
        return Refused(Code.INVALID, {
            "field": "person",
            "sentence": "One of the two has given their voice to somebody already.",
            "next": "End that delegation first.",
        })  # fmt: skip
    return [e.Delegated(envelope.id, given)]


def _revoke(state: BodyState, envelope: Envelope, command: c.RevokeDelegation) -> Decided:
    given = state.delegations.get(command.delegation)
    if given is None:
        return Refused(Code.NOT_FOUND)
    if envelope.actor not in {given.person, given.to, *_pens(state, envelope)}:
        return Refused(Code.NOT_PERMITTED)
    return [e.DelegationRevoked(command.delegation)]


def _pens(state: BodyState, envelope: Envelope) -> frozenset[str]:
    """The secretaries of today."""
    current = state.current(envelope.at)
    return frozenset(person for person, each in current.items() if "secretary" in each.roles)


def _set_calendar(command: c.SetCalendar) -> Decided:
    for number, each in enumerate(command.closures):
        try:
            as_closure(each)
        except ValueError as error:
            return Refused(Code.INVALID, {"field": f"closures.{number}", "sentence": str(error)})
    return [e.CalendarSet(command.region, command.closures)]


def _remind(state: BodyState, command: c.SetReminders) -> Decided:
    said = command.reminders
    if not said.days or list(said.days) != sorted(set(said.days)) or said.days[0] < 1:
        return _invalid("days")
    if said.then is not None and said.then not in state.members:
        return _invalid("then")
    if said.then_after < said.days[-1]:
        return _invalid("then_after")
    return [e.RemindersSet(said)]


def _propose(state: BodyState, envelope: Envelope, command: c.Propose) -> Decided:
    change = command.change
    if change.kind not in SHARED:
        return _invalid("change.kind")
    if change.kind != "desk" and change.subject is None:
        return _invalid("change.subject")
    # What all agree to is carried out by itself: it must be possible.
    if change.subject is not None and not change.subject.startswith(SHARED[change.kind]):
        return _invalid("change.subject")
    at_the_desk = change.kind == "desk" and change.subject is not None
    if at_the_desk is not (change.days is not None and change.days >= 1):
        return _invalid("change.days")
    waiting = [each for each in state.proposals.values() if each.agreed is None]
    if any(each.change == change for each in waiting):
        return Refused(Code.ALREADY_DONE)
    return [e.Proposed(envelope.id, command.body, change, command.words)]


def _say(state: BodyState, envelope: Envelope, command: c.Say) -> Decided:
    proposal = state.proposals.get(command.proposal)
    sitting = command.sitting
    if proposal is None:
        return Refused(Code.NOT_FOUND)
    if proposal.agreed is not None or sitting.body in proposal.said:
        return Refused(Code.ALREADY_DONE)
    if sitting.body not in command.bodies:
        return Refused(Code.NOT_ASKED)
    if envelope.actor not in sitting.secretaries:
        return Refused(Code.NOT_PERMITTED)
    if command.outcome not in (Outcome.APPROVE, Outcome.DECLINE):
        return _invalid("outcome")
    if command.held_on > (envelope.at + timedelta(hours=14)).date():
        return _invalid("held_on")
    if frozenset(command.voices) - sitting.members - frozenset(sitting.delegates.values()):
        return Refused(Code.NOT_A_MEMBER)
    if sitting.pause is not None:
        return Refused(Code.PAUSED)
    if sitting.kawa.in_person and command.method != "hui":
        return Refused(Code.IN_PERSON)
    hearing = deciding.Hearing(command.voices, sitting.members, delegates=sitting.delegates)
    if refusal := deciding.decided(sitting.kawa, command.outcome, hearing):
        return refusal
    said = e.Said(
        command.proposal, sitting.body, command.outcome, command.held_on, command.method,
        command.voices, command.minutes,
    )  # fmt: skip
    after = replace(proposal, said={**proposal.said, sitting.body: command.outcome})
    settled = _settles(command.proposal, after, command.bodies)
    return [said, *settled]


def _settles(name: str, proposal: Proposal, bodies: frozenset[str]) -> list[e.Event]:
    """Each of `bodies` must have agreed; one that does not ends the proposal."""
    if Outcome.DECLINE in proposal.said.values():
        return [e.Settled(name, False, proposal.change)]
    agreed = {body for body, said in proposal.said.items() if said is Outcome.APPROVE}
    return [e.Settled(name, True, proposal.change)] if bodies <= agreed else []


def _stewardless(members: Mapping[str, c.Member]) -> Refused | None:
    """Somebody must always be able to act for the body."""
    if any(each.roles & {"secretary", "operator"} for each in members.values()):
        return None
    return Refused(Code.INVALID, {
        "field": "person",
        "sentence": "This would leave the body without a secretary.",
        "next": "Name another secretary first.",
    })  # fmt: skip


def _needed(kawa: Kawa) -> frozenset[str]:
    """Everybody whom the kawa names."""
    first = kawa.first.members if kawa.first else frozenset()
    delegate = {kawa.delegate} if kawa.delegate else frozenset()
    return frozenset({each.person for each in kawa.named}) | kawa.present | first | delegate


def _unworkable(kawa: Kawa, members: Mapping[str, c.Member]) -> Refused | None:
    """A kawa that no outcome could ever come from is refused when it is set."""
    speakers = {person for person, each in members.items() if "member" in each.roles}
    if kawa.quorum < 1:
        return _invalid("kawa.quorum")
    if kawa.rule in (KawaRule.NAMED_ASSENT, KawaRule.WHANAU):
        named = {each.person for each in kawa.named}
        if not named or not named <= set(members):
            return _invalid("kawa.named")
        # Somebody without a voice of their own assents by a delegate who has one.
        unheard = [each for each in kawa.named if not {each.person, each.delegate} & speakers]
        if unheard and kawa.delegate is None:
            return _invalid("kawa.named")
    elif kawa.named:
        return _invalid("kawa.named")
    if kawa.delegate is not None and (
        kawa.rule is not KawaRule.WHANAU or kawa.delegate not in speakers
    ):
        return _invalid("kawa.delegate")
    if not kawa.present <= speakers:
        return _invalid("kawa.present")
    first = kawa.first
    if first is not None and not (
        first.members
        and first.members <= speakers
        and first.rule in (KawaRule.CONSENSUS, KawaRule.MAJORITY)
        and 1 <= first.quorum <= len(first.members)
    ):
        return _invalid("kawa.first")
    if not 0 <= kawa.delay_days <= 365:
        return _invalid("kawa.delay_days")
    if not all(order.known(each) for each in kawa.after):
        return _invalid("kawa.after")
    return None


def _invalid(field: str) -> Refused:
    return Refused(Code.INVALID, {"field": field})

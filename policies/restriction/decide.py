"""May this command happen to this restriction, and what follows?"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from policies import kawa
from policies.refusals import Code, Refused
from policies.restriction import commands as c
from policies.restriction import events as e
from policies.restriction.state import RestrictionState, Status
from policies.slices import ANY
from policies.types import SYSTEM, USE_ACTS, Envelope, Outcome, Sitting, Voice

Decided = list[e.Event] | Refused


def decide(state: RestrictionState, envelope: Envelope) -> Decided:
    """The events that `envelope`'s command causes, or why it is refused. Pure."""
    command = envelope.command
    if isinstance(command, c.Place):
        return _place(state, envelope, command)
    if state.status is Status.NONE:
        return Refused(Code.NOT_FOUND)
    if state.status is Status.LIFTED:
        return Refused(Code.ENDED)
    if isinstance(command, c.ReviewPassed):
        return _review_passed(state, envelope)
    if command.sitting.body != state.body:
        return Refused(Code.NOT_FOUND)
    if isinstance(command, c.RecordHui):
        return _record_hui(envelope, command)
    if isinstance(command, c.Speak):
        if envelope.actor not in _voicing(command.sitting):
            return Refused(Code.NOT_A_MEMBER)
        return [e.Spoken(envelope.actor, command.voice)]
    if envelope.actor not in command.sitting.hands:
        return Refused(Code.NOT_A_MEMBER)
    if command.sitting.kawa.in_person:
        return Refused(Code.IN_PERSON)
    return _come_to(command.sitting, command.outcome, state.voices)


def next_due(state: RestrictionState) -> datetime | None:
    """The review date while it is ahead."""
    return state.review_at if state.status is Status.OPEN else None


def _place(state: RestrictionState, envelope: Envelope, command: c.Place) -> Decided:
    if state.status is not Status.NONE:
        return Refused(Code.ALREADY_DONE)
    if envelope.actor not in command.sitting.hands:
        return Refused(Code.NOT_A_MEMBER)
    scope = command.scope
    if scope.slice.empty or not scope.acts or not scope.acts <= frozenset(USE_ACTS):
        return Refused(Code.INVALID, {"field": "scope"})
    # One voice does not speak for another: a body restricts its own peoples' or its
    # own places' records, and nothing that it has no mandate for (R7).
    own_peoples = scope.slice.peoples != ANY and frozenset(scope.slice.peoples) <= command.peoples
    own_places = scope.slice.places != ANY and frozenset(scope.slice.places) <= command.places
    if not (own_peoples or own_places):
        return Refused(Code.NOT_WITHIN, {
            "field": "scope.slice",
            "sentence": "A body restricts only what its own mandate covers.",
            "next": "Name only its own peoples or places in the slice.",
        })  # fmt: skip
    if command.review_at is not None and command.review_at <= envelope.at:
        return Refused(Code.INVALID, {"field": "review_at"})
    if _in_the_future(command.held_on, envelope.at):
        return Refused(Code.INVALID, {"field": "held_on"})
    return [
        e.Placed(
            command.sitting.body, scope, command.words, command.authority, command.visibility,
            command.review_at, command.held_on, command.method,
        )
    ]  # fmt: skip


def _review_passed(state: RestrictionState, envelope: Envelope) -> Decided:
    due = next_due(state)
    if envelope.actor != SYSTEM or due is None or envelope.at < due:
        return Refused(Code.WRONG_TIME)
    return [e.AwaitingLifting()]


def _record_hui(envelope: Envelope, command: c.RecordHui) -> Decided:
    if envelope.actor not in command.sitting.secretaries:
        return Refused(Code.NOT_PERMITTED)
    if _in_the_future(command.held_on, envelope.at):
        return Refused(Code.INVALID, {"field": "held_on"})
    if frozenset(command.voices) - _voicing(command.sitting):
        return Refused(Code.NOT_A_MEMBER)
    if command.sitting.kawa.in_person and command.method != "hui":
        return Refused(Code.IN_PERSON)
    decided = _come_to(command.sitting, command.outcome, command.voices)
    if isinstance(decided, Refused):
        return decided
    hui = e.HuiRecorded(
        command.held_on, command.method, command.voices, command.minutes, envelope.actor
    )
    return [hui, *decided]


def _come_to(sitting: Sitting, outcome: Outcome, voices: Mapping[str, Voice]) -> Decided:
    if outcome not in (Outcome.APPROVE, Outcome.DECLINE):
        return Refused(Code.INVALID, {"field": "outcome"})
    # Placing one is quick at any time; lifting is a decision, and the body makes none now.
    if sitting.pause is not None:
        return Refused(Code.PAUSED)
    hearing = kawa.Hearing(voices, sitting.members, delegates=sitting.delegates)
    if refusal := kawa.decided(sitting.kawa, outcome, hearing):
        return refusal
    return [e.Lifted() if outcome is Outcome.APPROVE else e.Kept()]


def _voicing(sitting: Sitting) -> frozenset[str]:
    """The body's members, and whoever speaks for one of them at present."""
    return sitting.members | frozenset(sitting.delegates.values())


def _in_the_future(day: date | None, now: datetime) -> bool:
    # A hui may be written up on the day it is held, anywhere on earth.
    return day is not None and day > (now + timedelta(hours=14)).date()

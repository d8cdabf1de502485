"""How a body comes to its part: who may speak, in what order, on what record, to what end."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from policies import kawa
from policies.kawa import Hearing
from policies.refusals import Code, Refused
from policies.request import commands as c
from policies.request import events as e
from policies.request import narrowing
from policies.request.state import RequestState
from policies.types import Capacity, Envelope, Outcome, Sitting, TextId, Voice

Decided = list[e.Event] | Refused

IN_PERSON = frozenset({"hui"})
"""How a record says that people sat together, face to face."""

FUNDING = "funding"
"""What a yes in principle may depend on, beside other bodies."""


def speak(state: RequestState, envelope: Envelope, command: c.Speak) -> Decided:
    """A member says what they think."""
    sitting, body = command.sitting, command.sitting.body
    if refusal := not_asked(state, body) or _may_not_speak(state, envelope.actor, sitting):
        return refusal
    if refusal := _undecided(state, body) or _before_its_turn(state, body):
        return refusal
    first = sitting.kawa.first
    if (
        first is not None
        and body not in state.advice
        and envelope.actor not in _voicing(first.members - outside(state, sitting), sitting)
    ):
        return Refused(Code.SUBCOMMITTEE_FIRST)
    return [e.Spoken(body, envelope.actor, command.voice)]


def conclude(state: RequestState, envelope: Envelope, command: c.Conclude) -> Decided:
    """Record what the voices have come to."""
    sitting = command.sitting
    if refusal := not_at_hand(state, envelope.actor, sitting):
        return refusal
    if sitting.kawa.in_person and sitting.body in _deciding_now(state, sitting):
        return Refused(Code.IN_PERSON)
    return _come_to(state, envelope, command, state.voices.get(sitting.body, {}))


def record_hui(state: RequestState, envelope: Envelope, command: c.RecordHui) -> Decided:
    """Write down a decision made away from any screen."""
    sitting = command.sitting
    if refusal := no_pen(state, envelope, sitting, command.held_on):
        return refusal
    if refusal := named_wrongly(state, sitting, command.voices):
        return refusal
    face_to_face = sitting.kawa.in_person and sitting.body in _deciding_now(state, sitting)
    if face_to_face and command.method not in IN_PERSON:
        return Refused(Code.IN_PERSON)
    if refusal := _not_jointly(sitting, command.joint_with):
        return refusal
    decided = _come_to(state, envelope, command, command.voices)
    if isinstance(decided, Refused):
        return decided
    hui = e.HuiRecorded(
        sitting.body, command.held_on, command.method, command.voices, command.minutes,
        envelope.actor, frozenset(command.joint_with),
    )  # fmt: skip
    return [hui, *decided]


def record_elsewhere(
    state: RequestState, envelope: Envelope, command: c.RecordElsewhere
) -> Decided:
    """Write down what a body decided in its own system, with its letter."""
    sitting, body = command.sitting, command.sitting.body
    if refusal := no_pen(state, envelope, sitting, command.decided_on):
        return refusal
    if refusal := not_asked(state, body):
        return refusal
    lapses_at = state.lapses.get(body)
    if (lapses_at is None or lapses_at > envelope.at) and (refusal := _undecided(state, body)):
        return refusal
    if not sitting.kawa.elsewhere:
        return Refused(Code.NOT_ELSEWHERE)
    if refusal := _before_its_turn(state, body):
        return refusal
    if command.outcome not in (Outcome.APPROVE, Outcome.DECLINE):
        return _invalid("outcome")
    if command.expires_at is not None and command.expires_at <= envelope.at:
        return _invalid("expires_at")
    if refusal := _without_its_reason(state, body, command.outcome, command.reasons):
        return refusal
    letter = e.DecidedElsewhere(
        body, command.reference, command.letter, command.letter_sha256, command.decided_on,
        command.expires_at, envelope.actor,
    )  # fmt: skip
    return [letter, *_outcome(state, body, command.outcome, command.reasons, frozenset())]


def ask_to_meet(state: RequestState, envelope: Envelope, command: c.AskToMeet) -> Decided:
    """Wānanga first, or meet us: the clock stands still, and nothing is decided."""
    body = command.sitting.body
    if refusal := not_at_hand(state, envelope.actor, command.sitting) or _undecided(state, body):
        return refusal
    if body in state.meetings:
        return Refused(Code.ALREADY_DONE)
    return [e.MeetingAsked(body, command.meeting, command.words)]


def record_meeting(state: RequestState, envelope: Envelope, command: c.RecordMeeting) -> Decided:
    """They met."""
    body = command.sitting.body
    if refusal := not_at_hand(state, envelope.actor, command.sitting):
        return refusal
    if body not in state.meetings:
        return Refused(Code.NOT_FOUND)
    if _in_the_future(command.held_on, envelope):
        return _invalid("held_on")
    return [e.MeetingHeld(body, command.held_on)]


def not_asked(state: RequestState, body: str) -> Refused | None:
    """Why this body is not asked here, or None."""
    return None if body in state.bodies() else Refused(Code.NOT_ASKED)


def not_at_hand(state: RequestState, person: str, sitting: Sitting) -> Refused | None:
    """Why this person does no errand of the body's here, or None."""
    if refusal := not_asked(state, sitting.body):
        return refusal
    if person in state.applied_to(sitting.body):
        return Refused(Code.APPLICANT)
    if person in state.stood_aside.get(sitting.body, ()):
        return Refused(Code.STOOD_ASIDE)
    return None if person in sitting.hands else Refused(Code.NOT_A_MEMBER)


def outside(state: RequestState, sitting: Sitting) -> frozenset[str]:
    """Who takes no part in this body's decision: whoever stood aside, applied, or works where
    the request comes from. (Whom somebody descends from is no conflict.)"""
    aside = state.stood_aside.get(sitting.body, frozenset())
    return aside | state.applied_to(sitting.body) | _colleagues(state, sitting)


def _colleagues(state: RequestState, sitting: Sitting) -> frozenset[str]:
    content = state.content
    if content is None or content.for_body == sitting.body:
        return frozenset()
    return frozenset(
        person for person, place in sitting.institutions.items() if place in content.institutions
    )


def _voicing(members: frozenset[str], sitting: Sitting) -> frozenset[str]:
    """These people, and whoever speaks for one of them at present."""
    return members | {to for person, to in sitting.delegates.items() if person in members}


def no_part(state: RequestState, person: str, sitting: Sitting) -> Refused | None:
    """Why this person takes no part in the body's decision, or None."""
    if person in state.applied_to(sitting.body):
        return Refused(Code.APPLICANT)
    if person in state.stood_aside.get(sitting.body, ()):
        return Refused(Code.STOOD_ASIDE)
    return Refused(Code.CONFLICT) if person in _colleagues(state, sitting) else None


def hearing(state: RequestState, sitting: Sitting, voices: Mapping[str, Voice]) -> Hearing:
    """What was said in the body, and by whom of those who take part."""
    gone = outside(state, sitting)
    return Hearing(voices, sitting.members - gone, gone, sitting.delegates)


def _may_not_speak(state: RequestState, person: str, sitting: Sitting) -> Refused | None:
    if refusal := no_part(state, person, sitting):
        return refusal
    if person in _voicing(sitting.members - outside(state, sitting), sitting):
        return None
    return Refused(Code.NOT_A_MEMBER)


def named_wrongly(
    state: RequestState, sitting: Sitting, voices: Mapping[str, Voice]
) -> Refused | None:
    """Why one of those named in a record may not speak for the body, or None."""
    refusals = (_may_not_speak(state, person, sitting) for person in sorted(voices))
    return next((each for each in refusals if each is not None), None)


def no_pen(state: RequestState, envelope: Envelope, sitting: Sitting, day: date) -> Refused | None:
    """Why this person may not write down what the body decided, or None."""
    if envelope.actor not in sitting.secretaries:
        return Refused(Code.NOT_PERMITTED)
    # The secretary only writes down; but somebody who asks for the data does not
    # hold the pen of the body that decides about it.
    if envelope.actor in state.applied_to(sitting.body):
        return Refused(Code.APPLICANT)
    return _invalid("held_on") if _in_the_future(day, envelope) else None


def _undecided(state: RequestState, body: str) -> Refused | None:
    return Refused(Code.ALREADY_DONE) if body in state.decisions else None


def _before_its_turn(state: RequestState, body: str) -> Refused | None:
    waits_for = state.before(body)
    return (
        Refused(Code.NOT_YET_ITS_TURN, {"after": ",".join(sorted(waits_for))})
        if waits_for
        else None
    )


def _deciding_now(state: RequestState, sitting: Sitting) -> frozenset[str]:
    """The body, unless it is its subcommittee that speaks now: that may meet as it likes."""
    advising = sitting.kawa.first is not None and sitting.body not in state.advice
    return frozenset() if advising else frozenset({sitting.body})


def _come_to(
    state: RequestState,
    envelope: Envelope,
    command: c.Conclude | c.RecordHui,
    voices: Mapping[str, Voice],
) -> Decided:
    """The subcommittee's advice or the body's decision, and what follows from it."""
    sitting, body, outcome = command.sitting, command.sitting.body, command.outcome
    if refusal := not_asked(state, body) or _undecided(state, body):
        return refusal
    if refusal := _before_its_turn(state, body) or _not_now(state, envelope, sitting):
        return refusal
    if refusal := _badly_said(state, command):
        return refusal
    heard = hearing(state, sitting, voices)
    if sitting.kawa.first is not None and body not in state.advice:
        if refusal := kawa.advised(sitting.kawa.first, outcome, heard):
            return refusal
        return [e.Advised(body, outcome, state.round)]
    if refusal := kawa.decided(sitting.kawa, outcome, heard):
        return refusal
    if outcome is Outcome.IN_PRINCIPLE:
        return [e.AgreedInPrinciple(body, command.depends_on, command.reasons)]
    return _outcome(state, body, outcome, command.reasons, command.struck)


def _not_now(state: RequestState, envelope: Envelope, sitting: Sitting) -> Refused | None:
    """The body's own times: a pause it keeps, days it gives itself, a meeting it asked for."""
    if sitting.pause is not None:
        return Refused(Code.PAUSED)
    if sitting.body in state.meetings:
        return Refused(Code.MEETING_FIRST)
    wait = state.waits.get(sitting.body)
    delay = timedelta(days=sitting.kawa.delay_days)
    if delay and (wait is None or envelope.at < wait.since + delay):
        return Refused(Code.TOO_SOON, {"days": str(sitting.kawa.delay_days)})
    return None


def _badly_said(state: RequestState, command: c.Conclude | c.RecordHui) -> Refused | None:
    outcome, body = command.outcome, command.sitting.body
    if outcome is Outcome.NOT_OURS and state.content and state.content.for_body == body:
        # The light path rests on its word: whoever asks in its name has it, or a no.
        return _invalid("outcome")
    own = frozenset(item for each in state.asked() if each.body == body for item in each.items)
    if command.struck and (outcome is not Outcome.APPROVE or not command.struck <= own):
        return _invalid("struck")
    others = state.bodies() - {body} | {FUNDING}
    if outcome is Outcome.IN_PRINCIPLE:
        if not command.depends_on or not command.depends_on <= others:
            return _invalid("depends_on")
    elif command.depends_on:
        return _invalid("depends_on")
    # To strike an item is a no to that item.
    said = Outcome.DECLINE if command.struck else outcome
    return _without_its_reason(state, body, said, command.reasons)


def _without_its_reason(
    state: RequestState, body: str, outcome: Outcome, reasons: TextId | None
) -> Refused | None:
    """A holder says no by law or not at all."""
    holder = {each.capacity for each in state.asked() if each.body == body} == {Capacity.HOLDER}
    silent = holder and outcome is Outcome.DECLINE and reasons is None
    return Refused(Code.LAWFUL_REASON) if silent else None


def _outcome(
    state: RequestState,
    body: str,
    outcome: Outcome,
    reasons: TextId | None,
    struck: frozenset[str],
) -> list[e.Event]:
    """The decision, and what it takes out of the request."""
    decision = e.BodyDecided(body, outcome, state.round, reasons)
    if outcome is Outcome.APPROVE and not struck:
        return [decision]
    if outcome is Outcome.APPROVE:
        narrowed = narrowing.struck(state, body, struck)
    elif outcome is Outcome.NOT_OURS:
        others = tuple(each for each in state.asked() if each.body != body)
        narrowed = narrowing.without(state, body, others)
        if (narrowed.slice, narrowed.items) == (state.slice, state.items):
            return [decision]
    else:
        narrowed = narrowing.without(state, body)
    if not narrowing.decidable(state, narrowed.slice, narrowed.items, _gone(body, outcome)):
        return [decision, narrowed, e.Declined()]
    return [decision, narrowed]


def _gone(body: str, outcome: Outcome) -> frozenset[str]:
    return frozenset({body}) if outcome is Outcome.NOT_OURS else frozenset()


def _not_jointly(sitting: Sitting, others: Mapping[str, frozenset[str]]) -> Refused | None:
    """Bodies sit together only where each of them is willing to sit with all the others."""
    sat = {**others, sitting.body: sitting.kawa.joint_with}
    if all(body in willing for who, willing in sat.items() for body in sat if body != who):
        return None
    return Refused(Code.NOT_JOINTLY)


def _in_the_future(day: date, envelope: Envelope) -> bool:
    # A hui may be written up on the day it is held, anywhere on earth.
    return day > (envelope.at + timedelta(hours=14)).date()


def _invalid(field: str) -> Refused:
    return Refused(Code.INVALID, {"field": field})

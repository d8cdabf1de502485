"""May this command happen to this request, and what follows? No pack switches these off."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from policies import conditions as terms
from policies import kawa
from policies.refusals import Code, Refused
from policies.request import commands as c
from policies.request import events as e
from policies.request import narrowing
from policies.request.state import RequestState, Status
from policies.slices import ANY
from policies.types import SYSTEM, Capacity, Envelope, Outcome, Sitting, Voice, derived_id

Decided = list[e.Event] | Refused


def decide(state: RequestState, envelope: Envelope) -> Decided:
    """The events that `envelope`'s command causes, or why it is refused.

    Pure: the same state and envelope give the same answer in a form's preview,
    in a workflow's validator, in its handler and in every replay.
    """
    command = envelope.command
    if isinstance(command, c.Submit):
        return _submit(state, envelope, command)
    if state.status is Status.NONE:
        return Refused(Code.NOT_FOUND)
    if not state.open:
        return Refused(Code.ENDED)
    if isinstance(command, c.Close | c.Remind) and envelope.actor != SYSTEM:
        return Refused(Code.NOT_PERMITTED)
    if isinstance(command, c.Close):
        return [e.Closed()] if state.status is Status.ACCEPTED else Refused(Code.WRONG_TIME)
    if state.status is not Status.DECIDING:
        return Refused(Code.WRONG_TIME)
    if isinstance(command, _ABOUT_ITS_SHAPE) and envelope.seen < state.changed_at:
        return Refused(Code.STALE, {"changed_at": str(state.changed_at)})
    return _ARMS[type(command)](state, envelope, command)


_ABOUT_ITS_SHAPE = (c.Speak, c.SetCondition, c.Conclude, c.RecordHui, c.Rejustify, c.Accept)
"""Commands whose sender must have seen the request as it is now."""


def _submit(state: RequestState, envelope: Envelope, command: c.Submit) -> Decided:
    content, pinned = command.content, command.pinned
    if state.status is not Status.NONE:
        return Refused(Code.ALREADY_DONE)
    if not pinned.items or content.slice.empty:
        return Refused(Code.NOTHING_LEFT)
    if content.slice.peoples == ANY:
        return Refused(Code.INVALID, {"field": "slice.peoples"})
    if not pinned.route:
        return Refused(Code.UNROUTABLE)
    if content.ends_at <= envelope.at:
        return Refused(Code.INVALID, {"field": "ends_at"})
    return [e.Submitted(envelope.actor, content, pinned, command.remind_at)]


def _ask(state: RequestState, envelope: Envelope, command: c.Ask) -> Decided:
    if refusal := _not_at_hand(state, envelope.actor, command.sitting):
        return refusal
    return [e.QuestionAsked(envelope.id, command.sitting.body, command.question)]


def _answer(state: RequestState, envelope: Envelope, command: c.Answer) -> Decided:
    question = state.questions.get(command.question)
    if envelope.actor not in state.applicants:
        return Refused(Code.NOT_PERMITTED)
    if question is None:
        return Refused(Code.NOT_FOUND)
    if question.answered:
        return Refused(Code.ALREADY_DONE)
    return [e.QuestionAnswered(command.question, command.answer)]


def _stand_aside(state: RequestState, envelope: Envelope, command: c.StandAside) -> Decided:
    body = command.sitting.body
    if refusal := _not_asked(state, body):
        return refusal
    if envelope.actor not in command.sitting.members:
        return Refused(Code.NOT_A_MEMBER)
    if envelope.actor in state.stood_aside.get(body, ()):
        return Refused(Code.ALREADY_DONE)
    return [e.StoodAside(body, envelope.actor)]


def _speak(state: RequestState, envelope: Envelope, command: c.Speak) -> Decided:
    body = command.sitting.body
    if refusal := _not_sitting(state, envelope.actor, command.sitting) or _undecided(state, body):
        return refusal
    return [e.Spoken(body, envelope.actor, command.voice)]


def _set_condition(state: RequestState, envelope: Envelope, command: c.SetCondition) -> Decided:
    condition = replace(command.condition, id=envelope.id, body=command.sitting.body)
    if refusal := _not_at_hand(state, envelope.actor, command.sitting):
        return refusal
    if sentence := terms.malformed(condition):
        return Refused(Code.INVALID, {"field": "condition", "sentence": sentence})
    if condition.at is not None and condition.at <= envelope.at:
        return Refused(Code.INVALID, {"field": "at"})
    # What a body agreed to stays as it agreed, unless two bodies' words clash:
    # then either may give way, and nothing else can be changed by it.
    clash = terms.conflicts(state.conditions.values())
    if condition.body in state.decisions and condition.kind not in clash:
        return Refused(Code.ALREADY_DONE)
    return [e.ConditionSet(condition)]


def _conclude(state: RequestState, envelope: Envelope, command: c.Conclude) -> Decided:
    if refusal := _not_at_hand(state, envelope.actor, command.sitting):
        return refusal
    voices = state.voices.get(command.sitting.body, {})
    return _come_to(state, command.sitting, command.outcome, voices)


def _record_hui(state: RequestState, envelope: Envelope, command: c.RecordHui) -> Decided:
    sitting = command.sitting
    if envelope.actor not in sitting.secretaries:
        return Refused(Code.NOT_PERMITTED)
    # The secretary only writes down; but somebody who asks for the data does not
    # hold the pen of the body that decides about it.
    if envelope.actor in state.applicants:
        return Refused(Code.APPLICANT)
    if command.held_on > (envelope.at + timedelta(hours=14)).date():
        return Refused(Code.INVALID, {"field": "held_on"})
    for person in command.voices:
        if refusal := _may_not_speak(state, person, sitting):
            return refusal
    decided = _come_to(state, sitting, command.outcome, command.voices)
    if isinstance(decided, Refused):
        return decided
    hui = e.HuiRecorded(
        sitting.body, command.held_on, command.method, command.voices, command.minutes,
        envelope.actor,
    )  # fmt: skip
    return [hui, *decided]


def _rejustify(state: RequestState, envelope: Envelope, command: c.Rejustify) -> Decided:
    if envelope.actor != state.applicant:
        return Refused(Code.NOT_PERMITTED)
    if not state.declined_this_round:
        return Refused(Code.WRONG_TIME)
    asked = command.slice or state.slice
    if not asked.within(state.slice):
        return Refused(Code.NOT_WITHIN, {"field": "slice"})
    items = narrowing.items_left(state, asked, state.items)
    if not narrowing.decidable(state, asked, items):
        return Refused(Code.NOTHING_LEFT)
    return [e.Rejustified(state.round + 1, command.justification, asked, items)]


def _accept(state: RequestState, envelope: Envelope, command: c.Accept) -> Decided:
    if envelope.actor != state.applicant:
        return Refused(Code.NOT_PERMITTED)
    if not state.agreed:
        return Refused(Code.NOT_YET, {"waiting_for": ",".join(sorted(state.waiting_for()))})
    if added := narrowing.added(state, command.route_now):
        return [e.BodiesAdded(added)]
    if command.conditions != frozenset(state.conditions):
        return Refused(Code.CONDITIONS_CHANGED)
    if clash := terms.conflicts(state.conditions.values()):
        return Refused(Code.CONDITIONS_CONFLICT, {"kinds": ",".join(sorted(clash))})
    granted = _terms(state, envelope, command)
    if granted.ends_at <= envelope.at:
        return Refused(Code.INVALID, {"field": "ends_at"})
    if "use.read" not in granted.acts:
        return Refused(Code.NOTHING_LEFT)
    return [e.Accepted("grant-" + derived_id(envelope.stream, "grant"), granted)]


def _withdraw(state: RequestState, envelope: Envelope, command: c.Withdraw) -> Decided:
    if envelope.actor != state.applicant:
        return Refused(Code.NOT_PERMITTED)
    return [e.Withdrawn()]


def _remind(state: RequestState, envelope: Envelope, command: c.Remind) -> Decided:
    if state.remind_at is None or envelope.at < state.remind_at:
        return Refused(Code.WRONG_TIME)
    return [e.Reminded(tuple(sorted(state.waiting_for())))]


def _not_asked(state: RequestState, body: str) -> Refused | None:
    return None if body in state.bodies() else Refused(Code.NOT_ASKED)


def _undecided(state: RequestState, body: str) -> Refused | None:
    return Refused(Code.ALREADY_DONE) if body in state.decisions else None


def _may_not_speak(state: RequestState, person: str, sitting: Sitting) -> Refused | None:
    if person in state.applicants:
        return Refused(Code.APPLICANT)
    if person in state.stood_aside.get(sitting.body, ()):
        return Refused(Code.STOOD_ASIDE)
    return None if person in sitting.members else Refused(Code.NOT_A_MEMBER)


def _not_sitting(state: RequestState, person: str, sitting: Sitting) -> Refused | None:
    return _not_asked(state, sitting.body) or _may_not_speak(state, person, sitting)


def _not_at_hand(state: RequestState, person: str, sitting: Sitting) -> Refused | None:
    """Why this person does no errand of the body's here, or None."""
    if refusal := _not_asked(state, sitting.body):
        return refusal
    if person in state.applicants:
        return Refused(Code.APPLICANT)
    if person in state.stood_aside.get(sitting.body, ()):
        return Refused(Code.STOOD_ASIDE)
    return None if person in sitting.hands else Refused(Code.NOT_A_MEMBER)


def _come_to(
    state: RequestState, sitting: Sitting, outcome: Outcome, voices: Mapping[str, Voice]
) -> Decided:
    """The body's decision, and what a decline takes out of the request."""
    body = sitting.body
    if refusal := _not_asked(state, body) or _undecided(state, body):
        return refusal
    aside = state.stood_aside.get(body, frozenset())
    may_speak = kawa.eligible(sitting, aside, state.applicants)
    if refusal := kawa.decided(sitting.kawa, outcome, voices, may_speak):
        return refusal
    decision = e.BodyDecided(body, outcome, state.round)
    if outcome is Outcome.APPROVE:
        return [decision]
    narrowed = narrowing.without(state, body)
    if not narrowing.decidable(state, narrowed.slice, narrowed.items):
        return [decision, narrowed, e.Declined()]
    return [decision, narrowed]


def _terms(state: RequestState, envelope: Envelope, command: c.Accept) -> e.Terms:
    assert state.content is not None
    assert state.pinned is not None
    content = state.content
    # In the order of their ids: equal states give equal terms, however they were kept.
    agreed = tuple(state.conditions[each] for each in sorted(state.conditions))
    ends_at = terms.earliest(agreed, "end_date", content.ends_at)
    due_at = terms.earliest(agreed, "report_back", min(command.report_due, ends_at))
    remind_at = due_at - timedelta(days=command.remind_before_days)
    report = e.DutyTerms("report", due_at, remind_at, _communities(state))
    return e.Terms(
        request=envelope.stream,
        applicant=state.applicant,
        people=tuple(sorted(state.applicants)),
        purpose=content.purpose,
        acts=content.acts - terms.forbidden_acts(agreed),
        items={item: state.pinned.items[item] for item in sorted(state.items)},
        slice=replace(state.slice, level=terms.coarsest(agreed, state.slice.level)),
        ends_at=ends_at,
        conditions=agreed,
        decisions={body: each.entry for body, each in sorted(state.decisions.items())},
        duties=(report,),
    )


def _communities(state: RequestState) -> tuple[str, ...]:
    """To whom reports are owed: the peoples' and places' bodies; where no collective
    body decided, those that did."""
    own = {
        entry.body for entry in state.asked() if entry.capacity in (Capacity.PEOPLE, Capacity.PLACE)
    }
    return tuple(sorted(own or state.bodies()))


_ARMS: Mapping[type, Callable[[RequestState, Envelope, Any], Decided]] = {
    c.Ask: _ask,
    c.Answer: _answer,
    c.StandAside: _stand_aside,
    c.Speak: _speak,
    c.SetCondition: _set_condition,
    c.Conclude: _conclude,
    c.RecordHui: _record_hui,
    c.Rejustify: _rejustify,
    c.Accept: _accept,
    c.Withdraw: _withdraw,
    c.Remind: _remind,
}

"""May this command happen to this request, and what follows? No pack switches these off.

What a body's own decision takes is in `deciding.py`, what is said against its record in
`disputing.py`, what the clock causes in `clock.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from policies import conditions as terms
from policies.refusals import Code, Refused
from policies.request import clock, deciding, disputing, narrowing
from policies.request import commands as c
from policies.request import events as e
from policies.request.deciding import Decided
from policies.request.state import RequestState, Status
from policies.slices import ANY
from policies.types import SYSTEM, Capacity, Envelope, derived_id


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
    if state.status not in _WHEN.get(type(command), (Status.DECIDING,)):
        return Refused(Code.WRONG_TIME)
    if isinstance(command, _ABOUT_ITS_SHAPE) and envelope.seen < state.changed_at:
        return Refused(Code.STALE, {"changed_at": str(state.changed_at)})
    return _ARMS[type(command)](state, envelope, command)


_ABOUT_ITS_SHAPE = (
    c.Speak, c.SetCondition, c.Conclude, c.RecordHui, c.RecordElsewhere, c.Rejustify, c.Accept,
    c.Forward, c.Return,
)  # fmt: skip
"""Commands whose sender must have seen the request as it is now."""

_OPEN = (Status.AT_DESK, Status.RETURNED, Status.DECIDING)
_DECIDED = (Status.DECIDING, Status.ACCEPTED)
_WHEN: Mapping[type, tuple[Status, ...]] = {
    c.Forward: (Status.AT_DESK,),
    c.Return: (Status.AT_DESK,),
    c.Resubmit: (Status.RETURNED,),
    c.Withdraw: _OPEN,
    c.Remind: (*_OPEN, Status.ACCEPTED),
    c.Dispute: _DECIDED,
    c.AnswerDispute: _DECIDED,
    c.RecordReview: _DECIDED,
}
"""In which standing of a request a command may come; all the others while bodies decide."""


def _submit(state: RequestState, envelope: Envelope, command: c.Submit) -> Decided:
    if state.status is not Status.NONE:
        return Refused(Code.ALREADY_DONE)
    return _fit(envelope, command.content, command.pinned) or [
        e.Submitted(envelope.actor, command.content, command.pinned, command.remind_at)
    ]


def _fit(envelope: Envelope, content: c.Content, pinned: c.Pinned) -> Refused | None:
    """Why this cannot be asked of anybody, or None."""
    if not pinned.items or content.slice.empty:
        return Refused(Code.NOTHING_LEFT)
    if content.slice.peoples == ANY:
        return Refused(Code.INVALID, {"field": "slice.peoples"})
    if not pinned.route:
        return Refused(Code.UNROUTABLE)
    if circle := narrowing.circle(pinned.route):
        return Refused(Code.ORDER_CYCLE, {"bodies": ",".join(circle)})
    if content.ends_at <= envelope.at:
        return Refused(Code.INVALID, {"field": "ends_at"})
    if content.for_body is not None and not any(
        each.body == content.for_body for each in pinned.route
    ):
        # Whoever asks as a body for its own people's data has that body's word first.
        return Refused(Code.INVALID, {"field": "for_body"})
    return None


def _forward(state: RequestState, envelope: Envelope, command: c.Forward) -> Decided:
    return _not_at_the_desk(state, envelope, command.sitting.body, command) or [e.Forwarded()]


def _return(state: RequestState, envelope: Envelope, command: c.Return) -> Decided:
    return _not_at_the_desk(state, envelope, command.sitting.body, command) or [
        e.Returned(command.missing)
    ]


def _not_at_the_desk(
    state: RequestState, envelope: Envelope, body: str, command: c.Forward | c.Return
) -> Refused | None:
    if state.pinned is None or state.pinned.desk != body:
        return Refused(Code.NOT_ASKED)
    if envelope.actor in state.applicants:
        return Refused(Code.APPLICANT)
    return None if envelope.actor in command.sitting.hands else Refused(Code.NOT_A_MEMBER)


def _resubmit(state: RequestState, envelope: Envelope, command: c.Resubmit) -> Decided:
    if envelope.actor != state.applicant:
        return Refused(Code.NOT_PERMITTED)
    return _fit(envelope, command.content, command.pinned) or [
        e.Resubmitted(command.content, command.pinned)
    ]


def _ask(state: RequestState, envelope: Envelope, command: c.Ask) -> Decided:
    if refusal := deciding.not_at_hand(state, envelope.actor, command.sitting):
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
    if refusal := deciding.not_asked(state, body):
        return refusal
    if envelope.actor not in command.sitting.members:
        return Refused(Code.NOT_A_MEMBER)
    if envelope.actor in state.stood_aside.get(body, ()):
        return Refused(Code.ALREADY_DONE)
    return [e.StoodAside(body, envelope.actor)]


def _set_condition(state: RequestState, envelope: Envelope, command: c.SetCondition) -> Decided:
    condition = replace(command.condition, id=envelope.id, body=command.sitting.body)
    if refusal := deciding.not_at_hand(state, envelope.actor, command.sitting):
        return refusal
    # A condition can be made looser by it as well: whoever has a conflict leaves it alone.
    if refusal := deciding.no_part(state, envelope.actor, command.sitting):
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


def _rejustify(state: RequestState, envelope: Envelope, command: c.Rejustify) -> Decided:
    if envelope.actor != state.applicant:
        return Refused(Code.NOT_PERMITTED)
    if not state.narrowed:
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
        waiting = state.waiting_for() | state.disputed()
        return Refused(Code.NOT_YET, {"waiting_for": ",".join(sorted(waiting))})
    if added := narrowing.added(state, command.route_now):
        if circle := narrowing.circle((*state.asked(), *added)):
            # Nobody of them could begin, and the request would never come to an end.
            return Refused(Code.ORDER_CYCLE, {"bodies": ",".join(circle)})
        return [e.BodiesAdded(added)]
    if command.conditions != frozenset(state.conditions):
        return Refused(Code.CONDITIONS_CHANGED)
    if clash := terms.conflicts(state.conditions.values()):
        return Refused(Code.CONDITIONS_CONFLICT, {"kinds": ",".join(sorted(clash))})
    lapsed = sorted(body for body, at in state.lapses.items() if at <= envelope.at)
    if lapsed:
        return Refused(Code.LAPSED, {"body": lapsed[0]})
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


def _review(state: RequestState, envelope: Envelope, command: c.RecordReview) -> Decided:
    if envelope.actor != command.reviewer:
        return Refused(Code.NOT_PERMITTED)
    if not state.referred:
        return Refused(Code.WRONG_TIME)
    return [e.ReviewRecorded(command.reviewer, command.finding)]


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
    acts = content.acts - terms.forbidden_acts(agreed)
    return e.Terms(
        request=envelope.stream,
        applicant=state.applicant,
        people=tuple(sorted(state.applicants)),
        purpose=content.purpose,
        acts=acts,
        items={item: state.pinned.items[item] for item in sorted(state.items)},
        slice=replace(state.slice, level=terms.coarsest(agreed, state.slice.level)),
        ends_at=ends_at,
        conditions=agreed,
        decisions={body: each.entry for body, each in sorted(state.decisions.items())},
        duties=(report,),
        named={act: content.named[act] for act in sorted(acts & content.named.keys())},
        area=content.area,
        lapses=dict(sorted(state.lapses.items())),
        rests_on=frozenset().union(*state.rests_on.values()),
    )


def _communities(state: RequestState) -> tuple[str, ...]:
    """To whom reports are owed: the peoples' and places' bodies; where no collective
    body decided, those that did."""
    own = {
        entry.body for entry in state.asked() if entry.capacity in (Capacity.PEOPLE, Capacity.PLACE)
    }
    return tuple(sorted(own or state.bodies()))


_ARMS: Mapping[type, Callable[[RequestState, Envelope, Any], Decided]] = {
    c.Forward: _forward,
    c.Return: _return,
    c.Resubmit: _resubmit,
    c.Ask: _ask,
    c.Answer: _answer,
    c.StandAside: _stand_aside,
    c.SetCondition: _set_condition,
    c.Rejustify: _rejustify,
    c.Accept: _accept,
    c.Withdraw: _withdraw,
    c.RecordReview: _review,
    c.Remind: clock.remind,
    c.Speak: deciding.speak,
    c.Conclude: deciding.conclude,
    c.RecordHui: deciding.record_hui,
    c.AskToMeet: deciding.ask_to_meet,
    c.RecordMeeting: deciding.record_meeting,
    c.RecordElsewhere: deciding.record_elsewhere,
    c.Dispute: disputing.dispute,
    c.AnswerDispute: disputing.answer_dispute,
}

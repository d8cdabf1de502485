"""What somebody named in a written record may say against it, and what comes of that."""

from __future__ import annotations

from policies.refusals import Code, Refused
from policies.request import commands as c
from policies.request import deciding
from policies.request import events as e
from policies.request.deciding import Decided
from policies.request.state import Dispute, RequestState
from policies.types import Envelope, Sitting


def dispute(state: RequestState, envelope: Envelope, command: c.Dispute) -> Decided:
    """Somebody named in a record that something rests on says that it is not so: a decision,
    the subcommittee's advice to it, a yes in principle, or that it is not the body's own."""
    record = state.recorded.get(command.entry)
    if record is None or envelope.actor not in record.named:
        return Refused(Code.NOT_FOUND)
    if (record.about or command.entry) not in state.rests_on.get(record.body, ()):
        return Refused(Code.NOT_FOUND)
    for each in state.disputes.values():
        if each.entry == command.entry and each.person == envelope.actor:
            return Refused(Code.ALREADY_DONE)
    return [e.Disputed(envelope.id, record.body, command.entry, envelope.actor, command.words)]


def answer_dispute(state: RequestState, envelope: Envelope, command: c.AnswerDispute) -> Decided:
    """The body says whether its record stands, by one of its hands or, as its secretary writes
    it down, all together by its kawa. Whoever wrote the record, or disputes it, does not answer
    for it alone where somebody else of the body can."""
    disputed = state.disputes.get(command.dispute)
    if disputed is None or disputed.body != command.sitting.body:
        return Refused(Code.NOT_FOUND)
    if not disputed.open:
        return Refused(Code.ALREADY_DONE)
    if refusal := (
        _answers_alone(state, envelope, command.sitting, disputed)
        if command.met is None
        else deciding.answered_together(
            state, envelope, command.sitting, command.met, command.stands
        )
    ):
        return refusal
    answered = e.DisputeAnswered(
        command.dispute, disputed.body, command.stands, command.answer, disputed.rests_on
    )
    if command.met is None:
        return [answered]
    met = command.met
    return [
        e.HuiRecorded(
            disputed.body, met.held_on, met.method, met.voices, command.answer, envelope.actor
        ),
        answered,
    ]


def _answers_alone(
    state: RequestState, envelope: Envelope, sitting: Sitting, disputed: Dispute
) -> Refused | None:
    if refusal := deciding.no_part(state, envelope.actor, sitting):
        return refusal
    if envelope.actor not in sitting.hands:
        return Refused(Code.NOT_A_MEMBER)
    concerned = {disputed.person, state.recorded[disputed.entry].by}
    others = sitting.hands - deciding.outside(state, sitting) - concerned
    if envelope.actor in concerned and others:
        return Refused(Code.NOT_PERMITTED, {
            "sentence": "Whoever wrote the record, or disputes it, does not answer for it alone.",
            "next": "Ask somebody else of the body to answer, or write down what it said together.",
        })  # fmt: skip
    return None

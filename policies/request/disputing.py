"""What somebody named in a written record may say against it, and what comes of that."""

from __future__ import annotations

from policies.refusals import Code, Refused
from policies.request import commands as c
from policies.request import deciding
from policies.request import events as e
from policies.request.deciding import Decided
from policies.request.state import RequestState
from policies.types import Envelope


def dispute(state: RequestState, envelope: Envelope, command: c.Dispute) -> Decided:
    """Somebody named in a record that something rests on says that it is not so: a decision,
    the subcommittee's advice to it, a yes in principle, or that it is not the body's own."""
    record = state.recorded.get(command.entry)
    if record is None or envelope.actor not in record.named:
        return Refused(Code.NOT_FOUND)
    if command.entry not in state.rests_on.get(record.body, ()):
        return Refused(Code.NOT_FOUND)
    for each in state.disputes.values():
        if each.entry == command.entry and each.person == envelope.actor:
            return Refused(Code.ALREADY_DONE)
    return [e.Disputed(envelope.id, record.body, command.entry, envelope.actor, command.words)]


def answer_dispute(state: RequestState, envelope: Envelope, command: c.AnswerDispute) -> Decided:
    """The body says whether its record stands. Whoever wrote the record, or disputes it, does
    not answer for it where somebody else of the body can."""
    disputed = state.disputes.get(command.dispute)
    if disputed is None or disputed.body != command.sitting.body:
        return Refused(Code.NOT_FOUND)
    if not disputed.open:
        return Refused(Code.ALREADY_DONE)
    if refusal := deciding.no_part(state, envelope.actor, command.sitting):
        return refusal
    if envelope.actor not in command.sitting.hands:
        return Refused(Code.NOT_A_MEMBER)
    concerned = {disputed.person, state.recorded[disputed.entry].by}
    others = command.sitting.hands - deciding.outside(state, command.sitting) - concerned
    if envelope.actor in concerned and others:
        return Refused(Code.NOT_PERMITTED, {
            "sentence": "Whoever wrote the record, or disputes it, does not answer for it.",
            "next": "Ask somebody else of the body to answer.",
        })  # fmt: skip
    return [
        e.DisputeAnswered(
            command.dispute, disputed.body, command.stands, command.answer, disputed.entry
        )
    ]

"""What somebody named in a written record may say against it, and what comes of that."""

from __future__ import annotations

from datetime import timedelta

from policies import kawa
from policies.refusals import Code, Refused
from policies.request import commands as c
from policies.request import deciding
from policies.request import events as e
from policies.request.deciding import Decided
from policies.request.state import Dispute, RequestState
from policies.types import Envelope, Outcome, Sitting


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
    for it where somebody else of the body can."""
    sitting, met = command.sitting, command.met
    disputed = state.disputes.get(command.dispute)
    if disputed is None or disputed.body != sitting.body:
        return Refused(Code.NOT_FOUND)
    if not disputed.open:
        return Refused(Code.ALREADY_DONE)
    answered = e.DisputeAnswered(
        command.dispute, disputed.body, command.stands, command.answer, disputed.rests_on
    )
    if met is None:
        return _answers_alone(state, envelope, sitting, disputed) or [answered]
    if refusal := _not_together(state, envelope, sitting, disputed, met):
        return refusal
    if refusal := _not_by_its_kawa(state, envelope, sitting, met, command.stands):
        return refusal
    hui = e.HuiRecorded(
        disputed.body, met.held_on, met.method, met.voices, command.answer, envelope.actor
    )
    return [hui, answered]


def _answers_alone(
    state: RequestState, envelope: Envelope, sitting: Sitting, disputed: Dispute
) -> Refused | None:
    if refusal := deciding.no_part(state, envelope.actor, sitting):
        return refusal
    if envelope.actor not in sitting.hands:
        return Refused(Code.NOT_A_MEMBER)
    return _of_their_own_making(state, envelope.actor, sitting, disputed, sitting.hands)


def _not_together(
    state: RequestState, envelope: Envelope, sitting: Sitting, disputed: Dispute, met: c.Met
) -> Refused | None:
    """Who wrote the record writes down the answer only where nobody else holds the pen; and
    then, as ever, whoever disputes it was heard, and is named: their page has a code as well."""
    if refusal := _of_their_own_making(
        state, envelope.actor, sitting, disputed, sitting.secretaries
    ):
        return refusal
    if met.held_on < (disputed.said_at - timedelta(hours=14)).date():
        # They met about it after it was said, not before.
        return Refused(Code.INVALID, {"field": "met.held_on"})
    could_speak = deciding.hearing(state, sitting, met.voices).may_speak
    if disputed.person in could_speak and disputed.person not in met.voices:
        return Refused(Code.NOT_YET, {
            "sentence": "Whoever disputes the record has to be heard about it.",
            "next": "Meet with them, and write down what they said as well.",
        })  # fmt: skip
    return None


def _not_by_its_kawa(
    state: RequestState, envelope: Envelope, sitting: Sitting, met: c.Met, stands: bool
) -> Refused | None:
    """Why the body has not come, by its own kawa, to say that its record stands (or that it
    does not), as its secretary writes it down; or None."""
    if refusal := deciding.no_part(state, envelope.actor, sitting):
        return refusal
    if refusal := deciding.no_pen(state, envelope, sitting, met.held_on):
        return refusal
    if refusal := deciding.named_wrongly(state, sitting, met.voices):
        return refusal
    if sitting.kawa.in_person and met.method not in deciding.IN_PERSON:
        return Refused(Code.IN_PERSON)
    if sitting.pause is not None:
        return Refused(Code.PAUSED)
    outcome = Outcome.APPROVE if stands else Outcome.DECLINE
    return kawa.decided(sitting.kawa, outcome, deciding.hearing(state, sitting, met.voices))


def _of_their_own_making(
    state: RequestState,
    actor: str,
    sitting: Sitting,
    disputed: Dispute,
    might: frozenset[str],
) -> Refused | None:
    """Whoever wrote or disputed the record, or one that answers for it, does not answer, where
    another of those who `might` can."""
    concerned = {
        each.by
        for entry, each in state.recorded.items()
        if disputed.rests_on in (entry, each.about)
    } | {each.person for each in state.disputes.values() if each.rests_on == disputed.rests_on}
    if actor in concerned and might - deciding.outside(state, sitting) - concerned:
        return Refused(Code.NOT_PERMITTED, {
            "sentence": "Whoever wrote the record, or disputes it, does not answer for it.",
            "next": "Ask somebody else of the body to answer; or meet, and write that down.",
        })  # fmt: skip
    return None

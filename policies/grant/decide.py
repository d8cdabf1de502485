"""May this command happen to this grant, and what follows?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from policies.grant import commands as c
from policies.grant import events as e
from policies.grant.report import Duty, Standing
from policies.grant.state import GrantState, Status
from policies.refusals import Code, Refused
from policies.types import SYSTEM, Envelope, Sitting

Decided = list[e.Event] | Refused


def decide(state: GrantState, envelope: Envelope) -> Decided:
    """The events that `envelope`'s command causes, or why it is refused. Pure."""
    command = envelope.command
    if isinstance(command, c.Issue):
        if envelope.actor != SYSTEM:
            return Refused(Code.NOT_PERMITTED)
        return (
            [e.Issued(command.terms)] if state.status is Status.NONE else Refused(Code.ALREADY_DONE)
        )
    if state.status is Status.NONE:
        # The outbox may carry what ends a grant before what begins it: then it comes again.
        return Refused(Code.STALE if isinstance(command, c.Void) else Code.NOT_FOUND)
    if state.status is Status.CLOSED:
        return Refused(Code.ENDED)
    return _ARMS[type(command)](state, envelope, command)


def next_due(state: GrantState) -> datetime | None:
    """The next instant at which the clock has something to do, or None."""
    instants = [state.terms.ends_at] if state.terms and state.status is Status.ACTIVE else []
    for duty in _unfinished(state).values():
        if not duty.reminded:
            instants.append(duty.terms.remind_at)
        if not duty.paused and duty.can_fall_overdue:
            instants.append(duty.terms.due_at)
    if state.status is Status.ACTIVE:
        instants += [at for body, at in state.lapses.items() if body not in state.lapse_told]
    return min(instants, default=None)


def _file_report(state: GrantState, envelope: Envelope, command: c.FileReport) -> Decided:
    duty = state.duties.get(command.duty)
    if not _is_researcher(state, envelope.actor):
        return Refused(Code.NOT_PERMITTED)
    if duty is None:
        return Refused(Code.NOT_FOUND)
    if duty.standing is not Standing.OWED:
        return Refused(Code.ALREADY_DONE)
    if set(command.words) != set(c.REPORT_WORDS):
        return Refused(Code.INVALID, {"field": "words"})
    return [e.ReportFiled(command.duty, duty.version + 1, command.words)]


def _return_report(state: GrantState, envelope: Envelope, command: c.ReturnReport) -> Decided:
    duty = _to_read(state, envelope.actor, command.sitting, command.duty)
    if isinstance(duty, Refused):
        return duty
    return [e.ReportReturned(command.duty, command.sitting.body, command.question)]


def _accept_report(state: GrantState, envelope: Envelope, command: c.AcceptReport) -> Decided:
    duty = _to_read(state, envelope.actor, command.sitting, command.duty)
    if isinstance(duty, Refused):
        return duty
    accepted: list[e.Event] = [e.ReportAccepted(command.duty, command.sitting.body, command.reply)]
    if duty.waiting_for == {command.sitting.body}:
        accepted.append(e.DutyDone(command.duty))
        done = replace(duty, standing=Standing.DONE)
        accepted += _closing(replace(state, duties={**state.duties, command.duty: done}))
    return accepted


def _end_early(state: GrantState, envelope: Envelope, command: c.EndEarly) -> Decided:
    if state.terms is None or envelope.actor != state.terms.applicant:
        return Refused(Code.NOT_PERMITTED)
    if state.status is not Status.ACTIVE:
        return Refused(Code.WRONG_TIME)
    return [e.Ended("ended_early")]


def _renew_elsewhere(state: GrantState, envelope: Envelope, command: c.RenewElsewhere) -> Decided:
    body = command.sitting.body
    if state.terms is None or body not in state.terms.lapses:
        return Refused(Code.NOT_ASKED)
    if envelope.actor not in command.sitting.secretaries:
        return Refused(Code.NOT_PERMITTED)
    if _is_researcher(state, envelope.actor):
        return Refused(Code.APPLICANT)
    if state.status is not Status.ACTIVE:
        return Refused(Code.WRONG_TIME)
    if command.expires_at <= max(envelope.at, state.lapses[body]):
        return Refused(Code.INVALID, {"field": "expires_at"})
    return [
        e.RenewedElsewhere(
            body, command.reference, command.letter, command.letter_sha256, command.expires_at,
            envelope.actor,
        )
    ]  # fmt: skip


def _void(state: GrantState, envelope: Envelope, command: c.Void) -> Decided:
    if envelope.actor != SYSTEM:
        return Refused(Code.NOT_PERMITTED)
    if state.status is not Status.ACTIVE:
        return Refused(Code.ALREADY_DONE)
    if state.terms is None or command.entry not in state.terms.grounds:
        return Refused(Code.NOT_ASKED)
    return [e.Ended("a record that it rested on does not stand")]


def _attest_disposal(state: GrantState, envelope: Envelope, command: c.AttestDisposal) -> Decided:
    if not _is_researcher(state, envelope.actor):
        return Refused(Code.NOT_PERMITTED)
    if state.status is not Status.ENDED:
        return Refused(Code.WRONG_TIME)
    if state.disposal_attested:
        return Refused(Code.ALREADY_DONE)
    return [e.DisposalAttested(command.attestation)]


def _acknowledge_disposal(
    state: GrantState, envelope: Envelope, command: c.AcknowledgeDisposal
) -> Decided:
    body = command.sitting.body
    if refusal := _may_not_act(state, envelope.actor, command.sitting):
        return refusal
    if not state.disposal_attested:
        return Refused(Code.WRONG_TIME)
    if body in state.disposal_acknowledged:
        return Refused(Code.ALREADY_DONE)
    acknowledged = state.disposal_acknowledged | {body}
    return [
        e.DisposalAcknowledged(body),
        *_closing(replace(state, disposal_acknowledged=acknowledged)),
    ]


def _clock_passed(state: GrantState, envelope: Envelope, command: c.ClockPassed) -> Decided:
    if envelope.actor != SYSTEM:
        return Refused(Code.NOT_PERMITTED)
    now, passed = envelope.at, list[e.Event]()
    for name, duty in sorted(_unfinished(state).items()):
        if not duty.reminded and duty.terms.remind_at <= now:
            passed.append(e.DutyReminded(name))
        if not duty.paused and duty.overdue(now):
            passed.append(e.AccessPaused(name))
    if state.status is Status.ACTIVE:
        passed += [
            e.LapsePassed(body)
            for body, at in sorted(state.lapses.items())
            if at <= now and body not in state.lapse_told
        ]
    if state.terms and state.status is Status.ACTIVE and state.terms.ends_at <= now:
        passed.append(e.Ended("expired"))
    return passed or Refused(Code.WRONG_TIME)


def _unfinished(state: GrantState) -> Mapping[str, Duty]:
    """The duties that some community has not yet accepted."""
    return {n: duty for n, duty in state.duties.items() if duty.standing is not Standing.DONE}


def _closing(state: GrantState) -> list[e.Event]:
    """A grant closes when access has ended, disposal is acknowledged and nothing is owed."""
    done = (
        state.status is Status.ENDED
        and state.communities() <= state.disposal_acknowledged
        and not _unfinished(state)
    )
    return [e.Closed()] if done else []


def _is_researcher(state: GrantState, person: str) -> bool:
    return state.terms is not None and person in state.terms.people


def _may_not_act(state: GrantState, person: str, sitting: Sitting) -> Refused | None:
    if sitting.body not in state.communities():
        return Refused(Code.NOT_ASKED)
    if person not in sitting.hands:
        return Refused(Code.NOT_A_MEMBER)
    return Refused(Code.APPLICANT) if _is_researcher(state, person) else None


def _to_read(state: GrantState, person: str, sitting: Sitting, name: str) -> Duty | Refused:
    if refusal := _may_not_act(state, person, sitting):
        return refusal
    duty = state.duties.get(name)
    if duty is None or sitting.body not in duty.terms.recipients:
        return Refused(Code.NOT_FOUND)
    if duty.standing is Standing.OWED:
        return Refused(Code.WRONG_TIME)
    if duty.standing is Standing.DONE or sitting.body in duty.accepted_by:
        return Refused(Code.ALREADY_DONE)
    return duty


_ARMS: Mapping[type, Callable[[GrantState, Envelope, Any], Decided]] = {
    c.RenewElsewhere: _renew_elsewhere,
    c.Void: _void,
    c.FileReport: _file_report,
    c.ReturnReport: _return_report,
    c.AcceptReport: _accept_report,
    c.EndEarly: _end_early,
    c.AttestDisposal: _attest_disposal,
    c.AcknowledgeDisposal: _acknowledge_disposal,
    c.ClockPassed: _clock_passed,
}

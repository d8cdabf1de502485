"""What follows from waiting: reminders, the body's own delegate, a holder's reviewer. Nothing
else does, ever: silence never approves, and nobody is passed over."""

from __future__ import annotations

from policies.refusals import Code, Refused
from policies.request import commands as c
from policies.request import events as e
from policies.request.state import RequestState, Status
from policies.request.waiting import DESK, due
from policies.types import Capacity, Envelope


def remind(state: RequestState, envelope: Envelope, command: c.Remind) -> list[e.Event] | Refused:
    """What is due at the envelope's instant, given how long everyone has been waited for.

    A wait that stands still, or is not this request's, is left out whatever is said of it.
    """
    if not command.waited and command.forward_after is None:
        return _as_before(state, envelope)
    happened: list[e.Event] = []
    forwarded = _desk_is_late(state, command)
    times = {}
    for who, waited in sorted(command.waited.items()):
        wait = state.waits.get(who)
        if wait is None or wait.stands or (who == DESK and forwarded):
            # A desk that is not waited for any more is told nothing.
            continue
        if (count := due(wait, waited)) > wait.told:
            times[who] = count
        if waited.then is not None and not wait.called and _passed(waited.then_after, waited):
            happened.append(e.DelegateCalled(who, waited.then))
        silent = _is_a_holder(state, who) and _passed(waited.review_after, waited)
        if silent and command.reviewer is not None and not wait.escalated:
            happened.append(e.Escalated(who, command.reviewer, waited.days))
    if times:
        happened.insert(0, e.Reminded(tuple(sorted(times)), times))
    if forwarded:
        # The desk cannot decline; so neither can its silence.
        happened.append(e.Forwarded(unchecked=True))
    return happened or Refused(Code.WRONG_TIME)


def _as_before(state: RequestState, envelope: Envelope) -> list[e.Event] | Refused:
    """Requests from before bodies set their own days carry the one instant of a reminder. None
    of them was at a desk, where nobody is asked yet."""
    if state.status is not Status.DECIDING:
        return Refused(Code.WRONG_TIME)
    if state.remind_at is None or envelope.at < state.remind_at:
        return Refused(Code.WRONG_TIME)
    return [e.Reminded(tuple(sorted(state.waiting_for())))]


def _passed(after: int | None, waited: c.Waited) -> bool:
    return after is not None and after <= waited.days


def _is_a_holder(state: RequestState, body: str) -> bool:
    return any(each.body == body and each.capacity is Capacity.HOLDER for each in state.asked())


def _desk_is_late(state: RequestState, command: c.Remind) -> bool:
    waited = command.waited.get(DESK)
    late = waited is not None and _passed(command.forward_after, waited)
    return late and state.status is Status.AT_DESK

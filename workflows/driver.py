"""One stream's workflow: it waits, and it drives; the truth is in the stream.

An Update whose handler awaits a local activity leaves nothing in Temporal until its
workflow task completes. Killed after the recorder's commit, the ledger is ahead of
the workflow, so: state folds only what the recorder returned, a command is decided
again whenever the stream has moved, and a run can begin again from its stream alone.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError, FailureError

with workflow.unsafe.imports_passed_through():
    from policies import codec
    from policies.machines import MACHINES, kind_of, written_event
    from policies.refusals import Code, Refused
    from policies.types import SYSTEM, Envelope, derived_id
    from workflows.alarm import Alarm
    from workflows.contracts import (
        BROKEN,
        CATCH_UP,
        COMMAND,
        LOAD,
        MANNER,
        RECORD,
        REFUSED,
        SEQUENCE,
        TELL_TIME,
        Json,
        LoadCall,
        RecordCall,
        RecordReply,
        Refusal,
        Start,
        TellCall,
    )
    from workflows.envelopes import envelope_of, written_envelope

COMMANDS_A_RUN = 100
"""A run continues as new after this many commands, or when the server suggests it. Open runs
are replayed with whatever stands here: a lower number needs `workflow.patched`."""

SHORTEST_TIMER = timedelta(seconds=1)
EMPTY_FOR = timedelta(seconds=20)
"""How long a run without a submission waits for one before it ends itself."""
TRY_WITHIN = timedelta(seconds=30)
"""How long the recorder may take for one try."""
TRIES = 8
"""How often a command is tried on a database that is away before it makes room for others:
over a quarter of a minute at the least."""
LOOK_WITHIN = timedelta(hours=1)
"""How soon after a change a run asks what that means for those who are waited for."""
MANY_TRIES = RetryPolicy(maximum_interval=timedelta(seconds=2), maximum_attempts=TRIES)
CLOCK_REFUSED_FOR = timedelta(minutes=10)
"""How long the clock waits before it asks again for what was refused to it."""


class StreamDriver:
    """What the workflows of all kinds of streams have in common."""

    def __init__(self) -> None:
        """A run knows nothing until it has loaded its stream."""
        self._stream = workflow.info().workflow_id
        self._machine = MACHINES[kind_of(self._stream)]
        self._state = self._machine.initial
        self._sequence = 0
        self._ready = False
        self._known: set[str] = set()
        self._now: datetime | None = None
        self._lived_to: datetime | None = None
        self._ahead = timedelta()
        self._look_at: datetime | None = None
        self._asks = False
        self._commands = 0
        self._alarm = Alarm()
        self._admitted: tuple[Any, int, list[Json]] | None = None
        self._lock = asyncio.Lock()

    async def drive(self, start: Start) -> None:
        """Load the stream, then wait for commands and for the clock until it has ended."""
        self._alarm.manner = start.manner
        # Runs from before bodies set their own days know one reminder alone.
        self._asks = self._machine.calendared and start.manner > 1
        if not start.by_command:
            await self._load()
        self._ready = True
        if self._sequence < start.sequence:
            # Only a database put back from an older copy can do this.
            workflow.logger.error("stream is behind its workflow")
        if not await self._submitted(start):
            return
        while self._state.open:
            if self._commands >= COMMANDS_A_RUN or workflow.info().is_continue_as_new_suggested():
                await workflow.wait_condition(workflow.all_handlers_finished)
                workflow.continue_as_new(Start(self._stream, self._sequence, MANNER))
            await self._wait()
        await workflow.wait_condition(workflow.all_handlers_finished)

    @workflow.query(name=SEQUENCE)
    def sequence(self) -> int:
        """How far this run has come in its stream: for whoever looks after it."""
        return self._sequence

    @workflow.update(name=COMMAND)
    async def command(self, written: Any) -> Json:
        """Carry one command (an envelope); returns what ledger entry it made, now or before."""
        if self._alarm.manner == 1 or not self._ready:
            await workflow.wait_condition(lambda: self._ready)
        return await self._carry(written)

    @command.validator
    def _admit(self, written: Any) -> None:
        envelope = self._readable(written)
        # From a state that may be stale only the handler, brought up to date by the
        # recorder, can refuse.
        if (
            self._alarm.replies == 0
            or self._sequence < envelope.seen
            or envelope.id in self._known
            or self._lock.locked()
        ):
            return
        events, refusal = self._decide(written)
        if refusal is not None:
            raise refusal
        self._admitted = (written, self._sequence, events)

    @workflow.update(name=CATCH_UP)
    async def catch_up(self, sequence: int) -> None:
        """Fold what was committed when worker and Temporal died before either could tell."""
        # In whatever order the two came, as `command` has it: a history replays in that order.
        if self._alarm.manner == 1 or not self._ready:
            await workflow.wait_condition(lambda: self._ready)
        async with self._lock:
            await self._load()

    @catch_up.validator
    def _behind(self, sequence: int) -> None:
        if self._alarm.replies and self._sequence >= sequence:
            raise _refused(Refused(Code.ALREADY_DONE))

    async def _load(self) -> None:
        self._take(await _asked(LOAD, LoadCall(self._stream, self._sequence)))

    async def _carry(self, written: Json) -> Json:
        """Which activities this asks for, and how often, follows from the recorder's replies
        alone: a history must replay under later code, which may read and decide otherwise."""
        async with self._lock:
            self._commands += 1
            while True:
                events, refusal = self._decide(written)
                reply = await self._record(
                    RecordCall(self._stream, self._sequence, written, events)
                )
                self._take(reply)
                if reply.made is not None:
                    return _receipt(reply.made)
                if reply.refusal is not None:
                    raise _refused(Refused(Code(reply.refusal.code), reply.refusal.facts))
                if reply.status == "current":
                    raise refusal or _refused(Refused(Code.INVALID))

    def _decide(self, written: Json) -> tuple[list[Json], ApplicationError | None]:
        """The events that follow; when there are none, what to raise once that is certain."""
        if self._admitted is not None and self._admitted[:2] == (written, self._sequence):
            # The validator has just come to this. (It is not asked again on replay.)
            events, self._admitted = self._admitted[2], None
            return events, None
        try:
            decided = self._machine.decide(self._state, self._readable(written))
            if isinstance(decided, Refused):
                return [], _refused(decided)
            return [written_event(each) for each in decided], None
        except ApplicationError as refusal:
            return [], refusal
        except Exception as error:
            # It would be raised again at every try, and wedge the workflow for good.
            workflow.logger.exception("a command could not be decided")
            return [], ApplicationError(type(error).__name__, type=BROKEN, non_retryable=True)

    async def _record(self, call: RecordCall) -> RecordReply:
        """Ask the recorder. One command that it cannot commit must not keep the others waiting
        for ever; the caller, told that the outcome is not known, may send it again."""
        try:
            return await _asked(RECORD, call, MANY_TRIES)
        except FailureError:
            raise _refused(Refused(Code.UNAVAILABLE)) from None

    async def _wait(self) -> None:
        """Until something changes or the next instant is due; then let the recorder say."""
        due = self._due()
        if due is None or self._now is None or self._machine.clock is None:
            await self._alarm.next_reply()
            return
        left = due - self._now + self._ahead if due > self._now else SHORTEST_TIMER
        if not await self._alarm.fell_due(due, max(SHORTEST_TIMER, left)):
            return
        reply = await _asked(TELL_TIME, TellCall(self._stream) if self._asks else None)
        self._take(reply)
        command = self._due_now(due, reply)
        if command is None:
            return  # Fired early: `drive` sets it again.
        envelope = Envelope(
            id=derived_id(self._stream, str(self._sequence), "clock"),
            stream=self._stream,
            seen=self._sequence,
            actor=SYSTEM,
            at=self._now,
            command=command,
        )
        try:
            await self._carry(written_envelope(envelope))
        except ApplicationError:
            workflow.logger.warning("the clock's command was refused", extra={"due": str(due)})
            if self._due() == due:
                # What stands in its way stays for a while, or goes with the next command.
                await self._alarm.pause(CLOCK_REFUSED_FOR)

    def _due(self) -> datetime | None:
        """The next instant at which the recorder is asked what is due."""
        if not self._asks:
            return self._machine.next_due(self._state)
        return self._look_at if self._state.waited_for() else None

    def _due_now(self, due: datetime, reply: RecordReply) -> Any:
        """The clock's command, if one is due; what is due of working days the recorder says,
        which has the calendars."""
        assert self._now is not None
        assert self._machine.clock is not None
        if not self._asks:
            return None if self._now < due else self._machine.clock()
        if reply.clock is not None:
            self._look_at = self._now + LOOK_WITHIN
            return self._machine.command(reply.clock)
        # Where every clock stands still nothing is due until something happens here.
        wake_at = codec.instant(reply.wake_at) if reply.wake_at else None
        self._look_at = wake_at and max(wake_at, self._now + SHORTEST_TIMER)
        return None

    async def _submitted(self, start: Start) -> bool:
        """False when the run was started for a first command that never came to be."""
        try:
            await workflow.wait_condition(
                lambda: self._sequence > 0 and workflow.all_handlers_finished(), timeout=EMPTY_FOR
            )
        except TimeoutError:
            if start.by_command:
                # The command never came to the recorder: there may be a stream all the same.
                async with self._lock:
                    await self._load()
            await workflow.wait_condition(workflow.all_handlers_finished)
        return self._sequence > 0

    def _readable(self, written: Json) -> Envelope:
        try:
            envelope = envelope_of(written)
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise _refused(Refused(Code.INVALID)) from error
        if envelope.stream != self._stream:
            raise _refused(Refused(Code.INVALID))
        return envelope

    def _take(self, reply: RecordReply) -> None:
        self._alarm.replied()
        now, lived_to = codec.instant(reply.now), workflow.now()
        if self._now is not None and self._lived_to is not None:
            # Where the service clock was moved (a temporary home), Temporal's time follows: a
            # wait that is still to come has that to live through first, and asks only then.
            gap = (now - self._now) - (lived_to - self._lived_to)
            self._ahead = max(timedelta(), self._ahead + gap)
        self._now, self._lived_to = now, lived_to
        if reply.entries:
            soon = self._now + LOOK_WITHIN
            # What is looked at sooner anyway is left as it is.
            self._look_at = min(self._look_at or soon, soon)
        for entry in reply.entries:
            if entry["sequence"] == self._sequence + 1:
                self._state = self._machine.fold(self._state, entry)
                self._sequence += 1
                self._known.add(entry["command"])


def _receipt(entry: Json) -> Json:
    """An entry as whoever sent its command is told of it: what happened in it they read where
    they may."""
    return {**entry, "events": [{"type": each["type"]} for each in entry["events"]]}


async def _asked(
    activity: str,
    call: LoadCall | RecordCall | TellCall | None = None,
    retry: RetryPolicy | None = None,
) -> RecordReply:
    """The recorder's reply. Calls and replies travel as plain JSON: given dataclasses, the SDK
    copies whatever is in them field by field, which in the sandbox is slow."""
    reply: Json = await workflow.execute_local_activity(
        activity,
        args=[] if call is None else [{**vars(call)}],
        result_type=dict,
        start_to_close_timeout=TRY_WITHIN,
        retry_policy=retry,
    )
    return RecordReply.read(reply)


def _refused(refused: Refused) -> ApplicationError:
    return ApplicationError(
        str(refused.code),
        Refusal(str(refused.code), dict(refused.facts)),
        type=REFUSED,
        non_retryable=True,
    )

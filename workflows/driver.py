"""One stream's workflow: it waits, and it drives; the truth is in the stream.

An Update whose handler awaits a local activity leaves nothing in Temporal until its
workflow task completes. Killed after the recorder's commit, the ledger is ahead of
the workflow, so: state folds only what the recorder returned, a command is decided
again whenever the stream has moved, and a run can begin again from its stream alone.
"""

from __future__ import annotations

import asyncio
import contextlib
from datetime import datetime, timedelta
from typing import Any

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ApplicationError, FailureError

with workflow.unsafe.imports_passed_through():
    from policies import codec
    from policies.machines import MACHINES, kind_of, written_command, written_event
    from policies.refusals import Code, Refused
    from policies.types import SYSTEM, Envelope, derived_id
    from workflows.contracts import (
        BROKEN,
        CATCH_UP,
        COMMAND,
        LOAD,
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
    )

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
CLOCK_REFUSED_FOR = timedelta(minutes=10)
"""How long the clock waits before it asks again for what was refused to it."""


def envelope_of(value: Json) -> Envelope:
    """Read an envelope as it travels. Raises ValueError for what cannot be read."""
    machine = MACHINES[kind_of(value["stream"])]
    fields = {**value, "command": None}
    envelope = codec.decode(Envelope, fields)
    return _with_command(envelope, machine.command(value["command"]))


def written_envelope(envelope: Envelope) -> Json:
    """The counterpart of `envelope_of`."""
    written: Json = codec.encode(_with_command(envelope, None))
    return {**written, "command": written_command(envelope.command)}


def _with_command(envelope: Envelope, command: Any) -> Envelope:
    fields = {name: getattr(envelope, name) for name in envelope.__dataclass_fields__}
    return Envelope(**{**fields, "command": command})


class StreamDriver:
    """What the workflows of all kinds of streams have in common."""

    def __init__(self) -> None:
        """A run knows nothing until it has loaded its stream."""
        self._stream = workflow.info().workflow_id
        self._machine = MACHINES[kind_of(self._stream)]
        self._state = self._machine.initial
        self._sequence = 0
        self._loaded = False
        self._known: set[str] = set()
        self._now: datetime | None = None
        self._commands = 0
        self._replies = 0
        self._lock = asyncio.Lock()

    async def drive(self, start: Start) -> None:
        """Load the stream, then wait for commands and for the clock until it has ended."""
        await self._load()
        self._loaded = True
        if self._sequence < start.sequence:
            # Only a database put back from an older copy can do this.
            workflow.logger.error("stream is behind its workflow")
        if not await self._submitted():
            return
        while self._state.open:
            if self._commands >= COMMANDS_A_RUN or workflow.info().is_continue_as_new_suggested():
                await workflow.wait_condition(workflow.all_handlers_finished)
                workflow.continue_as_new(Start(self._stream, self._sequence))
            await self._wait()
        await workflow.wait_condition(workflow.all_handlers_finished)

    @workflow.query(name=SEQUENCE)
    def sequence(self) -> int:
        """How far this run has come in its stream: for whoever looks after it."""
        return self._sequence

    @workflow.update(name=COMMAND)
    async def command(self, written: Json) -> Json:
        """Carry one command; returns the ledger entry that it made, now or before."""
        await workflow.wait_condition(lambda: self._loaded)
        return await self._carry(written)

    @command.validator
    def _admit(self, written: Json) -> None:
        envelope = self._readable(written)
        # From a state that may be stale only the handler, brought up to date by the
        # recorder, can refuse.
        if (
            not self._loaded
            or self._sequence < envelope.seen
            or envelope.id in self._known
            or self._lock.locked()
        ):
            return
        _, refusal = self._decide(written)
        if refusal is not None:
            raise refusal

    @workflow.update(name=CATCH_UP)
    async def catch_up(self, sequence: int) -> None:
        """Fold what was committed when worker and Temporal died before either could tell."""
        await workflow.wait_condition(lambda: self._loaded)
        async with self._lock:
            await self._load()

    @catch_up.validator
    def _behind(self, sequence: int) -> None:
        if self._loaded and self._sequence >= sequence:
            raise _refused(Refused(Code.ALREADY_DONE))

    async def _load(self) -> None:
        self._take(
            await workflow.execute_local_activity(
                LOAD,
                LoadCall(self._stream, self._sequence),
                result_type=RecordReply,
                start_to_close_timeout=TRY_WITHIN,
            )
        )

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
                if reply.answer is not None:
                    return reply.answer
                if reply.refusal is not None:
                    raise _refused(Refused(Code(reply.refusal.code), reply.refusal.facts))
                if reply.status == "current":
                    raise refusal or _refused(Refused(Code.INVALID))

    def _decide(self, written: Json) -> tuple[list[Json], ApplicationError | None]:
        """The events that follow; when there are none, what to raise once that is certain."""
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
            reply: RecordReply = await workflow.execute_local_activity(
                RECORD,
                call,
                result_type=RecordReply,
                start_to_close_timeout=TRY_WITHIN,
                retry_policy=RetryPolicy(
                    maximum_interval=timedelta(seconds=2), maximum_attempts=TRIES
                ),
            )
        except FailureError:
            raise _refused(Refused(Code.UNAVAILABLE)) from None
        return reply

    async def _wait(self) -> None:
        """Until something changes or the next instant is due; then let the recorder say."""
        seen = self._replies
        due = self._machine.next_due(self._state)

        def changed() -> bool:
            return self._replies != seen

        if due is None or self._now is None or self._machine.clock is None:
            await workflow.wait_condition(changed)
            return
        try:
            await workflow.wait_condition(
                changed, timeout=max(SHORTEST_TIMER, due - self._now), timeout_summary="due"
            )
            return
        except TimeoutError:
            pass
        reply = await workflow.execute_local_activity(
            TELL_TIME, result_type=RecordReply, start_to_close_timeout=TRY_WITHIN
        )
        self._take(reply)
        if self._now < due:
            return  # Fired early: `drive` sets it again.
        envelope = Envelope(
            id=derived_id(self._stream, str(self._sequence), "clock"),
            stream=self._stream,
            seen=self._sequence,
            actor=SYSTEM,
            at=self._now,
            command=self._machine.clock(),
        )
        try:
            await self._carry(written_envelope(envelope))
        except ApplicationError:
            workflow.logger.warning("the clock's command was refused", extra={"due": str(due)})
            if self._machine.next_due(self._state) == due:
                await self._pause()

    async def _pause(self) -> None:
        """What stands in the clock's way stays for a while, or goes with the next command."""
        seen = self._replies
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self._replies != seen, timeout=CLOCK_REFUSED_FOR, timeout_summary="refused"
            )

    async def _submitted(self) -> bool:
        """False when the run was started for a first command that never came to be."""
        try:
            await workflow.wait_condition(
                lambda: self._sequence > 0 and workflow.all_handlers_finished(), timeout=EMPTY_FOR
            )
        except TimeoutError:
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
        self._replies += 1
        self._now = codec.instant(reply.now)
        for entry in reply.entries:
            if entry["sequence"] == self._sequence + 1:
                self._state = self._machine.fold(self._state, entry)
                self._sequence += 1
                self._known.add(entry["command"])


def _refused(refused: Refused) -> ApplicationError:
    return ApplicationError(
        str(refused.code),
        Refusal(str(refused.code), dict(refused.facts)),
        type=REFUSED,
        non_retryable=True,
    )

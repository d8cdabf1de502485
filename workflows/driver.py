"""One stream's workflow: it waits, and it drives; the truth is in the stream.

An Update whose handler awaits a local activity leaves nothing in Temporal until its
workflow task completes. Killed after the recorder's commit, the ledger is ahead of
the workflow, so: state folds only what the recorder returned, a command is decided
again whenever the stream has moved, and a run can begin again from its stream alone.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any, NoReturn

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from policies import codec
    from policies.machines import MACHINES, kind_of, written_command, written_event
    from policies.refusals import Code, Refused
    from policies.types import SYSTEM, Envelope, derived_id
    from workflows.contracts import (
        COMMAND,
        LOAD,
        RECORD,
        REFUSED,
        TELL_TIME,
        Json,
        LoadCall,
        RecordCall,
        RecordReply,
        Refusal,
        Start,
    )

COMMANDS_A_RUN = 100
"""A run continues as new after this many commands, or when the server suggests it."""

SHORTEST_TIMER = timedelta(seconds=1)
EMPTY_FOR = timedelta(seconds=20)
"""How long a run without a submission waits for one before it ends itself."""


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
        self._take(
            await workflow.execute_local_activity(
                LOAD,
                LoadCall(self._stream, 0),
                result_type=RecordReply,
                start_to_close_timeout=timedelta(seconds=30),
            )
        )
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

    @workflow.update(name=COMMAND)
    async def command(self, written: Json) -> Json:
        """Carry one command; returns the ledger entry that it made, now or before."""
        await workflow.wait_condition(lambda: self._loaded)
        return await self._carry(_readable(written))

    @command.validator
    def _admit(self, written: Json) -> None:
        envelope = _readable(written)
        # From a state that may be stale only the handler, brought up to date by the
        # recorder, can refuse.
        if (
            not self._loaded
            or self._sequence < envelope.seen
            or envelope.id in self._known
            or self._lock.locked()
        ):
            return
        decided = self._machine.decide(self._state, envelope)
        if isinstance(decided, Refused):
            _refuse(decided)

    async def _carry(self, envelope: Envelope) -> Json:
        async with self._lock:
            self._commands += 1
            written = written_envelope(envelope)
            while True:
                decided = self._machine.decide(self._state, envelope)
                events = (
                    []
                    if isinstance(decided, Refused)
                    else [written_event(each) for each in decided]
                )
                reply: RecordReply = await workflow.execute_local_activity(
                    RECORD,
                    RecordCall(self._stream, self._sequence, written, events),
                    result_type=RecordReply,
                    start_to_close_timeout=timedelta(seconds=30),
                )
                self._take(reply)
                if reply.answer is not None:
                    return reply.answer
                if reply.refusal is not None:
                    _refuse(Refused(Code(reply.refusal.code), reply.refusal.facts))
                if reply.status == "current" and isinstance(decided, Refused):
                    _refuse(decided)

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
            TELL_TIME, result_type=RecordReply, start_to_close_timeout=timedelta(seconds=30)
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
            await self._carry(envelope)
        except ApplicationError:
            workflow.logger.warning("the clock's command was refused", extra={"due": str(due)})

    async def _submitted(self) -> bool:
        """False when the run was started for a first command that never came to be."""
        try:
            await workflow.wait_condition(
                lambda: self._sequence > 0 and workflow.all_handlers_finished(), timeout=EMPTY_FOR
            )
        except TimeoutError:
            await workflow.wait_condition(workflow.all_handlers_finished)
        return self._sequence > 0

    def _take(self, reply: RecordReply) -> None:
        self._replies += 1
        self._now = codec.instant(reply.now)
        for entry in reply.entries:
            if entry["sequence"] == self._sequence + 1:
                self._state = self._machine.fold(self._state, entry)
                self._sequence += 1
                self._known.add(entry["command"])


def _readable(written: Json) -> Envelope:
    try:
        return envelope_of(written)
    except (KeyError, ValueError, TypeError, AttributeError):
        # A plain exception in a handler would wedge the workflow for good.
        _refuse(Refused(Code.INVALID))


def _refuse(refused: Refused) -> NoReturn:
    raise ApplicationError(
        str(refused.code),
        Refusal(str(refused.code), dict(refused.facts)),
        type=REFUSED,
        non_retryable=True,
    )

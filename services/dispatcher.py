"""Sends commands on their way: to the workflow that drives the stream, or straight to
the recorder where a stream has none.

A time-out from Temporal is *unknown*, not *failed*; the command's id makes sending it
again harmless, which is what callers are told.
"""

from __future__ import annotations

import asyncio
import uuid
from datetime import timedelta

from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.common import WorkflowIDConflictPolicy, WorkflowIDReusePolicy
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import TimeSkipper

from policies.machines import MACHINES, kind_of
from policies.refusals import Code, RefusedError
from policies.types import Envelope
from services.recorder import Extra, Recorder
from services.store import streams
from services.store.session import Store
from workflows.contracts import COMMAND, MANNER, REFUSED, TASK_QUEUE, Json, Start
from workflows.envelopes import written_envelope

ANSWER_WITHIN = timedelta(seconds=30)
"""How long a caller waits before being told that the outcome is not known yet."""
SIDE_BY_SIDE = 16
"""For how many workflows at once time passes in a temporary home."""

_GONE = (RPCStatusCode.NOT_FOUND,)
_AWAY = (
    RPCStatusCode.UNAVAILABLE,
    RPCStatusCode.DEADLINE_EXCEEDED,
    RPCStatusCode.CANCELLED,
    # "Workflow Task in failed state": a worker that is older than what it drives.
    RPCStatusCode.FAILED_PRECONDITION,
    # "transport error": Temporal died while it was being asked. Whether it had carried the
    # command out is not known, and the same command again finds out.
    RPCStatusCode.UNKNOWN,
)
_NEVER_CONNECTED = "Failed client connect"
"""How a `RuntimeError` begins that the SDK raises where Temporal has been away from the first."""


class Dispatcher:
    """Carries envelopes to where they are decided. `client` may be None in a process that
    has no Temporal (migrations, imports): driven streams are then unavailable."""

    def __init__(self, client: Client | None, recorder: Recorder) -> None:
        """Both are shared with everything else in the process."""
        self._client = client
        self._recorder = recorder

    async def send(self, envelope: Envelope, extra: Extra | None = None) -> Json:
        """Carry `envelope`; returns the ledger entry of its command: its id, stream, sequence,
        command, instant, and the types of its events.

        Raises:
            RefusedError: the command was refused; `unavailable` when its outcome is not
                known, in which case the same command may be sent again.
        """
        if not MACHINES[kind_of(envelope.stream)].driven:
            return await asyncio.to_thread(self._recorder.carry, envelope, extra)
        if self._client is None:
            raise RefusedError(Code.UNAVAILABLE)
        try:
            return await asyncio.wait_for(self._drive(envelope), ANSWER_WITHIN.total_seconds())
        except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError) as failure:
            raise RefusedError(Code.UNAVAILABLE) from failure
        except RPCError as failure:
            if failure.status in _AWAY:
                raise RefusedError(Code.UNAVAILABLE) from failure
            raise
        except RuntimeError as failure:
            if not str(failure).startswith(_NEVER_CONNECTED):
                raise
            raise RefusedError(Code.UNAVAILABLE) from failure

    async def _drive(self, envelope: Envelope) -> Json:
        first, update = envelope.seen == 0, _update_id(envelope)
        for _ in range(5):
            try:
                return await (self._with_start if first else self._update)(envelope, update)
            except WorkflowUpdateFailedError as failure:
                refusal = _refusal(failure)
                if _ended_under_it(failure):
                    first = True
                elif refusal is None:
                    raise
                elif refusal.refused.code is Code.UNAVAILABLE and update == _update_id(envelope):
                    # Temporal keeps one outcome an update id, and this one may be of a time
                    # when the database was away: ask anew.
                    update += f".{uuid.uuid4()}"
                else:
                    raise refusal from failure
            except RPCError as failure:
                if failure.status not in _GONE:
                    raise
                # No run drives this stream: it ended, or Temporal lost it. A run can
                # begin again from the stream alone.
                first = True
        raise RefusedError(Code.UNAVAILABLE)

    async def fast_forward(self, store: Store, by: timedelta) -> None:
        """Let every open workflow live through `by` at once, after the stored clock moved.

        Only a temporary home's Temporal has the time-skipping flag; elsewhere the clock
        does not move, and this is never reached.
        """
        assert self._client is not None
        skipper = TimeSkipper(self._client)

        def held_open() -> list[str]:
            with store.read() as connection:
                return streams.open_driven(connection)

        side_by_side = asyncio.Semaphore(SIDE_BY_SIDE)

        async def lived_through(stream: str) -> None:
            assert self._client is not None
            async with side_by_side:
                handle = self._client.get_workflow_handle(stream)
                try:
                    # It takes as long as the timers in it, about a second each.
                    await asyncio.wait_for(skipper.fast_forward(handle, by), 60)
                except RPCError as failure:
                    if failure.status not in _GONE:
                        raise

        await asyncio.gather(*map(lived_through, await asyncio.to_thread(held_open)))

    async def _update(self, envelope: Envelope, update: str) -> Json:
        assert self._client is not None
        handle = self._client.get_workflow_handle(envelope.stream)
        answer: Json = await handle.execute_update(
            COMMAND, written_envelope(envelope), id=update, result_type=dict
        )
        return answer

    async def _with_start(self, envelope: Envelope, update: str) -> Json:
        assert self._client is not None
        answer: Json = await self._client.execute_update_with_start_workflow(
            COMMAND,
            written_envelope(envelope),
            id=update,
            result_type=dict,
            start_workflow_operation=start_of(envelope.stream),
        )
        return answer


def start_of(stream: str) -> WithStartWorkflowOperation[object, object]:
    """How a stream's workflow is started: named by the stream, once, again after its end."""
    return WithStartWorkflowOperation(
        kind_of(stream),
        Start(stream, manner=MANNER, by_command=True),
        id=stream,
        task_queue=TASK_QUEUE,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE,
    )


def _update_id(envelope: Envelope) -> str:
    """Temporal keeps one outcome an update id in a run. A command that was let through
    again under newer rules is asked anew; the ledger makes it happen once all the same."""
    versions = envelope.authorisation.versions if envelope.authorisation else {}
    return ".".join(
        [envelope.id, str(envelope.seen), *(str(v) for _, v in sorted(versions.items()))]
    )


def _ended_under_it(failure: WorkflowUpdateFailedError) -> bool:
    cause = failure.cause
    return isinstance(cause, ApplicationError) and cause.type == "AcceptedUpdateCompletedWorkflow"


def _refusal(failure: WorkflowUpdateFailedError) -> RefusedError | None:
    """The refusal inside; None when it was something else that went wrong."""
    cause = failure.cause
    if isinstance(cause, ApplicationError) and cause.type == REFUSED and cause.details:
        detail = cause.details[0]
        return RefusedError(Code(detail["code"]), **detail["facts"])
    return None

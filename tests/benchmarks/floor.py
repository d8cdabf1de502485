"""The floor: a workflow that does nothing but the same Updates, each with one local activity.

It has no state machine, no validator, no timer, and its payloads are two words.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from temporalio import workflow

QUEUE = "accord-floor"
UPDATE = "step"
COMMIT = "commit_a_row"


@dataclass(frozen=True)
class Row:
    """What one Update commits: the row's own id, and whose it is."""

    id: str
    workflow: str


@workflow.defn(name="floor")
class FloorWorkflow:
    """Waits for Updates for ever, as a request that nobody has closed does."""

    def __init__(self) -> None:
        """Only the lock that keeps Updates one after the other, as the real one has."""
        self._lock = asyncio.Lock()

    @workflow.run
    async def run(self) -> None:
        """Wait."""
        await workflow.wait_condition(lambda: False)

    @workflow.update(name=UPDATE)
    async def step(self, row: str) -> str:
        """Commit one row."""
        async with self._lock:
            done: str = await workflow.execute_local_activity(
                COMMIT,
                Row(row, workflow.info().workflow_id),
                result_type=str,
                start_to_close_timeout=timedelta(seconds=30),
            )
        return done

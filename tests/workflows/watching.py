"""What the tests of workflows look at, and what they do to them."""

from __future__ import annotations

import asyncio
import sqlite3
from typing import Any

import pytest
from agreement import disagreements
from household import Household
from temporalio.client import WorkflowExecutionStatus

from policies.machines import MACHINES, kind_of, written_event
from policies.refusals import Code, RefusedError
from policies.types import Envelope
from services.store import leaves
from workflows.contracts import RecordCall
from workflows.envelopes import written_envelope


async def refused(work: Any) -> Code:
    with pytest.raises(RefusedError) as refusal:
        await work
    return refusal.value.refused.code


async def status(household: Household, stream: str) -> WorkflowExecutionStatus | None:
    return (await household.handle(stream).describe()).status


async def until_ended(household: Household, stream: str, within: float = 15) -> None:
    for _ in range(int(within * 20)):
        if await status(household, stream) != WorkflowExecutionStatus.RUNNING:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{stream} still runs")


async def kinds_of_events(household: Household, stream: str) -> list[str | None]:
    history = await household.handle(stream).fetch_history()
    return [event.WhichOneof("attributes") for event in history.events]


async def agree(household: Household) -> None:
    """Streams and workflows agree, once what the worker process does beside them was done."""
    with household.store.write() as connection:
        leaves.sequence(connection)
    assert await disagreements(household.store, household.temporal) == []


async def behind(household: Household, *missed: Envelope) -> None:
    """Commit what the streams' runs never hear of: worker and Temporal died in between."""
    for envelope in missed:
        machine = MACHINES[kind_of(envelope.stream)]
        stream = household.stream(envelope.stream)
        events = [written_event(e) for e in machine.decide(stream.state, envelope)]
        call = RecordCall(envelope.stream, stream.sequence, written_envelope(envelope), events)
        assert household.recorder.record(call).status == "recorded"


def database_away(household: Household) -> sqlite3.Connection:
    """Nobody else can write until this connection rolls back."""
    file = household.settings.database.removeprefix("sqlite:///")
    away = sqlite3.connect(file, isolation_level=None)
    away.execute("BEGIN EXCLUSIVE")
    return away

"""Do streams and workflows agree? For any home in which nothing is under way any more."""

from __future__ import annotations

import asyncio
import io
import json
from collections import Counter, defaultdict
from datetime import timedelta

import sqlalchemy as sa
from temporalio.client import Client, WorkflowQueryFailedError
from temporalio.service import RPCError

from policies.machines import MACHINES
from services.ledger.verify import verify
from services.store import leaves
from services.store.schema import entries, outbox, streams
from services.store.session import Store
from workflows.contracts import SEQUENCE

DRIVEN = [machine.kind for machine in MACHINES.values() if machine.driven]


async def disagreements(store: Store, client: Client, within: float = 20) -> list[str]:
    """Everything that is not as it must be, in sentences; nothing, when all is well.

    What follows of itself (a consequence on its way, a run that is about to end) is waited
    for. Asking a workflow for what it knows sends it no command: what was missed stays missed.
    """
    deadline = asyncio.get_running_loop().time() + within
    while True:
        found = _of_the_ledger(store) + await _of_the_workflows(store, client)
        if not found or asyncio.get_running_loop().time() > deadline:
            return found
        await asyncio.sleep(0.3)


def _of_the_ledger(store: Store) -> list[str]:
    found = []
    sequences: dict[str, list[int]] = defaultdict(list)
    commands: Counter[str] = Counter()
    with store.read() as connection:
        for row in connection.execute(
            sa.select(entries.c.stream, entries.c.sequence, entries.c.canonical).order_by(
                entries.c.stream, entries.c.sequence
            )
        ):
            sequences[row.stream].append(row.sequence)
            commands[json.loads(bytes(row.canonical))["command"]] += 1
        said = {
            row.id: row.sequence
            for row in connection.execute(sa.select(streams.c.id, streams.c.sequence))
        }
        waiting = connection.execute(
            sa.select(outbox.c.id, outbox.c.target).where(outbox.c.delivered_at.is_(None))
        ).all()
        refused = connection.execute(
            sa.select(outbox.c.target, outbox.c.outcome).where(
                outbox.c.delivered_at.is_not(None), outbox.c.outcome != "done"
            )
        ).all()
    for stream, numbers in sequences.items():
        if numbers != list(range(1, len(numbers) + 1)):
            found.append(f"{stream} has gaps: {numbers}")
        if said.get(stream) != len(numbers):
            found.append(f"{stream} says {said.get(stream)} and has {len(numbers)} entries")
    found += [f"the command {name} was done {n} times" for name, n in commands.items() if n > 1]
    found += [f"the outbox still holds {row.id} for {row.target}" for row in waiting]
    found += [f"{row.target} refused what it was sent: {row.outcome}" for row in refused]
    export = io.BytesIO()
    leaves.export(store, export)
    report = verify(export.getvalue().splitlines(keepends=True))
    found += [f"ledger, line {each.line}: {each.sentence}" for each in report.problems]
    if report.unsequenced:
        found.append(f"{report.unsequenced} entries are not sequenced")
    return found


async def _of_the_workflows(store: Store, client: Client) -> list[str]:
    with store.read() as connection:
        held = {
            row.id: row
            for row in connection.execute(
                sa.select(streams.c.id, streams.c.open, streams.c.sequence).where(
                    streams.c.kind.in_(DRIVEN)
                )
            )
        }
    running = Counter(
        [each.id async for each in client.list_workflows("ExecutionStatus = 'Running'")]
    )
    wanted = {stream for stream, row in held.items() if row.open}
    found = [f"nobody drives {stream}" for stream in sorted(wanted - running.keys())]
    found += [
        f"{name} runs for a stream that is not open" for name in sorted(running - Counter(wanted))
    ]
    for stream in sorted(wanted & running.keys()):
        knows = await _sequence(client, stream)
        if knows != held[stream].sequence:
            found.append(f"{stream} is at {held[stream].sequence}; its workflow knows {knows}")
    return found


async def _sequence(client: Client, stream: str) -> int | str:
    try:
        known: int = await client.get_workflow_handle(stream).query(
            SEQUENCE, result_type=int, rpc_timeout=timedelta(seconds=15)
        )
    except (RPCError, WorkflowQueryFailedError) as error:
        return f"nothing: {error}"
    return known

"""The worker process: drives the streams' workflows, and does what goes on beside them.

Beside the workflows run four tasks: the sequencer gives committed entries their place
in the ledger, the deliverer carries the outbox, the sweep restarts whatever the streams
hold open and Temporal lacks, and the broom erases words that were never claimed.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TypeVar

import sqlalchemy as sa
from temporalio.client import Client
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.worker import Worker

from policies.machines import kind_of
from policies.refusals import Code, RefusedError
from services import bootstrap, clock
from services.catalogue import staging
from services.settings import Settings
from services.store import leaves, streams, texts
from services.store.schema import outbox
from workflows.contracts import TASK_QUEUE, Start
from workflows.driver import envelope_of
from workflows.grant import GrantWorkflow
from workflows.request import RequestWorkflow
from workflows.restriction import RestrictionWorkflow

LOG = logging.getLogger("accord.worker")
THREADS = 32
UNSEQUENCED_FOR = timedelta(minutes=1)
T = TypeVar("T")
WORKFLOWS = (RequestWorkflow, GrantWorkflow, RestrictionWorkflow)


def worker(accord: bootstrap.Accord, threads: ThreadPoolExecutor) -> Worker:
    """The Temporal worker of this process, not yet running."""
    assert accord.temporal is not None
    recorder = accord.recorder
    return Worker(
        accord.temporal,
        task_queue=TASK_QUEUE,
        workflows=list(WORKFLOWS),
        activities=[recorder.load, recorder.tell_time, recorder.record],
        activity_executor=threads,
        max_concurrent_local_activities=THREADS,
        # A stream's run leaves the cache only under pressure; a miss costs a replay.
        max_cached_workflows=1000,
    )


async def run(settings: Settings) -> None:
    """Work until told to stop (SIGINT, SIGTERM)."""
    client = await connected(settings)
    accord = bootstrap.build(settings, client)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    with ThreadPoolExecutor(THREADS, "recorder") as threads:
        async with worker(accord, threads):
            beside = [
                asyncio.create_task(task(accord))
                for task in (sequencing, delivering, sweeping, tidying)
            ]
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait({stopping, *beside}, return_when=asyncio.FIRST_COMPLETED)
            for each in beside:
                if each.done():
                    # None of them ends of itself: what it raised is the reason.
                    each.result()
                each.cancel()
    accord.store.close()


async def connected(settings: Settings) -> Client:
    """A client of a Temporal that answers; waits for one that is still starting."""
    while True:
        try:
            return await Client.connect(settings.temporal_address, namespace=settings.namespace)
        except RuntimeError:
            await asyncio.sleep(0.2)


async def sequencing(accord: bootstrap.Accord) -> None:
    """Give committed entries their place, and raise an alarm about any left out."""

    def once() -> int:
        with accord.store.write() as connection:
            return leaves.sequence(connection)

    def late() -> int:
        with accord.store.read() as connection:
            return leaves.unsequenced(connection, clock.now(connection) - UNSEQUENCED_FOR)

    rounds = 0
    while True:
        placed = await _careful("sequencer", once)
        rounds += 1
        if rounds % 60 == 0 and (left := await _careful("sequencer", late)):
            LOG.error("%d ledger entries have been unsequenced for over a minute", left)
        await asyncio.sleep(0.05 if placed else 0.5)


async def delivering(accord: bootstrap.Accord) -> None:
    """Carry what one stream causes in another, until each has arrived."""
    while True:
        delivered = await deliver_once(accord)
        await asyncio.sleep(0.02 if delivered else 0.2)


async def deliver_once(accord: bootstrap.Accord) -> int:
    """Deliver what waits in the outbox, oldest first; returns how much arrived."""

    def waiting() -> list[sa.Row[tuple[int, dict[str, object]]]]:
        with accord.store.read() as connection:
            return list(
                connection.execute(
                    sa.select(outbox.c.id, outbox.c.envelope)
                    .where(outbox.c.delivered_at.is_(None))
                    .order_by(outbox.c.id)
                    .limit(32)
                )
            )

    found = await _careful("outbox", waiting) or []
    arrived = await asyncio.gather(*(_deliver(accord, row.id, row.envelope) for row in found))
    return sum(arrived)


async def _deliver(accord: bootstrap.Accord, number: int, envelope: dict[str, object]) -> int:
    outcome = "done"
    try:
        await accord.dispatcher.send(envelope_of(envelope))
    except RefusedError as refusal:
        if refusal.refused.code in (Code.UNAVAILABLE, Code.STALE):
            return 0  # Not known, or not now: it stays in the outbox.
        outcome = str(refusal.refused.code)
        LOG.error("outbox %d was refused: %s", number, outcome)
    except Exception as trouble:
        LOG.error("outbox %d: %s", number, type(trouble).__name__)
        return 0

    def mark() -> None:
        with accord.store.write() as connection:
            at = clock.now(connection)
            connection.execute(
                sa.update(outbox)
                .where(outbox.c.id == number)
                .values(delivered_at=at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), outcome=outcome)
            )

    await _careful("outbox", mark)
    return 1


async def sweeping(accord: bootstrap.Accord) -> None:
    """At the start and every minute, restart what the streams hold open and Temporal lacks."""
    while True:
        try:
            await sweep_once(accord)
        except Exception as trouble:
            LOG.error("sweep: %s", type(trouble).__name__)
        await asyncio.sleep(60)


async def sweep_once(accord: bootstrap.Accord) -> int:
    """One sweep; returns how many workflows it started."""
    assert accord.temporal is not None

    def held_open() -> list[str]:
        with accord.store.read() as connection:
            return streams.open_driven(connection)

    wanted = set(await asyncio.to_thread(held_open))
    running = {
        each.id async for each in accord.temporal.list_workflows("ExecutionStatus = 'Running'")
    }
    started = 0
    for stream in sorted(wanted - running):
        try:
            # Temporal's list lags behind; starting what runs already is refused, which is fine.
            await accord.temporal.start_workflow(
                kind_of(stream), Start(stream), id=stream, task_queue=TASK_QUEUE
            )
            started += 1
        except WorkflowAlreadyStartedError:
            continue
    return started


async def tidying(accord: bootstrap.Accord) -> None:
    """Erase, every ten minutes, what nothing claimed within a day: words, staged imports."""

    def words() -> int:
        with accord.store.write() as connection:
            return texts.sweep(connection, clock.now(connection))

    while True:
        await _careful("texts", words)
        await _careful("imports", lambda: staging.sweep(accord.store))
        await asyncio.sleep(600)


async def _careful(name: str, work: Callable[[], T]) -> T | None:
    """Run `work` in a thread; trouble is logged and tried again, never fatal: a database
    that is away for a while must not end the worker."""
    try:
        return await asyncio.to_thread(work)
    except Exception as trouble:
        LOG.error("%s: %s", name, type(trouble).__name__)
        await asyncio.sleep(1)
        return None

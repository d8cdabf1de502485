"""The worker process: drives the streams' workflows, and does what goes on beside them.

Beside the workflows run five tasks: the sequencer gives committed entries their place
in the ledger, the deliverer carries the outbox, the sweep restarts whatever the streams
hold open and Temporal lacks, the broom erases words that were never claimed, and the mailer
sends what waits to be sent.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any, TypeVar

import sqlalchemy as sa
from temporalio import activity
from temporalio.client import (
    Client,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.worker import Worker

from policies.machines import MACHINES, kind_of
from services import bootstrap, clock, messages
from services.careful import careful
from services.catalogue import staging
from services.delivering import delivering
from services.recorder import Recorder
from services.settings import Settings
from services.sign_in import links, sessions
from services.store import leaves, streams, texts
from services.store.schema import entries
from services.store.schema import leaves as leaf
from workflows.contracts import (
    CATCH_UP,
    FOLDED,
    LOAD,
    MANNER,
    RECORD,
    TASK_QUEUE,
    TELL_TIME,
    Json,
    LoadCall,
    RecordCall,
    RecordReply,
    Start,
    TellCall,
)
from workflows.grant import GrantWorkflow
from workflows.request import RequestWorkflow
from workflows.restriction import RestrictionWorkflow

LOG = logging.getLogger("accord.worker")
THREADS = 32
GARBAGE_AFTER = 20_000
"""How many more things there are, beside those that went, before Python looks for what can go."""
UNSEQUENCED_FOR = timedelta(minutes=1)
LATELY = 1000
"""How many entries back a worker that starts looks for what a crash kept from a run."""
TOLD_WITHIN = 20
T = TypeVar("T")
WORKFLOWS = (RequestWorkflow, GrantWorkflow, RestrictionWorkflow)
DRIVEN = frozenset(machine.kind for machine in MACHINES.values() if machine.driven)


def worker(accord: bootstrap.Accord, threads: ThreadPoolExecutor) -> Worker:
    """The Temporal worker of this process, not yet running."""
    assert accord.temporal is not None
    return Worker(
        accord.temporal,
        task_queue=TASK_QUEUE,
        workflows=list(WORKFLOWS),
        activities=activities(accord.recorder),
        activity_executor=threads,
        max_concurrent_local_activities=THREADS,
        # A stream's run leaves the cache only under pressure; a miss costs a replay.
        max_cached_workflows=1000,
    )


def activities(recorder: Recorder) -> list[Callable[..., Json]]:
    """The recorder's methods as Temporal calls them, under the same names.

    Calls and replies are the contracts' own fields in JSON either way; but given the
    dataclasses themselves, the SDK copies every entry in them, field by field, at each call.
    """

    @activity.defn(name=LOAD)
    def load(call: Json) -> Json:
        return _travelling(recorder.load(LoadCall(**call)))

    @activity.defn(name=TELL_TIME)
    def tell_time(call: Json | None = None) -> Json:
        return _travelling(recorder.tell_time(TellCall(**call) if call else None))

    @activity.defn(name=RECORD)
    def record(call: Json) -> Json:
        return _travelling(recorder.record(RecordCall(**call)))

    return [load, tell_time, record]


def _travelling(reply: RecordReply) -> Json:
    """The reply as plain JSON; of each entry, what a run needs."""
    entries = [{name: each[name] for name in FOLDED} for each in reply.entries]
    answer = reply.answer and {name: reply.answer[name] for name in FOLDED}
    return {**vars(reply), "entries": entries, "answer": answer}


def look_for_garbage_seldom() -> None:
    """What is here by now stays, and so do the runs that are kept: looking through all of it for
    what can go, as often as Python does of itself, is a few hundredths of a worker's time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_AFTER)


async def run(settings: Settings) -> None:
    """Work until told to stop (SIGINT, SIGTERM)."""
    client = await connected(settings)
    accord = bootstrap.build(settings, client)
    accord.following.start()
    look_for_garbage_seldom()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    with ThreadPoolExecutor(THREADS, "recorder") as threads:
        async with worker(accord, threads):
            beside = [
                asyncio.create_task(task(accord))
                for task in (sequencing, delivering, sweeping, tidying, mailing)
            ]
            stopping = asyncio.create_task(stop.wait())
            await asyncio.wait({stopping, *beside}, return_when=asyncio.FIRST_COMPLETED)
            for each in beside:
                if each.done():
                    # None of them ends of itself: what it raised is the reason.
                    each.result()
                each.cancel()
    await asyncio.to_thread(accord.close)


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
        began = time.monotonic()
        await careful("sequencer", once)
        took = time.monotonic() - began
        rounds += 1
        if rounds % 60 == 0 and (left := await careful("sequencer", late)):
            LOG.error("%d ledger entries have been unsequenced for over a minute", left)
        # On PostgreSQL a look goes through the whole ledger: however long that has become,
        # it should not take more than a tenth of the time.
        await asyncio.sleep(max(0.5, min(9 * took, 10)))


async def sweeping(accord: bootstrap.Accord) -> None:
    """At the start and every minute, restart what the streams hold open and Temporal lacks,
    and tell those that run how far their streams have come."""
    told = -1
    while True:
        try:
            await sweep_once(accord)
            told = await catch_up_once(accord, told)
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
    started = 0
    for stream in sorted(wanted - await _running(accord.temporal)):
        try:
            # Temporal's list lags behind; starting what runs already is refused, which is fine.
            await accord.temporal.start_workflow(
                kind_of(stream), Start(stream, manner=MANNER), id=stream, task_queue=TASK_QUEUE
            )
            started += 1
        except WorkflowAlreadyStartedError:
            continue
    return started


async def catch_up_once(accord: bootstrap.Accord, after: int) -> int:
    """Tell the runs whose streams moved since leaf `after` (-1: lately) how far they have come.

    Where worker and Temporal die together between a commit and the workflow's hearing of
    it, the run knows nothing of that entry: its timer is set for what was, and after its
    stream's last entry it would wait for ever. A worker that starts tells every run; one
    that goes on, those that might wait for the wrong thing. Returns the leaf to go on from.
    """
    assert accord.temporal is not None

    def moved() -> tuple[int, dict[str, int]]:
        with accord.store.write() as connection:
            leaves.sequence(connection)  # What a crash kept from a run has no place yet either.
        with accord.store.read() as connection:
            return _moved(connection, after)

    last, found = await asyncio.to_thread(moved)
    running = await _running(accord.temporal) if found else set()
    for stream in sorted(found.keys() & running):
        run = accord.temporal.get_workflow_handle(stream)
        try:
            await asyncio.wait_for(run.execute_update(CATCH_UP, found[stream]), TOLD_WITHIN)
            LOG.warning("%s had missed an entry of its stream", stream)
        except WorkflowUpdateFailedError:
            continue  # It knows.
        except (TimeoutError, WorkflowUpdateRPCTimeoutOrCancelledError, RPCError) as trouble:
            if isinstance(trouble, RPCError) and trouble.status is RPCStatusCode.NOT_FOUND:
                continue  # It has ended in the meantime.
            LOG.error("%s does not answer: %s", stream, type(trouble).__name__)
            last = after
    return last


def _moved(connection: sa.Connection, after: int) -> tuple[int, dict[str, int]]:
    """The last leaf, and each driven stream with a leaf after `after` with its sequence."""
    last = connection.execute(sa.select(sa.func.coalesce(sa.func.max(leaf.c.index), -1)))
    driven = sa.or_(*(entries.c.stream.startswith(f"{kind}-") for kind in DRIVEN))
    rows = connection.execute(
        sa.select(entries.c.stream, entries.c.sequence)
        .join(leaf, leaf.c.entry == entries.c.id)
        .where(leaf.c.index > after, driven)
        .order_by(leaf.c.index.desc())
        .limit(LATELY if after < 0 else None)
    )
    found: dict[str, int] = {}
    for row in rows:
        found.setdefault(row.stream, row.sequence)
    if after >= 0:
        states = streams.states(connection, found)
        found = {name: at for name, at in found.items() if _waits_wrongly(name, at, states[name])}
    return last.scalar_one(), found


def _waits_wrongly(stream: str, sequence: int, state: Any) -> bool:
    """Whether it matters before the next command if the run missed the stream's last entry.

    It does not where nothing is due: a timer left from before does nothing when it fires but
    ask the recorder, which tells. A run that missed its first entry ends of itself, and is
    started again.
    """
    machine = MACHINES[kind_of(stream)]
    due = state.waited_for() if machine.calendared else machine.next_due(state)
    return sequence > 1 and (not state.open or bool(due))


async def _running(client: Client) -> set[str]:
    kinds = ", ".join(f"'{kind}'" for kind in sorted(DRIVEN))
    query = f"ExecutionStatus = 'Running' AND WorkflowType IN ({kinds})"
    return {each.id async for each in client.list_workflows(query)}


async def tidying(accord: bootstrap.Accord) -> None:
    """Erase, every ten minutes, what nothing claimed within a day (words, staged imports), and
    what is left of sign-ins long after."""

    def words() -> int:
        with accord.store.write() as connection:
            return texts.sweep(connection, clock.now(connection))

    def sign_ins() -> None:
        with accord.store.write() as connection:
            now = clock.now(connection)
            links.sweep(connection, now)
            sessions.sweep(connection, now)
            messages.sweep(connection, now, links.KIND)

    while True:
        await careful("texts", words)
        await careful("sign-ins", sign_ins)
        await careful("imports", lambda: staging.sweep(accord.store))
        await asyncio.sleep(600)


async def mailing(accord: bootstrap.Accord) -> None:
    """Send what waits to be sent, for as long as the server takes it."""
    await accord.mailer.run()

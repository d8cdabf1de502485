"""(a) Complete lifecycles a second, beside as many bare workflows with the same Updates.

Three sides, one after the other, again and again: *worker* (envelopes prepared beforehand,
sent by the dispatcher), *floor*, and *use cases* (authorised, words saved, then sent). The
promise is about the first two. No timer fires in any of them.
"""

from __future__ import annotations

import asyncio
import statistics
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

import cases
import floor
import machine
import sqlalchemy as sa
from house import House, opened
from machine import Line
from temporalio.client import WithStartWorkflowOperation
from temporalio.common import WorkflowIDConflictPolicy

from services.bootstrap import Accord
from services.store.schema import grants

BAR, BAR_FROM = 0.6, 8
LEVELS = {1: 4, 8: 24, 32: 64, 64: 64}
"""How many at once, and how many lifecycles a measurement has."""
PAIRS = 5
SIDES = ("worker", "floor", "use cases")

Work = Callable[[], Awaitable[None]]


@dataclass
class Side:
    """What was measured of one side at one level: rates, and CPU seconds a lifecycle."""

    rates: list[float] = field(default_factory=list)
    cpu: dict[str, list[float]] = field(default_factory=dict)


async def measure(databases: Sequence[str], quick: bool, levels: Sequence[int]) -> list[Line]:
    """Measure at each of `levels` on each of `databases`."""
    lines = []
    for database in databases:
        async with opened(database, "floor") as house:
            bench = Bench(house)
            await bench.warm()
            for level in levels:
                lines += await bench.level(database, level, quick)
            await bench.close()
    return lines


class Bench:
    """The three sides in one home."""

    def __init__(self, house: House) -> None:
        """Nothing has run yet: `warm` comes first."""
        self._house = house
        self._accord = house.accord
        self._issued = Issued(house.accord)

    async def warm(self) -> None:
        """Let every process have done everything once; learn what a lifecycle sends."""
        self._cast = await cases.cast(self._accord)
        self._like = await cases.template(self._accord, self._cast)
        for side in SIDES:
            for _ in range(2):
                await _at_once(8, await self._works(side, 8))

    async def close(self) -> None:
        """Stop looking for grants."""
        self._issued.stop()

    async def level(self, database: str, level: int, quick: bool) -> list[Line]:
        """Interleaved measurements with `level` lifecycles at once."""
        count = max(level, LEVELS.get(level, level) // (2 if quick else 1))
        found = {side: Side() for side in SIDES}
        for number in range(3 if quick else PAIRS):
            for side in SIDES:
                await self._once(found[side], side, level, count)
            rates = ", ".join(f"{side} {found[side].rates[-1]:.2f}/s" for side in SIDES)
            machine.say(f"  {database}, {level} at once, {number + 1}: {rates}; {machine.load()}")
        return _lines(f"{database}, {level} at once", level, found)

    async def _once(self, into: Side, side: str, level: int, count: int) -> None:
        works = await self._works(side, count)
        # The sequencer places what the preparation left behind.
        await asyncio.sleep(0.3)
        before = self._cpu()
        took = await _at_once(level, works)
        into.rates.append(count / took)
        for name, spent in self._cpu().items():
            into.cpu.setdefault(name, []).append((spent - before[name]) / count)

    def _cpu(self) -> Mapping[str, float]:
        # This process is the parent of all the others.
        return {
            name: machine.cpu(process, alone=name == "bench")
            for name, process in self._house.processes.items()
        }

    async def _works(self, side: str, count: int) -> list[Work]:
        if side == "floor":
            return [self._floor for _ in range(count)]
        if side == "worker":
            ready = await asyncio.to_thread(cases.prepared, self._accord, self._like, count)
            return [self._through_worker(each) for each in ready]
        researcher = await asyncio.to_thread(cases.a_researcher, self._accord)
        drafts = [await cases.drafted(self._accord, researcher) for _ in range(count)]
        return [self._through_use_cases(each) for each in drafts]

    def _through_worker(self, ready: cases.Prepared) -> Work:
        async def work() -> None:
            for envelope in ready.envelopes:
                await self._accord.dispatcher.send(envelope)
            await self._issued.wait(ready.grant)

        return work

    def _through_use_cases(self, draft: cases.Draft) -> Work:
        async def work() -> None:
            accord = self._accord
            grant = await cases.played(accord.requests, accord.deciding, self._cast, draft)
            await self._issued.wait(grant)

        return work

    async def _floor(self) -> None:
        """As many workflows (a request's and a grant's) and as many Updates."""
        client = self._accord.temporal
        assert client is not None
        for updates in (cases.UPDATES, 1):
            name = f"floor-{uuid.uuid4()}"
            await client.execute_update_with_start_workflow(
                floor.UPDATE,
                str(uuid.uuid4()),
                id=str(uuid.uuid4()),
                result_type=str,
                start_workflow_operation=WithStartWorkflowOperation(
                    "floor",
                    id=name,
                    task_queue=floor.QUEUE,
                    id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
                ),
            )
            handle = client.get_workflow_handle(name)
            for _ in range(updates - 1):
                await handle.execute_update(
                    floor.UPDATE, str(uuid.uuid4()), id=str(uuid.uuid4()), result_type=str
                )


class Issued:
    """Tells when grants are there: one look at the table for all who wait."""

    EVERY = 0.02

    def __init__(self, accord: Accord) -> None:
        """Looks only while somebody waits."""
        self._accord = accord
        self._waiting: dict[str, asyncio.Event] = {}
        self._task: asyncio.Task[None] | None = None

    async def wait(self, grant: str) -> None:
        """Until `grant` is issued."""
        self._waiting[grant] = asyncio.Event()
        if self._task is None:
            self._task = asyncio.create_task(self._look())
        await self._waiting[grant].wait()
        del self._waiting[grant]

    def stop(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(self.EVERY)
            if not self._waiting:
                continue
            for each in await asyncio.to_thread(self._found, list(self._waiting)):
                if each in self._waiting:
                    self._waiting[each].set()

    def _found(self, wanted: list[str]) -> list[str]:
        with self._accord.store.read() as connection:
            query = sa.select(grants.c.id).where(grants.c.id.in_(wanted))
            return list(connection.execute(query).scalars())


async def _at_once(level: int, works: list[Work]) -> float:
    """Do all `works`, `level` of them at a time; returns the seconds that it took."""
    left = iter(works)

    async def one_after_the_other() -> None:
        for work in left:
            await work()

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(level):
            group.create_task(one_after_the_other())
    return time.perf_counter() - began


def _lines(case: str, level: int, found: Mapping[str, Side]) -> list[Line]:
    rates = {side: each.rates for side, each in found.items()}
    ratios = {
        side: [mine / bare for mine, bare in zip(rates[side], rates["floor"], strict=True)]
        for side in ("worker", "use cases")
    }
    promised = level >= BAR_FROM
    lines = [
        Line(
            "lifecycles",
            f"{case}: through the worker ÷ floor",
            machine.spread(ratios["worker"]),
            f"≥ {BAR}" if promised else "",
            statistics.median(ratios["worker"]) >= BAR if promised else None,
        ),
        Line("", f"{case}: through the use cases ÷ floor", machine.spread(ratios["use cases"])),
        Line(
            "",
            f"{case}: lifecycles/s",
            ", ".join(f"{side} {statistics.median(rates[side]):.1f}" for side in SIDES),
        ),
    ]
    for side in SIDES:
        spent = {n: 1000 * statistics.median(each) for n, each in found[side].cpu.items()}
        parts = ", ".join(f"{name} {ms:.0f}" for name, ms in spent.items() if ms >= 1)
        lines.append(Line("", f"{case}: CPU ms a lifecycle, {side}", parts))
    return lines

"""Small worlds whose every choice hypothesis makes, so that it can make one that goes wrong as
small as it can: two or three bodies, a request or two, a few dozen steps.

Real Temporal, the real app and recorder; in this process, one thing after the other.
"""

from __future__ import annotations

import asyncio
import itertools
import shutil
import tempfile
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agreement import disagreements
from asking import Life, Setting
from chance import Drawn
from drawn_kawa import Plan, plan
from household import Household, prepare, settings
from hypothesis import HealthCheck, Phase, given, note, strategies
from hypothesis import seed as seeded
from hypothesis import settings as hypothesis_settings
from lives import body_changes, step
from parlour import Parlour
from processes import TEMPORAL, TIME_SKIPPING
from secretaries import agreed, land, settle
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment
from verdict import judge

MARKER = "zzsmallzz"
MOST_BODIES, MOST_REQUESTS, MOST_STEPS = 4, 2, 40


class Ground:
    """A Temporal, and a founded home to copy, for as many worlds as one likes."""

    def __init__(self, folder: Path, runner: asyncio.Runner, temporal: Client) -> None:
        self._folder, self._runner, self._temporal = folder, runner, temporal
        self._numbers = itertools.count(1)
        prepare(settings(folder / "founded", None))

    def live(self, data: Any) -> None:
        """One world, with whatever choices `data` gives. Fails where something is wrong."""
        home = self._folder / str(next(self._numbers))
        shutil.copytree(self._folder / "founded", home)
        address = self._temporal.service_client.config.target_host
        house = Household(settings(home, address), self._temporal)
        try:
            wrong = self._runner.run(_world(Parlour(house, MARKER), Drawn(data)))
        finally:
            shutil.rmtree(home, ignore_errors=True)
        assert not wrong, "\n".join(wrong)


@contextmanager
def ground() -> Iterator[Ground]:
    """The ground that worlds stand on; it is gone afterwards."""
    with (
        tempfile.TemporaryDirectory(prefix="accord-small-") as folder,
        asyncio.Runner() as runner,
    ):
        (Path(folder) / "founded").mkdir()
        server = runner.run(
            WorkflowEnvironment.start_local(
                dev_server_existing_path=TEMPORAL,
                dev_server_log_level="error",
                dev_server_extra_args=["--dynamic-config-value", TIME_SKIPPING],
            )
        )
        try:
            yield Ground(Path(folder), runner, server.client)
        finally:
            runner.run(server.shutdown())


def search(examples: int, seed: int | None) -> int:
    """Look through so many worlds; 0 when nothing is wrong in any of them."""
    seen = itertools.count(1)
    with ground() as here:

        def one(data: Any) -> None:
            print(f"\rworld {next(seen)}", end="", flush=True)
            here.live(data)

        try:
            looking(one, examples, seed=seed)
        except Exception:
            print()
            traceback.print_exc()
            return 1
    print("\nAll thirteen points hold in each of them.")
    return 0


def looking(one: Callable[[Any], None], examples: int, **more: Any) -> None:
    """Let hypothesis find `examples` worlds, and make small what goes wrong.

    `more`: ``seed``, or ``derandomize`` for the same worlds each time; or ``phases``.
    """
    seed = more.pop("seed", None)
    # Without the phase that explains: it traces every line, and there are many in a world.
    more.setdefault("phases", (Phase.generate, Phase.shrink))
    found = hypothesis_settings(
        max_examples=examples, deadline=None, database=None, print_blob=True,
        report_multiple_bugs=False, suppress_health_check=list(HealthCheck), **more,
    )(given(strategies.data())(one))  # fmt: skip
    (found if seed is None else seeded(seed)(found))()


async def _world(world: Parlour, chance: Drawn) -> list[str]:
    """Found bodies, let requests live, judge."""
    async with world.working():
        try:
            await _lived(world, chance)
        finally:
            for line in world.log:
                note(line)
        export = world.export()
        wrong = await disagreements(world.house.store, world.house.temporal, within=10)
    found = judge(export, world.kept, MARKER)
    wrong += [f"point {point}: {sentence}" for point, sentence in found.wrong]
    return wrong + world.kept.trouble


async def _lived(world: Parlour, chance: Drawn) -> None:
    plans: list[Plan] = []
    for number in range(chance.number(2, MOST_BODIES)):
        plans.append(plan(chance, number, plans))
    there = land(chance, plans, 2)
    await settle(world, chance, plans, there)
    setting = Setting(world, plans, there)
    if chance.happens(20):
        setting.desk = chance.one_of(plans)
        subject = setting.body(setting.desk)
        await agreed(world, chance, plans, kind="desk", subject=subject, days=3)
    lives = [
        Life(setting, chance, number, chance.one_of(there.researchers))
        for number in range(chance.number(1, MOST_REQUESTS))
    ]
    for _ in range(chance.number(5, MOST_STEPS)):
        for life in lives:
            if not life.outcome:
                await step(life)
        await body_changes(setting, chance)
        if chance.happens(8):
            await world.advance(chance.number(12, 24 * 30) / 24)
        if chance.happens(2):
            await world.another_worker()

"""What the tests at the seams have in common: a home whose Temporal and worker can be killed at a
chosen moment, and clients that insist."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from household import Household, settings
from loop import the_loop
from processes import dying_worker, temporal
from stack import settings_on_free_ports

from policies.refusals import Code, RefusedError
from policies.types import Envelope
from services import bootstrap
from workflows.contracts import Json

WITHIN = 60.0


class Home:
    """A household whose Temporal and worker are processes that can be killed."""

    def __init__(self, home: Path) -> None:
        free = settings_on_free_ports(home, "")
        ports = {"temporal_port": free.temporal_port, "web_port": free.web_port}
        self.settings = settings(home, None, **ports)
        self._chosen = home / "chosen"
        self.temporal = temporal(self.settings)
        self.worker = dying_worker(self.settings, self._chosen)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Household]:
        """Temporal and the worker run."""
        try:
            self.temporal.start()
            self.worker.start()
            yield Household(self.settings, await bootstrap.connect(self.settings))
        finally:
            self.worker.stop()
            self.temporal.stop()

    async def die_at(self, seam: str, name: str, work: Awaitable[Json]) -> asyncio.Task[Json]:
        """Let the worker die at the seam that `work` leads to."""
        self._chosen.write_text(f"{seam} {name}")
        working = asyncio.ensure_future(work)
        await asyncio.to_thread(self.worker.died)
        self._chosen.unlink()
        return working

    def pull_the_plug(self) -> None:
        """What still runs is killed; all of it starts again."""
        self.temporal.kill()
        self.temporal.start()
        self.worker.start()


async def insist(house: Household, envelope: Envelope) -> Json:
    """As a client does that gets no answer: the same command again, until there is one."""
    deadline = time.monotonic() + WITHIN
    while True:
        try:
            return await house.send(envelope)
        except RefusedError as refusal:
            if refusal.refused.code is not Code.UNAVAILABLE or time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.1)


Scene = Callable[[Home], Coroutine[Any, Any, None]]


@contextmanager
def begun(
    scenes: Sequence[Scene], prepared_home: Path, folders: pytest.TempPathFactory
) -> Iterator[dict[str, Future[None]]]:
    """They all begin at once, each in a home of its own: most of each is waiting."""
    futures = {}
    for scene in scenes:
        folder = folders.mktemp("seams") / "home"
        shutil.copytree(prepared_home, folder)
        futures[scene.__name__] = the_loop().begin(scene(Home(folder)))
    yield futures
    for each in futures.values():
        each.cancel()

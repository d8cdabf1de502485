"""A home to measure in: Temporal, the worker and the floor's worker, each in its own process.

Started by Accord's own supervisor, with the settings of a home that is there to stay.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import beside
import postgres
import psutil

from services import bootstrap, running
from services.settings import Settings
from services.supervisor import Child, Supervisor

DATABASES = ("sqlite", "postgresql")
FLOOR = Path(__file__).resolve().parent / "floor_worker.py"


@dataclass(frozen=True)
class House:
    """A running home with the example loaded, and a process of Accord (this one) in it."""

    accord: bootstrap.Accord
    processes: Mapping[str, psutil.Process]
    """By name; `bench` is this process, `postgresql` the database's, where it has one."""


@asynccontextmanager
async def opened(database: str, *names: str) -> AsyncIterator[House]:
    """Open a home on `database` and start the children `names` beside Temporal and worker."""
    home = Path(tempfile.mkdtemp(prefix="accord-bench-"))
    with database_url(database, home) as (url, server):
        settings: Settings = beside.load("stack").settings_on_free_ports(home, url)
        supervisor = Supervisor(settings, example=False, temporary=False, say=lambda line: None)
        supervisor.children["floor"] = Child("floor", [sys.executable, "-P", str(FLOOR)])
        try:
            supervisor.check()
            await running.prepare(
                settings, with_example=True, temporary=False, say=lambda line: None
            )
            await supervisor.start("temporal")
            await supervisor.start("worker", *names)
            accord = bootstrap.build(settings, await bootstrap.connect(settings))
            processes = {
                name: psutil.Process(child.process.pid)
                for name, child in supervisor.children.items()
                if child.process is not None
            }
            yield House(accord, {**processes, **server, "bench": psutil.Process()})
            accord.close()
        finally:
            await supervisor.stop()
            shutil.rmtree(home, ignore_errors=True)


@contextmanager
def database_url(database: str, home: Path) -> Iterator[tuple[str, Mapping[str, psutil.Process]]]:
    """The URL of a new, empty database, and the process of its server where it has one."""
    if database == "sqlite":
        yield f"sqlite:///{home / 'accord.db'}", {}
        return
    with postgres.server() as (server, process):
        yield server.new(None), {"postgresql": process}

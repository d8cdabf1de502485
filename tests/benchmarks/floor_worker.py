"""The floor's worker: a process of its own with the settings of Accord's worker."""

from __future__ import annotations

import asyncio
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import sqlalchemy as sa
from temporalio import activity
from temporalio.worker import Worker

from services.settings import read_settings
from services.store.session import Store
from services.worker import THREADS, connected, look_for_garbage_seldom

sys.path.append(str(Path(__file__).resolve().parent))

import floor  # found by the line above

ROWS = sa.Table(
    "bench_floor",
    sa.MetaData(),
    sa.Column("id", sa.String(200), primary_key=True),
    sa.Column("workflow", sa.String(200), nullable=False),
)


class Committer:
    """The floor's one activity."""

    def __init__(self, store: Store) -> None:
        """`store` is the database that the lifecycles write to."""
        self._store = store

    @activity.defn(name=floor.COMMIT)
    def commit(self, row: floor.Row) -> str:
        """One transaction, one row."""
        with self._store.write() as connection:
            connection.execute(sa.insert(ROWS).values(id=row.id, workflow=row.workflow))
        return row.id


async def run() -> None:
    """Work until told to stop."""
    settings = read_settings()
    client = await connected(settings)
    store = Store(settings.database)
    look_for_garbage_seldom()
    with store.write() as connection:
        ROWS.create(connection, checkfirst=True)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with ThreadPoolExecutor(THREADS, "floor") as threads:
        worker = Worker(
            client,
            task_queue=floor.QUEUE,
            workflows=[floor.FloorWorkflow],
            activities=[Committer(store).commit],
            activity_executor=threads,
            max_concurrent_local_activities=THREADS,
            max_cached_workflows=1000,
        )
        async with worker:
            await stop.wait()
    store.close()


if __name__ == "__main__":
    asyncio.run(run())

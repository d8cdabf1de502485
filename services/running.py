"""Brings a home up: migrates, founds, loads the example, starts everything."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable

from services import bootstrap, example, first_look, founding
from services.settings import Settings
from services.sign_in import known
from services.store import migrate
from services.supervisor import CannotRunError, Supervisor

Say = Callable[[str], None]


async def prepare(settings: Settings, *, with_example: bool, temporary: bool, say: Say) -> None:
    """Make the home's database what the code needs, and found the deployment in it."""
    settings.home.mkdir(parents=True, exist_ok=True)
    await asyncio.to_thread(migrate.upgrade, settings.database, temporary=temporary)
    accord = bootstrap.build(settings, None)
    try:
        await asyncio.to_thread(founding.found, accord.store, accord.recorder)
        await asyncio.to_thread(_look_up_again, accord)
        if with_example:
            await example.load(accord, say)
    finally:
        accord.close()


def _look_up_again(accord: bootstrap.Accord) -> None:
    with accord.store.write() as connection:
        known.rekey(connection, accord.key)


async def start(supervisor: Supervisor) -> None:
    """Start every child in the order in which they need each other."""
    await supervisor.start("temporal")
    await supervisor.start("worker", "portal")
    await supervisor.healthy()
    gateway = supervisor.children.get("gateway")
    if gateway is not None:
        file = supervisor.settings.home / example.CREDENTIAL_FILE
        gateway.environment = {"ACCORD_GATEWAY_CREDENTIAL": file.read_text(encoding="utf-8")}
        await supervisor.start("gateway")


async def up(
    settings: Settings, *, with_example: bool, say: Say, ready: Callable[[str], None]
) -> None:
    """Run until Ctrl-C. `ready` is called once everything answers. Raises CannotRunError."""
    supervisor = Supervisor(settings, example=with_example, temporary=False, say=say)
    supervisor.check()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(each, stop.set)
    try:
        stopping = asyncio.create_task(stop.wait())
        running = asyncio.create_task(_run(supervisor, with_example, say, ready))
        await asyncio.wait({stopping, running}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            running.result()
        running.cancel()
    finally:
        say("Stopping; everything is kept.")
        await supervisor.stop()


async def _show_a_yes(settings: Settings) -> str:
    """Let the example have its first grant; returns its researcher's id."""
    accord = bootstrap.build(settings, await bootstrap.connect(settings))
    try:
        await first_look.first_grant(accord)
        return await asyncio.to_thread(first_look.person_of, accord, "researcher")
    finally:
        accord.close()


async def _run(
    supervisor: Supervisor, with_example: bool, say: Say, ready: Callable[[str], None]
) -> None:
    await prepare(supervisor.settings, with_example=with_example, temporary=False, say=say)
    say("Starting Temporal, the worker and the portal")
    await start(supervisor)
    person = await _show_a_yes(supervisor.settings) if with_example else ""
    ready(person)
    await supervisor.wait()
    raise CannotRunError("Nothing is running any more; start again.")

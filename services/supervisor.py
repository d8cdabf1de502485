"""`accord up`: starts Temporal, the worker, the portal and (in the example) a gateway,
restarts a child that dies, and stops all of them clean.

A child that dies is started again after a pause that doubles; after five deaths in a
minute Accord gives up with a sentence. On Linux children are told to go when the
supervisor itself is killed, so that nothing holds a port for the next start.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import shutil
import signal
import socket
import sys
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import httpx
from google.protobuf.duration_pb2 import Duration
from temporalio.api.namespace.v1 import NamespaceConfig
from temporalio.api.workflowservice.v1 import UpdateNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError

from services.settings import HOST, Settings

DEATHS, WITHIN = 5, 60.0
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0
READY_WITHIN = 60.0
GO_WITHIN = 10.0
RETENTION = timedelta(days=3650)
"""Grants live for years; Temporal's development server forgets after a day by default."""
TIME_SKIPPING = "frontend.WorkflowTimeSkippingEnabled=true"

Say = Callable[[str], None]


class CannotRunError(Exception):
    """Why Accord cannot start or go on, in a sentence for the operator."""


@dataclass
class Child:
    """One process: its command, its own environment, and the port that it answers on."""

    name: str
    command: list[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    port: int | None = None
    process: asyncio.subprocess.Process | None = None
    deaths: deque[float] = field(default_factory=lambda: deque(maxlen=DEATHS))


class Supervisor:
    """The processes of one Accord on this machine."""

    def __init__(
        self,
        settings: Settings,
        *,
        example: bool,
        temporary: bool,
        say: Say,
        gateway_arguments: Sequence[str] = (),
    ) -> None:
        """`temporary` gives Temporal the time-skipping flag; only a temporary home may ask."""
        self.settings = settings
        self._say = say
        self._logs = settings.home / "logs"
        self._stopping = False
        self.children = _children(settings, example, temporary, gateway_arguments)
        self._watchers: list[asyncio.Task[None]] = []

    def check(self) -> None:
        """Refuse to start where it could not work. Raises CannotRunError."""
        try:
            self._logs.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CannotRunError(
                f"The folder {self.settings.home} cannot be made; choose another with ACCORD_HOME."
            ) from error
        if shutil.disk_usage(self.settings.home).free < 200_000_000:
            raise CannotRunError("Less than 200 MB of disk are free; make room and start again.")
        for child in self.children.values():
            if child.port is not None and _answers(child.port):
                raise CannotRunError(
                    f"Port {child.port} ({child.name}) is in use; stop what uses it, "
                    f"or set {_VARIABLES[child.name]} to another port."
                )

    async def start(self, *names: str) -> None:
        """Start these children and wait until each answers. Raises CannotRunError."""
        for name in names:
            child = self.children.get(name)
            if child is None:
                continue
            await self._spawn(child)
            self._watchers.append(asyncio.create_task(self._watch(child)))
            if name == "temporal":
                await self._remember_for_years()
            elif child.port is not None:
                await self._until(child, lambda port=child.port: _answers(port))  # type: ignore[misc]

    async def healthy(self) -> None:
        """Wait until the portal says that everything answers. Raises CannotRunError."""

        async def asked() -> bool:
            async with httpx.AsyncClient(timeout=5) as client:
                try:
                    return (await client.get(f"{self.settings.url}/health")).status_code == 200
                except httpx.HTTPError:
                    return False

        await self._until(self.children["portal"], asked)

    async def wait(self) -> None:
        """Until a child is given up. Raises CannotRunError."""
        done, _ = await asyncio.wait(self._watchers, return_when=asyncio.FIRST_EXCEPTION)
        for each in done:
            each.result()

    async def stop(self) -> None:
        """Ask every child to go, last started first; kill what has not gone in ten seconds."""
        self._stopping = True
        for watcher in self._watchers:
            watcher.cancel()
        for child in reversed(list(self.children.values())):
            process = child.process
            if process is None or process.returncode is not None:
                continue
            process.send_signal(signal.SIGTERM)
            try:
                await asyncio.wait_for(process.wait(), GO_WITHIN)
            except TimeoutError:
                process.kill()
                await process.wait()

    def kill(self, *names: str) -> None:
        """Kill -9 these children (all of them, when none is named), for the tests of that."""
        for name in names or tuple(self.children):
            process = self.children[name].process
            if process is not None and process.returncode is None:
                process.kill()

    async def _spawn(self, child: Child) -> None:
        with (self._logs / f"{child.name}.log").open("ab") as log:
            child.process = await asyncio.create_subprocess_exec(
                *child.command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**_inherited(), **self.settings.environment(), **child.environment},
                # Ctrl-C in a terminal reaches the supervisor alone, which then decides
                # in which order the others go.
                start_new_session=True,
                preexec_fn=_go_with_parent,
            )

    async def _watch(self, child: Child) -> None:
        pause = FIRST_PAUSE
        while True:
            assert child.process is not None
            began = time.monotonic()
            await child.process.wait()
            if self._stopping:
                return
            now = time.monotonic()
            child.deaths.append(now)
            if len(child.deaths) == DEATHS and now - child.deaths[0] < WITHIN:
                raise CannotRunError(
                    f"The {child.name} died {DEATHS} times in a minute; "
                    f"the reason is in {self._logs / child.name}.log."
                )
            pause = FIRST_PAUSE if now - began > WITHIN else min(pause * 2, LONGEST_PAUSE)
            self._say(f"The {child.name} died; starting it again.")
            await asyncio.sleep(pause)
            await self._spawn(child)

    async def _until(self, child: Child, ready: Callable[[], bool | Awaitable[bool]]) -> None:
        deadline = time.monotonic() + READY_WITHIN
        while time.monotonic() < deadline:
            answer = ready()
            if answer if isinstance(answer, bool) else await answer:
                return
            for watcher in self._watchers:
                if watcher.done():
                    watcher.result()
            await asyncio.sleep(0.05)
        raise CannotRunError(
            f"The {child.name} does not answer after a minute; "
            f"the reason is in {self._logs / child.name}.log."
        )

    async def _remember_for_years(self) -> None:
        async def told() -> bool:
            try:
                client = await Client.connect(self.settings.temporal_address)
                keep = Duration()
                keep.FromTimedelta(RETENTION)
                await client.workflow_service.update_namespace(
                    UpdateNamespaceRequest(
                        namespace=self.settings.namespace,
                        config=NamespaceConfig(workflow_execution_retention_ttl=keep),
                    )
                )
            except (RPCError, RuntimeError):
                return False
            return True

        await self._until(self.children["temporal"], told)


_VARIABLES = {
    "temporal": "ACCORD_TEMPORAL_PORT",
    "portal": "ACCORD_WEB_PORT",
    "gateway": "ACCORD_GATEWAY_PORT",
}


def _children(
    settings: Settings, example: bool, temporary: bool, gateway_arguments: Sequence[str]
) -> dict[str, Child]:
    accord = [sys.executable, "-P", "-m", "services.cli"]
    children = {}
    if settings.temporal is None:
        page = ["--ui-port", str(settings.temporal_page_port)] if example else ["--headless"]
        children["temporal"] = Child(
            "temporal",
            [
                _temporal(temporary), "server", "start-dev", "--ip", HOST,
                "--port", str(settings.temporal_port),
                "--namespace", settings.namespace,
                "--db-filename", str(settings.home / "temporal.db"),
                # Its own default journal is much slower, and no safer against a kill.
                "--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=normal",
                "--log-level", "error", *page,
                *(["--dynamic-config-value", TIME_SKIPPING] if temporary else []),
            ],
            port=settings.temporal_port,
        )  # fmt: skip
    children["worker"] = Child("worker", [*accord, "worker"])
    children["portal"] = Child("portal", [*accord, "web"], port=settings.web_port)
    if example:
        script = Path(__file__).resolve().parent.parent / "deploy" / "example" / "gateway.py"
        children["gateway"] = Child(
            "gateway",
            [
                sys.executable, str(script), "--accord", settings.url,
                "--port", str(settings.gateway_port), "--data", str(script.parent),
                *gateway_arguments,
            ],
            port=settings.gateway_port,
        )  # fmt: skip
    return children


def _temporal(temporary: bool) -> str:
    """The Temporal to run: the wheel's own in story and tests, else one on the PATH first."""
    beside = Path(sys.executable).parent / "temporal"
    on_path = shutil.which("temporal")
    if temporary or on_path is None:
        return str(beside)
    return on_path


def _inherited() -> dict[str, str]:
    """This process's environment, less what would lead Python astray."""
    return {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")} | {
        "PYTHONUNBUFFERED": "1"
    }


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((HOST, port)) == 0


def _go_with_parent() -> None:
    if sys.platform == "linux":
        death_signal = 1  # PR_SET_PDEATHSIG, prctl(2)
        ctypes.CDLL(None).prctl(death_signal, signal.SIGTERM)

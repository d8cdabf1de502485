"""Accord's processes one by one, for tests that kill them: each is started here, and ended by
its own id."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from services.settings import Settings

TEMPORAL = str(Path(sys.executable).parent / "temporal")
TIME_SKIPPING = "frontend.WorkflowTimeSkippingEnabled=true"
DYING_WORKER = Path(__file__).resolve().parent / "dying_worker.py"


class Process:
    """One process. What it says goes to a file in the home."""

    def __init__(self, home: Settings, name: str, *command: str) -> None:
        self._command = command
        self._environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith("PYTHON")},
            **home.environment(),
        }
        self.log = home.home / f"{name}.log"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> Process:
        assert self.process is None or self.process.poll() is not None
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environment,
                start_new_session=True,
            )
        return self

    def kill(self) -> None:
        """-9, and wait until it is gone."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def died(self, within: float = 20) -> None:
        """Wait until it has killed itself."""
        assert self.process is not None
        assert self.process.wait(within) == -signal.SIGKILL, self.log.read_text()

    def stop(self) -> None:
        """However it stands."""
        if self.process is not None and self.process.poll() is None:
            self.kill()


def worker(home: Settings, name: str = "worker") -> Process:
    return Process(home, name, sys.executable, "-P", "-m", "services.cli", "worker")


def dying_worker(home: Settings, chosen: Path) -> Process:
    """A worker that dies at the moment that `chosen` names."""
    return Process(home, "dying", sys.executable, "-P", str(DYING_WORKER), str(chosen))


def temporal(home: Settings) -> Process:
    """The server as the supervisor starts it, on a file."""
    return Process(
        home, "temporal", TEMPORAL, "server", "start-dev", "--ip", "127.0.0.1", "--headless",
        "--port", str(home.temporal_port), "--namespace", home.namespace,
        "--db-filename", str(home.home / "temporal.db"),
        "--sqlite-pragma", "journal_mode=wal", "--sqlite-pragma", "synchronous=normal",
        "--log-level", "error", "--dynamic-config-value", TIME_SKIPPING,
    )  # fmt: skip

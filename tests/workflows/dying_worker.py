"""Accord's own worker, but for one thing: it kills itself, with -9, right after the recorder
committed a chosen command, before anything of that has left the process.

    python -P dying_worker.py CHOSEN

CHOSEN is a file that holds the command's id; it is looked at before each commit, so that a
test can choose while the worker runs. Settings come from the environment, as the worker's do.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from temporalio import activity

from services import bootstrap, worker
from services.recorder import Recorder
from services.rulebook import Rulebook
from services.settings import read_settings
from services.store.session import Store
from workflows.contracts import RECORD, RecordCall, RecordReply


class DyingRecorder(Recorder):
    """Commits; and then there is nobody left to say so."""

    def __init__(self, store: Store, rulebook: Rulebook) -> None:
        super().__init__(store, rulebook)
        self._chosen = Path(sys.argv[1])

    @activity.defn(name=RECORD)
    def record(self, call: RecordCall) -> RecordReply:
        reply = super().record(call)
        chosen = self._chosen.read_text() if self._chosen.exists() else None
        if reply.status == "recorded" and call.envelope["id"] == chosen:
            os.kill(os.getpid(), signal.SIGKILL)
        return reply


if __name__ == "__main__":
    bootstrap.Recorder = DyingRecorder  # type: ignore[misc]
    asyncio.run(worker.run(read_settings()))

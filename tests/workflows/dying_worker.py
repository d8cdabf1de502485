"""Accord's own worker, but for one thing: it kills itself, with -9, at a chosen moment.

    python -P dying_worker.py CHOSEN

CHOSEN is a file with two words: a seam, and the id or the kind of a command. The seams:

  committed    the recorder has committed it, and nobody has been told
  delivering   it was taken from the outbox, and has not been sent
  delivered    it was sent from the outbox and answered, and is not marked as delivered

The file is looked at each time, so that a test can choose while the worker runs. Settings
come from the environment, as the worker's do.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from temporalio import activity

from policies.types import Envelope
from services import bootstrap, worker
from services.dispatcher import Dispatcher
from services.recorder import Extra, Recorder
from services.settings import read_settings
from workflows.contracts import RECORD, Json, RecordCall, RecordReply

CHOSEN = Path(sys.argv[1])


def die_at(seam: str, *names: str) -> None:
    """Kill this process, if this is the chosen moment."""
    chosen = CHOSEN.read_text().split() if CHOSEN.exists() else []
    if chosen and chosen[0] == seam and chosen[1] in names:
        os.kill(os.getpid(), signal.SIGKILL)


class DyingRecorder(Recorder):
    """Commits; and then there may be nobody left to say so."""

    @activity.defn(name=RECORD)
    def record(self, call: RecordCall) -> RecordReply:
        reply = super().record(call)
        if reply.status == "recorded":
            die_at("committed", call.envelope["id"], call.envelope["command"]["kind"])
        return reply

    def carry(self, envelope: Envelope, extra: Extra | None = None) -> Json:
        entry = super().carry(envelope, extra)
        die_at("committed", envelope.id, type(envelope.command).__name__)
        return entry


class DyingDispatcher(Dispatcher):
    """In a worker, only the outbox sends."""

    async def send(self, envelope: Envelope, extra: Extra | None = None) -> Json:
        names = (envelope.id, type(envelope.command).__name__)
        die_at("delivering", *names)
        entry = await super().send(envelope, extra)
        die_at("delivered", *names)
        return entry


if __name__ == "__main__":
    bootstrap.Recorder = DyingRecorder  # type: ignore[misc]
    bootstrap.Dispatcher = DyingDispatcher  # type: ignore[misc]
    asyncio.run(worker.run(read_settings()))

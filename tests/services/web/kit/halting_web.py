"""The web process as it is served, but that it stops itself (SIGSTOP) at a place on an answer's
way, as a machine that is suspended or has no time to spare may stop it anywhere.

    python halting_web.py FILE

The file says where, and is gone when it stops there. ``looked``: what it would answer has been
read, and nothing is recorded yet. ``checked``: in the record's transaction, what the answer relies
on has been looked at again. ``recorded``: the record is durable, and the answer has not left.
Whoever started it lets it go on (SIGCONT).
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import uvicorn
from fastapi import FastAPI

from services.bootstrap import Accord
from services.settings import HOST, read_settings
from services.web.app import create


def halting(accord: Accord, file: Path) -> None:
    """Have this process stop itself where `file` says."""

    def halt(place: str) -> None:
        if file.is_file() and file.read_text(encoding="utf-8") == place:
            file.unlink()
            os.kill(os.getpid(), signal.SIGSTOP)

    def after(place: str, work: Callable[..., Any]) -> Callable[..., Any]:
        def done(*arguments: Any) -> Any:
            result = work(*arguments)
            halt(place)
            return result

        return done

    def before(connection: Any, cursor: Any, statement: str, *more: Any) -> None:
        if threading.current_thread().name == "committer" and "INTO entries" in statement:
            halt("checked")

    deciding: Any = accord.decisions
    deciding._look = after("looked", deciding._look)
    deciding._committer._carry = after("recorded", deciding._committer._carry)
    sa.event.listen(accord.store.engine, "before_cursor_execute", before)


def main() -> None:
    """Serve until told to stop."""
    settings = read_settings()
    app = create(settings)
    inner = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[Any]:
        async with inner(app) as state:
            halting(app.state.accord, Path(sys.argv[1]))
            yield state

    app.router.lifespan_context = lifespan
    uvicorn.run(app, host=HOST, port=settings.web_port, log_level="warning", access_log=False)


if __name__ == "__main__":
    main()

"""A decision point of a pack alone: a folder with its own ``model.conf`` and ``rules.csv``, whose
request names are paths into an evaluation. Nothing here knows any pack.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Thread
from typing import Any

import uvicorn
from fastapi import FastAPI

from policies.engine.engine import Engine
from policies.refusals import Code, RefusedError
from policies.rules import read_table
from services.settings import HOST
from services.story.stage import free_ports
from services.web import authzen, door, errors
from services.web.authzen import Answers, Decision, Evaluation, Unreadable

CREDENTIAL = "the-credential-of-an-invented-gateway"
ABSENT = "-"
Asked = Evaluation[dict[str, Any]]


def decider(folder: Path) -> tuple[list[str], Callable[..., bool]]:
    """The names of a pack's request, and what decides over their values: Accord's own engine."""
    engine = Engine((folder / "model.conf").read_text(encoding="utf-8"))
    columns = ["id", *(each.removeprefix("p_") for each in engine.columns), "because"]
    checks: dict[str, Callable[[str], str | None]] = dict.fromkeys(columns, lambda cell: None)
    rows = read_table("rules.csv", (folder / "rules.csv").read_bytes(), checks)
    engine.add_all((row[0], row[1:-1], row[0]) for row in rows)
    names = [each.removeprefix("r_") for each in engine.request]
    return names, lambda *values: engine.ask(values).allowed


def value_at(name: str, asked: Asked) -> str:
    """What stands at ``subject_type``, ``resource_properties_status`` or ``context_time``, as text:
    text as it is, everything else as JSON writes it."""
    entity, _, rest = name.partition("_")
    held = asked.model_dump()[entity] or {}
    key, _, property_ = rest.partition("_")
    if entity == "context":
        key, property_ = rest, ""
    found = held.get(key)
    if key == "properties":
        found = (found or {}).get(property_)
    if found is None:
        return ABSENT
    return found if isinstance(found, str) else json.dumps(found, sort_keys=True)


class PackPoint:
    """Answers whoever asks by a pack, and records nothing."""

    def __init__(self, folder: Path) -> None:
        self._names, self._decide = decider(folder)
        self.looked_at = 0

    async def evaluate(self, asked: Sequence[Asked | Unreadable], stop_at: bool | None) -> Answers:
        decisions = []
        for each in asked:
            self.looked_at += 1
            decisions.append(self._one(each))
            if decisions[-1].decision is stop_at:
                break
        return Answers(decisions, lambda: True)

    def _one(self, asked: Asked | Unreadable) -> Decision:
        if isinstance(asked, Unreadable):
            error = {"status": 400, "message": asked.because}
            return Decision(decision=False, context={"error": error})
        values = [value_at(name, asked) for name in self._names]
        return Decision(decision=self._decide(*values))


class Entrance:
    """Lets in whoever has `CREDENTIAL`."""

    def __init__(self, address: str, point: PackPoint) -> None:
        self.address = address
        self.point = point

    async def admit(self, credential: str) -> PackPoint:
        if credential != CREDENTIAL:
            raise RefusedError(Code.NOT_PERMITTED)
        return self.point


@contextmanager
def served(folder: Path) -> Iterator[Entrance]:
    """The pack behind the portal's own router, door and errors, as uvicorn serves them."""
    (port,) = free_ports(1)
    app = FastAPI()
    app.add_middleware(door.Door)
    errors.install(app)
    app.include_router(authzen.router(Asked))
    entrance = Entrance(f"http://{HOST}:{port}", PackPoint(folder))
    app.state.entrance = entrance
    server = uvicorn.Server(uvicorn.Config(app, host=HOST, port=port, log_level="critical"))
    thread = Thread(target=server.run, daemon=True)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive()
        yield entrance
    finally:
        server.should_exit = True
        thread.join(20)

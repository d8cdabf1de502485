"""A world within this process: the same app and the same recorder, one worker on a real Temporal,
no sockets and no mail. Small enough to be made hundreds of times.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa
from agreement import DRIVEN
from household import Household
from temporalio.service import RPCError
from world import OPERATOR, Answer, World

from services import clock, founding
from services.catalogue import importer
from services.delivering import deliver_once
from services.people import Viewer
from services.sign_in import sessions
from services.store import leaves
from services.store.schema import streams as streams_table
from services.web import app, decision
from services.web.signin import ExampleSignIn, SessionSignIn

MOST_AT_ONCE = 20


class Parlour(World):
    """A world on a founded home and a Temporal that is there."""

    def __init__(self, house: Household, marker: str) -> None:
        """`house` is a home of this world's own; nobody works in it yet."""
        super().__init__(marker)
        self.house = house
        self.log: list[str] = []
        """What was sent, and what came back, for whoever reads of a failure."""
        self._app = app.create(house.settings)
        self._app.state.accord = house.accord
        self._app.state.signin = ExampleSignIn(house.settings.home / "example-signing.key")
        self._app.state.sessions = SessionSignIn()
        self._app.state.entrance = decision.Entrance(house.accord)
        self._http = httpx.ASGITransport(self._app, raise_app_exceptions=False)
        self._secrets: dict[str, str] = {}
        self._worker = contextlib.AsyncExitStack()
        self.people[OPERATOR] = founding.found(house.accord.store, house.accord.recorder)

    @asynccontextmanager
    async def working(self) -> AsyncIterator[Parlour]:
        """With a worker, until it is left; its runs end with it."""
        await self._worker.enter_async_context(self.house.worker())
        try:
            yield self
        finally:
            await self._worker.aclose()
            # By name: another world calls its streams the same, and must not meet these runs.
            with self.house.store.read() as connection:
                driven = streams_table.c.kind.in_(DRIVEN)
                mine = connection.execute(sa.select(streams_table.c.id).where(driven)).scalars()
                for each in list(mine):
                    with contextlib.suppress(RPCError):
                        await self.house.handle(each).terminate("the world is over")
            await self.house.end()

    async def another_worker(self) -> None:
        """The worker goes, and another comes that knows nothing yet."""
        self.log.append("another worker comes")
        await self._worker.aclose()
        await self._worker.enter_async_context(self.house.worker())

    async def advance(self, days: float) -> None:
        self.log.append(f"{days:.2f} days pass")
        await self.house.advance(timedelta(days=days))
        self.ahead += timedelta(days=days)
        await self._delivered()

    async def add_person(self, by: str, body: str, key: str) -> str:
        found = await self.must(by, f"/v1/bodies/{body}/people", name=f"Example ʻ{key}")
        self.people[key] = found["person"]
        return str(found["person"])

    async def import_items(self, lines: str) -> None:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "items.csv")
            file.write_text(lines, encoding="utf-8")
            operator = Viewer.inside(self.people[OPERATOR])
            await importer.import_file(self.house.accord.path, operator, file, ())

    async def call(self, who: str | None, method: str, path: str, content: Any = None) -> Answer:
        headers = {"content-type": "application/json"}
        for _ in range(2):
            if who is None:
                headers["authorization"] = f"Bearer {self.credential}"
            else:
                if who not in self._secrets:
                    self._sign_in(who)
                headers["cookie"] = f"accord-session={self._secrets[who]}"
                headers["origin"] = self.house.settings.address
            request = httpx.Request(
                method, "http://parlour" + path, headers=headers,
                content=json.dumps(content).encode() if method != "GET" else None,
            )  # fmt: skip
            answer = await self._http.handle_async_request(request)
            await answer.aread()
            if answer.status_code != 401 or who is None:
                break
            self._secrets.pop(who)
        found = json.loads(answer.content) if answer.content else None
        if method != "GET":
            code = found.get("code", "") if isinstance(found, dict) else ""
            self.log.append(f"{who} {method} {path} {json.dumps(content)}: "
                            f"{answer.status_code} {code}")  # fmt: skip
            await self._delivered()
        return Answer(answer.status_code, found)

    def export(self) -> bytes:
        """The whole ledger, in which every entry has its place."""
        with self.house.store.write() as connection:
            while leaves.sequence(connection):
                pass
        with tempfile.TemporaryFile() as file:
            leaves.export(self.house.store, file)
            file.seek(0)
            return file.read()

    def _sign_in(self, who: str) -> None:
        with self.house.store.write() as connection:
            now = clock.now(connection)
            self._secrets[who] = sessions.begin(connection, self.people[who], "email", now, now)

    async def _delivered(self) -> None:
        """What one stream causes in another arrives, as the worker process would see to."""
        for _ in range(MOST_AT_ONCE):
            if not await deliver_once(self.house.accord):
                return

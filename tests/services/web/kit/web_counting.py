"""How many statements an answer takes: the portal in this process, on the running Accord's own
database. What a reader could tell by the time that an answer takes, they could tell by that."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import httpx
import sqlalchemy as sa
from stack import Stack

from services import bootstrap
from services.settings import Smtp
from services.web import app, decision
from services.web.signin import ExampleSignIn, SessionSignIn

WARM = 3
"""How often each is asked before it is counted: what is kept in memory is read once."""


class Portal:
    """A portal whose statements are counted. It has no Temporal: what would go there is answered
    with 503, so only what is refused before can be counted of it."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        # A mail server that nobody asks for anything: the worker sends the mail, and has none.
        smtp = Smtp("127.0.0.1", 9, "none", "accord@example.org")
        settings = replace(stack.settings, smtp=smtp)
        self.app = app.create(settings)
        self.app.state.accord = bootstrap.build(settings, None)
        self.app.state.signin = ExampleSignIn(settings.home / "example-signing.key")
        self.app.state.sessions = SessionSignIn()
        self.app.state.entrance = decision.Entrance(self.app.state.accord)
        self._statements: list[str] = []
        engine = self.app.state.accord.store.engine
        sa.event.listen(engine, "before_cursor_execute", self._noted)

    def close(self) -> None:
        """Give the database back."""
        self.app.state.accord.close()

    def answered(self, who: str, method: str, path: str, **more: Any) -> tuple[int, httpx.Response]:
        """How many statements it took, and the answer. `who` is a key of the example's people,
        ``gateway``, or empty for nobody."""
        for _ in range(WARM):
            self._ask(who, method, path, **more)
        self._statements.clear()
        answer = self._ask(who, method, path, **more)
        return len(self._statements), answer

    def _ask(self, who: str, method: str, path: str, **more: Any) -> httpx.Response:
        headers = {"Origin": self._stack.settings.address}
        if who == "gateway":
            headers["Authorization"] = f"Bearer {self._stack.gateway_credential}"
        elif who:
            headers["Authorization"] = self._stack.client(who).headers["Authorization"]
        content = more.pop("make")() if "make" in more else more

        async def once() -> httpx.Response:
            transport = httpx.ASGITransport(self.app)
            async with httpx.AsyncClient(
                transport=transport, base_url=self._stack.settings.address
            ) as client:
                return await client.request(method, path, headers=headers, **content)

        return asyncio.run(once())

    def _noted(self, connection: Any, cursor: Any, statement: str, *more: Any) -> None:
        self._statements.append(statement)


@contextmanager
def counting(stack: Stack) -> Iterator[Portal]:
    """The portal, for a while."""
    made = Portal(stack)
    try:
        yield made
    finally:
        made.close()

"""The stage of the story: a temporary home with servers of its own, and people who speak HTTP."""

from __future__ import annotations

import asyncio
import http.client
import random
import socket
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from services import example, running
from services.settings import HOST, Settings
from services.supervisor import Supervisor

Json = dict[str, Any]
Say = Callable[[str], None]
ROWS_PER_SECOND = "150"
"""Slow enough that a download of the example's survey is still under way when it is stopped."""
ANSWERED_WITHIN = 90.0
"""Seconds for which people go on trying."""


class UnexpectedError(Exception):
    """The story did not go as it must; the sentence says where."""


class Stage:
    """The running Accord of a story, and what its people do with it."""

    def __init__(self, home: Path, say: Say) -> None:
        """`home` is a new, temporary folder."""
        temporal, page, web, gateway = free_ports(4)
        self.settings = Settings(
            home=home,
            database=f"sqlite:///{home / 'accord.db'}",
            temporal=None,
            temporal_port=temporal,
            temporal_page_port=page,
            web_port=web,
            gateway_port=gateway,
            namespace="default",
            region=None,
        )
        self.say = say
        self._supervisor = self._new_supervisor()
        self._tokens: dict[str, str] = {}
        self._ids: dict[str, str] = {}
        self.bodies: dict[str, str] = {}
        self.http = httpx.AsyncClient(base_url=self.settings.url, timeout=60)

    async def open(self) -> None:
        """Prepare the home, load the example, start everything."""
        await running.prepare(self.settings, with_example=True, temporary=True, say=self.say)
        self._supervisor.check()
        await running.start(self._supervisor)
        found = (await self.http.get("/v1/bodies")).json()
        named = {each["name"]: each["id"] for each in found}
        self.bodies = {key: named[name] for key, name in example.NAMES.items()}

    async def close(self) -> None:
        """Stop everything."""
        await self.http.aclose()
        await self._supervisor.stop()

    async def pull_the_plug(self) -> None:
        """Kill -9 every process at once, and start everything again from what is on disk."""
        self._supervisor.kill()
        await self._supervisor.stop()
        self._supervisor = self._new_supervisor()
        await running.start(self._supervisor)

    async def person(self, key: str) -> str:
        """The id of the invented person called `key`."""
        if key not in self._ids:
            self._ids[key] = (await self.get(key, "/v1/me"))["person"]
        return self._ids[key]

    async def get(self, key: str | None, address: str, **query: Any) -> Any:
        """Read something as somebody, or as nobody who has signed in."""
        headers = await self.signed(key) if key else {}
        answer = await self._insist("GET", address, headers, params=query)
        if answer.status_code != 200:
            raise UnexpectedError(f"GET {address}: {answer.status_code} {answer.text[:300]}")
        return answer.json()

    async def post(self, key: str, address: str, expect: int = 201, **content: Any) -> Json:
        """Do something as somebody. Commands get an id; the answer must be `expect`."""
        body = {"command_id": str(uuid.uuid4()), **content}
        answer = await self._insist("POST", address, await self.signed(key), json=body)
        if answer.status_code != expect:
            raise UnexpectedError(f"POST {address}: {answer.status_code} {answer.text[:300]}")
        found: Json = answer.json()
        return found

    async def adopt(self, key: str, body: str, pack: str, expect: int = 201) -> Json:
        """`body` adopts a pack as its preview shows it; the answer must be `expect`."""
        shown = await self.get(key, f"/v1/bodies/{body}/adoption-preview/{pack}")
        return await self.post(key, f"/v1/bodies/{body}/adoptions", expect, **shown["confirm"])

    async def post_plain(self, key: str, address: str, **content: Any) -> Json:
        """As `post`, for what is no command of a stream."""
        answer = await self._insist("POST", address, await self.signed(key), json=content)
        if answer.status_code not in (200, 201):
            raise UnexpectedError(f"POST {address}: {answer.status_code} {answer.text[:300]}")
        found: Json = answer.json()
        return found

    async def ask(
        self, person: str, item: str, purpose: str, credential: str = "", **context: Any
    ) -> Json:
        """Ask the decision point as the example gateway does, or whoever has `credential`."""
        file = self.settings.home / example.CREDENTIAL_FILE
        credential = credential or file.read_text(encoding="utf-8")
        answer = await self._insist(
            "POST",
            "/access/v1/evaluation",
            {"Authorization": f"Bearer {credential}"},
            json={
                "subject": {"type": "person", "id": person},
                "action": {"name": "use.read"},
                "resource": {"type": "item", "id": item},
                "context": {"purpose": purpose, "obligations_supported": ["slice/1"], **context},
            },
        )
        if answer.status_code != 200:
            raise UnexpectedError(f"decision point: {answer.status_code} {answer.text[:300]}")
        found: Json = answer.json()
        return found

    async def download(
        self, key: str, item: str, purpose: str, during: Callable[[], Any] | None = None
    ) -> tuple[int, list[str], bool]:
        """Download through the example gateway; `during` is done while rows still come.

        Returns the status, the lines that came, and whether the download came to its end.
        """
        headers = await self.signed(key)
        address = f"http://{HOST}:{self.settings.gateway_port}/items/{item}"
        lines: list[str] = []
        async with (
            httpx.AsyncClient(timeout=60) as client,
            client.stream("GET", address, params={"purpose": purpose}, headers=headers) as answer,
        ):
            try:
                async for line in answer.aiter_lines():
                    lines.append(line)
                    if during is not None and len(lines) == 20:
                        await during()
                        during = None
            except (httpx.RemoteProtocolError, httpx.ReadError, http.client.HTTPException):
                return answer.status_code, lines, False
        return answer.status_code, lines, True

    async def advance(self, days: float) -> None:
        """Let `days` days pass, everywhere at once."""
        headers = await self.signed("operator")
        answer = await self.http.post("/v1/example/clock", json={"days": days}, headers=headers)
        answer.raise_for_status()
        self._tokens.clear()

    async def until(self, what: str, holds: Callable[[], Any], seconds: float = 60) -> Any:
        """Wait until `holds()` gives something; what was caused elsewhere takes a moment."""
        for _ in range(int(seconds * 10)):
            found = await holds()
            if found:
                return found
            await asyncio.sleep(0.1)
        raise UnexpectedError(f"it never came: {what}")

    async def signed(self, key: str) -> dict[str, str]:
        if key not in self._tokens:
            answer = await self._insist("POST", "/v1/example/tokens", {}, json={"person": key})
            answer.raise_for_status()
            self._tokens[key] = answer.json()["token"]
        return {"Authorization": f"Bearer {self._tokens[key]}"}

    async def _insist(
        self, method: str, address: str, headers: dict[str, str], **content: Any
    ) -> httpx.Response:
        """As any client should: the same again while nobody answers, or the answer is that
        the outcome is not known. A command's id keeps it from happening twice."""
        deadline = time.monotonic() + ANSWERED_WITHIN
        while True:
            try:
                answer = await self.http.request(method, address, headers=headers, **content)
                if answer.status_code != 503 or time.monotonic() > deadline:
                    return answer
            except httpx.TransportError:
                if time.monotonic() > deadline:
                    raise
            await asyncio.sleep(0.1)

    def _new_supervisor(self) -> Supervisor:
        return Supervisor(
            replace(self.settings),
            example=True,
            temporary=True,
            say=self.say,
            gateway_arguments=("--rows-per-second", ROWS_PER_SECOND),
        )


def must(holds: object, sentence: str) -> None:
    """Stop the story where something is not as it must be."""
    if not holds:
        raise UnexpectedError(sentence)


def free_ports(count: int) -> list[int]:
    """Ports on loopback that nothing listens on at this moment.

    They lie below those that systems give to outgoing connections: a client that tries and
    tries a port of that range, while its server is killed and comes again, can end up
    connected to itself, and the server finds its own port taken.
    """
    found: list[int] = []
    for port in random.sample(range(15_000, 32_000), 500):
        with socket.socket() as probe:
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise UnexpectedError("no ports are free")

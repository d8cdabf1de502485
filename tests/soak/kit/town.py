"""A whole Accord that is founded from nothing, without the example: supervised processes, a mail
server, and people who sign in by links in their mail.

Nothing here goes past the API but what an operator does at the command line: migrate, write
down their own address, import a list of items.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import subprocess
import sys
import time
from collections import Counter
from datetime import datetime
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
from aiosmtpd.controller import Controller
from world import OPERATOR, Answer, Json, UnexpectedError, World

from services import running
from services.settings import HOST, Settings, Smtp
from services.story.stage import free_ports
from services.supervisor import CannotRunError, Supervisor

ANSWERED_WITHIN = 120.0
LINK_WITHIN = 20.0
PARTS = ("temporal", "worker", "portal")
SESSION = "accord-session"
_LINK = re.compile(r"/sign-in/link/(\S+)")


class Mail:
    """A mail server on loopback; what it was given, by address."""

    def __init__(self) -> None:
        (self.port,) = free_ports(1)
        self.links: dict[str, list[str]] = {}
        self.got: Counter[str] = Counter()
        """Message-ID to how often it came: more than once where something died in between."""
        self._controller = Controller(self, hostname=HOST, port=self.port, enable_SMTPUTF8=True)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        message = message_from_bytes(envelope.content, policy=default)
        self.got[str(message["Message-ID"])] += 1
        found = _LINK.search(message.get_content())
        if found:
            self.links.setdefault(envelope.rcpt_tos[0], []).append(found.group(1))
        return "250 OK"

    def start(self) -> None:
        self._controller.start()

    def stop(self) -> None:
        self._controller.stop()


class Town(World):
    """Its Accord runs between `open` and `close`."""

    def __init__(self, home: Path, marker: str, database: str = "") -> None:
        """`home` is a new folder; `database` a SQLAlchemy URL, a SQLite file by default."""
        super().__init__(marker)
        self.mail = Mail()
        temporal, page, web, gateway = free_ports(4)
        smtp = Smtp(HOST, self.mail.port, "none", "accord@example.org")
        self.settings = Settings(
            home, database or f"sqlite:///{home / 'accord.db'}", None, temporal, page, web,
            gateway, "default", None, smtp=smtp,
        )  # fmt: skip
        self.supervisor = Supervisor(
            self.settings, example=False, temporary=True, say=lambda line: None
        )
        self.kills: dict[str, int] = {}
        self.sign_ins = 0
        self._http = httpx.AsyncHTTPTransport(limits=httpx.Limits(max_connections=40))
        self._cookies: dict[str, dict[str, str]] = {}
        self._about: set[str] = set()
        """Who has done something since time passed last."""
        self._signing: dict[str, asyncio.Lock] = {}
        self._still = asyncio.Lock()
        """Held while time passes: Temporal must hear of it whole, or its timers fall behind."""

    async def open(self) -> None:
        """Found it, start it, and let its operator sign in."""
        self.mail.start()
        await running.prepare(self.settings, with_example=False, temporary=True, say=print)
        self.supervisor.check()
        await running.start(self.supervisor)
        await self.command_line("operator", "--email", self.address(OPERATOR))
        me = await self.read(OPERATOR, "/v1/me")
        self.people[OPERATOR] = me["person"]

    async def close(self) -> None:
        await self._http.aclose()
        await self.supervisor.stop()
        self.mail.stop()

    def address(self, who: str) -> str:
        """The e-mail address of whoever has that key."""
        return f"{who}@{self.marker}.example.org"

    async def command_line(self, *arguments: str) -> str:
        """What the operator runs on the machine itself."""
        done = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "services.cli", *arguments,
            env=self.settings.environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        said, _ = await done.communicate()
        if done.returncode:
            raise UnexpectedError(f"accord {arguments[0]}: {said.decode()}")
        return said.decode()

    async def add_person(self, by: str, body: str, key: str) -> str:
        name = f"Example ʻ{key} {self.marker}"
        sent = {"name": name, "email": self.address(key)}
        found = await self.must(by, f"/v1/bodies/{body}/people", **sent)
        self.people[key] = found["person"]
        return str(found["person"])

    async def import_items(self, lines: str) -> None:
        file = self.settings.home / "items.csv"
        file.write_text(lines, encoding="utf-8")
        await self.command_line("catalogue", "import", str(file))

    async def advance(self, days: float) -> None:
        async with self._still:
            await self.answering()
            moved = await self.call(OPERATOR, "POST", "/v1/example/clock", {"days": float(days)})
        if not moved.ok:
            raise UnexpectedError(f"the clock did not move: {moved.status} {moved.body}")
        there = datetime.fromisoformat(moved.body["now"])
        self.ahead = there - datetime.now(there.tzinfo)
        # Every session has ended with that; whoever was about lately signs in again.
        about, self._about = sorted(self._about), set()
        for each in about:
            self._cookies[each].pop(SESSION, None)
        await asyncio.gather(*map(self._sign_in, about))

    async def kill(self, *names: str) -> bool:
        """Kill -9 these processes; the supervisor starts them again. False where one of them
        has died so often lately that it would give up."""
        async with self._still:
            # Five deaths in a minute are one too many for the supervisor.
            for name in names:
                deaths = self.supervisor.children[name].deaths
                if len(deaths) >= 4 and time.monotonic() - deaths[-4] < 60:
                    return False
            self.supervisor.kill(*names)
            which = "all" if len(names) == len(PARTS) else names[0]
            self.kills[which] = self.kills.get(which, 0) + 1
        return True

    async def answering(self) -> None:
        """Wait until everything answers."""
        with contextlib.suppress(CannotRunError):
            await self.supervisor.healthy()

    async def call(self, who: str | None, method: str, path: str, content: Any = None) -> Answer:
        deadline = time.monotonic() + ANSWERED_WITHIN
        while True:
            if who is not None:
                self._about.add(who)
                await self._sign_in(who)
            headers = {"content-type": "application/json"}
            if who is None:
                headers["authorization"] = f"Bearer {self.credential}"
            answer = await self._once(who, method, path, json.dumps(content), headers)
            if answer is not None and answer.status == 401 and who is not None:
                # Too long ago for this step, or ended in the meantime.
                self._cookies[who].pop(SESSION, None)
            elif answer is not None and answer.status != 503:
                return answer
            elif time.monotonic() > deadline:
                raise UnexpectedError(f"nobody answers {method} {path}")
            else:
                await asyncio.sleep(0.1)

    async def _sign_in(self, who: str) -> None:
        """By a link in the mail, as anybody would, unless they are signed in."""
        if SESSION in self._cookies.get(who, {}):
            return
        async with self._signing.setdefault(who, asyncio.Lock()):
            if SESSION in self._cookies.get(who, {}):
                return
            address = self.address(who)
            for _ in range(8):
                before = len(self.mail.links.get(address, ()))
                status = await self._form(who, "/sign-in/email", email=address)
                if status == 429:
                    # So many in an hour; others' hours pass too.
                    await asyncio.sleep(0)
                    await self._wait_out()
                    continue
                token = await self._link(address, before)
                if token is None:
                    continue
                await self._form(who, "/sign-in/link", token=token)
                if SESSION in self._cookies.get(who, {}):
                    self.sign_ins += 1
                    return
            raise UnexpectedError(f"{who} cannot sign in")

    async def _wait_out(self) -> None:
        """An hour passes, unless it is the operator who would have to say so."""
        if SESSION in self._cookies.get(OPERATOR, {}):
            await self.advance(1 / 20)

    async def _link(self, address: str, before: int) -> str | None:
        deadline = time.monotonic() + LINK_WITHIN
        while time.monotonic() < deadline:
            found = self.mail.links.get(address, [])
            if len(found) > before:
                return found[-1]
            await asyncio.sleep(0.02)
        return None

    async def _form(self, who: str, path: str, **fields: str) -> int:
        headers = {"content-type": "application/x-www-form-urlencoded"}
        while True:
            answer = await self._once(who, "POST", path, urlencode(fields), headers)
            if answer is not None and answer.status != 503:
                return answer.status
            await asyncio.sleep(0.1)

    async def _once(
        self, who: str | None, method: str, path: str, content: str, headers: dict[str, str]
    ) -> Answer | None:
        """One try; None when nobody answered."""
        kept = self._cookies.setdefault(who or "", {})
        if who is not None:
            cookies = "; ".join(f"{name}={value}" for name, value in kept.items())
            headers = {**headers, "origin": self.settings.address, "cookie": cookies}
        request = httpx.Request(
            method, self.settings.url + path, headers=headers,
            content=content if method != "GET" else None,
            extensions={"timeout": dict.fromkeys(("connect", "read", "write", "pool"), 60.0)},
        )  # fmt: skip
        try:
            answer = await self._http.handle_async_request(request)
            await answer.aread()
        except httpx.TransportError:
            return None
        answer.request = request
        if who is not None:
            kept.update(answer.cookies.items())
        return Answer(answer.status_code, _json(answer))

    def scan(self) -> dict[str, int]:
        """How often the marker stands in what must hold no words: logs, Temporal's own file."""
        files = [*(self.settings.home / "logs").glob("*.log")]
        files += self.settings.home.glob("temporal.db*")
        return {
            each.name: count
            for each in files
            if (count := each.read_bytes().count(self.marker.encode()))
        }


def _json(answer: httpx.Response) -> Json | str:
    if re.search(r"json$", answer.headers.get("content-type", "")):
        found: Json = answer.json()
        return found
    return answer.text

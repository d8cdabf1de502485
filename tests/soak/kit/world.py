"""What one does with an Accord over HTTP, wherever it runs: send commands, read, ask, let time
pass; and what is kept of that, to be held against the ledger in the end.
"""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

Json = dict[str, Any]

OPERATOR = "operator"
DEPLOYMENT = "body-deployment"
REPEATED = 20
"""One command in so many is sent a second time, and must get the same answer."""
_NAMES = uuid.UUID("6d0c7f0e-64c6-5a0b-9f4e-0c1a3d3f7b11")


class UnexpectedError(Exception):
    """Something did not go as it must; the sentence says where."""


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    body: Any

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def code(self) -> str:
        """Why it was refused."""
        return str(self.body.get("code", "")) if isinstance(self.body, dict) else ""

    @property
    def facts(self) -> Mapping[str, str]:
        found: Mapping[str, str] = self.body.get("facts") or {}
        return found


@dataclass(frozen=True)
class Asked:
    """One question to the decision point, and what it answered."""

    question: Json
    decision: bool
    context: Json


@dataclass
class Kept:
    """What is kept of everything that was sent."""

    entries: dict[str, Json] = field(default_factory=dict)
    """Command id to its answer, of all that succeeded."""
    asked: list[Asked] = field(default_factory=list)
    previews: dict[str, Json] = field(default_factory=dict)
    """Request to the preview that its researcher saw last."""
    refused: Counter[str] = field(default_factory=Counter)
    trouble: list[str] = field(default_factory=list)
    """What must not happen whatever anybody does: an answer of 500, a repeat that differs."""
    slowest: tuple[float, str] = (0.0, "")
    sent: int = 0


class World:
    """An Accord, its people and its bodies by keys that the test gives them."""

    def __init__(self, marker: str) -> None:
        """`marker` stands in every name and text, so that one can look where it is not to be."""
        self.marker = marker
        self.people: dict[str, str] = {}
        self.bodies: dict[str, str] = {}
        self.kept = Kept()
        self.ahead = timedelta()
        self.credential = ""
        self._numbers = 0

    # ---- for each kind of world to say ----

    async def call(self, who: str | None, method: str, path: str, content: Any = None) -> Answer:
        """One call, as somebody; sent again while nobody answers."""
        raise NotImplementedError

    async def advance(self, days: float) -> None:
        """Let time pass, everywhere at once."""
        raise NotImplementedError

    async def add_person(self, by: str, body: str, key: str) -> str:
        """Somebody is written down by a body's secretary; returns their id."""
        raise NotImplementedError

    async def import_items(self, lines: str) -> None:
        """The operator imports a list of items."""
        raise NotImplementedError

    # ---- what follows from it ----

    async def until_welcome(self, body: str) -> None:
        """The welcome follows from the last yes of all; that takes a moment."""
        for _ in range(600):
            for each in await self.read(OPERATOR, "/v1/bodies"):
                if each["id"] == body and each["welcome"]:
                    return
            await asyncio.sleep(0.05)
        raise UnexpectedError(f"{body} was never welcome")

    @property
    def now(self) -> datetime:
        """The service clock, as far as it is known here."""
        return datetime.now(UTC) + self.ahead

    @property
    def today(self) -> date:
        return self.now.astimezone(ZoneInfo("Pacific/Auckland")).date()

    def words(self, what: str = "words") -> str:
        """Something written: with marks that must survive, and the marker."""
        return f"Invented {what}, in ʻo Tāhū's own way: {self.marker}."

    def name(self) -> str:
        """The id of a command that nobody has sent yet."""
        self._numbers += 1
        return str(uuid.uuid5(_NAMES, f"{self.marker} {self._numbers}"))

    async def send(self, who: str, path: str, **content: Any) -> Answer:
        """A command; refusals are answers."""
        sent = {"command_id": self.name(), **content}
        answer = await self._timed(who, path, sent)
        if answer.ok and isinstance(answer.body, dict) and "entry" in answer.body:
            self.kept.entries[sent["command_id"]] = answer.body
            if len(self.kept.entries) % REPEATED == 0:
                again = await self._timed(who, path, sent)
                if again != answer:
                    self.kept.trouble.append(f"{path} sent again: {again.status} {again.body}")
        elif not answer.ok:
            self.kept.refused[answer.code] += 1
        return answer

    async def must(self, who: str, path: str, **content: Any) -> Json:
        """As `send`, for what has to succeed."""
        answer = await self.send(who, path, **content)
        if not answer.ok:
            raise UnexpectedError(f"{who}, {path}: {answer.status} {answer.body}")
        found: Json = answer.body
        return found

    async def read(self, who: str | None, path: str) -> Any:
        """Read something that is there."""
        answer = await self.call(who, "GET", path)
        if not answer.ok:
            raise UnexpectedError(f"{who}, GET {path}: {answer.status} {answer.body}")
        return answer.body

    async def ask(self, person: str, item: str, purpose: str, **context: Any) -> Asked:
        """Ask the decision point, as a gateway that can apply what a yes carries."""
        question = {
            "subject": {"type": "person", "id": self.people[person]},
            "action": {"name": "use.read"},
            "resource": {"type": "item", "id": item},
            "context": {"purpose": purpose, "obligations_supported": ["slice/1", "story/1"],
                        **context},
        }  # fmt: skip
        answer = await self.call(None, "POST", "/access/v1/evaluation", question)
        if answer.status != 200:
            raise UnexpectedError(f"decision point: {answer.status} {answer.body}")
        asked = Asked(question, answer.body["decision"], answer.body["context"])
        self.kept.asked.append(asked)
        return asked

    async def _timed(self, who: str, path: str, content: Json) -> Answer:
        began = time.monotonic()
        answer = await self.call(who, "POST", path, content)
        took = time.monotonic() - began
        self.kept.sent += 1
        if took > self.kept.slowest[0]:
            self.kept.slowest = (took, path.rpartition("/")[2])
        if answer.status >= 500:
            self.kept.trouble.append(f"{who}, {path}: {answer.status} {answer.body}")
        return answer

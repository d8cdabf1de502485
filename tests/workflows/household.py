"""A home without its portal: a store with the house's rules in force, the dispatcher, as many
workers as a test wants, and envelopes made by hand.

Whoever needs it loads this file by its path (`conftest.py` shows how), since `tests/` itself
must not be on the import path.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import uuid
from collections.abc import AsyncIterator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError

from policies.grant import commands as granting
from policies.request import commands as asking
from policies.restriction import commands as restricting
from policies.slices import Slice
from policies.types import (
    SYSTEM,
    Authorisation,
    Capacity,
    Envelope,
    Kawa,
    KawaRule,
    Outcome,
    RouteEntry,
    Sitting,
    TextId,
    Voice,
    derived_id,
)
from services import bootstrap, clock, delivering, founding
from services import worker as working
from services.settings import Settings
from services.store import migrate, streams, texts, versions
from workflows.contracts import Json

ITEM = "collection.table.variable"
PEOPLES = frozenset({"people-river"})
BODY = "body-river"
RESEARCHER, MEMBER, SECRETARY = "person-researcher", "person-member", "person-secretary"
THREADS = 8


def settings(home: Path, temporal: str | None, **more: Any) -> Settings:
    """Settings of a home on the Temporal server at that address."""
    fields = {
        "home": home,
        "database": f"sqlite:///{home / 'accord.db'}",
        "temporal": temporal,
        "temporal_port": 1,
        "temporal_page_port": 1,
        "web_port": 1,
        "gateway_port": 1,
        "namespace": "default",
        "region": None,
    }
    return Settings(**{**fields, **more})


def prepare(home: Settings) -> None:
    """Migrate and found a temporary home."""
    migrate.upgrade(home.database, temporary=True)
    accord = bootstrap.build(home, None)
    founding.found(accord.store, accord.recorder)
    accord.store.close()


class Household:
    """What these tests write and send with."""

    def __init__(self, home: Settings, temporal: Client) -> None:
        """`home` is prepared; nothing works in it until a worker does."""
        self.settings = home
        self.temporal = temporal
        self.accord = bootstrap.build(home, temporal)
        self.store = self.accord.store
        self.recorder = self.accord.recorder
        self._numbers = itertools.count(1)
        self._sent_to: set[str] = set()
        with self.store.read() as connection:
            self._versions = versions.read(connection, [versions.RULES])

    @asynccontextmanager
    async def worker(self, accord: bootstrap.Accord | None = None) -> AsyncIterator[None]:
        """A worker of this process, with the sandbox and with connections of its own."""
        # A client of its own as well: it takes one worker of a task queue.
        own = accord or bootstrap.build(
            self.settings, await Client.connect(self.settings.temporal_address)
        )
        with ThreadPoolExecutor(THREADS, "recorder") as threads:
            async with working.worker(own, threads):
                yield
        if accord is None:
            own.store.close()

    async def end(self) -> None:
        """Leave nothing running behind."""
        running = {
            each.id async for each in self.temporal.list_workflows("ExecutionStatus = 'Running'")
        }
        for stream in running | self._sent_to:
            with contextlib.suppress(RPCError):
                await self.handle(stream).terminate("the test is over")
        self.store.close()

    # ---- what is there ----

    def now(self) -> datetime:
        with self.store.read() as connection:
            return clock.now(connection)

    def stream(self, stream: str) -> streams.Stream:
        with self.store.read() as connection:
            return streams.get(connection, stream)

    def entries(self, stream: str) -> list[Json]:
        """Every entry of the stream."""
        with self.store.read() as connection:
            return streams.after(connection, stream, 0)

    def events(self, stream: str) -> list[str]:
        """What happened in the stream, by the names of its events."""
        return [each["type"] for entry in self.entries(stream) for each in entry["events"]]

    def handle(self, stream: str) -> WorkflowHandle[Any, Any]:
        return self.temporal.get_workflow_handle(stream)

    async def until_happened(self, stream: str, event: str, within: float = 15) -> None:
        """Wait until `event` is in the stream: what follows of itself takes a moment."""
        for _ in range(int(within * 20)):
            if event in self.events(stream):
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"{event} never came in {stream}: {self.events(stream)}")

    # ---- what is done ----

    async def send(self, envelope: Envelope) -> Json:
        return await self.accord.dispatcher.send(envelope)

    async def advance(self, by: timedelta) -> None:
        """Let time pass, as the example's operator does."""
        with self.store.write() as connection:
            clock.advance(connection, by)
        await self.accord.dispatcher.fast_forward(self.store, by)

    def envelope(self, stream: str, actor: str, command: Any, **more: Any) -> Envelope:
        """A person's command, let through by a rule that relied on the rules as they were."""
        number = next(self._numbers)
        self._sent_to.add(stream)
        allowed = None if actor == SYSTEM else Authorisation("HOUSE-TEST", self._versions)
        fields = {
            "id": str(uuid.uuid4()),
            "seen": 0,
            "at": self.now(),
            "authorisation": allowed,
            "digest": f"digest-{number}",
        }
        return Envelope(stream=stream, actor=actor, command=command, **{**fields, **more})

    def words(self, author: str, *names: str) -> list[TextId]:
        """Pending texts of `author`, a new one for each name."""
        ids = [TextId(f"text-{name}-{next(self._numbers)}-{uuid.uuid4()}") for name in names]
        said = [
            texts.Words(each, BODY, texts.Audience.BODY, f"The words of {each}".encode())
            for each in ids
        ]
        with self.store.write() as connection:
            texts.save(connection, author, said, self.now())
        return ids

    # ---- requests ----

    def submit(
        self,
        stream: str | None = None,
        *,
        bodies: Iterable[str] = (BODY,),
        ends_in: timedelta = timedelta(days=400),
    ) -> Envelope:
        """A request that asks `bodies`."""
        why, title = self.words(RESEARCHER, "why", "title")
        asked = Slice(peoples=PEOPLES)
        now = self.now()
        content = asking.Content(
            "study", (asking.Participant(RESEARCHER, "lead"),), {ITEM: why}, asked,
            now + ends_in, frozenset({"use.read"}), {"title": title},
        )  # fmt: skip
        item = asking.PinnedItem("collection", frozenset({"health"}), PEOPLES, frozenset())
        pinned = asking.Pinned({ITEM: item}, PEOPLES, frozenset(), self.route(bodies))
        return self.envelope(
            stream or f"request-{uuid.uuid4()}",
            RESEARCHER,
            asking.Submit(content, pinned),
        )

    def route(self, bodies: Iterable[str] = (BODY,)) -> tuple[RouteEntry, ...]:
        items = frozenset({ITEM})
        return tuple(RouteEntry(each, Capacity.PEOPLE, PEOPLES, items=items) for each in bodies)

    def sitting(self, body: str = BODY) -> Sitting:
        return Sitting(
            body, 1, Kawa(KawaRule.CONSENSUS), frozenset({MEMBER}), frozenset({SECRETARY})
        )

    def ask(self, request: str, seen: int = 1, actor: str = MEMBER, **more: Any) -> Envelope:
        """A question: as many as one likes are taken, in any order."""
        (question,) = self.words(actor, "question")
        return self.envelope(
            request, actor, asking.Ask(self.sitting(), question), seen=seen, **more
        )

    def answer(self, request: str, question: str, seen: int) -> Envelope:
        """The answer to the question that the command `question` asked."""
        (said,) = self.words(RESEARCHER, "answer")
        return self.envelope(request, RESEARCHER, asking.Answer(question, said), seen=seen)

    def stand_aside(self, request: str, seen: int = 1) -> Envelope:
        return self.envelope(request, MEMBER, asking.StandAside(self.sitting()), seen=seen)

    def hui(self, request: str, body: str = BODY, seen: int = 1) -> Envelope:
        (minutes,) = self.words(SECRETARY, "minutes")
        voices = {MEMBER: Voice.APPROVE}
        command = asking.RecordHui(
            self.sitting(body), self.now().date(), "hui", voices, Outcome.APPROVE, minutes
        )
        return self.envelope(request, SECRETARY, command, seen=seen)

    def accept(
        self, request: str, seen: int, report_in: timedelta = timedelta(days=100)
    ) -> Envelope:
        command = asking.Accept(frozenset(), self.route(), self.now() + report_in)
        return self.envelope(request, RESEARCHER, command, seen=seen)

    def withdraw(self, request: str, seen: int) -> Envelope:
        return self.envelope(request, RESEARCHER, asking.Withdraw(), seen=seen)

    # ---- grants ----

    async def granted(self, **terms: Any) -> tuple[str, str]:
        """A request decided and accepted, and its grant, issued by way of the outbox."""
        request = (await self.send(self.submit()))["stream"]
        await self.send(self.hui(request))
        await self.send(self.accept(request, 2, **terms))
        assert await delivering.deliver_once(self.accord) == 1
        return request, grant_of(request)

    def file_report(self, grant: str, seen: int) -> Envelope:
        said = dict(
            zip(
                granting.REPORT_WORDS,
                self.words(RESEARCHER, *granting.REPORT_WORDS),
                strict=True,
            )
        )
        return self.envelope(grant, RESEARCHER, granting.FileReport("duty-1", said), seen=seen)

    def return_report(self, grant: str, seen: int) -> Envelope:
        (question,) = self.words(MEMBER, "question")
        command = granting.ReturnReport(self.sitting(), "duty-1", question)
        return self.envelope(grant, MEMBER, command, seen=seen)

    def accept_report(self, grant: str, seen: int) -> Envelope:
        (reply,) = self.words(MEMBER, "reply")
        command = granting.AcceptReport(self.sitting(), "duty-1", reply)
        return self.envelope(grant, MEMBER, command, seen=seen)

    def end_early(self, grant: str, seen: int) -> Envelope:
        return self.envelope(grant, RESEARCHER, granting.EndEarly(), seen=seen)

    def attest(self, grant: str, seen: int) -> Envelope:
        (said,) = self.words(RESEARCHER, "attestation")
        return self.envelope(grant, RESEARCHER, granting.AttestDisposal(said), seen=seen)

    def acknowledge(self, grant: str, seen: int) -> Envelope:
        command = granting.AcknowledgeDisposal(self.sitting())
        return self.envelope(grant, MEMBER, command, seen=seen)

    # ---- restrictions ----

    def place(self, review_in: timedelta | None = timedelta(days=10)) -> Envelope:
        words, authority = self.words(MEMBER, "words", "authority")
        command = restricting.Place(
            self.sitting(),
            restricting.Scope(Slice(peoples=PEOPLES)),
            words,
            authority,
            restricting.Visibility.SHOWN,
            PEOPLES,
            frozenset(),
            self.now() + review_in if review_in else None,
        )
        return self.envelope(f"restriction-{uuid.uuid4()}", MEMBER, command)

    def say_lift(self, restriction: str, seen: int) -> Envelope:
        command = restricting.Speak(self.sitting(), Voice.APPROVE)
        return self.envelope(restriction, MEMBER, command, seen=seen)

    def lift(self, restriction: str, seen: int) -> Envelope:
        command = restricting.Conclude(self.sitting(), Outcome.APPROVE)
        return self.envelope(restriction, MEMBER, command, seen=seen)


def grant_of(request: str) -> str:
    """The grant that follows from a request."""
    return "grant-" + derived_id(request, "grant")


def again(envelope: Envelope, **changed: Any) -> Envelope:
    """The same command sent once more, perhaps having seen more: another id for its Update."""
    return replace(envelope, **changed)

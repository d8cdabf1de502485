"""A store with the house's rules in force, its recorder, and envelopes made by hand."""

import io
import itertools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from policies import codec
from policies.access import Answer
from policies.body import commands as body
from policies.body.commands import DEPLOYMENT
from policies.machines import MACHINES, kind_of, written_event
from policies.refusals import Refused
from policies.request import commands as asking
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
)
from services import clock
from services.packs import put_in_force, shipped
from services.recorder import Recorder
from services.rulebook import Rulebook
from services.store import leaves, streams, texts, versions
from services.store.session import Store
from workflows.contracts import Json, RecordCall, RecordReply
from workflows.envelopes import written_envelope

ITEM = "collection.table.variable"
WANT = 5.0
"""Seconds within which what another thread does must have happened."""


class House:
    """What these tests write with."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.recorder = Recorder(store, Rulebook())
        self._numbers = itertools.count(1)
        with store.write() as connection:
            put_in_force(connection, "house", DEPLOYMENT, shipped("house")[0])

    def another(self) -> Recorder:
        """A second recorder with connections of its own, as another process has."""
        return Recorder(Store(self.store.url), Rulebook())

    def now(self) -> datetime:
        with self.store.read() as connection:
            return clock.now(connection)

    def envelope(self, stream: str, actor: str, command: Any, **more: Any) -> Envelope:
        """A person's command, let through by a rule that relied on the rules as they are."""
        relied_on: dict[str, int] = {}
        if actor != SYSTEM:
            with self.store.read() as connection:
                relied_on |= versions.read(connection, [versions.RULES])
        number = next(self._numbers)
        fields = {
            "id": f"command-{number}",
            "seen": 0,
            "at": self.now(),
            "authorisation": Authorisation("HOUSE-TEST", relied_on) if actor != SYSTEM else None,
            "digest": f"digest-{number}",
        }
        return Envelope(stream=stream, actor=actor, command=command, **fields | more)

    def words(self, author: str, *ids: str, at: datetime | None = None) -> tuple[TextId, ...]:
        """Pending texts, saying ``The words of <id>``."""
        said = [
            texts.Words(
                TextId(each), "body-x", texts.Audience.BODY, f"The words of {each}".encode()
            )
            for each in ids
        ]
        with self.store.write() as connection:
            texts.save(connection, author, said, at or self.now())
        return tuple(TextId(each) for each in ids)

    def enter(self, stream: str, actor: str = "person-secretary", **more: Any) -> Envelope:
        """A body's own statement; its words are saved."""
        number = next(self._numbers)
        name, document = self.words(actor, f"text-name-{number}", f"text-mandate-{number}")
        mandate = body.Mandate(
            frozenset({Capacity.PEOPLE}), peoples=frozenset({"people-river"}), document=document
        )
        member = body.Member(actor, frozenset({"member", "secretary"}))
        command = body.Enter(name, mandate, Kawa(KawaRule.CONSENSUS), (member,))
        return self.envelope(stream, actor, command, **more)

    def answer(self, gateway: str = "access-gateway", **more: Any) -> Envelope:
        """The record of one answer: a system's command that nothing stands in the way of."""
        said = Answer("person-1", "use.read", ITEM, "study", False, "no_grant", None, None, None)
        return self.envelope(gateway, SYSTEM, said, **more)

    def submit(self, request: str, *bodies: str, actor: str = "person-asks") -> Envelope:
        """A request that asks these bodies; its words are saved."""
        why, title = self.words(actor, f"text-why-{request}", f"text-title-{request}")
        now = self.now()
        asked = Slice(peoples=frozenset({"people-river"}))
        content = asking.Content(
            "study", (asking.Participant(actor, "lead"),), {ITEM: why}, asked,
            now + timedelta(days=400), frozenset({"use.read"}), {"title": title},
        )  # fmt: skip
        item = asking.PinnedItem("collection", frozenset({"health"}), asked.peoples, frozenset())  # type: ignore[arg-type]
        pinned = asking.Pinned(
            {ITEM: item},
            frozenset({"people-river"}),
            frozenset(),
            self.route(bodies or ("body-a",)),
        )
        return self.envelope(
            request, actor, asking.Submit(content, pinned, now + timedelta(days=9))
        )

    def route(self, bodies: tuple[str, ...]) -> tuple[RouteEntry, ...]:
        people, items = frozenset({"people-river"}), frozenset({ITEM})
        return tuple(RouteEntry(each, Capacity.PEOPLE, people, items=items) for each in bodies)

    def hui(self, request: str, body: str, outcome: Outcome = Outcome.APPROVE) -> Envelope:
        """What a body of two decided, as its secretary wrote it up."""
        secretary, member = f"person-secretary-{body}", f"person-member-{body}"
        (minutes,) = self.words(secretary, f"text-minutes-{body}-{request}")
        sitting = Sitting(
            body, 1, Kawa(KawaRule.CONSENSUS), frozenset({member}), frozenset({secretary})
        )
        voices = {member: Voice(outcome.value)}
        command = asking.RecordHui(sitting, self.now().date(), "hui", voices, outcome, minutes)
        return self.envelope(request, secretary, command, seen=1)

    def accept(self, request: str, *bodies: str, actor: str = "person-asks") -> Envelope:
        command = asking.Accept(
            frozenset(), self.route(bodies or ("body-a",)), self.now() + timedelta(days=300)
        )
        return self.envelope(request, actor, command, seen=1)

    def call(self, envelope: Envelope, after: int | None = None) -> RecordCall:
        """What a workflow that knows the stream up to `after` (None: all of it) would send."""
        machine = MACHINES[kind_of(envelope.stream)]
        with self.store.read() as connection:
            known = streams.after(connection, envelope.stream, 0)[:after]
        state = machine.initial
        for entry in known:
            state = machine.fold(state, entry)
        decided = machine.decide(state, envelope)
        events = [] if isinstance(decided, Refused) else [written_event(e) for e in decided]
        return RecordCall(envelope.stream, len(known), written_envelope(envelope), events)

    def record(self, envelope: Envelope, after: int | None = None) -> RecordReply:
        return self.recorder.record(self.call(envelope, after))

    def carried(self, *envelopes: Envelope) -> list[Json]:
        return [self.recorder.carry(each) for each in envelopes]

    def stream(self, name: str) -> list[Json]:
        with self.store.read() as connection:
            return streams.after(connection, name, 0)

    def rows(self, query: "sa.Select[Any] | str") -> list[Any]:
        with self.store.read() as connection:
            return list(connection.execute(sa.text(query) if isinstance(query, str) else query))

    def do(self, statement: str, **values: Any) -> None:
        """Run one statement as somebody at the database's own prompt would."""
        with self.store.write() as connection:
            connection.execute(sa.text(statement), values)

    def sequenced(self) -> int:
        with self.store.write() as connection:
            return leaves.sequence(connection)

    def exported(self, scope: str = "whole") -> list[bytes]:
        out = io.BytesIO()
        leaves.export(self.store, out, scope)
        return out.getvalue().splitlines(keepends=True)

    @contextmanager
    def held_open(self, envelope: Envelope) -> Iterator[Callable[[], Json]]:
        """Commit `envelope` in a thread, but stop just before the commit. Inside the block its
        transaction is open; calling what this yields lets it commit, and returns its entry."""
        written, go_on = threading.Event(), threading.Event()

        def stop(connection: sa.Connection, entry: str) -> None:
            written.set()
            assert go_on.wait(WANT * 4)

        thread = Thread(lambda: self.recorder.carry(envelope, stop))
        assert written.wait(WANT)

        def finish() -> Json:
            go_on.set()
            entry: Json = thread.result()
            return entry

        try:
            yield finish
        finally:
            go_on.set()
            thread.join(WANT)


class Thread(threading.Thread):
    """A thread that has begun, and whose result or exception can be asked for."""

    def __init__(self, work: Callable[[], Any]) -> None:
        super().__init__(daemon=True)
        self._work = work
        self._result: Any = None
        self._raised: BaseException | None = None
        self.start()

    def run(self) -> None:
        try:
            self._result = self._work()
        except BaseException as error:
            self._raised = error

    def result(self) -> Any:
        self.join(WANT * 6)
        assert not self.is_alive(), "the thread is still waiting"
        if self._raised is not None:
            raise self._raised
        return self._result


@pytest.fixture
def house(store: Store) -> House:
    return House(store)


@pytest.fixture
def together() -> Callable[..., list[Any]]:
    """Runs all of these at once; returns their results, an exception in the place of one."""

    def run(*works: Callable[[], Any]) -> list[Any]:
        barrier = threading.Barrier(len(works))

        def begun(work: Callable[[], Any]) -> Callable[[], Any]:
            def wait_and_work() -> Any:
                barrier.wait(WANT)
                return work()

            return wait_and_work

        threads = [Thread(begun(each)) for each in works]
        found = []
        for each in threads:
            try:
                found.append(each.result())
            except Exception as error:
                found.append(error)
        return found

    return run


@pytest.fixture
def in_thread() -> type[Thread]:
    return Thread


@pytest.fixture
def entry_on() -> Callable[..., Json]:
    """A ledger entry that says nothing, for tests of what is beneath the recorder."""

    def make(stream: streams.Stream, number: int, at: datetime | None = None, **more: Any) -> Json:
        said = Answer("person-1", "use.read", ITEM, "study", False, "no_grant", None, None, None)
        (event,) = MACHINES["access"].decide(None, Envelope("", "", 0, "", at, said))  # type: ignore[arg-type]
        return {
            "id": f"entry-{stream.id}-{number}",
            "stream": stream.id,
            "sequence": stream.sequence + 1,
            "command": f"command-{stream.id}-{number}",
            "cause": None,
            "actor": SYSTEM,
            "at": codec.written(at or datetime(2026, 11, 23, tzinfo=UTC)),
            "owner": stream.id,
            "authorisation": {},
            "events": [written_event(event)],
            "commitments": {},
            "prev": stream.head,
            **more,
        }

    return make

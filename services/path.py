"""One command's way in, the same for every use case.

Look at one snapshot, find what the viewer may do there and by which rule, save the
words, attach what the answer relied on, and send. When something that it relied on
changed in between, look again; the command's id keeps it from happening twice.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from policies.refusals import Code, RefusedError
from policies.types import Authorisation, Envelope, TextId, derived_id
from services import clock
from services.dispatcher import Dispatcher
from services.people import Bodies, Viewer, all_bodies, require_fresh
from services.recorder import Extra
from services.rulebook import Rulebook
from services.store import streams, texts, versions
from services.store.session import Store
from services.store.texts import Audience, Words

TRIES = 4


@dataclass(frozen=True)
class Sent:
    """What a client sent: its command id, what it had seen, and its words by name.

    `content` is everything it wrote, as plain JSON; its hash tells a repeat from a reuse.
    """

    id: str
    seen: int = 0
    content: Mapping[str, Any] = field(default_factory=dict)

    def text(self, name: str) -> TextId:
        """The id under which the words called `name` are kept: the same at every retry."""
        return TextId("text-" + derived_id(self.id, "text", name))

    def digest(self, viewer: Viewer, act: str) -> str:
        """The hash of who sent what."""
        written = json.dumps([viewer.person, act, self.content], sort_keys=True, default=str)
        return hashlib.sha256(written.encode()).hexdigest()


@dataclass(frozen=True)
class Sight:
    """One snapshot to decide from."""

    connection: Connection
    now: datetime
    bodies: Bodies
    path: Path

    def permitted(self, act: str, roles: Iterable[str]) -> str:
        """The rule that lets one of `roles` do `act`. Raises RefusedError."""
        return self.path.rulebook.permitted(self.connection, act, tuple(roles))


@dataclass(frozen=True)
class Ready:
    """A command that was let through: by which rule, and what that relied on."""

    stream: str
    command: Any
    rule: str
    relies_on: tuple[str, ...] = ()
    words: tuple[Words, ...] = ()
    extra: Extra | None = None


class Path:
    """What use cases have in common; each builds a `Ready` from a `Sight`."""

    def __init__(self, store: Store, rulebook: Rulebook, dispatcher: Dispatcher) -> None:
        """All three are the process's own (`bootstrap`)."""
        self.store = store
        self.rulebook = rulebook
        self._dispatcher = dispatcher

    async def look(self, reading: Callable[[Sight], Any]) -> Any:
        """Run `reading` on one snapshot, off the event loop."""
        return await asyncio.to_thread(self._look, reading)

    async def write(self, writing: Callable[[Connection], Any]) -> Any:
        """Run `writing` in one transaction of its own: drafts and words, never events."""
        return await asyncio.to_thread(self._write, writing)

    async def send(
        self, viewer: Viewer, act: str, sent: Sent, build: Callable[[Sight], Ready]
    ) -> dict[str, Any]:
        """Let the command through and carry it; returns its ledger entry.

        Raises:
            RefusedError: with the one refusal that stands in the way.
        """
        require_fresh(viewer, act)
        for tries in range(TRIES):
            known = await asyncio.to_thread(self._known, sent, sent.digest(viewer, act))
            if known is not None:
                return known
            envelope, extra = await asyncio.to_thread(self._prepare, viewer, act, sent, build)
            try:
                return await self._dispatcher.send(envelope, extra)
            except RefusedError as refusal:
                # "changed" comes from the recorder: what let the command through is no
                # longer so. Whether it still may be is asked again from the start.
                moved = refusal.refused.code is Code.STALE and "changed" in refusal.refused.facts
                if not moved or tries == TRIES - 1:
                    raise
        raise AssertionError("unreachable")

    def _write(self, writing: Callable[[Connection], Any]) -> Any:
        with self.store.write() as connection:
            return writing(connection)

    def _known(self, sent: Sent, digest: str) -> dict[str, Any] | None:
        """A command sent again gets its first answer, whatever has happened since."""
        with self.store.read() as connection:
            found = streams.of_command(connection, sent.id)
        if found is None:
            return None
        if found[1] != digest:
            raise RefusedError(Code.COMMAND_REUSED)
        return found[0]

    def _look(self, reading: Callable[[Sight], Any]) -> Any:
        with self.store.read() as connection:
            now = clock.now(connection)
            return reading(Sight(connection, now, all_bodies(connection, now), self))

    def _prepare(
        self, viewer: Viewer, act: str, sent: Sent, build: Callable[[Sight], Ready]
    ) -> tuple[Envelope, Extra | None]:
        def reading(sight: Sight) -> tuple[Ready, Mapping[str, int], int]:
            ready = build(sight)
            relied_on = versions.read(sight.connection, {versions.RULES, *ready.relies_on})
            present = streams.get(sight.connection, ready.stream).sequence
            return ready, relied_on, present

        with self.store.read() as connection:
            now = clock.now(connection)
            sight = Sight(connection, now, all_bodies(connection, now), self)
            ready, relied_on, present = reading(sight)
        if sent.seen > present:
            raise RefusedError(Code.STALE, seen=str(sent.seen), present=str(present))
        if ready.words:
            with self.store.write() as connection:
                texts.save(connection, viewer.person, ready.words, now)
        return (
            Envelope(
                id=sent.id,
                stream=ready.stream,
                seen=sent.seen,
                actor=viewer.person,
                at=now,
                command=ready.command,
                authorisation=Authorisation(ready.rule, relied_on),
                digest=sent.digest(viewer, act),
            ),
            ready.extra,
        )


def words(
    sent: Sent, owner: str, audience: Audience, said: Mapping[str, str]
) -> tuple[Mapping[str, TextId], tuple[Words, ...]]:
    """Ids for the words in `said`, by their names, and the words to save under them."""
    ids = {name: sent.text(name) for name in said}
    return ids, tuple(Words(ids[name], owner, audience, said[name].encode()) for name in said)

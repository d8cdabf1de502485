"""One whole lifecycle: a request that three bodies decide, and its grant.

It is played once by the use cases, and the envelopes that they sent are kept; copies of
them, with ids of their own, are what the worker is measured with.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from policies.request.commands import WORDS, Submit
from policies.types import Envelope, Outcome, TextId, Voice, derived_id
from services import clock, founding
from services.bootstrap import Accord
from services.deciding import Deciding, Ruling
from services.dispatcher import Dispatcher
from services.example import NAMES
from services.path import Path, Sent
from services.people import Viewer
from services.queries import names
from services.recorder import Extra
from services.requests import Requests
from services.store import texts
from services.store.schema import persons
from services.store.texts import Audience, Words
from workflows.contracts import Json

ITEM = "example_survey.people.clinic_visits"
PEOPLES = ["example-island-b-people", "example-newcomer-people", "example-river-people"]
SPEAKERS = {
    "river": ("member-1", "member-2", "member-3"),
    "island-b": ("member-1", "member-2"),
    "ethics": ("member-1", "member-2"),
}
SAID = "Invented words, of about the length that somebody in a hurry writes."
UPDATES = 1 + sum(len(who) + 1 for who in SPEAKERS.values()) + 1
"""Updates of a lifecycle to its request's workflow; its grant's workflow has one more."""


class Keeping(Dispatcher):
    """A dispatcher that keeps every envelope that it sends."""

    kept: list[Envelope]

    async def send(self, envelope: Envelope, extra: Extra | None = None) -> Json:
        """As any dispatcher."""
        self.kept.append(envelope)
        return await super().send(envelope, extra)


@dataclass(frozen=True)
class Cast:
    """Who takes part: ids of people by their example key, ids of bodies by their short name."""

    people: dict[str, str]
    bodies: dict[str, str]


@dataclass(frozen=True)
class Draft:
    """A draft that is ready to be submitted, and whose it is."""

    id: str
    researcher: Viewer


@dataclass(frozen=True)
class Prepared:
    """A lifecycle ready to be sent: its envelopes in order, and the grant that it leads to."""

    envelopes: tuple[Envelope, ...]
    grant: str


async def cast(accord: Accord) -> Cast:
    """Find the example's people and bodies."""

    def look(sight: Any) -> Cast:
        rows = sight.connection.execute(sa.select(persons.c.example_key, persons.c.id))
        called = names.of(sight.connection, sight.bodies)
        short = {name: key for key, name in NAMES.items()}
        return Cast(
            {row.example_key: row.id for row in rows if row.example_key},
            {short[name]: body for body, name in called.items() if name in short},
        )

    found: Cast = await accord.path.look(look)
    return found


def a_researcher(accord: Accord) -> Viewer:
    """Somebody new: there is an end to how many drafts one person can keep."""
    return Viewer.inside(founding.add_person(accord.store, "Example benchmark researcher", None))


async def drafted(accord: Accord, researcher: Viewer) -> Draft:
    """Write a draft."""
    draft = f"draft-{uuid.uuid4()}"
    content = {
        "purpose": "example-benchmark",
        "people": {researcher.person: "researcher"},
        "items": {ITEM: SAID},
        "slice": {"peoples": PEOPLES, "places": "any", "years": "any", "level": "aggregate"},
        "ends_on": (datetime.now(UTC) + timedelta(days=300)).date().isoformat(),
        "acts": ["use.read"],
        "area": "health",
        "use_kind": "secondary",
        "words": dict.fromkeys(WORDS, SAID),
    }
    await accord.requests.save(researcher, draft, 0, content)
    return Draft(draft, researcher)


async def played(requests: Requests, deciding: Deciding, who: Cast, draft: Draft) -> str:
    """Play the lifecycle of `draft` through the use cases; returns the grant's id."""
    entry = await requests.submit(draft.researcher, draft.id, _sent(0), 1)
    request: str = entry["stream"]
    for body, speakers in SPEAKERS.items():
        for each in speakers:
            member = Viewer.inside(who.people[f"{body}-{each}"])
            await deciding.speak(member, request, who.bodies[body], _sent(1), Voice.APPROVE)
        secretary = Viewer.inside(who.people[f"{body}-secretary"])
        await deciding.conclude(
            secretary, request, who.bodies[body], _sent(1), Ruling(Outcome.APPROVE)
        )
    await requests.accept(draft.researcher, request, _sent(1), frozenset())
    return _grant(request)


async def template(accord: Accord, who: Cast) -> tuple[Envelope, ...]:
    """The envelopes of one lifecycle, as the use cases send them."""
    keeping = Keeping(accord.temporal, accord.recorder)
    keeping.kept = []
    way = Path(accord.store, accord.rulebook, keeping)
    await played(Requests(way), Deciding(way), who, await drafted(accord, a_researcher(accord)))
    assert len(keeping.kept) == UPDATES
    return tuple(keeping.kept)


def prepared(accord: Accord, like: tuple[Envelope, ...], count: int) -> list[Prepared]:
    """Copies of a lifecycle, each another request with its own words, saved beforehand."""
    found = []
    for _ in range(count):
        request = f"request-{uuid.uuid4()}"
        envelopes = [
            replace(each, id=str(uuid.uuid4()), stream=request, digest=uuid.uuid4().hex)
            for each in like
        ]
        envelopes[0] = _with_own_words(accord, envelopes[0])
        found.append(Prepared(tuple(envelopes), _grant(request)))
    return found


def _with_own_words(accord: Accord, envelope: Envelope) -> Envelope:
    command: Submit = envelope.command
    content = command.content
    why = {name: TextId(f"text-{uuid.uuid4()}") for name in content.why}
    said = {name: TextId(f"text-{uuid.uuid4()}") for name in content.words}
    with accord.store.write() as connection:
        texts.save(
            connection,
            envelope.actor,
            [
                Words(each, envelope.stream, Audience.PARTIES, SAID.encode())
                for each in (*why.values(), *said.values())
            ],
            clock.now(connection),
        )
    return replace(
        envelope, command=replace(command, content=replace(content, why=why, words=said))
    )


def _sent(seen: int) -> Sent:
    return Sent(str(uuid.uuid4()), seen)


def _grant(request: str) -> str:
    return "grant-" + derived_id(request, "grant")

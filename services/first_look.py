"""The example's first request, really asked and decided, and the commands that show it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from policies.request.commands import WORDS
from policies.types import Outcome, Voice, derived_id
from services.bootstrap import Accord
from services.deciding import Ruling
from services.example import CREDENTIAL_FILE, NAMES, people_of, step
from services.path import Sight
from services.people import Viewer
from services.queries import names as called
from services.settings import Settings
from services.store import streams
from services.store.schema import drafts, persons

FIRST_PURPOSE = "example-first-look"
FIRST_ITEM = "example_survey.people.language_at_home"


async def first_grant(accord: Accord) -> None:
    """One small request, really asked and decided, so that the example can show a yes.

    It needs Temporal and the worker. A request of an earlier start is gone on with.
    """
    people = people_of(accord)
    names = {name: body for body, name in (await accord.path.look(_body_names)).items()}
    researcher = Viewer.inside(people["researcher"])
    draft = "draft-" + derived_id("the invented example", "first draft")
    request = "request-" + derived_id(draft, "request")
    state = await accord.path.look(lambda sight: streams.get(sight.connection, request).state)
    if state.status == "none":
        if await accord.path.look(lambda sight: not _draft(sight, draft)):
            await accord.requests.save(researcher, draft, 0, _first_content(researcher))
        await accord.requests.submit(researcher, draft, step("first submit"), 1)
    for body, voices in (("river", 3), ("ethics", 2)):
        seen = await _sequence(accord, request)
        for number in range(1, voices + 1):
            member = Viewer.inside(people[f"{body}-member-{number}"])
            sent = step(f"first voice {body} {number}", seen)
            await accord.deciding.speak(member, request, names[NAMES[body]], sent, Voice.APPROVE)
        secretary = Viewer.inside(people[f"{body}-secretary"])
        sent = step(f"first conclusion {body}", seen)
        await accord.deciding.conclude(
            secretary, request, names[NAMES[body]], sent, Ruling(Outcome.APPROVE)
        )
    seen = await _sequence(accord, request)
    await accord.requests.accept(researcher, request, step("first acceptance", seen), frozenset())


def commands(settings: Settings, person: str) -> str:
    """Commands to copy: one that is answered yes, one that is answered no with the reason."""
    credential = settings.home / CREDENTIAL_FILE

    def ask(purpose: str) -> str:
        question = {
            "subject": {"type": "person", "id": person},
            "action": {"name": "use.read"},
            "resource": {"type": "item", "id": FIRST_ITEM},
            "context": {"purpose": purpose, "obligations_supported": ["slice/1"]},
        }
        return (
            f"curl -s {settings.url}/access/v1/evaluation "
            f"-H \"Authorization: Bearer $(cat '{credential}')\" "
            f"-H 'Content-Type: application/json' -d '{json.dumps(question)}'"
        )

    return "\n".join(
        [
            "\nMay the invented researcher read this, for what was granted? (yes)",
            ask(FIRST_PURPOSE),
            "\nAnd for something else? (no, with the reason)",
            ask("something-else"),
            "\nSign in as an invented person, for an hour:",
            f"curl -s {settings.url}/v1/example/tokens "
            "-H 'Content-Type: application/json' -d '{\"person\": \"researcher\"}'",
        ]
    )


def person_of(accord: Accord, key: str) -> str:
    """The id of the invented person who signs in as `key`."""
    with accord.store.read() as connection:
        query = sa.select(persons.c.id).where(persons.c.example_key == key)
        found: str = connection.execute(query).scalar_one()
    return found


def _body_names(sight: Sight) -> dict[str, str]:
    return called.of(sight.connection, sight.bodies)


def _draft(sight: Sight, draft: str) -> bool:
    query = sa.select(drafts.c.id).where(drafts.c.id == draft)
    return sight.connection.execute(query).one_or_none() is not None


async def _sequence(accord: Accord, request: str) -> int:
    found: int = await accord.path.look(
        lambda sight: streams.get(sight.connection, request).sequence
    )
    return found


def _first_content(researcher: Viewer) -> dict[str, object]:
    said = "Invented, so that the example has something to show."
    return {
        "purpose": FIRST_PURPOSE,
        "people": {researcher.person: "researcher"},
        "items": {FIRST_ITEM: said},
        "slice": {
            "peoples": ["example-newcomer-people", "example-river-people"],
            "places": "any",
            "years": "any",
            "level": "aggregate",
        },
        "ends_on": (datetime.now(UTC) + timedelta(days=300)).date().isoformat(),
        "acts": ["use.read"],
        "area": "language",
        "use_kind": "secondary",
        "words": dict.fromkeys(WORDS, said),
    }

"""The invented example: its people, bodies, collections and gateway. Everybody in it is
invented, and every label says so."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from policies import body as b
from policies.catalogue import Classification
from policies.refusals import Code, RefusedError
from policies.request.commands import WORDS
from policies.types import (
    CLASSES,
    Capacity,
    Kawa,
    KawaRule,
    Named,
    Outcome,
    Voice,
    derived_id,
)
from services import founding
from services.bootstrap import Accord
from services.catalogue import importer, proposals
from services.path import Sent, Sight
from services.people import Viewer
from services.queries import names as called
from services.settings import Settings
from services.store import streams
from services.store.schema import deployment, drafts, items, persons

FOLDER = Path(__file__).resolve().parent.parent / "deploy" / "example"
CREDENTIAL_FILE = "example-gateway.credential"

PEOPLES = {
    "example-river-people": "Example river people",
    "example-hill-people": "Example hill people",
    "example-island-a-people": "Example island A people",
    "example-island-b-people": "Example island B people",
    "example-newcomer-people": "Example newcomer people",
}
PLACES = {
    "example-river-valley": "Example river valley",
    "example-hill-country": "Example hill country",
    "example-harbour-town": "Example harbour town",
}

MEMBERS = {
    "river": ("secretary", "member-1", "member-2", "member-3", "member-4"),
    "hill": ("secretary", "kaumatua-1", "kaumatua-2", "delegate"),
    "island-a": ("secretary", "member-1", "member-2", "member-3", "member-4", "member-5"),
    "island-b": ("secretary", "member-1", "member-2", "member-3"),
    "ethics": ("secretary", "member-1", "member-2", "member-3"),
}
"""Body to its people; a person's key is ``<body>-<who>``. Secretaries have no voice, but
for the island B panel's, who is a member too."""

OTHERS = ("researcher", "research-assistant", "outsider")

NAMES = {
    "river": "Example river rōpū",
    "hill": "Example hill rōpū",
    "island-a": "Example island A panel",
    "island-b": "Example island B panel",
    "ethics": "Example ethics committee",
}

DOCUMENT = "This mandate is invented, like the body that states it."

HISTORIES = {
    "example_genome": (
        "Invented. An example plant's genome, sequenced from leaves that the Example river rōpū "
        "gathered in its own valley, on the promise that the rōpū decides about every use."
    ),
    "example_survey": (
        "Invented. A survey of 1,000 invented people, who were told that each people's own body "
        "decides who sees its records. Known harm: an earlier use compared peoples unkindly."
    ),
}


async def load(accord: Accord, say: Callable[[str], None] = lambda line: None) -> None:
    """Load the example, once. Each step has an id of its own, so that a load that was cut
    short goes on where it stopped."""
    with accord.store.read() as connection:
        if connection.execute(sa.select(deployment.c.example)).scalar_one():
            return
    operator = Viewer(founding.found(accord.store, accord.recorder))
    people = _people(accord)
    say("Naming invented peoples and places")
    await accord.catalogue.name(operator, _sent("names"), PEOPLES, PLACES)
    say("Importing three collections, 17,487 real variable names among them")
    await _import(accord, operator)
    bodies = await _bodies(accord, people, operator)
    say("Five invented bodies confirm what is theirs, and adopt the example's rules")
    await _confirm(accord, people, bodies, operator)
    await _gateway(accord, operator)
    with accord.store.write() as connection:
        connection.execute(sa.update(deployment).values(example=True))


def _people(accord: Accord) -> dict[str, str]:
    keys = [f"{body}-{who}" for body, members in MEMBERS.items() for who in members]
    with accord.store.read() as connection:
        query = sa.select(persons.c.example_key, persons.c.id)
        found = {row.example_key: row.id for row in connection.execute(query) if row.example_key}
    for key in (*OTHERS, *keys):
        if key not in found:
            name = "Example " + key.replace("-", " ")
            found[key] = founding.add_person(accord.store, name, key)
    operator = founding.found(accord.store, accord.recorder)
    with accord.store.write() as connection:
        connection.execute(
            sa.update(persons).where(persons.c.id == operator).values(example_key="operator")
        )
    return found


async def _import(accord: Accord, operator: Viewer) -> None:
    rules = proposals.load(
        (Path(__file__).resolve().parent.parent / "policies/packs/example/proposals.csv"), CLASSES
    )
    for name in ("catalogue.csv", "idi-variables.csv"):
        try:
            await importer.import_file(accord.path, operator, FOLDER / name, rules)
        except RefusedError as refusal:
            # An earlier load came as far as this.
            if refusal.refused.code is not Code.ALREADY_DONE:
                raise


async def _bodies(accord: Accord, people: dict[str, str], operator: Viewer) -> dict[str, str]:
    kawa = {
        "river": Kawa(KawaRule.CONSENSUS, 3),
        "hill": Kawa(
            KawaRule.NAMED_ASSENT,
            1,
            (
                Named(people["hill-kaumatua-1"]),
                Named(people["hill-kaumatua-2"], people["hill-delegate"]),
            ),
        ),
        "island-a": Kawa(KawaRule.MAJORITY, 4),
        "island-b": Kawa(KawaRule.MAJORITY, 1),
        "ethics": Kawa(KawaRule.MAJORITY, 2),
    }
    mandates = {
        "river": b.Mandate(
            frozenset({Capacity.PEOPLE, Capacity.PLACE}),
            frozenset({"example-river-people"}),
            frozenset({"example-river-valley"}),
        ),
        "hill": b.Mandate(
            frozenset({Capacity.PEOPLE, Capacity.PLACE}),
            frozenset({"example-hill-people"}),
            frozenset({"example-hill-country"}),
        ),
        "island-a": b.Mandate(frozenset({Capacity.PEOPLE}), frozenset({"example-island-a-people"})),
        "island-b": b.Mandate(frozenset({Capacity.PEOPLE}), frozenset({"example-island-b-people"})),
        "ethics": b.Mandate(frozenset({Capacity.ETHICS})),
    }
    found = {}
    for body, members in MEMBERS.items():
        secretary = Viewer(people[f"{body}-secretary"])
        sent = _sent(f"enter {body}")
        listed = tuple(b.Member(people[f"{body}-{who}"], _roles(body, who)) for who in members)
        await accord.bodies.enter(
            operator, sent, NAMES[body], mandates[body], DOCUMENT, kawa[body], listed
        )
        found[body] = "body-" + derived_id(sent.id, "body")
        await accord.bodies.adopt(secretary, found[body], _sent(f"adopt {body}"), "example")
    ethics = Viewer(people["ethics-secretary"])
    sent = _sent("adopt newcomers")
    await accord.bodies.adopt(ethics, found["ethics"], sent, "example-newcomers")
    return found


def _roles(body: str, who: str) -> frozenset[str]:
    if who != "secretary":
        return frozenset({"member"})
    return frozenset({"secretary", "member"} if body == "island-b" else {"secretary"})


async def _confirm(
    accord: Accord, people: dict[str, str], bodies: dict[str, str], operator: Viewer
) -> None:
    for collection, history in HISTORIES.items():
        sent = _sent(f"history {collection}")
        await accord.catalogue.write_history(operator, b.DEPLOYMENT, sent, collection, history)
    river = Viewer(people["river-secretary"])
    await accord.catalogue.confirm(
        river, bodies["river"], _sent("confirm genome"),
        frozenset({"example_genome.assembly.sequence"}),
        Classification(
            frozenset({"genomic", "taonga_species"}),
            places=frozenset({"example-river-valley"}), whole=True,
        ),
    )  # fmt: skip
    for variable, klass in (
        ("clinic_visits", "health"),
        ("language_at_home", "identifiable"),
        ("income_band", "identifiable"),
        ("birth_year", "identifiable"),
    ):
        for body in ("river", "island-a"):
            await accord.catalogue.confirm(
                Viewer(people[f"{body}-secretary"]), bodies[body],
                _sent(f"confirm {variable} {body}"),
                frozenset({f"example_survey.people.{variable}"}),
                Classification(frozenset({klass}), "any"),
            )  # fmt: skip

    def some_real_ones() -> list[str]:
        with accord.store.read() as connection:
            query = (
                sa.select(items.c.id)
                .where(items.c.variable.contains("ethnic_grp", autoescape=True))
                .order_by(items.c.id)
                .limit(36)
            )
            return list(connection.execute(query).scalars())

    await accord.catalogue.confirm(
        river, bodies["river"], _sent("confirm variables"),
        frozenset(await asyncio.to_thread(some_real_ones)),
        Classification(frozenset({"identifiable"}), "any"),
    )  # fmt: skip


async def _gateway(accord: Accord, operator: Viewer) -> None:
    file = accord.settings.home / CREDENTIAL_FILE
    if file.exists():
        return
    sent = _sent("gateway " + str(accord.settings.home))
    collections = frozenset({"example_genome", "example_survey"})
    _, credential = await accord.bodies.add_gateway(operator, sent, collections)
    file.touch(mode=0o600)
    file.write_text(credential, encoding="utf-8")


def _sent(step: str, seen: int = 0) -> Sent:
    return Sent(derived_id("the invented example", step), seen, {"step": step})


FIRST_PURPOSE = "example-first-look"
FIRST_ITEM = "example_survey.people.language_at_home"


async def first_grant(accord: Accord) -> None:
    """One small request, really asked and decided, so that the example can show a yes.

    It needs Temporal and the worker. A request of an earlier start is gone on with.
    """
    people = _people(accord)
    names = {name: body for body, name in (await accord.path.look(_body_names)).items()}
    researcher = Viewer(people["researcher"])
    draft = "draft-" + derived_id("the invented example", "first draft")
    request = "request-" + derived_id(draft, "request")
    state = await accord.path.look(lambda sight: streams.get(sight.connection, request).state)
    if state.status == "none":
        if await accord.path.look(lambda sight: not _draft(sight, draft)):
            await accord.requests.save(researcher, draft, 0, _first_content(researcher))
        await accord.requests.submit(researcher, draft, _sent("first submit"), 1)
    for body, voices in (("river", 3), ("ethics", 2)):
        seen = await _sequence(accord, request)
        for number in range(1, voices + 1):
            member = Viewer(people[f"{body}-member-{number}"])
            sent = _sent(f"first voice {body} {number}", seen)
            await accord.requests.speak(member, request, names[NAMES[body]], sent, Voice.APPROVE)
        secretary = Viewer(people[f"{body}-secretary"])
        sent = _sent(f"first conclusion {body}", seen)
        await accord.requests.conclude(
            secretary, request, names[NAMES[body]], sent, Outcome.APPROVE
        )
    seen = await _sequence(accord, request)
    await accord.requests.accept(researcher, request, _sent("first acceptance", seen), frozenset())


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
        "words": dict.fromkeys(WORDS, said),
    }

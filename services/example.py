"""The invented example: its people, bodies, collections and gateway. Everybody in it is
invented, and every label says so."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import date
from pathlib import Path

import sqlalchemy as sa

from policies.body import commands as b
from policies.catalogue.classification import Classification
from policies.refusals import Code, RefusedError
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
from services.adopting import Wanted
from services.bootstrap import Accord
from services.catalogue import importer, proposals
from services.pack_preview import preview
from services.packs import Adopting
from services.path import Sent
from services.people import Viewer
from services.sharing import Word
from services.store.schema import deployment, items, outbox, persons
from workflows.envelopes import envelope_of

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

OTHERS = (
    "researcher", "research-assistant", "outsider", "agency-secretary", "agency-officer",
    "reviewer",
)  # fmt: skip

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
    "example_register": (
        "Invented. A register of gardens that an agency began without asking the river people, "
        "who tend them. Known harm: it was once used to tax them."
    ),
}
REGISTER = "example_register.gardens.kept_by"


async def load(accord: Accord, say: Callable[[str], None] = lambda line: None) -> None:
    """Load the example, once. Each step has an id of its own, so that a load that was cut
    short goes on where it stopped."""
    with accord.store.read() as connection:
        if connection.execute(sa.select(deployment.c.example)).scalar_one():
            return
    operator = Viewer.inside(founding.found(accord.store, accord.recorder))
    people = people_of(accord)
    say("Naming invented peoples and places")
    await accord.catalogue.name(operator, step("names"), PEOPLES, PLACES)
    say("Importing four collections, 17,487 real variable names among them")
    await _import(accord, operator)
    bodies = await _bodies(accord, people, operator)
    say("Five invented bodies confirm what is theirs, and adopt the example's rules")
    await _confirm(accord, people, bodies, operator)
    await _gateway(accord, operator)
    with accord.store.write() as connection:
        connection.execute(sa.update(deployment).values(example=True))


def people_of(accord: Accord) -> dict[str, str]:
    """The invented people, by the key they sign in with; made where they are missing."""
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
    found: dict[str, str] = {}
    for body, members in MEMBERS.items():
        secretary = Viewer.inside(people[f"{body}-secretary"])
        sent = step(f"enter {body}")
        listed = tuple(b.Member(people[f"{body}-{who}"], _roles(body, who)) for who in members)
        # The first is written down by the operator, since nobody is there to know it.
        await accord.bodies.enter(
            secretary if found else operator, sent, NAMES[body], mandates[body], DOCUMENT,
            kawa[body], listed,
        )  # fmt: skip
        entered = "body-" + derived_id(sent.id, "body")
        await _welcome(accord, people, entered, body, tuple(found.items()))
        found[body] = entered
        await _adopt(accord, secretary, found[body], step(f"adopt {body}"), "example")
    ethics = Viewer.inside(people["ethics-secretary"])
    sent = step("adopt newcomers")
    await _adopt(accord, ethics, found["ethics"], sent, "example-newcomers")
    return found


async def _adopt(accord: Accord, secretary: Viewer, body: str, sent: Sent, pack: str) -> None:
    """A body adopts a pack as the preview shows it."""
    shown = await accord.path.look(lambda sight: preview(sight, secretary, body, Wanted(pack)))
    confirmed = {k: v for k, v in shown["confirm"].items() if k != "instead_of"}
    await accord.packs.adopt(secretary, body, sent, Adopting(**confirmed))


async def _welcome(
    accord: Accord,
    people: dict[str, str],
    entered: str,
    body: str,
    others: tuple[tuple[str, str], ...],
) -> None:
    """Every body that is there says that it knows the new one; by the last yes it is welcome."""
    if not others:
        return
    sent = step(f"propose {body}")
    change = b.Change("welcome", entered)
    proposer = Viewer.inside(people[f"{others[0][0]}-secretary"])
    await accord.sharing.propose(proposer, others[0][1], sent, change, "Invented, as all here.")
    for other, there in others:
        voices = dict.fromkeys(
            (people[f"{other}-{who}"] for who in MEMBERS[other] if "member" in _roles(other, who)),
            Voice.APPROVE,
        )
        word = Word(Outcome.APPROVE, voices, date(2026, 1, 15), "hui", "Invented minutes.")
        said = step(f"welcome {body} by {other}")
        secretary = Viewer.inside(people[f"{other}-secretary"])
        await accord.sharing.say(secretary, there, said, sent.id, word)
    await _until_welcome(accord, entered)


async def _until_welcome(accord: Accord, body: str) -> None:
    """The welcome follows from the last yes through the outbox. No worker may be running yet,
    so it is carried here; once only, however often."""
    with accord.store.read() as connection:
        waiting = list(
            connection.execute(
                sa.select(outbox.c.envelope).where(
                    outbox.c.target == body, outbox.c.delivered_at.is_(None)
                )
            ).scalars()
        )
    for envelope in waiting:
        await asyncio.to_thread(accord.recorder.carry, envelope_of(envelope))


def _roles(body: str, who: str) -> frozenset[str]:
    if who != "secretary":
        return frozenset({"member"})
    return frozenset({"secretary", "member"} if body == "island-b" else {"secretary"})


async def _confirm(
    accord: Accord, people: dict[str, str], bodies: dict[str, str], operator: Viewer
) -> None:
    for collection, history in HISTORIES.items():
        sent = step(f"history {collection}")
        await accord.catalogue.write_history(operator, b.DEPLOYMENT, sent, collection, history)
    river = Viewer.inside(people["river-secretary"])
    await accord.catalogue.confirm(
        river, bodies["river"], step("confirm genome"),
        frozenset({"example_genome.assembly.sequence"}),
        Classification(
            frozenset({"genomic", "taonga_species"}),
            places=frozenset({"example-river-valley"}), whole=True,
        ),
    )  # fmt: skip
    await accord.catalogue.confirm(
        river, bodies["river"], step("confirm register"), frozenset({REGISTER}),
        Classification(frozenset({"identifiable"}), frozenset({"example-river-people"})),
    )  # fmt: skip
    for variable, klass in (
        ("clinic_visits", "health"),
        ("language_at_home", "identifiable"),
        ("income_band", "identifiable"),
        ("birth_year", "identifiable"),
    ):
        for body in ("river", "island-a"):
            await accord.catalogue.confirm(
                Viewer.inside(people[f"{body}-secretary"]), bodies[body],
                step(f"confirm {variable} {body}"),
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
        river, bodies["river"], step("confirm variables"),
        frozenset(await asyncio.to_thread(some_real_ones)),
        Classification(frozenset({"identifiable"}), "any"),
    )  # fmt: skip


async def _gateway(accord: Accord, operator: Viewer) -> None:
    file = accord.settings.home / CREDENTIAL_FILE
    if file.exists():
        return
    sent = step("gateway " + str(accord.settings.home))
    collections = frozenset({"example_genome", "example_survey"})
    _, credential = await accord.bodies.add_gateway(operator, sent, collections)
    file.touch(mode=0o600)
    file.write_text(credential, encoding="utf-8")


def step(name: str, seen: int = 0) -> Sent:
    """A command of the example's own, the same at every load."""
    return Sent(derived_id("the invented example", name), seen, {"step": name})

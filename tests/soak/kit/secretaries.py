"""Bodies that are set up through the API alone, each by its own secretary: entered, welcomed by
those who are there, its people written down, its kawa, calendar and rules; then what is held.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from chance import Chance
from drawn_kawa import Plan, as_sent
from world import DEPLOYMENT, OPERATOR, Json, UnexpectedError, World

NEWCOMERS = "example-newcomer-people"
"""For whom an adopted line says that no collective body decides."""
NOBODYS = "people-nobody-speaks-for"
READABLE = ("identifiable", "health", "voice", "whanau", "deidentified", "child", "image")
REGIONS = ("AUK", "WGN", "CAN", "OTA", None)
HELD_ON = "2026-01-15"
ITEMS_EACH = 4


@dataclass
class Item:
    """One item, and what its body says that it is."""

    id: str
    collection: str
    by: str
    classes: list[str]
    peoples: list[str] | str = field(default_factory=list)
    places: list[str] | str = field(default_factory=list)
    whole: bool = False


@dataclass
class Land:
    """What is there beside the bodies."""

    peoples: list[str]
    places: list[str]
    items: list[Item]
    unconfirmed: list[str]
    researchers: list[str]
    reviewer: str = "reviewer"

    @property
    def collections(self) -> list[str]:
        return sorted({each.collection for each in self.items})


def land(chance: Chance, plans: Sequence[Plan], researchers: int) -> Land:
    """Peoples and places for those who speak for them, items that concern a few of each."""
    peoples: list[str] = []
    places: list[str] = []
    for plan in plans:
        if plan.standing in ("people", "people_place"):
            plan.peoples = [f"people-{plan.key}"]
            peoples += plan.peoples
        if plan.standing in ("place", "people_place"):
            plan.places = [f"place-{plan.key}"]
            places += plan.places
    for plan in plans:
        if plan.standing == "same_people":
            plan.peoples = [chance.one_of(peoples)]
    leads = [plan for plan in plans if plan.peoples or plan.places]
    items = [_item(chance, number, leads, peoples, places) for number in range(len(leads) * 2)]
    holders = [plan for plan in plans if plan.standing == "holder"]
    for plan in holders:
        plan.items = [each.id for each in chance.some(items, 1, 4)]
    second = [plan for plan in plans if plan.standing == "ethics"][1:]
    for plan in second:
        plan.items = [each.id for each in chance.some(items, 1, len(items) // 2)]
    who = [f"researcher-{number}" for number in range(1, researchers + 1)]
    return Land([*peoples, NEWCOMERS, NOBODYS], places, items, ["held_0.table.never_seen"], who)


def _item(
    chance: Chance, number: int, leads: Sequence[Plan], peoples: list[str], places: list[str]
) -> Item:
    lead = leads[number % len(leads)]
    collection = f"held_{number // ITEMS_EACH}"
    item = Item(f"{collection}.table.variable_{number}", collection, lead.key, [])
    item.classes = [chance.one_of(READABLE)]
    if lead.peoples:
        others = [each for each in peoples if each not in lead.peoples]
        item.peoples = [*lead.peoples, *chance.some(others, 0, 2)]
        if chance.happens(20):
            item.peoples.append(NEWCOMERS)
        if chance.happens(10):
            item.peoples = "any"
    if lead.places and (chance.happens(50) or not lead.peoples):
        item.places = [*lead.places]
        item.whole = chance.happens(30)
    return item


async def settle(world: World, chance: Chance, plans: Sequence[Plan], there: Land) -> None:
    """Everything that comes before the first request."""
    names = {each: f"Example {each} ʻŌ" for each in [*there.peoples, *there.places]}
    await world.must(
        OPERATOR, "/v1/names",
        peoples={each: names[each] for each in there.peoples},
        places={each: names[each] for each in there.places},
    )  # fmt: skip
    for key in (*there.researchers, there.reviewer, *(plan.secretary for plan in plans)):
        await world.add_person(OPERATOR, DEPLOYMENT, key)
    await world.import_items(catalogue(there))
    for number, plan in enumerate(plans):
        await _enter(world, chance, plan, plans[:number])
        await _its_people(world, plan)
    for plan in plans:
        # Once all are there: a kawa may name other bodies.
        await _its_ways(world, chance, plan)
    for plan in plans:
        await _its_rules(world, plan)
    for item in there.items:
        await _confirm(world, next(plan for plan in plans if plan.key == item.by), item)
    gateway = await world.must(OPERATOR, "/v1/gateways", collections=there.collections)
    world.credential = gateway["credential"]
    await agreed(world, chance, plans, kind="reviewer", subject=world.people[there.reviewer])


def catalogue(there: Land) -> str:
    """The list of items as the operator imports it."""
    out = io.StringIO()
    lines = csv.writer(out, lineterminator="\n")
    lines.writerow(("agency", "collection", "schema", "table", "variable"))
    for each in [*(item.id for item in there.items), *there.unconfirmed]:
        schema, table, variable = each.split(".")
        lines.writerow(("Example agency", f"Example {schema}", schema, table, variable))
    return out.getvalue()


async def agreed(
    world: World, chance: Chance, plans: Sequence[Plan], kind: str, **change: object
) -> None:
    """One body proposes a change of what all share; each records its yes, by its own kawa."""
    proposer = chance.one_of(plans)
    made = await world.must(
        proposer.secretary, "/v1/proposals", body=world.bodies[proposer.key],
        why=world.words("why"), kind=kind, **change,
    )  # fmt: skip
    for plan in plans:
        await world.must(
            plan.secretary, f"/v1/proposals/{made['command']}/words",
            body=world.bodies[plan.key], outcome="approve", voices=voices(world, plan),
            held_on=HELD_ON, minutes=world.words("minutes"),
        )  # fmt: skip


def voices(world: World, plan: Plan, voice: str = "approve") -> Json:
    """Everybody of a body says the same."""
    return {world.people[each]: voice for each in plan.members}


async def _enter(world: World, chance: Chance, plan: Plan, there: Sequence[Plan]) -> None:
    """By its own statement. While others are there it speaks only once they all know it."""
    who = plan.secretary if there else OPERATOR
    made = await world.must(
        who, "/v1/bodies", name=f"Example rōpū {plan.key} ʻa {world.marker}",
        document=world.words("mandate"), kawa={"rule": "consensus"},
        mandate={"capacities": plan.capacities, "peoples": plan.peoples, "places": plan.places,
                 "items": plan.items},
        members=[{"person": world.people[plan.secretary], "roles": plan.roles(plan.secretary)}],
    )  # fmt: skip
    world.bodies[plan.key] = made["stream"]
    if not there:
        return
    early = await world.send(
        plan.secretary, f"/v1/bodies/{made['stream']}/adoptions",
        **await _shown(world, plan.secretary, made["stream"], "example"),
    )  # fmt: skip
    if early.ok:
        raise UnexpectedError(f"{plan.key} adopted rules before anybody knew it")
    await agreed(world, chance, there, kind="welcome", subject=made["stream"])
    await world.until_welcome(made["stream"])


async def _its_people(world: World, plan: Plan) -> None:
    body = world.bodies[plan.key]
    for each in plan.everybody:
        if each != plan.secretary:
            await world.add_person(plan.secretary, body, each)
        member: Json = {"person": world.people[each], "roles": plan.roles(each)}
        if each in plan.colleagues:
            member["institution"] = plan.colleagues[each]
        await world.must(plan.secretary, f"/v1/bodies/{body}/members", member=member)


async def _its_ways(world: World, chance: Chance, plan: Plan) -> None:
    """How it decides, when it is closed, how it is told."""
    body, who = f"/v1/bodies/{world.bodies[plan.key]}", plan.secretary
    kawa = as_sent(plan.kawa, world.people, world.bodies)
    await world.must(who, f"{body}/kawa", kawa=kawa)
    if chance.happens(50) or "closure" in plan.features:
        first = world.today + timedelta(days=chance.number(3, 60))
        kind = chance.one_of(("closure", "seasonal"))
        closed = {
            "first": first.isoformat(),
            "last": (first + timedelta(days=chance.number(0, 12))).isoformat(),
            "kind": kind,
            "yearly": chance.happens(50) and first.month != 12,
        }
        await world.must(who, f"{body}/calendar", region=chance.one_of(REGIONS), closures=[closed])
    if chance.happens(60):
        days = sorted(chance.some(range(1, 30), 1, 3))
        await world.must(
            who, f"{body}/reminders", days=days, then=world.people[chance.one_of(plan.everybody)],
            then_after=days[-1] + chance.number(0, 20), digest=chance.happens(30),
        )  # fmt: skip
    if "delegation" in plan.features and len(plan.members) > 1:
        person, to = chance.some(plan.members, 2, 2)
        until = (world.now + timedelta(days=chance.number(5, 100))).isoformat()
        await world.must(
            who, f"{body}/delegations", person=world.people[person], to=world.people[to],
            until=until,
        )  # fmt: skip


async def _its_rules(world: World, plan: Plan) -> None:
    packs = ["example"]
    packs += ["example-holder"] if plan.standing == "holder" else []
    packs += ["example-newcomers", "draft"] if plan.standing == "ethics" else []
    body = world.bodies[plan.key]
    for pack in packs:
        shown = await _shown(world, plan.secretary, body, pack)
        await world.must(plan.secretary, f"/v1/bodies/{body}/adoptions", **shown)


async def _shown(world: World, who: str, body: str, pack: str) -> Json:
    """What the preview gives to confirm."""
    seen = await world.read(who, f"/v1/bodies/{body}/adoption-preview/{pack}")
    confirmed: Json = seen["confirm"]
    return confirmed


async def _confirm(world: World, plan: Plan, item: Item) -> None:
    await world.must(
        plan.secretary, "/v1/confirmations", body=world.bodies[plan.key], items=[item.id],
        classes=item.classes, peoples=item.peoples, places=item.places, whole=item.whole,
    )  # fmt: skip

"""Many requests at once, each going its own way to its end, while time passes, bodies change and
processes die.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from itertools import islice

from asking import Life, Setting, researcher_acts
from at_work import bodies_act, the_desk
from chance import Chance
from drawn_kawa import Plan, as_sent, drawn
from giving_back import grant_acts
from world import Json

SIDE_BY_SIDE = 8
ENDED = frozenset({"declined", "withdrawn", "closed"})
OVER = 160
"""Steps after which nobody goes on with a request: it stays as it is, waiting for whom it says."""


async def step(life: Life) -> None:
    """One thing happens to a request, whatever it waits for."""
    if not life.request:
        await life.begin()
        return
    life.steps += 1
    seen = await life.seen()
    status = seen["status"]
    if status in ENDED and not life.restriction[0]:
        life.outcome = status
    elif life.steps > OVER:
        life.outcome = "left waiting"
    elif status == "at_desk":
        await the_desk(life, seen)
    elif status == "returned":
        await _completed(life, seen)
    elif status == "deciding":
        if not await researcher_acts(life, seen):
            await bodies_act(life, seen)
        await _reviewed(life, seen)
    else:
        await _disputes(life, seen)
        await grant_acts(life, seen)


async def live(
    setting: Setting,
    chance: Chance,
    lives: Iterable[Life],
    between: Callable[[], Awaitable[None]],
    *,
    at_once: int = 40,
    days: int = 8,
) -> list[Life]:
    """Let these requests live side by side until each has ended; returns them.

    Args:
        lives: taken one by one, as others end.
        between: what happens while they all go on: processes die.
        at_once: how many are under way at the same time.
        days: how far time moves at the most, between one round of steps and the next.
    """
    side_by_side = asyncio.Semaphore(SIDE_BY_SIDE)
    to_come, going, all_of_them = iter(lives), list[Life](), list[Life]()

    async def one(life: Life) -> None:
        async with side_by_side:
            for _ in range(life.chance.number(2, 5)):
                if not life.outcome:
                    await step(life)

    while True:
        fresh = list(islice(to_come, at_once - len(going)))
        all_of_them += fresh
        going = [life for life in [*going, *fresh] if not life.outcome]
        if not going:
            return all_of_them
        await asyncio.gather(between(), *map(one, going))
        await body_changes(setting, chance)
        if chance.happens(70):
            await setting.world.advance(chance.number(12, 24 * days) / 24)


async def body_changes(setting: Setting, chance: Chance) -> None:
    """Now and then a body changes something about itself while requests are under way."""
    if not chance.happens(30):
        return
    plan = chance.one_of(setting.plans)
    address, who = f"/v1/bodies/{setting.body(plan)}", plan.secretary
    world = setting.world
    what = chance.number(0, 5)
    if what == 0:
        first = world.today + timedelta(days=chance.number(0, 2))
        last = first + timedelta(days=chance.number(1, 8))
        await world.send(
            who, f"{address}/pauses", kind=chance.one_of(("seasonal", "mourning")),
            first=first.isoformat(), last=last.isoformat(),
        )  # fmt: skip
    elif what == 1:
        await _end_pauses(setting, plan)
    elif what == 2 and len(plan.members) > 1:
        person, to = chance.some(plan.members, 2, 2)
        until = (world.now + timedelta(days=chance.number(2, 40))).isoformat()
        await world.send(
            who, f"{address}/delegations", person=world.people[person], to=world.people[to],
            until=until,
        )  # fmt: skip
    elif what == 3:
        await _new_kawa(setting, chance, plan)
    elif what == 4 and len(plan.members) > 2:
        await _leaves_and_returns(setting, chance, plan)
    elif what == 5 and len(setting.plans) > 2:
        await _ours_too(setting, chance, plan)


async def _end_pauses(setting: Setting, plan: Plan) -> None:
    address = f"/v1/bodies/{setting.body(plan)}"
    seen = await setting.world.read(plan.secretary, address)
    for pause in sorted(seen["pauses"]):
        await setting.world.send(plan.secretary, f"{address}/pauses/ended", pause=pause)


async def _new_kawa(setting: Setting, chance: Chance, plan: Plan) -> None:
    """Another kawa under the same rule; whom the body comes after and sits with stays."""
    world = setting.world
    there = [each for each in setting.plans if each.key < plan.key]
    kept = {k: plan.kawa[k] for k in ("after", "joint_with") if k in plan.kawa}
    fresh = Plan(plan.key, plan.standing, plan.secretary, plan.members,
                 plan.features - {"after", "joint"}, {})  # fmt: skip
    plan.kawa = {**drawn(chance, plan.kawa["rule"], fresh, there), **kept}
    await world.send(
        plan.secretary, f"/v1/bodies/{setting.body(plan)}/kawa",
        kawa=as_sent(plan.kawa, world.people, world.bodies),
    )  # fmt: skip


async def _leaves_and_returns(setting: Setting, chance: Chance, plan: Plan) -> None:
    """A member leaves; whoever the kawa names cannot, before it names another."""
    world, address = setting.world, f"/v1/bodies/{setting.body(plan)}"
    person = world.people[chance.one_of(plan.members[1:])]
    gone = await world.send(plan.secretary, f"{address}/departures", person=person)
    if gone.ok and chance.happens(80):
        member: Json = {"person": person, "roles": ["member"]}
        await world.must(plan.secretary, f"{address}/members", member=member)
    elif gone.ok:
        plan.members = [each for each in plan.members if world.people[each] != person]


async def _ours_too(setting: Setting, chance: Chance, plan: Plan) -> None:
    """A body claims what another speaks for; it stays closed until they have settled it."""
    world = setting.world
    others = [each for each in setting.plans if each.key != plan.key and each.peoples]
    if not others:
        return
    other = chance.one_of(others)
    made = await world.send(
        plan.secretary, "/v1/claims", body=setting.body(plan),
        subjects={"peoples": other.peoples}, statement=world.words("claim"),
    )  # fmt: skip
    if not made.ok:
        return
    address = f"/v1/claims/{made.body['command']}"
    if chance.happens(50):
        await world.send(plan.secretary, f"{address}/withdrawal", body=setting.body(plan))
        return
    for each in setting.plans:
        if each.key != plan.key and set(each.peoples) & set(other.peoples):
            await world.must(each.secretary, f"{address}/agreement", body=setting.body(each))


async def _completed(life: Life, seen: Json) -> None:
    """What the desk found missing is there now; or she lets it be."""
    if life.chance.happens(5):
        await life.at(life.who, "withdrawal", seen["sequence"])
        return
    sent = {**life.content, "version": life.version}
    kept = await life.world.call(life.who, "PUT", f"/v1/drafts/{life.draft}", sent)
    if kept.ok:
        life.version = kept.body["version"]
    answer = await life.at(
        life.who, "resubmission", seen["sequence"], draft=life.draft, version=life.version
    )
    if not answer.ok and life.chance.happens(50):
        await life.at(life.who, "withdrawal", seen["sequence"])


async def _reviewed(life: Life, seen: Json) -> None:
    """The reviewer, once something was referred to them."""
    referred = any(each["referred_to_reviewer"] for each in seen["waiting"])
    if referred and life.chance.happens(20):
        await life.at(
            life.setting.there.reviewer, "review", seen["sequence"],
            finding=life.world.words("finding"),
        )  # fmt: skip


async def _disputes(life: Life, seen: Json) -> None:
    if any(each["open"] for each in seen["disputes"]):
        await bodies_act(life, seen)

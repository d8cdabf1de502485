"""A grant's life: used at the decision point, restricted, reported on, ended, disposed of."""

from __future__ import annotations

from datetime import timedelta

from asking import Life
from drawn_kawa import Plan
from world import Json

REPORT = ("findings", "benefits", "harms", "next_steps")


async def grant_acts(life: Life, seen: Json) -> None:
    """One thing happens with the grant that this request became."""
    world, chance = life.world, life.chance
    answer = await world.call(life.who, "GET", f"/v1/grants/{seen['grant']}")
    if not answer.ok:
        return  # It follows from the acceptance in a moment.
    grant: Json = answer.body
    if chance.happens(35):
        await _used(life, grant)
    if await _restrictions(life, grant):
        return
    address = f"/v1/grants/{grant['id']}"
    duty = grant["duties"][0]
    if duty["standing"] == "owed" and chance.happens(25):
        words = {name: world.words(name) for name in REPORT}
        await world.send(life.who, f"{address}/reports", duty=duty["id"], words=words)
    elif duty["standing"] == "filed" and chance.happens(60):
        await _read(life, address, duty)
    elif grant["status"] == "active" and chance.happens(5):
        await world.send(life.who, f"{address}/end")
    elif grant["status"] == "ended":
        await _disposed(life, address, grant)


async def _used(life: Life, grant: Json) -> None:
    """The gateway asks: as it should, and as it should not."""
    world, chance = life.world, life.chance
    item = chance.one_of(sorted(grant["items"]))
    who, purpose, context = life.who, grant["purpose"], dict[str, object]()
    what = chance.number(0, 11)
    if what == 11:
        purpose = "something-else"
    elif what == 10:
        who = chance.one_of([*life.setting.there.researchers, *_everybody(life)])
    elif what == 9:
        context["obligations_supported"] = []
    elif what == 8:
        item = chance.one_of(life.setting.there.items).id
    elif what in (6, 7) and grant["slice"]["peoples"] != "any":
        few = chance.some(sorted(grant["slice"]["peoples"]), 1)
        context["slice"] = {**grant["slice"], "peoples": few}
    elif what == 5:
        context["slice"] = {**grant["slice"], "peoples": ["people-nobody-speaks-for"]}
    await world.ask(who, item, purpose, **context)


def _everybody(life: Life) -> list[str]:
    return [person for plan in life.setting.plans for person in plan.everybody]


async def _restrictions(life: Life, grant: Json) -> bool:
    """A body restricts what is its own, and lifts it again by its own kawa."""
    chance, world = life.chance, life.world
    name, key = life.restriction
    if name:
        plan = next(each for each in life.setting.plans if each.key == key)
        if chance.happens(50):
            await _lifted(life, name, plan)
            await _used(life, grant)
            return True
        return False
    if grant["status"] != "active" or not chance.happens(7):
        return False
    deciding = [life.setting.of(each["body"]) for each in grant["decided_by"]]
    own = [plan for plan in deciding if plan.peoples or plan.places]
    if not own:
        return False
    plan = chance.one_of(own)
    mine = {"peoples": plan.peoples} if plan.peoples else {"places": plan.places}
    more: Json = {"items": [chance.one_of(sorted(grant["items"]))]} if chance.happens(70) else {}
    review = (world.today + timedelta(days=chance.number(2, 15))).isoformat()
    placed = await world.send(
        chance.one_of(plan.everybody), "/v1/restrictions", body=life.setting.body(plan),
        scope={"slice": mine, **more}, words=world.words("restriction"),
        authority=world.words("authority"), hidden=chance.happens(40),
        **({"review_on": review} if chance.happens(60) else {}),
    )  # fmt: skip
    if placed.ok:
        life.restriction = (placed.body["stream"], plan.key)
        await _used(life, grant)
    return True


async def _lifted(life: Life, name: str, plan: Plan) -> None:
    chance, world = life.chance, life.world
    address = f"/v1/restrictions/{name}"
    outcome = "decline" if chance.happens(10) else "approve"
    if plan.kawa.get("in_person") or "by_secretary" in plan.features or chance.happens(50):
        answer = await world.send(
            plan.secretary, f"{address}/hui", held_on=world.today.isoformat(), method="hui",
            outcome=outcome, voices={world.people[each]: outcome for each in plan.members},
            minutes=world.words("minutes"),
        )  # fmt: skip
    else:
        for each in plan.members:
            await world.send(each, f"{address}/voices", voice=outcome)
        answer = await world.send(plan.secretary, f"{address}/conclusions", outcome=outcome)
    if answer.code == "ended" or (answer.ok and "Lifted" in answer.body["events"]):
        life.restriction = ("", "")


async def _read(life: Life, address: str, duty: Json) -> None:
    world, chance = life.world, life.chance
    for body in [each for each in duty["owed_to"] if each not in duty["accepted_by"]]:
        plan = life.setting.of(body)
        who = chance.one_of(plan.everybody)
        if chance.happens(10):
            await world.send(
                who, f"{address}/report-returns", body=body, duty=duty["id"],
                question=world.words("question"),
            )  # fmt: skip
            return
        await world.send(
            who, f"{address}/report-acceptances", body=body, duty=duty["id"],
            reply=world.words("reply"),
        )  # fmt: skip


async def _disposed(life: Life, address: str, grant: Json) -> None:
    world = life.world
    await world.send(life.who, f"{address}/disposal", attestation=world.words("attestation"))
    for body in grant["duties"][0]["owed_to"]:
        plan = life.setting.of(body)
        if life.chance.happens(80):
            await world.send(
                life.chance.one_of(plan.everybody), f"{address}/disposal-acknowledgements",
                body=body,
            )  # fmt: skip

"""Bodies at work on a request, each within what its people may do: they ask, kōrero, stand aside,
meet, set conditions, decide by voices, at a hui or elsewhere; somebody disputes a record.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from datetime import timedelta

from asking import Life
from drawn_kawa import Plan
from world import Answer, Json

KINDS = (
    "no_ai_training", "no_onward_sharing", "review_before_publication", "own_words",
    "level_at_most", "end_date", "report_back", "attribution", "strengths_framing",
)  # fmt: skip
FROM_THEN_ON = 8
"""After so many tries a body's people are of one mind."""


async def the_desk(life: Life, seen: Json) -> None:
    """It forwards or returns; or it lets time pass."""
    desk, chance = life.setting.desk, life.chance
    if desk is None or chance.happens(30):
        return
    body, who = life.setting.body(desk), chance.one_of(desk.everybody)
    if chance.happens(70):
        await life.at(who, "forwarding", seen["sequence"], body=body)
    else:
        await life.at(
            who, "returns", seen["sequence"], body=body, missing=life.world.words("missing")
        )


async def bodies_act(life: Life, seen: Json) -> None:
    """One of those whose turn it is does one thing."""
    chance = life.chance
    open_disputes = [each for each in seen["disputes"] if each["open"]]
    if open_disputes and chance.happens(60):
        await _answers(life, seen, chance.one_of(open_disputes))
        return
    turn = [
        each for each in seen["bodies"] if each["outcome"] is None and not each["after"]
    ]  # fmt: skip
    if chance.happens(4):
        await _out_of_turn(life, seen)
    if turn:
        each = chance.one_of(sorted(turn, key=lambda each: life.setting.of(each["body"]).key))
        await _turn(life, seen, each)


async def _turn(life: Life, seen: Json, there: Json) -> None:
    chance, world = life.chance, life.world
    plan, body, sequence = life.setting.of(there["body"]), there["body"], seen["sequence"]
    who = chance.one_of(plan.everybody)
    if there["meeting"] is not None:
        if chance.happens(60):
            day = world.today.isoformat()
            await life.at(who, "meetings/held", sequence, body=body, held_on=day)
        return
    what = chance.number(0, 99)
    if what >= 94:
        await life.at(who, "questions", sequence, body=body, question=world.words("question"))
    elif what >= 92 and len(_with_a_voice(life, plan)) > 1:
        person = chance.one_of(_with_a_voice(life, plan))
        if (await life.at(person, "stand-aside", sequence, body=body)).ok:
            life.aside.add(person)
    elif what >= 84:
        await _sets(life, plan, body, sequence)
    elif what >= 80:
        meeting = chance.one_of(("wananga", "kanohi_ki_te_kanohi"))
        await life.at(
            who, "meetings", sequence, body=body, meeting=meeting, words=world.words("wish")
        )
    else:
        await _decides(life, seen, plan, body)


async def _sets(life: Life, plan: Plan, body: str, sequence: int) -> None:
    chance, kind = life.chance, life.chance.one_of(KINDS)
    more: Json = {}
    if kind in ("end_date", "report_back"):
        at = life.world.now + timedelta(days=chance.number(10, 60))
        more["at"] = at.isoformat()
    if kind == "level_at_most":
        more["choice"] = chance.one_of(("aggregate", "deidentified"))
    if kind == "attribution":
        more["choice"] = chance.one_of(("named", "unnamed"))
    if kind == "own_words":
        more["words"] = life.world.words("condition")
    await life.at(
        chance.one_of(plan.everybody), "conditions", sequence, body=body, kind=kind, **more
    )


def _aim(life: Life, plan: Plan, seen: Json) -> str:
    """What the body means to come to; in the end it is of one mind."""
    if plan.key not in life.aims or (life.aims[plan.key] == "in_principle"):
        what = life.chance.number(0, 99)
        first = plan.key not in life.aims
        life.aims[plan.key] = (
            "decline" if what >= 91
            else "in_principle" if what >= 86 and first
            else "not_ours" if what >= 83
            else "strike" if what >= 76 and len(seen["items"]) > 1
            else "approve"
        )  # fmt: skip
    return life.aims[plan.key]


async def _decides(life: Life, seen: Json, plan: Plan, body: str) -> None:
    chance, sequence = life.chance, seen["sequence"]
    aim, there = _aim(life, plan, seen), _with_a_voice(life, plan)
    life.tried[plan.key] += 1
    if plan.kawa.get("elsewhere") and chance.happens(50) and aim in ("approve", "decline"):
        await _letter(life, plan, body, sequence, aim)
        return
    ruling = _ruling(life, seen, aim, body)
    gathers = "by_secretary" in plan.features or plan.kawa.get("in_person") or chance.happens(30)
    if gathers:
        answer = await _hui(life, plan, body, sequence, ruling)
        if answer.ok and chance.happens(20):
            await _read_back(life, plan, body, answer.body["entry"])
    else:
        for person in chance.some(there, 1) if chance.happens(30) else there:
            await life.at(person, "voices", sequence, body=body, voice=_voice(life, plan, ruling))
        answer = await life.at(
            chance.one_of(plan.everybody), "conclusions", sequence, body=body, **ruling
        )
    if not answer.ok and answer.code == "outcome_differs" and chance.happens(30):
        life.aims[plan.key] = "decline" if ruling["outcome"] == "approve" else "approve"


def _with_a_voice(life: Life, plan: Plan) -> list[str]:
    """Those who have not stood aside; everybody, where all have, so that it is tried."""
    here = {life.world.people[each]: each for each in plan.members}
    asking = set(life.content["people"])
    left = [key for person, key in here.items() if key not in life.aside and person not in asking]
    return left or plan.members


def _ruling(life: Life, seen: Json, aim: str, body: str) -> Json:
    chance = life.chance
    ruling: Json = {"outcome": "approve" if aim == "strike" else aim}
    if aim == "strike":
        ruling["struck"] = [chance.one_of(sorted(each["id"] for each in seen["items"]))]
    if aim == "in_principle":
        others = sorted(
            (each["body"] for each in seen["bodies"] if each["body"] != body),
            key=lambda each: life.setting.of(each).key,
        )
        ruling["depends_on"] = [chance.one_of(["funding", *others])]
    if aim in ("decline", "strike") and chance.happens(50):
        ruling["reasons"] = life.world.words("reason")
    return ruling


def _voice(life: Life, plan: Plan, ruling: Json) -> str:
    wanted = "approve" if ruling["outcome"] in ("approve", "in_principle") else "decline"
    if life.tried[plan.key] < FROM_THEN_ON and life.chance.happens(10):
        return life.chance.one_of(("abstain", "approve", "decline"))
    return wanted


async def _hui(life: Life, plan: Plan, body: str, sequence: int, ruling: Json) -> Answer:
    chance, world = life.chance, life.world
    there = _with_a_voice(life, plan)
    there = there if chance.happens(80) else chance.some(there, 1)
    joint = [world.bodies[each] for each in plan.kawa.get("joint_with", ())]
    more = {"joint_with": joint[:1]} if joint and chance.happens(40) else {}
    return await life.at(
        plan.secretary, "hui", sequence, body=body, **ruling, **more,
        held_on=(world.today - timedelta(days=chance.number(0, 3))).isoformat(),
        method="hui" if plan.kawa.get("in_person") else chance.one_of(("hui", "phone", "paper")),
        voices={world.people[each]: _voice(life, plan, ruling) for each in there},
        minutes=world.words("minutes"),
    )  # fmt: skip


async def _letter(life: Life, plan: Plan, body: str, sequence: int, outcome: str) -> None:
    chance, world = life.chance, life.world
    more: Json = {}
    if chance.happens(40):
        until = world.now + timedelta(days=chance.number(5, 60))
        more["expires_at"] = until.isoformat()
    content = base64.b64encode(world.words("letter").encode()).decode()
    await life.at(
        plan.secretary, "letters", sequence, body=body, outcome=outcome, reference="EC-7",
        letter={"media_type": "text/plain", "content": content},
        decided_on=world.today.isoformat(), **more,
    )  # fmt: skip


async def _read_back(life: Life, plan: Plan, body: str, entry: str) -> None:
    """The record is printed for whoever it names; sometimes one of them says it is not so."""
    world, chance = life.world, life.chance
    printed = await world.call(
        plan.secretary, "POST", f"{life.address}/read-backs",
        {"command_id": world.name(), "body": body, "entry": entry},
    )  # fmt: skip
    if not printed.ok:
        world.kept.trouble.append(f"read-backs: {printed.status} {printed.body}")
        return
    if chance.happens(40):
        pages: Sequence[Json] = sorted(printed.body, key=lambda each: each["person"])
        code = pages[chance.number(0, len(pages) - 1)]["code"]
        await world.send(plan.secretary, "/v1/disputes", code=code, words=world.words("dispute"))


async def _answers(life: Life, seen: Json, dispute: Json) -> None:
    plan = life.setting.of(dispute["body"])
    await life.at(
        life.chance.one_of(plan.everybody), "dispute-answers", seen["sequence"],
        body=dispute["body"], dispute=dispute["id"], stands=not life.chance.happens(40),
        answer=life.world.words("answer"),
    )  # fmt: skip


async def _out_of_turn(life: Life, seen: Json) -> None:
    """What nobody may: another's voice, the applicant's own, before one's turn. Whether it is
    refused is judged from the ledger."""
    chance, sequence = life.chance, seen["sequence"]
    asked = [life.setting.of(each["body"]) for each in seen["bodies"]]
    if not asked:
        return
    plan = chance.one_of(sorted(asked, key=lambda each: each.key))
    other = chance.one_of(life.setting.plans)
    body, who = life.setting.body(plan), chance.one_of([life.who, *other.everybody])
    what = chance.number(0, 3)
    if what == 0:
        await life.at(who, "voices", sequence, body=body, voice="approve")
    elif what == 1:
        await life.at(who, "conclusions", sequence, body=body, outcome="approve")
    elif what == 2:
        await life.at(who, "conditions", sequence, body=body, kind="no_ai_training")
    else:
        voices = {life.world.people[each]: "approve" for each in other.members}
        await life.at(
            plan.secretary, "hui", sequence, body=body, outcome="approve", voices=voices,
            held_on=life.world.today.isoformat(), minutes=life.world.words("minutes"),
        )  # fmt: skip

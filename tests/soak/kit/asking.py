"""A request as its researcher makes it: drafted, previewed, mended where the preview refuses it,
submitted; answered for, justified again, accepted or taken back.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from chance import Chance
from drawn_kawa import Plan, as_sent
from secretaries import NOBODYS, Item, Land
from world import Answer, Json, World

WORDS = ("title", "purpose", "summary", "benefits", "harms", "giving_back", "storage")
AREAS = ("health", "education", "language", "environment", "statistics", "immigration")
MENDED = 6
"""How often a draft is mended before its researcher lets it be."""


@dataclass
class Setting:
    """The world that requests live in, and who is who in it."""

    world: World
    plans: Sequence[Plan]
    there: Land
    desk: Plan | None = None

    def of(self, body: str) -> Plan:
        """The plan of the body with that id."""
        return next(plan for plan in self.plans if self.world.bodies[plan.key] == body)

    def body(self, plan: Plan) -> str:
        return self.world.bodies[plan.key]


@dataclass
class Life:
    """One request from its first draft to its end."""

    setting: Setting
    chance: Chance
    number: int
    who: str
    content: Json = field(default_factory=dict)
    draft: str = ""
    version: int = 0
    request: str = ""
    purpose: str = ""
    outcome: str = ""
    """How it ended; empty while it goes on."""
    aims: dict[str, str] = field(default_factory=dict)
    """What each body means to come to."""
    tried: Counter[str] = field(default_factory=Counter)
    aside: set[str] = field(default_factory=set)
    """Who stood aside, by key."""
    steps: int = 0
    why: str = ""
    """Why the preview did not let it go, at last."""
    restriction: tuple[str, str] = ("", "")
    """One that was placed because of it, and the key of its body."""

    @property
    def world(self) -> World:
        return self.setting.world

    @property
    def address(self) -> str:
        return f"/v1/requests/{self.request}"

    async def seen(self) -> Json:
        """The request as its researcher sees it."""
        found: Json = await self.world.read(self.who, self.address)
        return found

    async def at(self, who: str, what: str, seen: int, **content: Any) -> Answer:
        """Somebody does something about the request, as they saw it."""
        return await self.world.send(who, f"{self.address}/{what}", seen=seen, **content)

    async def begin(self) -> None:
        """Draft it, and send it as soon as the preview lets it go."""
        self.content = _content(self)
        made = await _saved(self)
        if made is None:
            return
        for _ in range(MENDED):
            told = self.world.now
            preview = await self.world.read(self.who, f"/v1/drafts/{self.draft}/preview")
            if preview["ready"]:
                answer = await self.world.send(
                    self.who, f"/v1/drafts/{self.draft}/submit", version=self.version
                )
                if answer.ok:
                    self.request = answer.body["stream"]
                    seen = {**preview, "at": told.isoformat()}
                    self.world.kept.previews[self.request] = seen
                    return
            lacking = [each["code"] for each in preview["refused"]] + preview["missing"]
            self.why = lacking[0] if lacking else "refused when it was sent"
            if not await _mended(self, preview) or await _saved(self) is None:
                break
        self.outcome = "refused at preview"


def _content(life: Life) -> Json:
    """What somebody might ask for; a good part of it will not do."""
    chance, there, world = life.chance, life.setting.there, life.world
    items = chance.some(there.items, 1, 2)
    named = sorted({people for item in items for people in _named(item, there)})
    own = _own_body(life, items) if chance.happens(12) else None
    if own is not None:
        life.who = chance.one_of(own.everybody)
    life.purpose = f"study-{life.number}"
    slice_: Json = {"level": chance.one_of(("aggregate", "deidentified", "identifiable"))}
    if own is not None:
        slice_["peoples"] = list(own.peoples)
        items = [item for item in items if _touches(item, own)]
    elif named:
        wanted = chance.some(named, 1, 3)
        slice_["peoples"] = wanted + ([NOBODYS] if chance.happens(5) else [])
    if chance.happens(20):
        slice_["years"] = [2021, 2022]
    if chance.happens(3):
        slice_.pop("peoples", None)
    wanted_items = {item.id: world.words("why") for item in items}
    if chance.happens(3):
        wanted_items[there.unconfirmed[0]] = world.words("why")
    acts = ["use.read", *(["use.link"] if chance.happens(6) else [])]
    ends = world.today + timedelta(days=chance.number(20, 90))
    summary = world.words("summary")
    return {
        "purpose": life.purpose,
        "people": _people(life),
        "items": wanted_items,
        "slice": slice_,
        "ends_on": ends.isoformat(),
        "acts": acts,
        "named": {act: ["other-data"] for act in acts[1:]},
        "area": chance.one_of(AREAS),
        "use_kind": chance.one_of(("primary", "secondary")),
        "for_body": life.setting.body(own) if own is not None else None,
        "institutions": ["institution-university"] if chance.happens(40) else [],
        "words": {**dict.fromkeys(WORDS, world.words()), "summary": summary},
    }


def _named(item: Item, there: Land) -> Sequence[str]:
    return there.peoples if item.peoples == "any" else item.peoples


def _touches(item: Item, plan: Plan) -> bool:
    return item.peoples == "any" or bool(set(item.peoples) & set(plan.peoples))


def _own_body(life: Life, items: Sequence[Item]) -> Plan | None:
    """A people's body whose own data is in this, and which somebody holds."""
    held = {item for plan in life.setting.plans for item in plan.items if plan.standing == "holder"}
    found = [
        plan
        for plan in life.setting.plans
        if plan.standing.endswith("people")
        and len(plan.everybody) > 1
        and any(_touches(item, plan) and item.id in held for item in items)
    ]
    return life.chance.one_of(found) if found else None


def _people(life: Life) -> Json:
    who = [life.who]
    if life.chance.happens(40):
        who.append(life.chance.one_of(life.setting.there.researchers))
    if life.chance.happens(4):
        # Of a body that may have to decide: nobody but herself may do that.
        who.append(life.chance.one_of(life.chance.one_of(life.setting.plans).everybody))
    return {life.world.people[each]: "takes part" for each in who}


async def _saved(life: Life) -> Json | None:
    """Keep the draft as it is now; None where it cannot be."""
    world = life.world
    sent = {**life.content, "version": life.version}
    if life.draft:
        answer = await world.call(life.who, "PUT", f"/v1/drafts/{life.draft}", sent)
    else:
        answer = await world.call(life.who, "POST", "/v1/drafts", sent)
    if not answer.ok:
        world.kept.trouble.append(f"a draft was not kept: {answer.status} {answer.body}")
        life.outcome = "refused at preview"
        return None
    life.draft, life.version = answer.body["id"], answer.body["version"]
    return life.content


async def _mended(life: Life, preview: Json) -> bool:
    """Change what the preview refuses; False when nothing is left to ask for."""
    content = life.content
    for each in preview["refused"]:
        if each["code"] == "korero_first":
            for body in each["bodies"]:
                await _introduced(life, body)
        elif each["code"] == "order_cycle":
            await _gives_way(life, each["bodies"])
        elif not _asks_for_less(life, each):
            return False
    for name in preview["missing"]:
        if name.startswith("people."):
            content["people"].pop(name.removeprefix("people."), None)
        elif name == "ends_on":
            ends = life.world.today + timedelta(days=30)
            content["ends_on"] = ends.isoformat()
        elif name == "for_body":
            content["for_body"] = None
    if not content["people"]:
        content["people"] = {life.world.people[life.who]: "takes part"}
    return bool(content["items"])


def _asks_for_less(life: Life, refused: Json) -> bool:
    """Leave out what is refused: peoples, uses, fineness, or the item; False: all of it."""
    content, code = life.content, refused["code"]
    denied = code in ("not_permitted", "not_permitted_now")
    if code in ("unroutable", "contested") and refused["peoples"]:
        asked = content["slice"].get("peoples") or life.setting.there.peoples
        left = [people for people in asked if people not in refused["peoples"]]
        content["slice"]["peoples"] = left
        return bool(left)
    if denied and refused["act"] != "use.read":
        content["acts"] = ["use.read"]
        content["named"] = {}
    elif denied and content["area"] == "immigration":
        content["area"] = "statistics"
    elif denied and content["slice"]["level"] != "aggregate":
        content["slice"]["level"] = "aggregate"
    elif code == "too_broad":
        content["words"] = dict.fromkeys(WORDS, life.world.words())
    else:
        content["items"].pop(refused["item"], None)
    return True


async def _introduced(life: Life, body: str) -> None:
    """Where kōrero comes first: she introduces herself, they meet."""
    world, plan = life.world, life.setting.of(body)
    await world.send(
        life.who, f"/v1/bodies/{body}/introductions", introduction=world.words("introduction")
    )
    if life.chance.happens(85):
        await world.send(
            plan.secretary, f"/v1/bodies/{body}/korero", person=world.people[life.who],
            held_on=world.today.isoformat(), method=life.chance.one_of(("hui", "phone")),
        )  # fmt: skip


async def _gives_way(life: Life, bodies: Sequence[str]) -> None:
    """Of bodies that wait for each other, one waits no more."""
    world, plan = life.world, life.setting.of(life.chance.one_of(sorted(bodies)))
    plan.kawa.pop("after", None)
    kawa = as_sent(plan.kawa, world.people, world.bodies)
    address = f"/v1/bodies/{life.setting.body(plan)}/kawa"
    await world.send(plan.secretary, address, kawa=kawa)


async def researcher_acts(life: Life, seen: Json) -> bool:
    """What is hers to do, or what comes into her mind; True when she did something."""
    chance, sequence = life.chance, seen["sequence"]
    hers = any(each["for"] == "applicant" for each in seen["waiting"])
    if chance.happens(1) or life.steps > 70:
        await life.at(life.who, "withdrawal", sequence)
        return True
    for question in seen["open_questions"]:
        if chance.happens(60):
            await life.at(
                life.who, "answers", sequence, question=question, answer=life.world.words("answer")
            )
            return True
    if (hers and not seen["open_questions"]) or chance.happens(2):
        if _narrowed(seen):
            await _justifies(life, seen)
        else:
            await _accepts(life, seen)
        return True
    return False


def _narrowed(seen: Json) -> bool:
    """Has something been taken out that she has not justified the rest of?"""
    since = [each["event"] for each in seen["history"]]
    narrowed = [place for place, event in enumerate(since) if event == "Narrowed"]
    again = [place for place, event in enumerate(since) if event == "Rejustified"]
    return bool(narrowed) and (not again or again[-1] < narrowed[-1])


async def _justifies(life: Life, seen: Json) -> None:
    more: Json = {}
    peoples = seen["slice"]["peoples"]
    if life.chance.happens(15) and peoples != "any" and len(peoples) > 1:
        more["slice"] = {**seen["slice"], "peoples": sorted(peoples)[:1]}
    await life.at(
        life.who, "justifications", seen["sequence"],
        justification=life.world.words("justification"), **more,
    )  # fmt: skip


async def _accepts(life: Life, seen: Json) -> None:
    shown = [each["id"] for each in seen["conditions"]]
    if life.chance.happens(5):
        shown = shown[1:]
    answer = await life.at(life.who, "acceptance", seen["sequence"], conditions=shown)
    stuck = answer.code in ("conditions_conflict", "nothing_left", "lapsed")
    if stuck or (answer.code == "invalid" and life.steps > 30):
        # Nothing that she can mend: the bodies' words clash, or nothing is left to read.
        await life.at(life.who, "withdrawal", seen["sequence"])

"""A realistic set of rules of any size, and what is asked of it: the same each time it is made.

Most lines are communities': about fifty each, which allow uses by class, act and level (a few by
collection, item or purpose, a few until a day) and forbid some. A few dozen reach everybody: the
house's about commands and an ethics committee's about purposes. One in a hundred is an open
restriction, as `services.rulebook.deny_lines` writes them. Three in twenty forbid.
"""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import Any, Literal

from policies.codec import written
from policies.enforcer import Enforcer, Question, part_of_people, part_of_place
from policies.rules import ANY_USE, EVERY, Pack, Rule, read_pack
from policies.slices import ANY, Slice
from policies.types import CLASSES, USE_ACTS, Level

PACK = 50
"""Lines of one community."""
SHARED = tuple(f"national-{number:02}" for number in range(20))
"""Collections that hold records of many peoples."""
PURPOSES = (
    "health-study", "housing", "schooling", "te-reo", "biodiversity", "climate", "history",
    "service-planning", "evaluation", "policing", "immigration", "debt",
)  # fmt: skip
BEGINS = datetime(2026, 1, 1, tzinfo=UTC)
DAYS = 730
WHY = "An invented reason, as long as a secretary's sentence about it would be."
_CLASSES = tuple(sorted(CLASSES))
_PLACES = tuple(f"place-{number:03}" for number in range(200))
_LEVELS = tuple(map(str, Level))


@dataclass(frozen=True)
class Community:
    """A body, whose part it speaks for, what it holds, and the classes its pack is about."""

    body: str
    people: str
    place: str | None
    collections: tuple[str, ...]
    classes: tuple[str, ...]


@dataclass(frozen=True)
class Mix:
    """Rules and restrictions in force, who speaks for whom, and the communities behind them."""

    pack: Pack
    restrictions: tuple[Rule, ...]
    speaking: tuple[tuple[str, str], ...]
    communities: tuple[Community, ...]

    @property
    def rules(self) -> tuple[Rule, ...]:
        """Every line."""
        return (*self.pack.rules, *self.restrictions)

    def enforcer(self) -> Enforcer:
        """The engine with all of it."""
        return Enforcer([self.pack], self.restrictions, self.speaking)


def mix(size: int, seed: int = 4) -> Mix:
    """`size` rules in all, 100 at the least."""
    chance = random.Random(f"rules {size} {seed}")
    held = _house()
    house = held.rules[: size // 10]
    ethics = tuple(_ethics(chance, min(30, size // 20)))
    restrictions = size // 100
    left = size - len(house) - len(ethics) - restrictions
    communities = tuple(new_community(chance, number) for number in range(-(-left // PACK)))
    lines = [
        line
        for number, each in enumerate(communities)
        for line in _pack(chance, number, each, min(PACK, left - number * PACK))
    ]
    return Mix(
        Pack((*house, *ethics, *lines), roles=held.roles),
        tuple(_restriction(chance, number, communities) for number in range(restrictions)),
        tuple(_speaking(chance, communities)),
        communities,
    )


def questions(found: Mix, count: int, seed: int = 5) -> list[Question]:
    """What is asked, as `policies.use.questions` asks it for one people's or place's part; some
    about what nobody knows, and one in twenty about a command."""
    chance = random.Random(f"questions {len(found.communities)} {seed}")
    commands = [line.act for line in found.pack.rules if ":" in line.act]
    asked = []
    for _ in range(count):
        if chance.random() < 0.05 and commands:
            asked.append(_command(chance, commands))
        else:
            asked.append(_unknown(chance, new_use(chance, chance.choice(found.communities))))
    return asked


def _house() -> Pack:
    folder = resources.files("policies").joinpath("packs", "house")
    files = {name: folder.joinpath(name).read_bytes() for name in ("rules.csv", "roles.csv")}
    return read_pack(files).adopted_by_the_deployment("the-house")


def new_line(id_: str, act: str, effect: str, adopter: str, **but: Any) -> Rule:
    plain = dict.fromkeys(("collection", "item", "klass", "purpose", "level", "slice"), EVERY)
    told = {"role": "role:grantee", "because": WHY, "reach": adopter, **plain, **but}
    return Rule(id=id_, act=act, effect=effect, adopter=adopter, **told)


def _ethics(chance: random.Random, count: int) -> Iterator[Rule]:
    body = _body(chance)
    for number in range(count):
        named = {"klass": _CLASSES[number % len(_CLASSES)]} if number > 3 else {}
        yield new_line(
            f"ETHICS-{number:02}@{body}", ANY_USE if number % 2 else "use.commercial", "deny", body,
            reach=EVERY, purpose=PURPOSES[-1 - number % 5], **named,
        )  # fmt: skip


def _body(chance: random.Random) -> str:
    return f"body-{uuid.UUID(int=chance.getrandbits(128), version=4)}"


def new_community(chance: random.Random, number: int) -> Community:
    return Community(
        _body(chance),
        f"people-{number:05}",
        f"rohe-{number:05}" if chance.random() < 0.2 else None,
        tuple(f"archive-{number:05}-{each}" for each in range(3)),
        tuple(chance.sample(_CLASSES, 8)),
    )


def _collection(chance: random.Random, community: Community) -> str:
    return chance.choice(SHARED if chance.random() < 0.6 else community.collections)


def _item(chance: random.Random, collection: str) -> str:
    return f"{collection}.{chance.randrange(60):02}"


def _day(chance: random.Random) -> str:
    return written(BEGINS + timedelta(days=chance.randrange(DAYS)))


def _pack(chance: random.Random, number: int, community: Community, count: int) -> Iterator[Rule]:
    """One community's lines: each seventh forbids, and the rest allow."""
    for place in range(count):
        id_ = f"C{number:05}-{place:02}@{community.body}"
        if place % 7 == 3:
            yield _forbids(chance, id_, community)
        else:
            yield _allows(chance, id_, community, place)


def _allows(chance: random.Random, id_: str, community: Community, place: int) -> Rule:
    klass = community.classes[place % len(community.classes)]
    act = chance.choices((*USE_ACTS, ANY_USE), (12, 5, 2, 1, 2, 1))[0]
    named = {"klass": klass if chance.random() < 0.96 else EVERY}
    named["level"] = chance.choices((*_LEVELS, EVERY), (6, 5, 2, 2))[0]
    kind = chance.random()
    if kind < 0.18:
        named["collection"] = _collection(chance, community)
    elif kind < 0.28:
        named["collection"] = _collection(chance, community)
        named["item"] = _item(chance, named["collection"])
    elif kind < 0.4:
        named["purpose"] = chance.choice(PURPOSES[:-3])
    if chance.random() < 0.12:
        named["until"] = _day(chance)
    if chance.random() < 0.08:
        named["since"] = _day(chance)
    return new_line(id_, act, "allow", community.body, **named)


def _forbids(chance: random.Random, id_: str, community: Community) -> Rule:
    kind = chance.randrange(6)
    named: dict[str, str] = {}
    act = chance.choice((ANY_USE, *USE_ACTS))
    if kind == 0:
        act, named["purpose"] = ANY_USE, chance.choice(PURPOSES)
    elif kind == 1:
        act, named["klass"] = chance.choice(USE_ACTS[1:]), chance.choice(community.classes)
    elif kind == 2:
        named["collection"] = _collection(chance, community)
    elif kind == 3:
        named["item"] = _item(chance, _collection(chance, community))
    else:
        named["klass"] = chance.choice(community.classes)
        named["slice"] = new_slice(chance, kind == 4)
    if chance.random() < 0.2:
        named["since"] = _day(chance)
    return new_line(id_, act, "deny", community.body, **named)


def new_slice(chance: random.Random, by_place: bool) -> str:
    if by_place:
        part = Slice(places=frozenset(chance.sample(_PLACES, chance.randint(1, 20))))
    else:
        begins = chance.randrange(1950, 2020)
        part = Slice(years=frozenset(range(begins, begins + chance.randint(1, 10))))
    return json.dumps(part.to_json())


def _restriction(chance: random.Random, number: int, communities: tuple[Community, ...]) -> Rule:
    """Each names a people or a place of the body's own, as it must: a quarter each a people's part
    of an item, of a collection and of everything, and a place's part of an item."""
    community = chance.choice(communities)
    places: frozenset[str] | Literal["any"] = ANY
    peoples: frozenset[str] | Literal["any"] = frozenset({community.people})
    if chance.random() < 0.1:
        peoples |= {chance.choice(communities).people}
    named = {}
    collection = _collection(chance, community)
    if number % 4 in (0, 3):
        named["item"] = _item(chance, collection)
    elif number % 4 == 1:
        named["collection"] = collection
    if number % 4 == 3:
        peoples, places = ANY, frozenset({community.place or chance.choice(_PLACES)})
    name = f"restriction-{uuid.UUID(int=chance.getrandbits(128), version=4)}"
    act = chance.choices(USE_ACTS, (6, 2, 2, 1, 1))[0]
    return new_line(
        f"{name}#0.{act}", act, "deny", community.body, role=EVERY, reach=EVERY,
        slice=json.dumps(Slice(peoples, places).to_json()), restriction=name,
        hidden=number % 5 == 0, **named,
    )  # fmt: skip


def _speaking(
    chance: random.Random, communities: tuple[Community, ...]
) -> Iterator[tuple[str, str]]:
    for each in communities:
        yield part_of_people(each.people), each.body
        if each.place:
            yield part_of_place(each.place), each.body
        if chance.random() < 0.05:
            yield part_of_people(each.people), chance.choice(communities).body


def new_use(chance: random.Random, community: Community) -> Question:
    collection = _collection(chance, community)
    level = chance.choices(_LEVELS, (5, 4, 1))[0]
    part = Slice(frozenset({community.people}), level=Level(level))
    whose = part_of_people(community.people)
    if chance.random() < 0.5:
        begins = chance.randrange(1950, 2020)
        part = replace(part, years=frozenset(range(begins, begins + chance.randint(1, 8))))
    if community.place and chance.random() < 0.4:
        whose = part_of_place(community.place)
        part = replace(part, places=frozenset({community.place}))
    elif chance.random() < 0.4:
        part = replace(part, places=frozenset(chance.sample(_PLACES, chance.randint(1, 4))))
    return Question(
        "role:grantee",
        chance.choices(USE_ACTS, (12, 4, 1, 1, 2))[0],
        BEGINS + timedelta(days=chance.randrange(DAYS), seconds=chance.randrange(86400)),
        whose,
        collection,
        _item(chance, collection),
        chance.choice(community.classes if chance.random() < 0.85 else _CLASSES),
        chance.choices(PURPOSES, (5,) * 9 + (1,) * 3)[0],
        level,
        part,
    )


def _command(chance: random.Random, commands: list[str]) -> Question:
    role = chance.choice(("role:member", "role:secretary", "role:applicant", "role:operator"))
    at = BEGINS + timedelta(minutes=chance.randrange(DAYS * 1440))
    return Question(role, chance.choice(commands), at)


UNKNOWN = {
    "role": "role:nobody", "act": "use.destroy", "whose": "people:nobody", "item": "unheard.of",
    "collection": "unheard", "klass": "unheard", "purpose": "unheard", "level": "finest",
}  # fmt: skip


def _unknown(chance: random.Random, asked: Question) -> Question:
    """One in twenty-five names one thing that nobody knows."""
    if chance.random() > 0.04:
        return asked
    name = chance.choice(sorted(UNKNOWN))
    return replace(asked, **{name: UNKNOWN[name]})

"""Kawa drawn at random from everything that a kawa can say, and the bodies that have them.

People and bodies are called by the keys of a `World` here; `as_sent` puts their ids in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from chance import Chance

Json = dict[str, Any]

RULES = ("consensus", "majority", "named_assent", "whanau")
FEATURES = (
    "first", "in_person", "elsewhere", "present", "delay", "after", "alone", "joint", "korero",
    "delegation", "pause", "closure", "colleague", "by_secretary",
)  # fmt: skip
"""What a body may have beside its rule. Body number n is sure to have the nth, and may have
others; so with as many bodies as these each is there."""

STANDINGS = (
    "people", "people_place", "ethics", "holder", "people", "people", "place", "people",
    "same_people", "ethics", "people", "people_place", "people", "place", "holder", "people",
    "people", "same_people", "people", "people_place",
)  # fmt: skip
"""In which standing body number n speaks. `same_people`: for a people that has a body already."""

EXAMPLES = (
    {"rule": "consensus", "quorum": 3},
    {"rule": "named_assent", "quorum": 1},
    {"rule": "majority", "quorum": 4},
    {"rule": "majority", "quorum": 1},
    {"rule": "majority", "quorum": 2},
)
"""The kawa of the invented example, less whom they name: none of ours is like one of them."""

INSTITUTIONS = ("institution-university", "institution-ministry", "institution-trust")


@dataclass
class Plan:
    """One body as it is to be."""

    key: str
    standing: str
    secretary: str
    members: list[str]
    """Whoever has a voice; the secretary may be one of them."""
    features: frozenset[str]
    kawa: Json
    peoples: list[str] = field(default_factory=list)
    places: list[str] = field(default_factory=list)
    items: list[str] = field(default_factory=list)
    colleagues: dict[str, str] = field(default_factory=dict)
    """Member to the institution where they work."""

    @property
    def capacities(self) -> list[str]:
        if self.standing == "people_place":
            return ["people", "place"]
        return ["people" if self.standing == "same_people" else self.standing]

    @property
    def everybody(self) -> list[str]:
        """All its people, the secretary first."""
        return [self.secretary, *(each for each in self.members if each != self.secretary)]

    def roles(self, person: str) -> list[str]:
        """The roles of one of its people."""
        names = ["secretary"] if person == self.secretary else []
        return names + (["member"] if person in self.members else [])

    def kind(self) -> str:
        """What its decisions are counted under."""
        return str(self.kawa["rule"])


def plan(chance: Chance, number: int, earlier: Sequence[Plan]) -> Plan:
    """Body number `number`, which comes after `earlier`."""
    key = f"b{number:02}"
    standing = STANDINGS[number % len(STANDINGS)]
    sure = FEATURES[number % len(FEATURES)]
    features = {sure, *(each for each in FEATURES if chance.happens(12))}
    if sure == "alone":
        features -= {"first", "delegation", "colleague"}
    elif "alone" in features:
        features -= {"alone"}
    if standing == "holder":
        features -= {"korero"}
    if not earlier:
        features -= {"joint", "after"}
    count = 1 if "alone" in features else chance.number(2, 5)
    members = [f"{key}-{each}" for each in range(1, count + 1)]
    secretary = members[0] if count == 1 or chance.happens(40) else f"{key}-0"
    rule = RULES[number % len(RULES)]
    made = Plan(key, standing, secretary, members, frozenset(features), {})
    made.kawa = drawn(chance, rule, made, earlier)
    if "colleague" in features:
        made.colleagues = {chance.one_of(members): chance.one_of(INSTITUTIONS)}
    return made


def drawn(chance: Chance, rule: str, body: Plan, earlier: Sequence[Plan]) -> Json:
    """A kawa by `rule` for these people, with everything that the body's features ask for."""
    members, features = body.members, body.features
    kawa: Json = {"rule": rule, "quorum": chance.number(1, len(members))}
    if rule in ("named_assent", "whanau"):
        kawa["named"] = [_named(chance, each, members) for each in chance.some(members, 1)]
    if rule == "whanau" and chance.happens(50):
        kawa["delegate"] = chance.one_of(members)
    if "present" in features:
        kawa["present"] = chance.some(members, 1, 2)
    if "first" in features:
        few = chance.some(members, 1, 3)
        kawa["first"] = {
            "members": few,
            "rule": chance.one_of(("consensus", "majority")),
            "quorum": chance.number(1, len(few)),
        }
    if "after" in features:
        named = [each.key for each in earlier]
        kawa["after"] = [chance.one_of(["ethics", "people", "place", "holder", *named])]
    if "joint" in features:
        other = chance.one_of(earlier)
        kawa["joint_with"] = [other.key]
        # It takes two: whoever came before says so as well.
        other.kawa["joint_with"] = sorted({*other.kawa.get("joint_with", ()), body.key})
    if "delay" in features:
        kawa["delay_days"] = chance.number(1, 15)
    kawa["korero_first"] = "korero" in features
    kawa["in_person"] = "in_person" in features
    kawa["elsewhere"] = "elsewhere" in features
    if like_an_example(kawa):
        kawa["delay_days"] = chance.number(1, 3)
    return kawa


def like_an_example(kawa: Mapping[str, Any]) -> bool:
    """Is it one of the example's, whoever is named in it?"""
    told = {name: each for name, each in kawa.items() if each and name not in ("named",)}
    return any(told == each for each in EXAMPLES)


def as_sent(kawa: Json, people: Mapping[str, str], bodies: Mapping[str, str]) -> Json:
    """The same with ids in place of keys."""
    sent = dict(kawa)
    if "named" in kawa:
        sent["named"] = [
            {k: people[v] for k, v in each.items() if v is not None} for each in kawa["named"]
        ]
    if "present" in kawa:
        sent["present"] = [people[each] for each in kawa["present"]]
    if kawa.get("delegate"):
        sent["delegate"] = people[kawa["delegate"]]
    if "first" in kawa:
        members = [people[each] for each in kawa["first"]["members"]]
        sent["first"] = {**kawa["first"], "members": members}
    if "after" in kawa:
        sent["after"] = [bodies.get(each, each) for each in kawa["after"]]
    if "joint_with" in kawa:
        sent["joint_with"] = [bodies[each] for each in kawa["joint_with"]]
    return sent


def _named(chance: Chance, person: str, members: Sequence[str]) -> Json:
    others = [each for each in members if each != person]
    named: Json = {"person": person}
    if others and chance.happens(40):
        named["delegate"] = chance.one_of(others)
    return named

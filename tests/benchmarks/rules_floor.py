"""The floor: what one would write by hand who knows these columns, and nothing else.

A dictionary leads to lists of lines, and each line in them is compared column by column. There is
no model, no compiler, no checking, no reason in words: all lines that match, and a no if any of
them forbids. Its answers are the engine's (the bench says so before it times either).
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any

from policies.codec import instant
from policies.enforcer import Question
from policies.rules import ACTS, ANY_USE, EVERY, ROLES, RoleRule, Rule
from policies.types import CLASSES, USE_ACTS, Level

_ALWAYS = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
_LEVELS = {*Level, "-"}
_CLASSES = CLASSES | {"-"}


class Floor:
    """Lines by whose they are, class and act; those that reach everybody, by what they name."""

    def __init__(
        self,
        rules: Iterable[Rule],
        roles: Iterable[RoleRule] = (),
        speaking: Iterable[tuple[str, str]] = (),
    ) -> None:
        """Put every line where it will be looked for."""
        self._lines: dict[tuple[str, ...], list[tuple[Any, ...]]] = defaultdict(list)
        for rule in rules:
            line = _taken_apart(rule)
            for key in self.keys(rule):
                self._lines[key].append(line)
        self._lines.default_factory = None
        self.speaks: dict[str, list[str]] = defaultdict(list)
        for part, body in speaking:
            if body not in self.speaks[part]:
                self.speaks[part].append(body)
        self.speaks.default_factory = None
        self.roles = _closed(roles)

    def may(self, asked: Question) -> tuple[bool, list[Rule]]:
        """Yes or no, and every line that matched."""
        roles = self.roles.get(asked.role)
        part = asked.slice
        peoples, places, years = part.peoples, part.places, part.years
        if (
            roles is None or asked.act not in ACTS or asked.klass not in _CLASSES
            or asked.level not in _LEVELS or not (peoples and places and years)
        ):  # fmt: skip
            return False, []
        found, allowed, denied = [], False, False
        act, klass, level = asked.act, asked.klass, asked.level
        item, collection, purpose, at = asked.item, asked.collection, asked.purpose, asked.at
        any_people, any_place, any_year = peoples == "any", places == "any", years == "any"
        for candidates in self._candidates(asked):
            for (
                its_role, its_act, its_collection, its_item, its_klass, its_purpose, its_level,
                since, until, its_peoples, its_places, its_years, allows, rule,
            ) in candidates:  # fmt: skip
                if (
                    (its_role == "*" or its_role in roles)
                    and (its_act == "*" or its_act == act or (
                        its_act == "use" and act in USE_ACTS))
                    and (its_collection == "*" or its_collection == collection)
                    and (its_item == "*" or its_item == item)
                    and (its_klass == "*" or its_klass == klass)
                    and (its_purpose == "*" or its_purpose == purpose)
                    and (its_level == "*" or its_level == level)
                    and since <= at < until
                    and (its_peoples == "any" or any_people or not its_peoples.isdisjoint(peoples))
                    and (its_places == "any" or any_place or not its_places.isdisjoint(places))
                    and (its_years == "any" or any_year or not its_years.isdisjoint(years))
                ):  # fmt: skip
                    found.append(rule)
                    allowed = allowed or allows
                    denied = denied or not allows
        return allowed and not denied, found

    def _candidates(self, asked: Question) -> Iterator[list[tuple[Any, ...]]]:
        lines = self._lines
        acts = (asked.act, ANY_USE, EVERY) if asked.act in USE_ACTS else (asked.act, EVERY)
        for body in self.speaks.get(asked.whose, ()):
            for act in acts:
                for klass in (asked.klass, EVERY):
                    if there := lines.get((body, act, klass)):
                        yield there
        if there := lines.get(("item", asked.item)):
            yield there
        if there := lines.get(("collection", asked.collection)):
            yield there
        for act in acts:
            if there := lines.get(("act", act)):
                yield there
        peoples = asked.slice.peoples
        if peoples == "any":
            yield from _each_once(lines.get(("any people", act)) for act in acts)
        elif len(peoples) == 1:
            (people,) = peoples
            if there := lines.get(("people", people)):
                yield there
        else:
            yield from _each_once(lines.get(("people", people)) for people in peoples)

    @staticmethod
    def keys(rule: Rule) -> list[tuple[str, ...]]:
        """Where a line lies. One that reaches everybody and names peoples is looked for by these:
        there are more of them than of collections, so that fewer lines lie in one place."""
        if rule.reach != EVERY:
            return [(rule.reach, rule.act, rule.klass)]
        peoples = "any" if rule.slice == EVERY else json.loads(rule.slice)["peoples"]
        if peoples != "any":
            return [("people", people) for people in peoples] + [("any people", rule.act)]
        if rule.item != EVERY:
            return [("item", rule.item)]
        if rule.collection != EVERY:
            return [("collection", rule.collection)]
        return [("act", rule.act)]


def _each_once(
    lists: Iterable[list[tuple[Any, ...]] | None],
) -> Iterator[list[tuple[Any, ...]]]:
    """A line about several peoples lies in the list of each."""
    yield list({id(line[-1]): line for lines in lists for line in lines or ()}.values())


def _taken_apart(rule: Rule) -> tuple[Any, ...]:
    parts: list[Any] = ["any", "any", "any"]
    if rule.slice != EVERY:
        told = json.loads(rule.slice)
        parts = [
            part if part == "any" else frozenset(part)
            for part in (told["peoples"], told["places"], told["years"])
        ]
    return (
        rule.role, rule.act, rule.collection, rule.item, rule.klass, rule.purpose, rule.level,
        _ALWAYS[0] if rule.since == EVERY else instant(rule.since),
        _ALWAYS[1] if rule.until == EVERY else instant(rule.until),
        *parts, rule.effect == "allow", rule,
    )  # fmt: skip


def _closed(links: Iterable[RoleRule]) -> dict[str, frozenset[str]]:
    """Every role with all that it has, itself among them."""
    held = {role: {role} for role in ROLES}
    grows = True
    pairs = [(each.role, each.includes) for each in links]
    while grows:
        grows = False
        for role in held.values():
            for one, more in pairs:
                if one in role and more not in role:
                    role.add(more)
                    grows = True
    return {role: frozenset(more) for role, more in held.items()}

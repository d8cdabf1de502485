"""Casbin as the enforcer.

Two models, three questions (`bones.md`): who may do which command, what use may
happen now (`model.conf`), and who must decide (`routing.conf`). Default deny; a
deny overrides every allow; what is unknown is refused before Casbin is asked, as
is everything while there is no rule, because stock Casbin can answer yes from an
empty policy. The traps this steps around are named where it does.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Hashable, Iterable
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from importlib import resources

from policies.codec import instant, written
from policies.engine.engine import Engine
from policies.engine.matcher import Function, NamesOf
from policies.refusals import Code
from policies.rules import ACTS, ANY_USE, EVERY, ROLES, Pack, RoutingRule, Rule
from policies.slices import Slice, overlap, peoples_of, places_of, read_slice
from policies.types import CLASSES, USE_ACTS, Capacity, Level

NOTHING = "-"
"""What a question names where it concerns no collection, item, class or place."""


@dataclass(frozen=True)
class Question:
    """May somebody in this role do this, with this, for this, at this level and slice?

    `at` is the instant that is asked about, and `whose` the people or place whose part it is
    (`part_of_people`, `part_of_place`): of a use, each is asked about by itself.
    """

    role: str
    act: str
    at: datetime
    whose: str = NOTHING
    collection: str = NOTHING
    item: str = NOTHING
    klass: str = NOTHING
    purpose: str = NOTHING
    level: str = NOTHING
    slice: Slice = Slice()  # noqa: RUF009  frozen


@dataclass(frozen=True)
class Answer:
    """Yes or no, and the line that decided; `rule` is None when no line spoke at all. `matched`
    are all the lines that spoke, the one that decided among them."""

    allowed: bool
    code: Code | None = None
    rule: Rule | None = None
    matched: tuple[Rule, ...] = field(default=(), compare=False)


def part_of_people(people: str) -> str:
    """How a question and a link name a people whose part it is."""
    return f"people:{people}"


def part_of_place(place: str) -> str:
    """How a question and a link name a place whose part it is."""
    return f"place:{place}"


@dataclass(frozen=True)
class RoutingQuestion:
    """Must this body decide, in this capacity, about this class of this people's or place's?"""

    body: str
    capacity: Capacity
    klass: str
    people: str = NOTHING
    place: str = NOTHING


class Enforcer:
    """The rules in force, as Casbin answers by them.

    One thread changes it at a time (`put`, `take`, `speak`, each at a position of the change
    log); any number ask it meanwhile, each as of its own position (`at`).

    Args:
        packs: adopted packs, each line in its adopter's name.
        restrictions: the deny lines of open restrictions.
        speaking: pairs of a part (`part_of_people`, `part_of_place`) and a body that speaks for it.
    """

    def __init__(
        self,
        packs: Iterable[Pack] = (),
        restrictions: Iterable[Rule] = (),
        speaking: Iterable[tuple[str, str]] = (),
    ) -> None:
        """Build both models; nothing is read from anywhere else."""
        self._position: int | None = None
        self._turns: list[str] = []
        self._permission = Engine(_text("model.conf"), FUNCTIONS, RULE_HELD)
        self._route = Engine(_text("routing.conf"), None, ROUTING_HELD)
        self._permission.link("g3", [(act, ANY_USE) for act in USE_ACTS])
        packs = tuple(packs)
        # Two lines with one id would otherwise be one, and the lost one may be the deny line.
        self.put_all(enumerate([*(r for pack in packs for r in pack.rules), *restrictions]))
        self.put_all(enumerate(r for pack in packs for r in pack.routing))
        self.include((each.role, each.includes) for pack in packs for each in pack.roles)
        self.speak(speaking)

    def at(self, position: int | None) -> Enforcer:
        """The same rules, asked as of a position of the change log.

        Raises:
            TooOldError: of that position this cannot tell any more.
        """
        if position is not None:
            self._permission.require(position)
            self._route.require(position)
        found = copy(self)
        found._position = position
        return found

    def put_all(self, lines: Iterable[tuple[Hashable, Rule | RoutingRule]]) -> None:
        """Many lines, each with its name: the faster way into an empty enforcer."""
        lines = list(lines)
        self._turns = sorted(
            {*self._turns, *(each for _, line in lines for each in _turns_of(line))}
        )
        for engine, kind in ((self._permission, Rule), (self._route, RoutingRule)):
            engine.add_all((n, line.row, line) for n, line in lines if isinstance(line, kind))

    def put(self, line: Rule | RoutingRule, position: int = 0) -> None:
        """A line is in force from `position` on, in place of any of its id."""
        for each in _turns_of(line):
            if each not in self._turns:
                insort(self._turns, each)
        engine = self._permission if isinstance(line, Rule) else self._route
        engine.add(line.id, line.row, line, position)

    def holds_since(self, position: int) -> None:
        """What was put so far is as of `position`: of what was before it, this cannot tell."""
        self._permission.holds_since(position)
        self._route.holds_since(position)

    def take(self, name: str, position: int = 0) -> None:
        """The line of that name is in force no more, from `position` on."""
        self._permission.remove(name, position)
        self._route.remove(name, position)

    def include(
        self,
        more: Iterable[tuple[str, str]] = (),
        fewer: Iterable[tuple[str, str]] = (),
        position: int = 0,
    ) -> None:
        """Roles have, or have no more, everything that others have."""
        self._permission.link("g", more, fewer, position)

    def speak(
        self,
        more: Iterable[tuple[str, str]] = (),
        fewer: Iterable[tuple[str, str]] = (),
        position: int = 0,
    ) -> None:
        """Bodies speak, or speak no more, for parts: pairs of a part and a body."""
        self._permission.link("g2", more, fewer, position)

    def may(self, question: Question) -> Answer:
        """The one answer that previews show, commands need and the decision point gives."""
        if (
            question.role not in ROLES
            or question.act not in ACTS
            or question.klass not in _CLASSES
            or question.level not in _LEVELS
            # A "*" in a question would match only lines that name everything, deny lines
            # for one thing would miss it.
            or EVERY in (question.whose, question.collection, question.item, question.purpose)
            or question.slice.empty
        ):
            return Answer(False, Code.NO_RULE)
        decision = self._permission.ask(_asked(question), self._position)
        matched: tuple[Rule, ...] = decision.matched
        if decision.allowed:
            return Answer(True, None, min(matched, key=_first), matched)
        denies = [each for each in matched if each.effect == "deny"]
        if not denies:
            return Answer(False, Code.NO_RULE, None, matched)
        rule = min(denies, key=_first)
        if rule.restriction is None:
            return Answer(False, Code.NOT_PERMITTED, rule, matched)
        code = Code.NOT_PERMITTED_NOW if rule.hidden else Code.RESTRICTED
        return Answer(False, code, rule, matched)

    def unturned(self, now: datetime, until: datetime) -> datetime:
        """`until`, or the first instant after `now` at which any line begins or ends, if that is
        earlier: an answer holds no longer."""
        turn = bisect_right(self._turns, _written(now))
        if turn == len(self._turns):
            return until
        return min(until, instant(self._turns[turn]))

    def nearly(self, question: Question) -> list[tuple[Rule, tuple[str, ...]]]:
        """The lines that would let this through but for what they say in one column, with the
        columns of which that is so (``p_purpose``)."""
        near = self._permission.nearly(_asked(question), self._position)
        return [(rule, columns) for rule, columns in near if rule.effect == "allow"]

    def must_decide(self, question: RoutingQuestion) -> RoutingRule | None:
        """The line by which this body must decide, or None."""
        lines = self.deciding(question)
        return min(lines, key=lambda line: line.id) if lines else None

    def deciding(self, question: RoutingQuestion) -> tuple[RoutingRule, ...]:
        """Every line by which this body must decide."""
        if question.klass not in CLASSES:
            return ()
        asked = (
            question.body, question.capacity, question.klass, question.people, question.place
        )  # fmt: skip
        lines: tuple[RoutingRule, ...] = self._route.ask(asked, self._position).matched
        return lines

    @property
    def size(self) -> int:
        """How many lines are in force now."""
        return self._permission.size + self._route.size


FUNCTIONS = {
    "overlap": Function(
        overlap, read_slice, (NamesOf(peoples_of, peoples_of), NamesOf(places_of, places_of))
    )
}
"""What `model.conf` may call. The index looks under the peoples and the places of a slice: two
slices that name none in common do not overlap."""

RULE_HELD = {
    each: each
    for each in ("role", "act", "reach", "collection", "item", "klass", "purpose", "level",
                 "since", "until")
}  # fmt: skip
ROUTING_HELD = {each: each for each in ("body", "capacity", "klass", "people", "place")}
"""The columns of the models that lines have under the same names."""

_CLASSES = CLASSES | {NOTHING}
_LEVELS = frozenset({*Level, NOTHING})


def _first(rule: Rule) -> tuple[bool, bool, str]:
    """Of several lines, which is told as the one that decided: those that bodies hide come last,
    so that what another line answers is answered by it whether or not something is hidden."""
    return rule.hidden, rule.restriction is not None, rule.id


def _turns_of(line: Rule | RoutingRule) -> tuple[str, ...]:
    if not isinstance(line, Rule):
        return ()
    return tuple(each for each in (line.since, line.until) if each != EVERY)


def _asked(question: Question) -> tuple[object, ...]:
    """The fields that `model.conf` names, in its order."""
    return (
        question.role, question.act, question.whose, question.collection, question.item,
        question.klass, question.purpose, question.level, question.slice, _written(question.at),
    )  # fmt: skip


@lru_cache(maxsize=64)
def _written(at: datetime) -> str:
    return written(at)


def _text(name: str) -> str:
    return resources.files("policies").joinpath(name).read_text(encoding="utf-8")

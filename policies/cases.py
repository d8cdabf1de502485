"""Cases: questions beside a pack, each with the answer and the line that are expected.

`cases.csv` asks about uses and commands, `routing_cases.csv` about who must decide. Those who
write rules say in them what they mean, and see at once when a line does not do it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

from policies.adopting import Adopter, likely_adopter
from policies.codec import instant
from policies.columns import ACTS, EVERY, ROLES, SELF, instant_fault, line_id, slice_fault, why
from policies.columns import name as name_fault
from policies.columns import thing as thing_fault
from policies.enforcer import (
    NOTHING,
    Answer,
    Enforcer,
    Question,
    RoutingQuestion,
    part_of_people,
    part_of_place,
)
from policies.faults import Found
from policies.rules import Pack, RoutingRule, Rule
from policies.slices import Slice
from policies.table import Check, Known, Layout, read_rows
from policies.types import CLASSES, NOBODY, Capacity, Level

ADOPTER = "body-adopter"
"""The body in whose name a pack is tried; any id that is no real body's."""

_PARTS = {"people": part_of_people, "place": part_of_place}


def part_fault(value: str) -> str | None:
    """Whose part it is: ``people:<id>``, ``place:<id>``, or ``-`` for nobody's."""
    kind, _, who = value.partition(":")
    good = value == NOTHING or (kind in _PARTS and who != EVERY and not name_fault(who))
    return None if good else "Write people: or place: and its id, or - for nobody's."


def _or_nothing(check: Check) -> Check:
    def checked(value: str) -> str | None:
        if value == EVERY:
            return "A question names one thing; write which, or - where it is about none."
        return None if value == NOTHING else check(value)

    return checked


def _at(value: str) -> str | None:
    return instant_fault("" if value == EVERY else value)


def _line(value: str) -> str | None:
    return None if value == NOTHING else line_id(value)


CASE_COLUMNS: Mapping[str, Check] = {
    "id": line_id,
    "role": Known(ROLES, "role"),
    "act": Known(ACTS, "act"),
    "collection": _or_nothing(thing_fault),
    "item": _or_nothing(thing_fault),
    "class": Known(CLASSES | {NOTHING}, "class"),
    "purpose": _or_nothing(thing_fault),
    "level": Known(frozenset(Level) | {NOTHING}, "level"),
    "slice": slice_fault,
    "whose": part_fault,
    "speaks_for": part_fault,
    "at": _at,
    "expected": Known(frozenset({"allow", "deny"}), "answer"),
    "line": _line,
    "because": why,
}
ROUTING_CASE_COLUMNS: Mapping[str, Check] = {
    "id": line_id,
    "body": Known(frozenset({SELF, NOBODY}), "body (self or none)"),
    "capacity": Known(frozenset(Capacity), "capacity"),
    "class": Known(CLASSES, "class"),
    "people": _or_nothing(name_fault),
    "place": _or_nothing(name_fault),
    "expected": Known(frozenset({"yes", "no"}), "answer (yes or no)"),
    "line": _line,
    "because": why,
}
CASE_FILES: Mapping[str, Layout] = {
    "cases.csv": Layout(CASE_COLUMNS),
    "routing_cases.csv": Layout(ROUTING_CASE_COLUMNS),
}


@dataclass(frozen=True)
class Case:
    """One question about a use or a command. `speaks_for` is the part that the adopting body
    speaks for; `line` is the id of the line that decides, or ``-`` when none speaks."""

    id: str
    question: Question
    speaks_for: str
    expected: bool
    line: str
    because: str


@dataclass(frozen=True)
class RoutingCase:
    """One question about who must decide."""

    id: str
    question: RoutingQuestion
    expected: bool
    line: str
    because: str


@dataclass(frozen=True)
class Cases:
    """The cases beside a pack."""

    uses: tuple[Case, ...] = ()
    routing: tuple[RoutingCase, ...] = ()


@dataclass(frozen=True)
class Wrong:
    """A case that came out otherwise than expected."""

    case: str
    expected: str
    found: str

    def __str__(self) -> str:
        """As it is shown to people."""
        return f"{self.case}: expected {self.expected}, found {self.found}."


def read_cases(files: Mapping[str, bytes]) -> Cases:
    """Read the files of `CASE_FILES` (either may be missing).

    Raises:
        FaultsError: anything at all is wrong; nothing is half read.
    """
    found, seen = Found(), dict[str, str]()
    for file in files.keys() - CASE_FILES.keys():
        sentence = f"Cases are in {' and '.join(CASE_FILES)}."
        found.add(file, 1, "name", sentence)
    rows = {
        file: read_rows(file, files[file], layout, found, seen)
        for file, layout in CASE_FILES.items()
        if file in files
    }
    found.refuse()
    return Cases(
        tuple(_case(row) for row in rows.get("cases.csv", [])),
        tuple(_routing_case(row) for row in rows.get("routing_cases.csv", [])),
    )


def _case(row: list[str]) -> Case:
    (id_, role, act, collection, item, klass, purpose, level, written, whose, speaks_for, at,
     expected, line, because) = row  # fmt: skip
    asked = asked_question(
        role, act, instant(at), whose, written, collection, item, klass, purpose, level
    )
    return Case(id_, asked, speaks_for, expected == "allow", line, because)


def _routing_case(row: list[str]) -> RoutingCase:
    id_, body, capacity, klass, people, place, expected, line, because = row
    asked = adopters_question(body, capacity, klass, people, place)
    return RoutingCase(id_, asked, expected == "yes", line, because)


def adopters_question(
    body: str, capacity: str, klass: str, people: str, place: str
) -> RoutingQuestion:
    """Must this body decide? `body` is as a pack writes it: ``self``, whoever adopts the pack, or
    ``none``."""
    candidate = ADOPTER if body == SELF else body
    return RoutingQuestion(candidate, Capacity(capacity), klass, people, place)


def asked_question(
    role: str,
    act: str,
    at: datetime,
    whose: str,
    written: str,
    collection: str = NOTHING,
    item: str = NOTHING,
    klass: str = NOTHING,
    purpose: str = NOTHING,
    level: str = NOTHING,
) -> Question:
    """A question as the decision point would ask it: of the slice `written`, the part of `whose`
    alone. `*` is the whole of an item."""
    asked = Slice() if written == EVERY else Slice.from_json(json.loads(written))
    kind, _, who = whose.partition(":")
    if kind == "people":
        asked = replace(asked, peoples=frozenset({who}))
    if kind == "place":
        asked = replace(asked, places=frozenset({who}))
    return Question(role, act, at, whose, collection, item, klass, purpose, level, asked)


class Tried:
    """A pack as it would answer if it were all that is in force."""

    def __init__(self, pack: Pack) -> None:
        """The pack is taken as adopted by whom it is written for (`adopting.likely_adopter`)."""
        self._pack = pack
        self._enforcer = lru_cache(maxsize=None)(self._built)

    def answer(self, question: Question, speaks_for: str) -> Answer:
        """The answer, with the lines' own ids. `speaks_for` is the part for which the body
        speaks that has adopted the pack, or ``-`` for one that speaks for none."""
        found = self._enforcer(speaks_for).may(question)
        matched = found.matched or ((found.rule,) if found.rule else ())
        return replace(
            found, rule=_plain(found.rule) if found.rule else None,
            matched=tuple(_plain(each) for each in matched),
        )  # fmt: skip

    def must_decide(self, question: RoutingQuestion) -> RoutingRule | None:
        """The line by which the adopting body must decide, or none decides, or None."""
        found = self._enforcer(NOTHING).must_decide(question)
        return replace(found, id=_plain_id(found.id)) if found else None

    def _built(self, speaks_for: str) -> Enforcer:
        if likely_adopter(self._pack) is Adopter.DEPLOYMENT:
            adopted = self._pack.adopted_by_the_deployment(ADOPTER)
        else:
            adopted = self._pack.adopted_by(ADOPTER, own=speaks_for != NOTHING)
        speaking = [] if speaks_for == NOTHING else [(speaks_for, ADOPTER)]
        return Enforcer([adopted], speaking=speaking)


def wrong_cases(pack: Pack, cases: Cases) -> Iterator[Wrong]:
    """Every case that comes out otherwise than it says, in answer or in the line that decides."""
    tried = Tried(pack)
    for case in cases.uses:
        answer = tried.answer(case.question, case.speaks_for)
        line = answer.rule.id if answer.rule else NOTHING
        if (answer.allowed, line) != (case.expected, case.line):
            yield Wrong(case.id, _told(case.expected, case.line), _told(answer.allowed, line))
    for each in cases.routing:
        rule = tried.must_decide(each.question)
        line = rule.id if rule else NOTHING
        if (rule is not None, line) != (each.expected, each.line):
            yield Wrong(each.id, _told(each.expected, each.line), _told(rule is not None, line))


def undecided(pack: Pack, cases: Cases) -> tuple[str, ...]:
    """The ids of the lines that decide no case: nobody has said yet what they are for."""
    decided = {case.line for case in cases.uses} | {case.line for case in cases.routing}
    ids = [line.id for line in pack.rules] + [line.id for line in pack.routing]
    return tuple(each for each in ids if each not in decided)


def _told(yes: bool, line: str) -> str:
    by = "for want of a line" if line == NOTHING else f"by {line}"
    return f"{'yes' if yes else 'no'} {by}"


def _plain(rule: Rule) -> Rule:
    return replace(rule, id=_plain_id(rule.id))


def _plain_id(name: str) -> str:
    return name.rpartition("@")[0] or name

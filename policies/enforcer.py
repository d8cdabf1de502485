"""Casbin as the enforcer: the only module that imports it.

Two models, three questions (`bones.md`): who may do which command, what use may
happen now (`model.conf`), and who must decide (`routing.conf`). Default deny; a
deny overrides every allow; what is unknown is refused before Casbin is asked, as
is everything while there is no rule, because stock Casbin can answer yes from an
empty policy. The traps this steps around are named where it does.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import TypeVar

import casbin

from policies.refusals import Code
from policies.rules import ACTS, EVERY, ROLES, Pack, RoutingRule, Rule
from policies.slices import Slice, overlap
from policies.types import CLASSES, Capacity, Level

NOTHING = "-"
"""What a question names where it concerns no collection, item, class or place."""

# Casbin logs whole requests; who asked for what belongs in the ledger alone.
logging.getLogger("casbin").setLevel(logging.CRITICAL)


@dataclass(frozen=True)
class Question:
    """May somebody in this role do this, with this, for this, at this level and slice?"""

    role: str
    act: str
    collection: str = NOTHING
    item: str = NOTHING
    klass: str = NOTHING
    purpose: str = NOTHING
    level: str = NOTHING
    slice: Slice = Slice()  # noqa: RUF009  frozen


@dataclass(frozen=True)
class Answer:
    """Yes or no, and the line that decided; `rule` is None when no line spoke at all."""

    allowed: bool
    code: Code | None = None
    rule: Rule | None = None


@dataclass(frozen=True)
class RoutingQuestion:
    """Must this body decide, in this capacity, about this class of this people's or place's?"""

    body: str
    capacity: Capacity
    klass: str
    people: str = NOTHING
    place: str = NOTHING


class Enforcer:
    """The rules in force at one version, as Casbin answers by them.

    Args:
        packs: adopted packs, each line in its adopter's name.
        restrictions: the deny lines of open restrictions.
    """

    def __init__(self, packs: Iterable[Pack], restrictions: Iterable[Rule] = ()) -> None:
        """Build both models; nothing is read from anywhere else."""
        packs = tuple(packs)
        # Casbin knows a line by its place, not by its id: two lines with one id would
        # otherwise be one, and the lost one may be the deny line.
        self._rules = _numbered([rule for pack in packs for rule in pack.rules] + [*restrictions])
        self._routing = _numbered([rule for pack in packs for rule in pack.routing])
        links = sorted({(each.role, each.includes) for pack in packs for each in pack.roles})
        self._permission = _model("model.conf", _rows(self._rules), links)
        self._route = _model("routing.conf", _rows(self._routing), [])

    def may(self, question: Question) -> Answer:
        """The one answer that previews show, commands need and the decision point gives."""
        if (
            question.role not in ROLES
            or question.act not in ACTS
            or question.klass not in CLASSES | {NOTHING}
            or question.level not in {*Level, NOTHING}
            # A "*" in a question would match only lines that name everything, deny lines
            # for one thing would miss it.
            or EVERY in (question.collection, question.item, question.purpose)
            or question.slice.empty
        ):
            return Answer(False, Code.NO_RULE)
        if not self._rules:
            return Answer(False, Code.NO_RULE)
        allowed, row = self._permission.enforce_ex(
            question.role, question.act, question.collection, question.item, question.klass,
            question.purpose, question.level, question.slice,
        )  # fmt: skip
        rule = self._rules[row[0]] if row else None
        # Casbin answers True for everything once enforcement is switched off, and then
        # names no line; a yes without an allow line is no yes.
        if allowed and rule is not None and rule.effect == "allow":
            return Answer(True, None, rule)
        if rule is None or rule.effect == "allow":
            return Answer(False, Code.NO_RULE)
        if rule.restriction is None:
            return Answer(False, Code.NOT_PERMITTED, rule)
        return Answer(False, Code.NOT_PERMITTED_NOW if rule.hidden else Code.RESTRICTED, rule)

    def must_decide(self, question: RoutingQuestion) -> RoutingRule | None:
        """The line by which this body must decide, or None."""
        if not self._routing or question.klass not in CLASSES:
            return None
        allowed, row = self._route.enforce_ex(
            question.body, question.capacity, question.klass, question.people, question.place
        )
        return self._routing[row[0]] if allowed and row else None


Line = TypeVar("Line", Rule, RoutingRule)


def _numbered(lines: list[Line]) -> dict[str, Line]:
    return {str(number): line for number, line in enumerate(lines)}


def _rows(lines: Mapping[str, Rule] | Mapping[str, RoutingRule]) -> list[list[str]]:
    return [[number, *line.row[1:]] for number, line in lines.items()]


def _model(name: str, rows: list[list[str]], links: list[tuple[str, str]]) -> casbin.Enforcer:
    text = resources.files("policies").joinpath(name).read_text(encoding="utf-8")
    enforcer = casbin.Enforcer(casbin.Enforcer.new_model(text=text))
    # Rows go straight into the model: Casbin's own CSV reader keeps quotes and splits
    # quoted commas. They were checked by `rules.read_pack`.
    enforcer.get_model().add_policies("p", "p", rows)
    if links:
        enforcer.get_model().add_policies("g", "g", [list(link) for link in links])
        enforcer.build_role_links()
    enforcer.add_function("overlap", overlap)
    return enforcer

"""What the rules in force say of one use of one item, for whoever wants to know before asking.

Asking gives nothing and is no request: whether anybody has a grant is not looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from policies import explain
from policies.enforcer import Enforcer
from policies.refusals import Code, Refused, RefusedError
from policies.request.commands import PinnedItem
from policies.routing import Unroutable, route
from policies.slices import Slice, resolve
from policies.use import Asked, asked_of, purposes_of, questions, rules_say
from services import facts
from services.path import Path, Sight
from services.people import Viewer

NEAREST = 20
"""How many lines that nearly let a use through are told, at most."""


@dataclass(frozen=True)
class Trying:
    """One use of one item: which, for what purpose and area, and in which slice."""

    item: str
    act: str
    purpose: str
    area: str
    slice: Slice


class Rules:
    """Answers what the rules say."""

    def __init__(self, path: Path) -> None:
        """`path` is the one way in."""
        self._path = path

    async def try_(self, viewer: Viewer, trying: Trying) -> Mapping[str, Any]:
        """The answer that rules and restrictions give now, with every line that may be told, who
        would have to decide and by which lines, and what would have to change for a yes.

        Raises:
            RefusedError: there is no such item, or nobody has confirmed what it is.
        """
        found: Mapping[str, Any] = await self._path.look(lambda sight: _told(sight, viewer, trying))
        return found


def _told(sight: Sight, viewer: Viewer, trying: Trying) -> Mapping[str, Any]:
    sight.permitted("person:rules:try", ("role:anyone",))
    items = facts.read_items(sight.connection, [trying.item])
    if not items:
        raise RefusedError(Code.NOT_FOUND)
    item = items[0]
    if item.said is None:
        raise RefusedError(Code.UNCONFIRMED)
    known = facts.known(sight.connection, sight.bodies)
    enforcer = sight.path.rulebook.at(sight.connection).enforcer
    pinned = PinnedItem(
        item.collection, item.said.classes, resolve(item.said.peoples, known.peoples),
        resolve(item.said.places, known.places), item.said.whole,
    )  # fmt: skip
    purposes = purposes_of(trying.purpose, trying.area)
    asked = asked_of(item, trying.act, purposes, trying.slice, pinned)
    own = frozenset(sight.bodies.of(viewer.person))
    said = rules_say(enforcer, asked, sight.now, own)
    code = said.refused.code if said.refused is not None else None
    way = route(enforcer, [item], trying.slice, known, sight.now)
    return {
        "decision": code is None,
        "code": str(code) if code else None,
        "sentence": Refused(code).sentence if code else None,
        "next": Refused(code).next_step if code else None,
        "lines": explain.lines(said.matched, said.refused.rule if said.refused else None),
        "for_a_yes": [vars(each) for each in explain.for_a_yes(code, said.matched)],
        "nearly": _nearly(enforcer, asked, sight, own) if code else [],
        "must_decide": [
            {
                "body": entry.body,
                "capacity": str(entry.capacity),
                "lines": [explain.routing_line(way.lines[each]) for each in entry.rules],
            }
            for entry in way.entries
        ],
        "unroutable": [_unroutable(each) for each in way.refused],
    }


def _nearly(
    enforcer: Enforcer, asked: Asked, sight: Sight, own: frozenset[str]
) -> list[Mapping[str, Any]]:
    """The lines of the viewer's own bodies that would let it through but for one column. Others'
    are not told: that one is near would tell that something else refuses."""
    found: dict[str, Mapping[str, Any]] = {}
    for question in questions(asked, sight.now):
        for rule, columns in enforcer.nearly(question):
            if rule.adopter in own:
                told = {**explain.line(rule, decided=False), "but_for": _columns(columns)}
                found.setdefault(rule.id, told)
    return [found[name] for name in sorted(found)][:NEAREST]


def _columns(names: tuple[str, ...]) -> list[str]:
    """As the columns are called in the files."""
    called = {"p_klass": "class", "p_since": "from"}
    return [called.get(each, each.removeprefix("p_")) for each in names]


def _unroutable(refused: Unroutable) -> Mapping[str, Any]:
    return {
        "code": str(refused.code),
        "sentence": Refused(refused.code).sentence,
        "next": Refused(refused.code).next_step,
        "peoples": sorted(refused.peoples),
        "places": sorted(refused.places),
    }

"""Which bodies must decide: computed from the data, never from who asks.

`bones.md`, "Who must decide": for each item, the peoples and places that its
confirmed class names, ``any`` meaning all, narrowed to the slice's; each must be
met by a body of its own, or by an adopted line that says no collective body
decides for it. Otherwise the item is unroutable and refused.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from policies.body.commands import Mandate
from policies.catalogue.classification import Classification
from policies.enforcer import NOTHING, Enforcer, RoutingQuestion
from policies.refusals import Code
from policies.request.commands import PinnedItem
from policies.rules import RoutingRule
from policies.slices import Slice, resolve
from policies.types import NOBODY, Capacity, RouteEntry


@dataclass(frozen=True)
class Item:
    """A catalogue item as routing sees it; `said` is None until a body has confirmed it.
    `contested`: a body says that it is theirs too, and that is not settled."""

    id: str
    collection: str
    said: Classification | None
    contested: bool = False


@dataclass(frozen=True)
class Unroutable:
    """An item that cannot be asked for now, and for whom nobody speaks."""

    item: str
    code: Code
    peoples: frozenset[str] = frozenset()
    places: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Route:
    """Who must decide about which items; what cannot be asked for; the slice made explicit."""

    entries: tuple[RouteEntry, ...]
    refused: tuple[Unroutable, ...]
    slice: Slice
    items: Mapping[str, PinnedItem]
    lines: Mapping[str, RoutingRule] = field(default_factory=dict)
    """Each line that the entries name by its id."""


@dataclass(frozen=True)
class Known:
    """The peoples and places that this deployment knows, and the bodies with their mandates.

    `after` is whom each body comes after by its kawa; `contested` are the peoples and places
    for whom somebody else says that they speak, until that is settled.
    """

    peoples: frozenset[str]
    places: frozenset[str]
    mandates: Mapping[str, Mandate]
    after: Mapping[str, frozenset[str]] = field(default_factory=dict)
    contested: frozenset[str] = frozenset()

    def speaking(self, now: datetime) -> Mapping[str, Mandate]:
        """The bodies whose mandate has not run out at `now`."""
        return {
            body: mandate
            for body, mandate in self.mandates.items()
            if mandate.until is None or mandate.until > now
        }


def route(
    enforcer: Enforcer,
    items: Iterable[Item],
    asked: Slice,
    known: Known,
    now: datetime,
    for_body: str | None = None,
) -> Route:
    """Who must decide about `items` in the slice `asked`, at the instant `now`.

    A slice of any peoples becomes the list of those known: a grant must never
    reach records of a people that came to be known after it.

    A body that asks for its own people's data (`for_body`) goes by a light path: it endorses
    the request as itself, the holder answers, and of all others only those whose peoples or
    places are in the slice are asked. Ethics committees look at it when others' are.
    """
    asked = replace(asked, peoples=resolve(asked.peoples, known.peoples))
    speaking = known.speaking(now)
    work = _Work(enforcer, speaking, known, speaking.get(for_body or ""))
    refused: list[Unroutable] = []
    pinned: dict[str, PinnedItem] = {}
    for item in sorted(items, key=lambda each: each.id):
        if item.said is None:
            refused.append(Unroutable(item.id, Code.UNCONFIRMED))
            continue
        if item.contested:
            refused.append(Unroutable(item.id, Code.CONTESTED))
            continue
        facts = PinnedItem(
            item.collection,
            item.said.classes,
            resolve(item.said.peoples, known.peoples),
            resolve(item.said.places, known.places),
            item.said.whole,
        )
        problem = work.add(item.id, facts, asked)
        if problem is None:
            pinned[item.id] = facts
        else:
            refused.append(problem)
    return Route(work.entries(), tuple(refused), asked, pinned, work.lines)


class _Work:
    """Entries as they gather; each question is put to Casbin once."""

    def __init__(
        self,
        enforcer: Enforcer,
        mandates: Mapping[str, Mandate],
        known: Known,
        own: Mandate | None,
    ) -> None:
        self._enforcer = enforcer
        self._mandates = mandates
        self._known = known
        self._own = own
        self._answers: dict[RoutingQuestion, RoutingRule | None] = {}
        self._found: dict[tuple[str, Capacity], RouteEntry] = {}
        self.lines: dict[str, RoutingRule] = {}

    def add(self, item: str, facts: PinnedItem, asked: Slice) -> Unroutable | None:
        peoples = facts.peoples & resolve(asked.peoples, self._known.peoples)
        places = facts.places & resolve(asked.places, self._known.places)
        if not (peoples or places) or not facts.remains(peoples, places):
            return Unroutable(item, Code.NOTHING_LEFT)
        if contested := (peoples | places) & self._known.contested:
            return Unroutable(item, Code.CONTESTED, contested & peoples, contested & places)
        before = (dict(self._found), dict(self.lines))
        unheard_peoples = {
            people
            for people in peoples
            if not self._ask(item, facts, Capacity.PEOPLE, people=people)
        }
        unheard_places = {
            place for place in places if not self._ask(item, facts, Capacity.PLACE, place=place)
        }
        if unheard_peoples or unheard_places:
            # Nobody is asked for the sake of an item that cannot be asked for.
            self._found, self.lines = before
            return Unroutable(
                item, Code.UNROUTABLE, frozenset(unheard_peoples), frozenset(unheard_places)
            )
        if self._own is None or not _all_its_own(self._own, peoples, places):
            self._ask(item, facts, Capacity.ETHICS)
        self._ask(item, facts, Capacity.HOLDER)
        if self._own is not None and not self._held(item):
            self._found, self.lines = before
            return Unroutable(item, Code.NO_HOLDER)
        return None

    def _held(self, item: str) -> bool:
        """Is there a holder to answer for this item?"""
        return any(
            capacity is Capacity.HOLDER and item in entry.items
            for (_, capacity), entry in self._found.items()
        )

    def entries(self) -> tuple[RouteEntry, ...]:
        """The route as gathered, in an order that does not depend on who was asked first."""
        kept = [
            replace(entry, rules=tuple(sorted(set(entry.rules)))) for entry in self._found.values()
        ]
        return tuple(sorted(kept, key=lambda entry: (entry.body, entry.capacity)))

    def _ask(
        self,
        item: str,
        facts: PinnedItem,
        capacity: Capacity,
        people: str = NOTHING,
        place: str = NOTHING,
    ) -> bool:
        """Find every body that must decide here; True when the part has been met."""
        met = False
        for body, mandate in self._mandates.items():
            if not _speaks(mandate, capacity, item, people, place):
                continue
            for rule in self._rules(body, facts, capacity, people, place):
                met = True
                self._note(body, capacity, item, people, place, rule)
        if met or capacity in (Capacity.ETHICS, Capacity.HOLDER):
            return True
        return bool(list(self._rules(NOBODY, facts, capacity, people, place)))

    def _rules(
        self, body: str, facts: PinnedItem, capacity: Capacity, people: str, place: str
    ) -> Iterable[RoutingRule]:
        for klass in sorted(facts.classes):
            question = RoutingQuestion(body, capacity, klass, people, place)
            if question not in self._answers:
                self._answers[question] = self._enforcer.must_decide(question)
            rule = self._answers[question]
            if rule is not None:
                yield rule

    def _note(
        self, body: str, capacity: Capacity, item: str, people: str, place: str, rule: RoutingRule
    ) -> None:
        after = self._known.after.get(body, frozenset())
        entry = self._found.get((body, capacity), RouteEntry(body, capacity, after=after))
        self._found[(body, capacity)] = replace(
            entry,
            peoples=entry.peoples | ({people} - {NOTHING}),
            places=entry.places | ({place} - {NOTHING}),
            items=entry.items | {item},
            rules=(*entry.rules, rule.id) if rule.id not in entry.rules else entry.rules,
        )
        self.lines[rule.id] = rule


def _all_its_own(mandate: Mandate, peoples: frozenset[str], places: frozenset[str]) -> bool:
    """Does the body speak for all of these? Who holds data of a people does not."""
    own_peoples = mandate.peoples if Capacity.PEOPLE in mandate.capacities else frozenset[str]()
    own_places = mandate.places if Capacity.PLACE in mandate.capacities else frozenset[str]()
    return peoples <= own_peoples and places <= own_places


def _speaks(mandate: Mandate, capacity: Capacity, item: str, people: str, place: str) -> bool:
    if capacity not in mandate.capacities:
        return False
    if capacity is Capacity.PEOPLE:
        return people in mandate.peoples
    if capacity is Capacity.PLACE:
        return place in mandate.places
    return not mandate.items or item in mandate.items

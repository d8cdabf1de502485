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

from policies.body import Mandate
from policies.catalogue import Classification
from policies.enforcer import NOTHING, Enforcer, RoutingQuestion
from policies.refusals import Code
from policies.request.commands import PinnedItem
from policies.rules import RoutingRule
from policies.slices import Slice, resolve
from policies.types import NOBODY, Capacity, RouteEntry


@dataclass(frozen=True)
class Item:
    """A catalogue item as routing sees it; `said` is None until a body has confirmed it."""

    id: str
    collection: str
    said: Classification | None


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
    because: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Known:
    """The peoples and places that this deployment knows, and the bodies with their mandates."""

    peoples: frozenset[str]
    places: frozenset[str]
    mandates: Mapping[str, Mandate]

    def speaking(self, now: datetime) -> Mapping[str, Mandate]:
        """The bodies whose mandate has not run out at `now`."""
        return {
            body: mandate
            for body, mandate in self.mandates.items()
            if mandate.until is None or mandate.until > now
        }


def route(
    enforcer: Enforcer, items: Iterable[Item], asked: Slice, known: Known, now: datetime
) -> Route:
    """Who must decide about `items` in the slice `asked`, at the instant `now`.

    A slice of any peoples becomes the list of those known: a grant must never
    reach records of a people that came to be known after it.
    """
    asked = replace(asked, peoples=resolve(asked.peoples, known.peoples))
    work = _Work(enforcer, known.speaking(now))
    refused: list[Unroutable] = []
    pinned: dict[str, PinnedItem] = {}
    for item in sorted(items, key=lambda each: each.id):
        if item.said is None:
            refused.append(Unroutable(item.id, Code.UNCONFIRMED))
            continue
        facts = PinnedItem(
            item.collection,
            item.said.classes,
            resolve(item.said.peoples, known.peoples),
            resolve(item.said.places, known.places),
            item.said.whole,
        )
        problem = work.add(item.id, facts, asked, known)
        if problem is None:
            pinned[item.id] = facts
        else:
            refused.append(problem)
    return Route(work.entries(), tuple(refused), asked, pinned, work.because)


class _Work:
    """Entries as they gather; each question is put to Casbin once."""

    def __init__(self, enforcer: Enforcer, mandates: Mapping[str, Mandate]) -> None:
        self._enforcer = enforcer
        self._mandates = mandates
        self._answers: dict[RoutingQuestion, RoutingRule | None] = {}
        self._found: dict[tuple[str, Capacity], RouteEntry] = {}
        self.because: dict[str, str] = {}

    def add(self, item: str, facts: PinnedItem, asked: Slice, known: Known) -> Unroutable | None:
        peoples = facts.peoples & resolve(asked.peoples, known.peoples)
        places = facts.places & resolve(asked.places, known.places)
        if not (peoples or places) or not facts.remains(peoples, places):
            return Unroutable(item, Code.NOTHING_LEFT)
        before = (dict(self._found), dict(self.because))
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
            self._found, self.because = before
            return Unroutable(
                item, Code.UNROUTABLE, frozenset(unheard_peoples), frozenset(unheard_places)
            )
        for capacity in (Capacity.ETHICS, Capacity.HOLDER):
            self._ask(item, facts, capacity)
        return None

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
        entry = self._found.get((body, capacity), RouteEntry(body, capacity))
        self._found[(body, capacity)] = replace(
            entry,
            peoples=entry.peoples | ({people} - {NOTHING}),
            places=entry.places | ({place} - {NOTHING}),
            items=entry.items | {item},
            rules=(*entry.rules, rule.id) if rule.id not in entry.rules else entry.rules,
        )
        self.because[rule.id] = rule.because


def _speaks(mandate: Mandate, capacity: Capacity, item: str, people: str, place: str) -> bool:
    if capacity not in mandate.capacities:
        return False
    if capacity is Capacity.PEOPLE:
        return people in mandate.peoples
    if capacity is Capacity.PLACE:
        return place in mandate.places
    return not mandate.items or item in mandate.items

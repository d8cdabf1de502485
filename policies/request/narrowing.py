"""What is left of a request, of what is left who decides, and who was never asked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from policies import order
from policies.request import events as e
from policies.request.state import RequestState
from policies.slices import Slice, resolve
from policies.types import Capacity, RouteEntry


def without(
    state: RequestState, body: str, kept: tuple[RouteEntry, ...] | None = None
) -> e.Narrowed:
    """What is left when `body` declines: its people's records, its place's, or the item whole.

    `kept` are the entries of others, where the body does not decline but says that its part
    is not its own: what another of them speaks for stays, and only that for which nobody
    would be heard goes.
    """
    assert state.pinned is not None
    asked, items = state.slice, state.items
    for entry in (each for each in state.asked() if each.body == body):
        if entry.capacity in (Capacity.ETHICS, Capacity.HOLDER):
            others = [each.items for each in kept or () if each.capacity is entry.capacity]
            items = items - (entry.items - frozenset().union(*others))
            continue
        unmet = _unmet(state, entry, kept)
        items = items - {item for item in unmet if state.pinned.items[item].whole}
        parts = frozenset[str]().union(
            *(each for item, each in unmet.items() if not state.pinned.items[item].whole)
        )
        if parts and entry.capacity is Capacity.PEOPLE:
            left = resolve(asked.peoples, state.pinned.peoples) - parts
            asked = replace(asked, peoples=left)
        elif parts:
            asked = replace(asked, places=resolve(asked.places, state.pinned.places) - parts)
    return e.Narrowed(body, asked, items_left(state, asked, items))


def struck(state: RequestState, body: str, items: frozenset[str]) -> e.Narrowed:
    """What is left when `body` strikes single items."""
    return e.Narrowed(body, state.slice, state.items - items)


def _unmet(
    state: RequestState, entry: RouteEntry, kept: tuple[RouteEntry, ...] | None
) -> Mapping[str, frozenset[str]]:
    """Of each item, the peoples or places of this entry for which none of `kept` speaks. Two
    bodies of one people each have the say over all of it."""
    assert state.pinned is not None
    parts = entry.peoples | entry.places
    if kept is None:
        return dict.fromkeys(sorted(entry.items), parts)
    unmet = {}
    for item in sorted(entry.items):
        facts = state.pinned.items[item]
        heard = frozenset[str]().union(
            *(
                each.peoples | each.places
                for each in kept
                if each.capacity is entry.capacity and item in each.items
            )
        )
        if left := parts & (facts.peoples | facts.places) - heard:
            unmet[item] = left
    return unmet


def items_left(state: RequestState, asked: Slice, items: frozenset[str]) -> frozenset[str]:
    """Of `items`, those of which any record can still be in the slice."""
    assert state.pinned is not None
    kept = set()
    for item in items:
        facts = state.pinned.items[item]
        peoples = facts.peoples & resolve(asked.peoples, state.pinned.peoples)
        places = facts.places & resolve(asked.places, state.pinned.places)
        if facts.remains(peoples, places):
            kept.add(item)
    return frozenset(kept)


def decidable(
    state: RequestState, asked: Slice, items: frozenset[str], gone: frozenset[str] = frozenset()
) -> bool:
    """Is anything left, and anybody who decides about it? Without a body there is no yes.
    `gone` are bodies that have just said that their part is not their own."""
    left = replace(state, slice=asked, items=items)
    return not asked.empty and bool(left.bodies() - gone)


def circle(entries: tuple[RouteEntry, ...]) -> tuple[str, ...]:
    """Bodies on a route that each come after the other, so that none could begin."""
    after: dict[str, frozenset[str]] = {}
    for entry in entries:
        after[entry.body] = after.get(entry.body, frozenset()) | entry.after
    return order.cycle(entries, after)


def added(state: RequestState, route_now: tuple[RouteEntry, ...]) -> tuple[RouteEntry, ...]:
    """Entries of today's route that nobody was asked about: new bodies, or wider parts. What
    a body was asked about before stays in its entry: none is dropped."""
    pinned = {(each.body, each.capacity): each for each in state.left()}
    added = []
    for entry in filter(None, map(state.left_of, route_now)):
        known = pinned.get((entry.body, entry.capacity))
        if known is None:
            added.append(entry)
            continue
        joined = replace(
            known,
            peoples=known.peoples | entry.peoples,
            places=known.places | entry.places,
            items=known.items | entry.items,
        )
        if joined != known:
            added.append(replace(joined, rules=entry.rules))
    return tuple(added)

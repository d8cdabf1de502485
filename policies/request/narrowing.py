"""What is left of a request, of what is left who decides, and who was never asked."""

from __future__ import annotations

from dataclasses import replace

from policies.request import events as e
from policies.request.state import RequestState
from policies.slices import Slice, resolve
from policies.types import Capacity, RouteEntry


def without(state: RequestState, body: str) -> e.Narrowed:
    """What is left when `body` declines: its people's records, its place's, or the item whole."""
    assert state.pinned is not None
    asked, items = state.slice, state.items
    for entry in (each for each in state.asked() if each.body == body):
        whole = {item for item in entry.items if state.pinned.items[item].whole}
        if entry.capacity in (Capacity.ETHICS, Capacity.HOLDER):
            items = items - entry.items
            continue
        items = items - whole
        if not entry.items - whole:
            continue
        if entry.capacity is Capacity.PEOPLE:
            left = resolve(asked.peoples, state.pinned.peoples) - entry.peoples
            asked = replace(asked, peoples=left)
        else:
            asked = replace(asked, places=resolve(asked.places, state.pinned.places) - entry.places)
    return e.Narrowed(body, asked, items_left(state, asked, items))


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


def decidable(state: RequestState, asked: Slice, items: frozenset[str]) -> bool:
    """Is anything left, and anybody who decides about it? Without a body there is no yes."""
    return not asked.empty and bool(replace(state, slice=asked, items=items).bodies())


def added(state: RequestState, route_now: tuple[RouteEntry, ...]) -> tuple[RouteEntry, ...]:
    """Entries of today's route that nobody was asked about: new bodies, or wider parts. What
    a body was asked about before stays in its entry: none is dropped."""
    pinned = {(each.body, each.capacity): each for each in state.asked()}
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

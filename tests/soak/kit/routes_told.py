"""Who must decide, told a second time: from what bodies said items are, for whom they speak, and
the routing lines that they adopted. Written from `bones.md`, "Who must decide", alone.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from telling import ANY, Body, Json, Told, fits, lines_of

Key = tuple[str, str]
"""A body, and in which standing it decides."""


class UnroutableError(Exception):
    """This cannot be asked of anybody now."""


def part(asked: list[str] | str, known: Iterable[str]) -> set[str]:
    """A part of a slice as a set."""
    return set(known) if isinstance(asked, str) else set(asked)


def route(
    told: Told, items: Iterable[str], asked: Json, at: datetime, for_body: str | None
) -> dict[Key, Json]:
    """Each body that must decide, in each standing: over which items, peoples and places.

    Raises:
        UnroutableError: of one of the items, so that nothing of it may be asked.
    """
    found: dict[Key, Json] = defaultdict(
        lambda: {"items": set(), "peoples": set(), "places": set()}
    )
    for item in items:
        _item(told, item, asked, at, for_body, found)
    return dict(found)


def _item(
    told: Told, item: str, asked: Json, at: datetime, for_body: str | None,
    found: dict[Key, Json],
) -> None:  # fmt: skip
    what = told.item(item)
    if what is None:
        raise UnroutableError(f"{item} was never confirmed")
    peoples = part(asked["peoples"], told.peoples) & set(what["peoples"])
    places = part(asked["places"], told.places) & set(what["places"])
    if told.contested() & {item, *peoples, *places}:
        raise UnroutableError(f"{item} is contested")
    if what["whole"] and (peoples, places) != (set(what["peoples"]), set(what["places"])):
        raise UnroutableError(f"{item} is whole, and only a part is asked for")
    speaking = list(told.speaking(at))
    for capacity, parts in (("people", peoples), ("place", places)):
        for one in parts:
            met = [
                body for body in speaking
                if capacity in body.mandate["capacities"]
                and one in body.mandate["peoples" if capacity == "people" else "places"]
                and _decides(told, body.id, capacity, what["classes"], one)
            ]  # fmt: skip
            for body in met:
                there = found[body.id, capacity]
                there["items"].add(item)
                there["peoples" if capacity == "people" else "places"].add(one)
            if not met and not _nobody(told, capacity, what["classes"], one):
                raise UnroutableError(f"nobody speaks for {one}")
    own = next((body for body in speaking if body.id == for_body), None)
    light = own is not None and not (
        peoples - set(own.mandate["peoples"]) or places - set(own.mandate["places"])
    )
    for capacity in ("holder",) if light else ("ethics", "holder"):
        for body in speaking:
            if _over(body, capacity, item) and _decides(
                told, body.id, capacity, what["classes"], "-"
            ):
                found[body.id, capacity]["items"].add(item)


def _over(body: Body, capacity: str, item: str) -> bool:
    items = body.mandate["items"]
    return capacity in body.mandate["capacities"] and (not items or item in items)


def _decides(told: Told, body: str, capacity: str, classes: Iterable[str], one: str) -> bool:
    """Has the body adopted a line by which it decides here?"""
    return any(
        body in told.adopted[pack]
        and line["body"] == "self"
        and _line(line, capacity, classes, one)
        for pack in list(told.adopted)
        for line in lines_of(pack, "routing.csv")
    )


def _nobody(told: Told, capacity: str, classes: Iterable[str], one: str) -> bool:
    """Has anybody adopted a line that says that no collective body decides?"""
    return any(
        told.adopted[pack] and line["body"] == "none" and _line(line, capacity, classes, one)
        for pack in list(told.adopted)
        for line in lines_of(pack, "routing.csv")
    )


def _line(line: Json, capacity: str, classes: Iterable[str], one: str) -> bool:
    named = line["people"] if capacity == "people" else line["place"]
    return (
        line["capacity"] == capacity
        and any(fits(line["class"], klass) for klass in classes)
        and fits(named, one)
    )


def left(entries: Iterable[Json], asked: Json, items: Iterable[str]) -> list[Json]:
    """What of these entries of a route is still asked about, in this slice and these items."""
    kept, still = [], set(items)
    for entry in entries:
        some = dict(entry, items=set(entry["items"]) & still)
        for capacity, name in (("people", "peoples"), ("place", "places")):
            if entry["capacity"] == capacity and asked[name] != ANY:
                some[name] = set(entry[name]) & set(asked[name])
                if not some[name]:
                    some["items"] = set()
        if some["items"]:
            kept.append(some)
    return kept

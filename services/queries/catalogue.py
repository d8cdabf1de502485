"""What bodies have said of the catalogue, what is not settled, and lists for their hui."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import sqlalchemy as sa

from policies.refusals import Code, RefusedError
from services import facts
from services.path import Sight
from services.people import Viewer, acting_for
from services.queries import names
from services.store import streams, texts
from services.store.projections import CATALOGUE
from services.store.schema import PUBLISHED, collections, items
from services.store.schema import searches as open_searches

Json = dict[str, Any]


def item_history(sight: Sight, item: str) -> list[Json]:
    """Every confirmation of an item, in order; also those that a later one replaced.
    Raises RefusedError for an item that is not there."""
    there = sa.select(items.c.id).where(items.c.id == item, items.c.batch.in_(PUBLISHED))
    if sight.connection.execute(there).one_or_none() is None:
        raise RefusedError(Code.NOT_FOUND)
    called = names.of(sight.connection, sight.bodies)
    return [
        {
            "at": entry["at"],
            "entry": entry["id"],
            "body": event["data"]["body"],
            "name": called.get(event["data"]["body"]),
            "classification": event["data"]["classification"],
        }
        for entry, event in _events(sight, "Confirmed")
        if item in event["data"]["items"]
    ]


def list_for_hui(
    sight: Sight, viewer: Viewer, body: str, wanted: Iterable[str], classes: Iterable[str]
) -> str:
    """The items that would be confirmed, as text to print. Raises RefusedError for outsiders."""
    acting_for(sight.bodies, viewer, body)
    rows = list(
        sight.connection.execute(
            sa.select(items.c.id, items.c.table, items.c.variable, collections.c.name)
            .join(collections, collections.c.id == items.c.collection)
            .where(items.c.id.in_(sorted(set(wanted))), items.c.batch.in_(PUBLISHED))
            .order_by(collections.c.name, items.c.table, items.c.variable)
        )
    )
    called = names.of(sight.connection, sight.bodies)
    lines = [
        f"For {called.get(body, 'the body')}",
        "",
        f"These {len(rows)} would be confirmed as: {', '.join(sorted(set(classes)))}.",
        "Cross out whatever you wish to look at by itself.",
        "",
    ]
    before = None
    for row in rows:
        if row.name != before:
            lines += ["", row.name]
            before = row.name
        lines.append(f"[ ] {row.table}: {row.variable}")
    return "\n".join(lines)


def claims(sight: Sight, viewer: Viewer | None) -> list[Json]:
    """Every claim that is not settled, with whom it waits for. That a story is held is told to
    the bodies concerned alone."""
    own = frozenset(sight.bodies.of(viewer.person)) if viewer else frozenset()
    state = streams.get(sight.connection, CATALOGUE).state
    called = names.of(sight.connection, sight.bodies)
    found = [e["data"] for _, e in _events(sight, "Claimed") if e["data"]["claim"] in state.claims]
    said = texts.read(sight.connection, [each["statement"] for each in found])
    stories = facts.stories(sight.connection)
    return [
        {
            "id": each["claim"],
            "body": each["body"],
            "name": called.get(each["body"]),
            "items": [
                item
                for item in each["items"]
                if item not in stories or own & {each["body"], *each["concerned"]}
            ],
            "peoples": each["peoples"],
            "places": each["places"],
            "against": each["against"],
            "statement": said.get(each["statement"]),
            "waiting_for": sorted(
                state.claims[each["claim"]].concerned - state.claims[each["claim"]].agreed
            ),
        }
        for each in found
    ]


def searches(sight: Sight, viewer: Viewer | None) -> list[Json]:
    """Every search that goes on, and who looks. That a story is held is told to them alone."""
    own = frozenset(sight.bodies.of(viewer.person)) if viewer else frozenset()
    rows = list(sight.connection.execute(sa.select(open_searches).order_by(open_searches.c.id)))
    called = names.of(sight.connection, sight.bodies)
    said = texts.read(sight.connection, [row.words for row in rows])
    stories = facts.stories(sight.connection)
    return [
        {
            "id": row.id,
            "for": [each for each in row.subjects if each not in stories or row.searcher in own],
            "searcher": row.searcher,
            "name": called.get(row.searcher),
            "words": said.get(row.words),
        }
        for row in rows
    ]


def searched_for(sight: Sight) -> dict[str, str]:
    """Each thing for whose kaitiaki somebody is looking, and the name of who looks."""
    rows = list(sight.connection.execute(sa.select(open_searches)))
    if not rows:
        return {}
    called = names.of(sight.connection, sight.bodies)
    return {
        subject: called.get(row.searcher, "Somebody") for row in rows for subject in row.subjects
    }


def histories(sight: Sight, collection: str) -> list[Json]:
    """Every version of a collection's history, the newest last, and who wrote each.
    Raises RefusedError for a collection that is not there."""
    there = sa.select(collections.c.id).where(
        collections.c.id == collection, collections.c.batch.in_(PUBLISHED)
    )
    if sight.connection.execute(there).one_or_none() is None:
        raise RefusedError(Code.NOT_FOUND)
    called = names.of(sight.connection, sight.bodies)
    found = [
        {"at": entry["at"], "entry": entry["id"], **event["data"]}
        for entry, event in _events(sight, "HistoryWritten")
        if event["data"]["collection"] == collection
    ]
    said = texts.read(sight.connection, [each["history"] for each in found])
    return [
        {
            "at": each["at"],
            "entry": each["entry"],
            "body": each.get("body") or None,
            "name": called.get(each.get("body", "")),
            "history": said.get(each["history"]),
        }
        for each in found
    ]


def _events(sight: Sight, kind: str) -> list[tuple[Json, Json]]:
    return [
        (entry, event)
        for entry in streams.after(sight.connection, CATALOGUE, 0)
        for event in entry["events"]
        if event["type"] == kind
    ]

"""What previews, submissions and the decision point all start from, read from one snapshot."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy import Connection

from policies import codec
from policies.body import DEPLOYMENT
from policies.catalogue import Classification, strictest
from policies.routing import Item, Known
from services.people import Bodies
from services.store import versions
from services.store.schema import PUBLISHED, confirmations, items, names

RELIED_ON_BY_ROUTES = (
    versions.RULES,
    versions.RESTRICTIONS,
    versions.BODIES,
    versions.CATALOGUE,
)
"""Everything that can change who must decide, or what is refused."""


def read_items(connection: Connection, ids: Iterable[str]) -> list[Item]:
    """The published items among `ids`, with what bodies confirmed of them."""
    wanted = sorted(set(ids))
    rows = connection.execute(
        sa.select(items.c.id, items.c.collection, confirmations.c.classification)
        .outerjoin(confirmations, confirmations.c.item == items.c.id)
        .where(items.c.id.in_(wanted), items.c.batch.in_(PUBLISHED))
    )
    collections: dict[str, str] = {}
    said: dict[str, list[Classification]] = {}
    for row in rows:
        collections[row.id] = row.collection
        if row.classification is not None:
            said.setdefault(row.id, []).append(codec.decode(Classification, row.classification))
    return [
        Item(each, collections[each], strictest(said.get(each, [])))
        for each in wanted
        if each in collections
    ]


def known(connection: Connection, bodies: Bodies) -> Known:
    """The peoples and places known here, and the mandates of bodies other than the operator's."""
    found: dict[str, set[str]] = {"people": set(), "place": set()}
    for row in connection.execute(sa.select(names.c.id, names.c.kind)):
        found[row.kind].add(row.id)
    mandates = {
        body: state.mandate
        for body, state in bodies.states.items()
        if body != DEPLOYMENT and state.entered
    }
    return Known(frozenset(found["people"]), frozenset(found["place"]), mandates)

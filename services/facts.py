"""What previews, submissions and the decision point all start from, read from one snapshot."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy import Connection

from policies import codec
from policies.body.commands import DEPLOYMENT
from policies.catalogue.classification import Classification, strictest
from policies.routing import Item, Known
from policies.types import STORIES
from policies.use import Unsettled
from services.people import Bodies
from services.store import versions
from services.store.schema import PUBLISHED, claims, confirmations, disputes, items, names

RELIED_ON_BY_ROUTES = (
    versions.RULES,
    versions.RESTRICTIONS,
    versions.BODIES,
    versions.CATALOGUE,
)
"""Everything that can change who must decide, or what is refused."""

# Looked for as text, which both databases do alike: ["identifiable", "korero"].
_CLASSES = sa.cast(confirmations.c.classification["classes"], sa.Text)
_AS_A_STORY = sa.or_(*(_CLASSES.contains(f'"{each}"') for each in sorted(STORIES)))


def read_items(connection: Connection, ids: Iterable[str]) -> list[Item]:
    """The published items among `ids`, with what bodies confirmed of them."""
    wanted = sorted(set(ids))
    claimed = open_claims(connection)
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
        Item(each, collections[each], strictest(said.get(each, [])), each in claimed)
        for each in wanted
        if each in collections
    ]


def a_story(item: sa.ColumnElement[str]) -> sa.ColumnElement[bool]:
    """Whether any body has confirmed the item in this column as a story, or as what touches a
    person's tapu: it is in no list, total or page of what is held."""
    return sa.exists().where(confirmations.c.item == item, _AS_A_STORY)


def stories(connection: Connection) -> frozenset[str]:
    """Every item that some body has confirmed as such."""
    query = sa.select(confirmations.c.item).where(_AS_A_STORY).distinct()
    return frozenset(connection.execute(query).scalars())


def known(connection: Connection, bodies: Bodies) -> Known:
    """The peoples and places known here, and the mandates of bodies other than the operator's."""
    found: dict[str, set[str]] = {"people": set(), "place": set()}
    for row in connection.execute(sa.select(names.c.id, names.c.kind)):
        found[row.kind].add(row.id)
    mandates = {
        body: state.mandate
        for body, state in bodies.states.items()
        if body != DEPLOYMENT and state.entered and state.welcome
    }
    after = {body: bodies.states[body].kawa.after for body in mandates}
    return Known(
        frozenset(found["people"]), frozenset(found["place"]), mandates, after,
        open_claims(connection),
    )  # fmt: skip


def open_claims(connection: Connection) -> frozenset[str]:
    """The items, peoples and places that are claimed by somebody, until that is settled."""
    return frozenset(connection.execute(sa.select(claims.c.subject)).scalars())


def unsettled(connection: Connection) -> Unsettled:
    """What the decision point needs to know of what bodies have not settled."""
    disputed = connection.execute(sa.select(disputes.c.rests_on)).scalars()
    return Unsettled(open_claims(connection), frozenset(disputed))

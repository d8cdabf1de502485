"""What a body may state about itself, and who may state it: what is named must be there, and a
mandate grows only by the bodies together."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from policies.body import commands as b
from policies.refusals import Code, RefusedError
from policies.types import Capacity, Kawa
from services.path import Sight
from services.people import ANYONE, Viewer, acting_for
from services.store import schema


def known(sight: Sight, column: sa.ColumnElement[str], wanted: Iterable[str], field: str) -> None:
    """Refuse an id that nothing has: it would stand in the record, and mean nothing."""
    asked = sorted(set(wanted))
    found = set(sight.connection.execute(sa.select(column).where(column.in_(asked))).scalars())
    if set(asked) - found:
        raise RefusedError(
            Code.INVALID,
            field=field,
            sentence="Something named here is not known.",
            next="Name only what is there already; look at the lists.",
        )


def own_roles(sight: Sight, viewer: Viewer, body: str) -> tuple[str, ...]:
    """The viewer's roles where it is the body itself that is changed.

    Whoever speaks for one of its members speaks, and changes nothing else of it. The
    deployment's own people and settings change by the bodies' recorded decision alone
    (`sharing.py`), so nobody has a role here in that.
    """
    roles = acting_for(sight.bodies, viewer, body)
    return roles if sight.bodies.member(viewer.person, body) and body != b.DEPLOYMENT else (ANYONE,)


def wider(before: b.Mandate, after: b.Mandate) -> bool:
    """Does the mandate speak for more than it did, or let fewer contest it? No items means all
    of them, and no challengers any body."""
    more_items = bool(before.items) and not (after.items and after.items <= before.items)
    fewer_challengers = bool(after.challengers) and not (
        before.challengers and before.challengers <= after.challengers
    )
    return bool(
        after.peoples - before.peoples
        or after.places - before.places
        or after.capacities - before.capacities
        or more_items
        or fewer_challengers
    )


def mandate_known(sight: Sight, mandate: b.Mandate) -> None:
    """Refuse a mandate that names a people, a place, an item or a body that is not there."""
    known(sight, schema.names.c.id, mandate.peoples | mandate.places, "mandate")
    known(sight, schema.items.c.id, mandate.items, "mandate")
    known(sight, schema.bodies.c.id, mandate.challengers, "mandate.challengers")


def kawa_known(sight: Sight, kawa: Kawa) -> None:
    """Refuse a body that is not there, and a word to come after that means nothing: every
    preview and decision with this body in it would come to grief over it."""
    after = kawa.after - frozenset(Capacity)
    known(sight, schema.bodies.c.id, after, "kawa.after")
    known(sight, schema.bodies.c.id, kawa.joint_with, "kawa.joint_with")

"""Counters of what authorisations rely on: rules, restrictions, bodies, the catalogue.

Whoever changes one of them raises its counter in the same transaction; the recorder
locks the rows that a command relied on, so that what was true when it was let
through is still true when it is committed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

import sqlalchemy as sa
from sqlalchemy import Connection

from services.store.schema import versions

RULES = "rules"
RESTRICTIONS = "restrictions"
BODIES = "bodies"
CATALOGUE = "catalogue"
RULE_CHANGES = "rule-changes"
"""The last position of the change log: what the decision point's answers rely on."""


def read(connection: Connection, wanted: Iterable[str]) -> Mapping[str, int]:
    """The present value of each counter; 0 for one never raised."""
    return _values(connection, sorted(set(wanted)), lock=False)


def changed(connection: Connection, relied_on: Mapping[str, int]) -> list[str]:
    """The counters that no longer have the value relied on; the others stay locked."""
    present = _values(connection, sorted(relied_on), lock=True)
    return [name for name, value in relied_on.items() if present[name] != value]


def raise_(connection: Connection, name: str) -> int:
    """Count one change; returns the new value."""
    raised = connection.execute(
        sa.update(versions)
        .where(versions.c.name == name)
        .values(value=versions.c.value + 1)
        .returning(versions.c.value)
    ).scalar_one_or_none()
    if raised is None:
        connection.execute(sa.insert(versions).values(name=name, value=1))
    return raised or 1


def _values(connection: Connection, wanted: list[str], lock: bool) -> Mapping[str, int]:
    locked = lock and connection.dialect.name != "sqlite"
    names = {f"name_{number}": name for number, name in enumerate(wanted)}
    rows = connection.execute(_reading(len(wanted), locked), names)
    found = {row.name: row.value for row in rows}
    return {name: found.get(name, 0) for name in wanted}


@cache
def _reading(number: int, locked: bool) -> sa.Select[tuple[str, int]]:
    """Built once for each number of names; each execution gives the names."""
    named = [versions.c.name == sa.bindparam(f"name_{n}") for n in range(number)]
    query = sa.select(versions.c.name, versions.c.value).where(sa.or_(sa.false(), *named))
    return query.order_by(versions.c.name).with_for_update(read=True) if locked else query

"""What people and bodies are called: names are texts, read only to be shown."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy import Connection

from services.people import Bodies
from services.store import texts
from services.store.schema import bodies, names, persons


def of(connection: Connection, known: Bodies, people: Iterable[str] = ()) -> dict[str, str]:
    """The names of all bodies and of `people`, by id."""
    rows = [(row.id, row.name) for row in connection.execute(sa.select(bodies))]
    rows += [
        (row.id, row.name)
        for row in connection.execute(
            sa.select(persons.c.id, persons.c.name).where(persons.c.id.in_(sorted(people)))
        )
    ]
    said = texts.read(connection, [name for _, name in rows])
    return {each: said[name] for each, name in rows if name in said}


def peoples_and_places(connection: Connection) -> dict[str, dict[str, str]]:
    """Every people and place known here: kind to id to name."""
    rows = list(connection.execute(sa.select(names).order_by(names.c.id)))
    said = texts.read(connection, [row.name for row in rows])
    found: dict[str, dict[str, str]] = {"people": {}, "place": {}}
    for row in rows:
        found[row.kind][row.id] = said.get(row.name, row.id)
    return found

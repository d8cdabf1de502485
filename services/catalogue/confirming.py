"""What people say about the catalogue: what items are, whose they are, how they came to be held."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from policies.body.commands import DEPLOYMENT
from policies.catalogue import commands as c
from policies.catalogue.classification import Classification
from policies.refusals import Code, RefusedError
from policies.types import NOBODY, TextId
from services.path import Path, Ready, Sent, Sight, words
from services.people import Viewer, acting_for, speaking_for
from services.store.projections import CATALOGUE
from services.store.schema import PUBLISHED, collections, confirmations, items, names
from services.store.texts import Audience

MAX_ITEMS = 500
"""The most items that are confirmed at once: SQLite's one writer is busy that long."""

MAX_NAMES = 200
"""The most peoples and places that are named at once, for the same reason."""

_ID = re.compile(r"[^\s;|*,]{1,200}")
_NO_IDS = frozenset({"any", "unknown", "-", NOBODY})
"""Words that mean something else wherever the id of a people or a place may stand."""


class Catalogue:
    """Confirming, naming, and writing the history of what is held."""

    def __init__(self, path: Path) -> None:
        """`path` is the one way that commands go."""
        self._path = path

    async def confirm(
        self,
        viewer: Viewer,
        body: str,
        sent: Sent,
        wanted: frozenset[str],
        classification: Classification,
    ) -> dict[str, Any]:
        """The body says what these items are; what it said of them before is replaced.

        Args:
            wanted: ids of published items, at most 500.
            classification: what all of them are.
        """
        _bounded(len(wanted), MAX_ITEMS, "items")

        def build(sight: Sight) -> Ready:
            roles = speaking_for(sight.bodies, viewer, body)
            rule = sight.permitted("body:catalogue:confirm", roles)
            _all_there(sight.connection, wanted)
            mandate = sight.bodies.states[body].mandate
            over = mandate.until is not None and mandate.until <= sight.now
            command = c.Confirm(
                sight.bodies.sitting(body),
                wanted,
                classification,
                frozenset() if over else mandate.peoples,
                frozenset() if over else mandate.places,
                _said_before(sight.connection, wanted),
            )
            return Ready(CATALOGUE, command, rule, (body,))

        return await self._path.send(viewer, "body:catalogue:confirm", sent, build)

    async def write_history(
        self, viewer: Viewer, body: str, sent: Sent, collection: str, history: str
    ) -> dict[str, Any]:
        """A collection's whakapapa in a new version, written by its holder or a body concerned.

        Args:
            body: the deployment's, for the holder; otherwise one that has confirmed an
                item of the collection.
            history: how it was taken, under what promise, known harms, uses; public.
        """
        if not history.strip():
            raise RefusedError(Code.INVALID, field="history")
        named, said = words(sent, body, Audience.PUBLIC, {"history": history})

        def build(sight: Sight) -> Ready:
            roles = acting_for(sight.bodies, viewer, body)
            rule = sight.permitted("body:catalogue:write_history", roles)
            _concerned(sight.connection, body, collection)
            command = c.WriteHistory(body, collection, named["history"])
            return Ready(CATALOGUE, command, rule, (body,), said)

        return await self._path.send(viewer, "body:catalogue:write_history", sent, build)

    async def name(
        self,
        viewer: Viewer,
        sent: Sent,
        peoples: Mapping[str, str],
        places: Mapping[str, str],
    ) -> dict[str, Any]:
        """The operator writes down names of peoples and places by their ids, as given.

        An id that is known keeps its kind and gets the new name.
        """
        _bounded(len(peoples) + len(places), MAX_NAMES, "names")
        for kind, given in (("peoples", peoples), ("places", places)):
            for each, name in given.items():
                if each in _NO_IDS or not _ID.fullmatch(each) or not name.strip():
                    raise RefusedError(Code.INVALID, field=f"{kind}.{each}")
        if both := sorted(peoples.keys() & places.keys()):
            raise _other_kind(both[0])
        said = {f"people {each}": name for each, name in peoples.items()}
        said |= {f"place {each}": name for each, name in places.items()}
        named, kept = words(sent, DEPLOYMENT, Audience.PUBLIC, said)

        def build(sight: Sight) -> Ready:
            roles = acting_for(sight.bodies, viewer, DEPLOYMENT)
            rule = sight.permitted("deployment:catalogue:name", roles)
            _same_kind(sight.connection, peoples, places)
            command = c.Name(_ids("people", peoples, named), _ids("place", places, named))
            return Ready(CATALOGUE, command, rule, (DEPLOYMENT,), kept)

        return await self._path.send(viewer, "deployment:catalogue:name", sent, build)


def _said_before(connection: Connection, wanted: frozenset[str]) -> frozenset[str]:
    """Every class that anybody has confirmed any of these items as."""
    rows = connection.execute(
        sa.select(confirmations.c.classification).where(confirmations.c.item.in_(sorted(wanted)))
    ).scalars()
    return frozenset(klass for row in rows for klass in row["classes"])


def _all_there(connection: Connection, wanted: frozenset[str]) -> None:
    """Raises RefusedError when an item is not published here, naming the first."""
    found = connection.execute(
        sa.select(items.c.id).where(items.c.id.in_(wanted), items.c.batch.in_(PUBLISHED))
    )
    missing = sorted(wanted - set(found.scalars()))
    if missing:
        raise RefusedError(
            Code.NOT_FOUND,
            field="items",
            missing=str(len(missing)),
            first=missing[0],
            sentence=f"{len(missing)} of {len(wanted)} items are not in the catalogue; "
            f"the first is {missing[0]}.",
            next="Pick them from the catalogue.",
        )


def _concerned(connection: Connection, body: str, collection: str) -> None:
    """Raises RefusedError for a collection that is not there, or not that body's to describe."""
    there = sa.select(collections.c.id).where(
        collections.c.id == collection, collections.c.batch.in_(PUBLISHED)
    )
    if connection.execute(there).one_or_none() is None:
        raise RefusedError(Code.NOT_FOUND, field="collection")
    if body == DEPLOYMENT:
        return
    own = (
        sa.select(items.c.id)
        .join(confirmations, confirmations.c.item == items.c.id)
        .where(items.c.collection == collection, confirmations.c.body == body)
        .limit(1)
    )
    if connection.execute(own).one_or_none() is None:
        raise RefusedError(
            Code.NOT_WITHIN,
            field="collection",
            sentence="A body writes the history of collections that concern it.",
            next="Confirm an item of this collection first.",
        )


def _same_kind(
    connection: Connection, peoples: Mapping[str, str], places: Mapping[str, str]
) -> None:
    """Raises RefusedError for a known people given as a place, or the other way about."""
    rows = connection.execute(
        sa.select(names.c.id, names.c.kind).where(names.c.id.in_([*peoples, *places]))
    )
    for row in rows:
        if row.id not in (peoples if row.kind == "people" else places):
            raise _other_kind(row.id)


def _other_kind(taken: str) -> RefusedError:
    return RefusedError(
        Code.INVALID,
        field=taken,
        sentence="One id cannot stand for a people and for a place.",
        next="Give one of them another id.",
    )


def _bounded(count: int, most: int, field: str) -> None:
    if not count:
        raise RefusedError(Code.INVALID, field=field)
    if count > most:
        raise RefusedError(
            Code.TOO_LARGE,
            field=field,
            sentence=f"At most {most} are taken at once.",
            next="Send the others with another command.",
        )


def _ids(kind: str, given: Mapping[str, str], named: Mapping[str, TextId]) -> dict[str, TextId]:
    return {each: named[f"{kind} {each}"] for each in given}

"""What a new file says otherwise than the catalogue: told by line, before anything is staged.

An item that the catalogue has already is no fault, if it is spelt alike and stands in
the same collection, of the same title and agency.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from services.catalogue.csvlines import Fault
from services.catalogue.reader import Variable
from services.store.schema import PUBLISHED, collections, items


class Conflicts:
    """Compares a file with the catalogue, some lines at a time, and remembers what to leave out."""

    def __init__(self) -> None:
        """Nothing is known to be wrong yet."""
        self._collections: dict[str, bool] = {}
        self._lines: set[int] = set()

    def compare(self, connection: Connection, variables: list[Variable]) -> list[Fault]:
        """The faults of these lines; of a collection, one at the first line that names it."""
        faults: list[Fault] = []
        new = {each.collection_key: each for each in reversed(variables)}
        for known in self._collections:
            new.pop(known, None)
        held = _alike(connection, collections, new)
        for key, variable in new.items():
            told = [_fault(variable, *each) for each in _collection(variable, held.get(_same(key)))]
            self._collections[key] = bool(told)
            faults += told
        there = _alike(connection, items, (each.key for each in variables))
        for variable in variables:
            row = there.get(_same(variable.key)) if there else None
            if row is None or self._collections[variable.collection_key]:
                continue
            told = [_fault(variable, *each) for each in _item(variable, row)]
            if told:
                self._lines.add(variable.line)
                faults += told
        return faults

    def refused(self, variable: Variable) -> bool:
        """True for a line that `compare` found at fault, itself or by its collection."""
        return variable.line in self._lines or self._collections.get(variable.collection_key, True)


def _collection(variable: Variable, row: Row[tuple[str, ...]] | None) -> Iterator[tuple[str, str]]:
    if row is None:
        return
    if row.id != variable.schema:
        yield "schema", "the catalogue spells it with other characters; copy it from there."
    if row.agency != variable.agency:
        yield "agency", "the catalogue has this schema under another agency; write that one."
    if row.name != variable.collection:
        yield "collection", "the catalogue has this schema under another title; write that one."


def _item(variable: Variable, row: Row[tuple[str, ...]]) -> Iterator[tuple[str, str]]:
    if row.id != variable.key:
        yield "variable", "the catalogue spells it with other characters; copy it from there."
    elif row.collection != variable.collection_key:
        yield "variable", "the catalogue has this item in another collection; take it out."


def _fault(variable: Variable, column: str, told: str) -> Fault:
    return Fault(variable.line, column, f"Line {variable.line}, column {column}: {told}")


def _alike(
    connection: Connection, table: sa.Table, ids: Iterable[str]
) -> Mapping[str, Row[tuple[str, ...]]]:
    """The published rows of these ids, however their macrons are encoded."""
    wanted = {spelt for each in ids for spelt in _spellings(each)}
    rows = connection.execute(
        sa.select(table).where(table.c.id.in_(wanted), table.c.batch.in_(PUBLISHED))
    )
    return {_same(row.id): row for row in rows}


def _spellings(name: str) -> tuple[str, ...]:
    if name.isascii():
        return (name,)
    return name, unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name)


def _same(name: str) -> str:
    return name if name.isascii() else unicodedata.normalize("NFC", name)

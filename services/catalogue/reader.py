"""Reads a catalogue file: which variables a holder has, one a line.

The format is that of `csvlines` with exactly the header of `COLUMNS`: the layout of
the public variable list in `deploy/example/idi-variables.csv`. A file with any
fault is not to be used in part.
"""

from __future__ import annotations

import secrets
import unicodedata
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO

from services.catalogue.csvlines import Fault, Layout, Row, TooLarge, rows

__all__ = ["COLUMNS", "MAX_COLLECTIONS", "Fault", "TooLarge", "Variable", "read"]

COLUMNS = ("agency", "collection", "schema", "table", "variable")
"""The header, in this order and spelling."""

MAX_COLLECTIONS = 10_000
"""The most schemas in one file: each is kept in memory while the file is read."""

_ASCII_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-', ")
# Some keyboards offer only quotation marks for ʻokina and other glottal marks; these
# are spelling, and are kept as they were written.
_NAME_MARKS = frozenset("_-', ‘’")


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable as its holder wrote it; nothing is folded or normalised."""

    line: int
    agency: str
    collection: str
    schema: str
    table: str
    variable: str

    @property
    def key(self) -> str:
        """The item's id. Its parts hold no dot, so it can be taken apart again."""
        return f"{self.schema}.{self.table}.{self.variable}"

    @property
    def collection_key(self) -> str:
        """The id of the collection that the item belongs to."""
        return self.schema


def read(
    source: str | Path | BinaryIO,
    *,
    max_bytes: int = 50_000_000,
    max_rows: int = 1_000_000,
    max_field: int = 500,
    max_faults: int = 1_000,
) -> Iterator[Variable | Fault]:
    """Read a catalogue, line by line, in bounded memory.

    Args:
        source: a path, or a stream opened in binary mode (its caller closes it).
        max_bytes: the largest file in bytes; for a path, checked before it is opened.
        max_rows: the most lines after the header; one more is a fault and ends the reading.
        max_field: the longest field in characters.
        max_faults: after so many faults the reading ends with one more that says so.

    Raises:
        TooLarge: at once for a path, while reading for a stream.
    """
    layout = Layout(COLUMNS, max_bytes, max_rows, max_field)
    return _bounded(_variables(rows(source, layout)), max_faults)


def _bounded(found: Iterator[Variable | Fault], max_faults: int) -> Iterator[Variable | Fault]:
    faults = 0
    for each in found:
        yield each
        if isinstance(each, Fault):
            faults += 1
            if faults >= max_faults:
                told = f"reading stopped after {faults:,} faults; correct these first."
                yield Fault(each.line, "file", f"Line {each.line}: {told}")
                return


def _variables(found: Iterator[Row | Fault]) -> Iterator[Variable | Fault]:
    seen = _FirstSeen()
    schemas: dict[str, Variable] = {}
    for row in found:
        if isinstance(row, Fault):
            yield row
            continue
        variable = Variable(row.line, *row.fields)
        faults = [*_name_faults(variable), *_schema_faults(variable, schemas)]
        first = None if faults else seen.line_of(_same(variable.key), row.line)
        if first:
            faults = [_fault(row.line, "variable", f"line {first} has this name; remove one.")]
        yield from faults
        if len(schemas) > MAX_COLLECTIONS:
            told = f"there are more than {MAX_COLLECTIONS:,} schemas; split the file."
            yield _fault(row.line, "schema", told)
            return
        if not faults:
            yield variable


def _fault(line: int, column: str, told: str) -> Fault:
    return Fault(line, column, f"Line {line}, column {column}: {told}")


def _same(name: str) -> str:
    """One spelling for names that differ only in how their macrons are encoded (Unicode NFC)."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def _name_faults(variable: Variable) -> Iterator[Fault]:
    names = (("schema", variable.schema), ("table", variable.table))
    for column, name in (*names, ("variable", variable.variable)):
        if _ASCII_NAME.issuperset(name):
            continue
        for at, character in enumerate(name):
            if not _allowed(character, at):
                told = (
                    f"character {at + 1}, {character}, is not allowed; use letters, digits, _ or -."
                )
                yield _fault(variable.line, column, told)
                break


def _allowed(character: str, at: int) -> bool:
    # These names become parts of web addresses, so that dots, slashes and ?#% have no place.
    # A combining mark is part of a letter, such as a macron, and so never comes first.
    category = unicodedata.category(character)
    return (
        category[0] == "L"
        or category == "Nd"
        or (category in ("Mn", "Mc") and at > 0)
        or character in _NAME_MARKS
    )


def _schema_faults(variable: Variable, schemas: dict[str, Variable]) -> Iterator[Fault]:
    """A schema is one collection: every line must spell it, its agency and its title alike."""
    first = schemas.setdefault(_same(variable.schema), variable)
    for column in ("agency", "collection", "schema"):
        if getattr(first, column) != getattr(variable, column):
            told = f"line {first.line} writes it otherwise for this schema; make them the same."
            yield _fault(variable.line, column, told)


class _FirstSeen:
    """Which line had a name first, in 12 bytes a slot: a million names need some 25 MB.

    An open-addressed table of 64-bit digests. Their key is fresh each time, so that no
    file can be made to collide; by chance one file of a million names in some forty
    million would be refused wrongly, and would pass when read again.
    """

    def __init__(self) -> None:
        self._key = secrets.token_bytes(16)
        self._used = 0
        self._make_room(1 << 12)

    def _make_room(self, slots: int) -> None:
        self._mask = slots - 1
        self._digests = array("Q", bytes(8 * slots))
        self._lines = array("I", bytes(array("I").itemsize * slots))

    def line_of(self, name: str, line: int) -> int | None:
        """The line that had `name` first, or None after noting that it is `line`."""
        digest = blake2b(name.encode(), digest_size=8, key=self._key).digest()
        number = int.from_bytes(digest) or 1  # Nought marks a free slot.
        slot = self._slot(number)
        if self._digests[slot]:
            return self._lines[slot]
        self._digests[slot], self._lines[slot] = number, line
        self._used += 1
        if 3 * self._used > 2 * self._mask:
            self._grow()
        return None

    def _slot(self, number: int) -> int:
        slot = number & self._mask
        while self._digests[slot] not in (0, number):
            slot = (slot + 1) & self._mask
        return slot

    def _grow(self) -> None:
        old = zip(self._digests, self._lines, strict=True)
        self._make_room(2 * len(self._digests))
        for number, line in old:
            if number:
                slot = self._slot(number)
                self._digests[slot], self._lines[slot] = number, line

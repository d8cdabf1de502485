"""Proposes classes for a catalogue's items from the words in their names.

A proposal is a first guess for people to look at. It confirms nothing: an item is
used only once the bodies concerned have confirmed its classes, whether or not a line
proposed one. The rules are data, a CSV file (see `csvlines`) that anyone may edit, with
the columns of `COLUMNS`:

``id``
    the rule's own name: lower-case letters, digits and hyphens.
``match``
    the words that a variable's own name must have (see `patterns`). ``*`` is every
    variable of the tables that the line names.
``except``
    words in the variable's own name that keep the line away. May be empty.
``tables``, ``except_tables``
    the same two of the name of the table and of the schema it is in. Empty for all tables.
``class``
    one of the classes that the pack has; or ``none``, which takes the variable out: where
    such a line matches, no other line proposes. Keys, weights and times of loading say
    nothing of a person, in whatever table they stand.
``peoples``, ``places``
    ``any``, or ids separated by ``;``, or nothing.
``because``
    why, in a sentence for the people who will confirm or change it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from policies.slices import ANY, Part
from services.catalogue.csvlines import Fault, Layout, Row, rows
from services.catalogue.patterns import EVERY, Patterns, bits, faulty, name_parts

COLUMNS = (
    "id", "match", "except", "tables", "except_tables", "class", "peoples", "places", "because",
)  # fmt: skip
"""The header of a rules file, in this order and spelling."""

NOTHING = "none"
"""Stands in the ``class`` column of a line that takes variables out."""

_LAYOUT = Layout(
    COLUMNS,
    max_bytes=1_000_000,
    max_rows=5_000,
    max_field=1_000,
    may_be_empty=frozenset({"except", "tables", "except_tables", "peoples", "places"}),
)
_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_SCOPE_ID = re.compile(r"[^\s;|*]+")


class BadRules(ValueError):  # noqa: N818  (it is not a failure of the program)
    """The rules file cannot be used; `faults` says everything that is wrong, by line."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__(faults[0].sentence)
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of a rules file, as it is written there."""

    line: int
    id: str
    match: str
    unless: str
    tables: str
    not_tables: str
    class_id: str
    peoples: Part[str]
    places: Part[str]
    because: str


@dataclass(frozen=True, slots=True)
class Proposal:
    """What one rule proposes for one item: a class, and whose say it would then be."""

    rule_id: str
    class_id: str
    peoples: Part[str]
    places: Part[str]


def load(source: str | Path | BinaryIO, classes: Set[str]) -> tuple[Rule, ...]:
    """Read a rules file; `classes` are the ids that its ``class`` column may hold.

    Raises:
        BadRules: something in the file is wrong; every fault is listed.
        TooLarge: the file has more than a million bytes.
    """
    rules: list[Rule] = []
    faults: list[Fault] = []
    first: dict[str, int] = {}
    for row in rows(source, _LAYOUT):
        if isinstance(row, Fault):
            faults.append(row)
            continue
        faults.extend(_faults(row, classes, first))
        if not faults:
            rules.append(_rule(row))
    if faults:
        raise BadRules(tuple(faults))
    return tuple(rules)


class Proposer:
    """Proposes by `rules`; made once for many items."""

    def __init__(self, rules: Iterable[Rule]) -> None:
        self.rules = tuple(rules)
        self._match = Patterns([rule.match for rule in self.rules])
        self._unless = Patterns([rule.unless for rule in self.rules])
        self._tables = Patterns([rule.tables or EVERY for rule in self.rules])
        self._not_tables = Patterns([rule.not_tables for rule in self.rules])
        self._looks_in = lru_cache(maxsize=1_000)(self._looking_in)

    def propose(self, key: str) -> list[Proposal]:
        """What the lines propose, in the file's order; an item may get several classes.

        `key` is an item's whole id, or a variable alone: lines that name tables then stay
        away. Nothing is proposed where a line of class `NOTHING` matches.
        """
        table, _, variable = key.rpartition(".")
        found = self.lines(table, variable)
        if any(rule.class_id == NOTHING for rule in found):
            return []
        return [Proposal(rule.id, rule.class_id, rule.peoples, rule.places) for rule in found]

    def lines(self, table: str, variable: str) -> list[Rule]:
        """The lines, of any class, that match `variable` of `table` (``schema.table``)."""
        parts = name_parts(variable)
        found = self._match.of(parts) & self._looks_in(table)
        return [self.rules[each] for each in bits(found and found & ~self._unless.of(parts))]

    def _looking_in(self, table: str) -> int:
        parts = name_parts(table)
        return self._tables.of(parts) & ~self._not_tables.of(parts)


def propose(rules: Iterable[Rule], key: str) -> list[Proposal]:
    """What `Proposer` does, for one item."""
    return Proposer(rules).propose(key)


def _rule(row: Row) -> Rule:
    rule_id, match, unless, tables, not_tables, class_id, peoples, places, because = row.fields
    return Rule(
        row.line,
        rule_id,
        match,
        unless,
        tables,
        not_tables,
        class_id,
        _scope(peoples),
        _scope(places),
        because,
    )


def _scope(text: str) -> Part[str]:
    return ANY if text == ANY else frozenset(text.split(";") if text else ())


def _faults(row: Row, classes: Set[str], first: dict[str, int]) -> Iterator[Fault]:
    rule_id, match, _, tables, _, class_id, peoples, places, _ = row.fields
    if not _ID.fullmatch(rule_id):
        yield _fault(row, "id", "use lower-case letters, digits and hyphens only.")
    elif first.setdefault(rule_id, row.line) != row.line:
        yield _fault(row, "id", f"line {first[rule_id]} has this id; choose another.")
    for column, text in zip(COLUMNS[1:5], row.fields[1:5], strict=True):
        for number in faulty(text) if text else ():
            told = (
                f"part {number} is not words of letters and digits, each with at most one * last."
            )
            yield _fault(row, column, told)
        if text == EVERY and column != "match":
            yield _fault(row, column, "a * alone may stand only in match; leave this empty.")
    if match == EVERY and not tables:
        yield _fault(row, "match", "a * alone needs tables to look in; name them.")
    if class_id not in classes and class_id != NOTHING:
        yield _fault(row, "class", "there is no such class; use one that the pack names.")
    for column, text in (("peoples", peoples), ("places", places)):
        ids = text.split(";") if text else []
        if class_id == NOTHING and text:
            yield _fault(row, column, "a line of class none is about nobody; leave this empty.")
        elif ANY in ids and ids != [ANY]:
            yield _fault(row, column, "any stands alone; take out the other ids.")
        elif not all(_SCOPE_ID.fullmatch(each) for each in ids):
            yield _fault(row, column, "write any, or ids separated by semicolons without spaces.")


def _fault(row: Row, column: str, told: str) -> Fault:
    return Fault(row.line, column, f"Line {row.line}, column {column}: {told}")

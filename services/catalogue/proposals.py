"""Proposes classes for a catalogue's items from the words in their names.

A proposal is a first guess for people to look at. It confirms nothing: an item is
used only once the bodies concerned have confirmed its classes. The rules are data,
a CSV file (see `csvlines`) that anyone may edit, with the columns of `COLUMNS`:

``id``
    the rule's own name: lower-case letters, digits and hyphens.
``match``
    name parts separated by ``|``; any one is enough. Names are split at everything
    that is not a letter and where small letters turn to capitals:
    ``acc_cla_ethnic_grp1_ind`` is *acc, cla, ethnic, grp, ind*. A part matches whole;
    ``ethnic*`` matches every part that starts so. There are no other patterns, so
    that no rule can make the reading slow.
``class``
    one of the classes that the pack has.
``peoples``, ``places``
    ``any``, or ids separated by ``;``, or nothing.
``because``
    why, in a sentence for the people who will confirm or change it.

Capitals, macrons and glottal marks are folded for this search alone.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from policies.slices import ANY, Part
from services.catalogue.csvlines import Fault, Layout, Row, rows

COLUMNS = ("id", "match", "class", "peoples", "places", "because")
"""The header of a rules file, in this order and spelling."""

_LAYOUT = Layout(
    COLUMNS,
    max_bytes=1_000_000,
    max_rows=5_000,
    max_field=1_000,
    may_be_empty=frozenset({"peoples", "places"}),
)
_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_SCOPE_ID = re.compile(r"[^\s;|*]+")
_LETTERS = re.compile(r"[^\W\d_]+")
# Either small letters with the capital they start with, or a run of capitals.
_PART = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_GLOTTAL_MARKS = str.maketrans("", "", "ʻʼ'‘’")


class BadRules(ValueError):  # noqa: N818  (it is not a failure of the program)
    """The rules file cannot be used; `faults` says everything that is wrong, by line."""

    def __init__(self, faults: tuple[Fault, ...]) -> None:
        super().__init__(faults[0].sentence)
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of a rules file; `words` are whole parts, `starts` their beginnings, folded."""

    line: int
    id: str
    words: frozenset[str]
    starts: tuple[str, ...]
    class_id: str
    peoples: Part[str]
    places: Part[str]
    because: str

    def matches(self, parts: Set[str]) -> bool:
        """True when one of a name's folded `parts` is one of this rule's."""
        if not self.words.isdisjoint(parts):
            return True
        return bool(self.starts) and any(part.startswith(self.starts) for part in parts)


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


def propose(rules: Iterable[Rule], name: str) -> list[Proposal]:
    """Every rule that matches `name`, in the file's order; an item may get several classes.

    `name` may be a variable alone or an item's whole id: with the whole id, the
    schema's and the table's words count as well.
    """
    parts = name_parts(name)
    return [
        Proposal(rule.id, rule.class_id, rule.peoples, rule.places)
        for rule in rules
        if rule.matches(parts)
    ]


def name_parts(name: str) -> frozenset[str]:
    """The words of a name, folded: ``whānau_addressTA2`` is *whanau, address, ta*."""
    words: list[str] = []
    for run in _LETTERS.findall(_plain(name)):
        # Letters beyond a to z that do not fold are kept whole: not all have capitals.
        words += _PART.findall(run) if run.isascii() else [run]
    return frozenset(word.casefold() for word in words)


def _plain(name: str) -> str:
    if name.isascii() and "'" not in name:
        return name
    spread = unicodedata.normalize("NFD", name.translate(_GLOTTAL_MARKS))
    return "".join(each for each in spread if not unicodedata.combining(each))


def _rule(row: Row) -> Rule:
    rule_id, match, class_id, peoples, places, because = row.fields
    patterns = match.split("|")
    return Rule(
        row.line,
        rule_id,
        frozenset(_plain(each).casefold() for each in patterns if not each.endswith("*")),
        tuple(_plain(each[:-1]).casefold() for each in patterns if each.endswith("*")),
        class_id,
        _scope(peoples),
        _scope(places),
        because,
    )


def _scope(text: str) -> Part[str]:
    return ANY if text == ANY else frozenset(text.split(";") if text else ())


def _faults(row: Row, classes: Set[str], first: dict[str, int]) -> Iterator[Fault]:
    rule_id, match, class_id, peoples, places, _ = row.fields
    if not _ID.fullmatch(rule_id):
        yield _fault(row, "id", "use lower-case letters, digits and hyphens only.")
    elif first.setdefault(rule_id, row.line) != row.line:
        yield _fault(row, "id", f"line {first[rule_id]} has this id; choose another.")
    for number, pattern in enumerate(match.split("|"), start=1):
        if not _is_part(pattern):
            told = f"part {number} is not one word of letters, with at most a * at its end."
            yield _fault(row, "match", f"{told} Correct it.")
    if class_id not in classes:
        yield _fault(row, "class", "there is no such class; use one that the pack names.")
    for column, text in (("peoples", peoples), ("places", places)):
        ids = text.split(";") if text else []
        if ANY in ids and ids != [ANY]:
            yield _fault(row, column, "any stands alone; take out the other ids.")
        elif not all(_SCOPE_ID.fullmatch(each) for each in ids):
            yield _fault(row, column, "write any, or ids separated by semicolons without spaces.")


def _is_part(pattern: str) -> bool:
    """Whether some name could have this part: one that names are split inside never matches."""
    word = pattern.removesuffix("*")
    folded = _plain(word).casefold()
    return bool(folded) and name_parts(word) == {folded}


def _fault(row: Row, column: str, told: str) -> Fault:
    return Fault(row.line, column, f"Line {row.line}, column {column}: {told}")

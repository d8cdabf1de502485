"""What a slice lets through of the example's records: the gateway's part that knows the data.

A slice is a whitelist: ``{"peoples", "places", "years", "level"}``, each of the first
three a list or ``"any"``. Standard library only, and nothing of Accord.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

LEVELS = ("aggregate", "deidentified", "identifiable")
"""How fine a view is, from coarse to fine."""

SMALLEST_CELL = 6
"""A count below this is hidden."""

VARIABLES = ("clinic_visits", "language_at_home", "income_band", "birth_year")
"""The columns of the survey that are items of the catalogue."""

GENOME_PLACE = "example-river-valley"
"""Where the invented plant of the genome grows."""

Row = Iterable[object]


@dataclass(frozen=True)
class Slice:
    """What a yes lets through; each set is explicit or ``"any"``."""

    peoples: frozenset[str] | Literal["any"]
    places: frozenset[str] | Literal["any"]
    years: frozenset[int] | Literal["any"]
    level: str

    @classmethod
    def read(cls, value: Any) -> Slice:
        """Read the wire's shape strictly: what is not understood could be a limit.

        Raises:
            ValueError: it is not exactly a slice.
        """
        if not isinstance(value, dict) or set(value) != {"peoples", "places", "years", "level"}:
            raise ValueError("not a slice")
        if value["level"] not in LEVELS:
            raise ValueError("not a level")
        return cls(
            _part(value["peoples"], str),
            _part(value["places"], str),
            _part(value["years"], int),
            value["level"],
        )

    def to_json(self) -> dict[str, Any]:
        """The wire's shape again."""
        return {
            "peoples": self.peoples if self.peoples == "any" else sorted(self.peoples),
            "places": self.places if self.places == "any" else sorted(self.places),
            "years": self.years if self.years == "any" else sorted(self.years),
            "level": self.level,
        }

    def matches(self, record: Mapping[Any, Any]) -> bool:
        """True when *every* affiliation is in `peoples`, and place and year are in theirs.

        What is empty, unknown or unreadable never matches, not even ``"any"``.
        """
        if None in record or None in record.values():
            return False  # The line has too many columns, or too few.
        affiliations = frozenset(each.strip() for each in record["peoples"].split(";"))
        place, year = record["place"], record["year"]
        if affiliations & {"", "unknown"} or place in ("", "unknown"):
            return False
        if not re.fullmatch("[0-9]{4}", year):
            return False
        return (
            (self.peoples == "any" or affiliations <= self.peoples)
            and (self.places == "any" or place in self.places)
            and (self.years == "any" or int(year) in self.years)
        )

    @property
    def shows_genome(self) -> bool:
        """Whether the genome may be served. It is whole, so that it has one place and no
        coarser view: no count of its letters would be the aggregate that was decided on."""
        return self.level != "aggregate" and (self.places == "any" or GENOME_PLACE in self.places)


def _part(part: Any, kind: type) -> Any:
    if part == "any":
        return part
    if not isinstance(part, list) or not all(type(each) is kind for each in part):
        raise ValueError("neither a list nor any")
    return frozenset(part)


def survey_lines(path: Path, variable: str, allowed: Slice) -> Iterator[str]:
    """One variable's records within a slice, at the slice's level, as lines of CSV.

    The format is RFC 4180, but with the LF of the example's own files.

    Raises:
        OSError, ValueError, KeyError, csv.Error: the survey cannot be read.
    """
    for row in _rows(path, variable, allowed):
        line = io.StringIO()
        csv.writer(line, lineterminator="\n").writerow(row)
        yield line.getvalue()


def genome_lines(path: Path) -> Iterator[str]:
    """The genome's lines as they are (FASTA).

    Raises:
        OSError, ValueError: it cannot be read.
    """
    with path.open(encoding="utf-8", newline="\n") as stream:
        yield from stream


def _rows(path: Path, variable: str, allowed: Slice) -> Iterator[Row]:
    with path.open(encoding="utf-8", newline="") as stream:
        matching = [each for each in csv.DictReader(stream, strict=True) if allowed.matches(each)]
    if allowed.level == "aggregate":
        yield from _counted(matching, variable)
        return
    columns = ["peoples", "place", "year", variable]
    if allowed.level == "identifiable":
        columns.insert(0, "record")
    rows = [[each[name] for name in columns] for each in matching]
    if allowed.level == "deidentified":
        # In the file's order, two variables' rows could be joined by their position.
        rows.sort()
    yield columns
    yield from rows


def _counted(records: list[dict[str, str]], variable: str) -> Iterator[Row]:
    """How many there are by place, year and band: small cells hidden, and no totals.

    Nought is hidden like one to five. A label that fewer than six share is left out,
    since that it occurs at all would tell. What several overlapping tables together
    could show is not this function's to know.
    """
    cells = Counter(
        (each["place"], each["year"], band(variable, each[variable])) for each in records
    )
    labels = []
    for part in range(3):
        totals: Counter[str] = Counter()
        for cell, count in cells.items():
            totals[cell[part]] += count
        labels.append(sorted(name for name, count in totals.items() if count >= SMALLEST_CELL))
    yield ["place", "year", f"{variable}_band", "count"]
    for place in labels[0]:
        for year in labels[1]:
            for value in labels[2]:
                count = cells[place, year, value]
                yield [place, year, value, count if count >= SMALLEST_CELL else f"<{SMALLEST_CELL}"]


def band(variable: str, value: str) -> str:
    """A value's band: the decade of a birth, a few visits or many; others are bands already."""
    if variable == "birth_year":
        return f"{value[:3]}0s" if re.fullmatch("[0-9]{4}", value) else "unknown"
    if variable == "clinic_visits":
        if not re.fullmatch("[0-9]{1,4}", value):
            return "unknown"
        bands = ((0, "0"), (3, "1-3"), (6, "4-6"))
        return next((name for most, name in bands if int(value) <= most), "7+")
    return value

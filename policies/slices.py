"""The slice: whose records, of which places and years, at which finest level.

Everything in Accord is asked, decided, restricted and checked as an item and a
slice (`design.md`, "What stands", 3). A slice is a whitelist.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, TypeVar

from policies.types import Level

ANY: Literal["any"] = "any"

T = TypeVar("T")
Part = frozenset[T] | Literal["any"]


@dataclass(frozen=True)
class Slice:
    """Each of `peoples`, `places` and `years` is an explicit set or ``"any"``."""

    peoples: Part[str] = ANY
    places: Part[str] = ANY
    years: Part[int] = ANY
    level: Level = Level.AGGREGATE

    @property
    def empty(self) -> bool:
        """True when no record can match."""
        return not (self.peoples and self.places and self.years)

    def within(self, other: Slice) -> bool:
        """True when everything this slice shows, `other` shows too."""
        return (
            _subset(self.peoples, other.peoples)
            and _subset(self.places, other.places)
            and _subset(self.years, other.years)
            and self.level.rank <= other.level.rank
        )

    def overlaps(self, other: Slice) -> bool:
        """True when some record could be in both. Levels do not matter: a coarser
        view of restricted records is still a view of them."""
        return (
            _meets(self.peoples, other.peoples)
            and _meets(self.places, other.places)
            and _meets(self.years, other.years)
        )

    def matches(self, peoples: Iterable[str], place: str, year: int) -> bool:
        """True when a record is in the slice: *every* affiliation it has is among `peoples`.

        An empty or unknown affiliation never matches, not even ``"any"``.
        """
        affiliations = frozenset(peoples)
        if not affiliations or "unknown" in affiliations or "" in affiliations:
            return False
        return (
            _subset(affiliations, self.peoples)
            and _meets(frozenset({place}), self.places)
            and _meets(frozenset({year}), self.years)
        )

    def to_json(self) -> dict[str, Any]:
        """The wire and ledger shape: sorted lists, or the word ``any``."""
        return {
            "peoples": _listed(self.peoples),
            "places": _listed(self.places),
            "years": _listed(self.years),
            "level": str(self.level),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Slice:
        """Read the wire shape strictly.

        Raises:
            ValueError: not an object, an unknown key, a part that is neither a list
                nor ``any``, an unknown level; the sentence says which.
        """
        if not isinstance(value, Mapping):
            raise ValueError("a slice must be written as an object")
        unknown = set(value) - {"peoples", "places", "years", "level"}
        if unknown:
            raise ValueError(f"a slice has no {sorted(unknown)[0]!r}")
        try:
            level = Level(value.get("level", Level.AGGREGATE))
        except ValueError as error:
            raise ValueError("level must be aggregate, deidentified or identifiable") from error
        return cls(
            _part(value, "peoples", str), _part(value, "places", str), _part(value, "years", int),
            level,
        )  # fmt: skip


def overlap(asked: object, ruled: object) -> bool:
    """Do two slices overlap? The one pure function that Casbin's matcher calls.

    Either side may be a `Slice`, its JSON text, or ``*`` for everything.
    What cannot be read overlaps: a restriction that is unreadable must bind.
    """
    try:
        return _coerced(asked).overlaps(_coerced(ruled))
    except (ValueError, TypeError, RecursionError):
        return True


def read_slice(text: str) -> Slice | str:
    """What a line's slice is compared as: read once where it can be read."""
    try:
        return _coerced(text)
    except (ValueError, TypeError, RecursionError):
        return text


def peoples_of(value: object) -> frozenset[str] | None:
    """The peoples without one of which a slice overlaps nothing; None where there is no such."""
    if not isinstance(value, Slice) or value.peoples == ANY:
        return None
    return frozenset(value.peoples)


def places_of(value: object) -> frozenset[str] | None:
    """The same of places."""
    if not isinstance(value, Slice) or value.places == ANY:
        return None
    return frozenset(value.places)


def _coerced(value: object) -> Slice:
    return value if isinstance(value, Slice) else _parsed(str(value))


@lru_cache(maxsize=4096)
def _parsed(text: str) -> Slice:
    return Slice() if text == "*" else Slice.from_json(json.loads(text))


def _part(value: Mapping[str, Any], name: str, kind: type[T]) -> Part[T]:
    part = value.get(name, ANY)
    if part == ANY:
        return ANY
    if not isinstance(part, list | tuple | set | frozenset) or not all(
        type(each) is kind for each in part
    ):
        raise ValueError(f"{name} must be a list or the word any")
    return frozenset(part)


def _subset(inner: Part[T], outer: Part[T]) -> bool:
    if outer == ANY:
        return True
    return inner != ANY and frozenset(inner) <= frozenset(outer)


def _meets(one: Part[T], other: Part[T]) -> bool:
    if one == ANY:
        return bool(other)
    if other == ANY:
        return bool(one)
    return bool(frozenset(one) & frozenset(other))


def _listed(part: Part[Any]) -> list[Any] | str:
    return ANY if part == ANY else sorted(part)


def resolve(part: Part[T], universe: frozenset[T]) -> frozenset[T]:
    """`part` as an explicit set, ``any`` meaning all that is known (`bones.md`)."""
    return universe if part == ANY else frozenset(part)

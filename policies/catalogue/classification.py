"""What an item is, as bodies say it.

A proposal binds nobody; an item nobody concerned has confirmed is refused. Where
several bodies have confirmed an item, the strictest holds: all their classes, all
the peoples and places they named.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from policies.slices import ANY


@dataclass(frozen=True)
class Classification:
    """What an item is. `peoples` and `places`: whose data, ``any`` meaning all; `whole`:
    it cannot be cut by records, so a decline takes all of it out."""

    classes: frozenset[str]
    peoples: frozenset[str] | Literal["any"] = frozenset()
    places: frozenset[str] | Literal["any"] = frozenset()
    whole: bool = False

    def joined(self, other: Classification) -> Classification:
        """The stricter of both in everything."""
        return Classification(
            self.classes | other.classes,
            _both(self.peoples, other.peoples),
            _both(self.places, other.places),
            self.whole or other.whole,
        )


def strictest(confirmed: Iterable[Classification]) -> Classification | None:
    """What an item is when several bodies have said so; None when nobody has."""
    joined: Classification | None = None
    for each in confirmed:
        joined = each if joined is None else joined.joined(each)
    return joined


def _both(
    one: frozenset[str] | Literal["any"], other: frozenset[str] | Literal["any"]
) -> frozenset[str] | Literal["any"]:
    if one == ANY or other == ANY:
        return ANY
    return frozenset(one) | frozenset(other)

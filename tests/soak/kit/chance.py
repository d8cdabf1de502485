"""Where random choices come from: a seed, or hypothesis, which can then shrink what went wrong.

Every choice that bodies, researchers and the clock make goes through one of these. Choices are
arranged so that smaller is plainer: nothing unusual happens, the first of a list is taken.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, Protocol, TypeVar

from hypothesis import strategies as st

T = TypeVar("T")


class Chance(Protocol):
    """Chooses."""

    def number(self, least: int, most: int) -> int:
        """A whole number, both ends included."""
        ...

    def happens(self, percent: int) -> bool:
        """True as often as that."""
        ...

    def one_of(self, values: Sequence[T]) -> T:
        """One of these; there is at least one."""
        ...

    def some(self, values: Sequence[T], least: int = 0, most: int | None = None) -> list[T]:
        """So many of these, each once, in their order."""
        ...


class _Chance:
    def number(self, least: int, most: int) -> int:
        raise NotImplementedError

    def happens(self, percent: int) -> bool:
        return self.number(0, 99) >= 100 - percent

    def one_of(self, values: Sequence[T]) -> T:
        return values[self.number(0, len(values) - 1)]

    def some(self, values: Sequence[T], least: int = 0, most: int | None = None) -> list[T]:
        count = self.number(least, min(len(values), len(values) if most is None else most))
        left = list(range(len(values)))
        taken = {left.pop(self.number(0, len(left) - 1)) for _ in range(count)}
        return [value for place, value in enumerate(values) if place in taken]


class Dice(_Chance):
    """Choices that follow from a seed; `part` makes streams of choices of their own from it."""

    def __init__(self, seed: int, part: str = "") -> None:
        self._seed = seed
        self._random = random.Random(f"{seed} {part}")

    def number(self, least: int, most: int) -> int:
        return self._random.randint(least, most)

    def of(self, part: str) -> Dice:
        """Other choices by the same seed: one request's do not depend on another's."""
        return Dice(self._seed, part)


class Drawn(_Chance):
    """Choices that hypothesis draws, and shrinks."""

    def __init__(self, data: Any) -> None:
        """`data` is what `st.data()` gives."""
        self._data = data

    def number(self, least: int, most: int) -> int:
        drawn: int = self._data.draw(st.integers(least, most))
        return drawn

    def of(self, part: str) -> Drawn:
        """The same stream: whatever is drawn, is drawn in turn."""
        return self

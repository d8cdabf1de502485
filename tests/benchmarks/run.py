"""Measures Accord, and says whether what is promised about its speed is kept.

Run by ``python3 tests bench``; each bench may also be named. Ratios are of one run on one
machine, so they mean something on a slow or a shared one too.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
from pathlib import Path

# The benches lie beside this file, which `python -P` keeps off the import path.
sys.path.append(str(Path(__file__).resolve().parent))

import catalogue
import decision
import lifecycles
import machine
import rules
import rules_everywhere
from house import DATABASES
from machine import Line

BENCHES = ("lifecycles", "decision", "catalogue", "rules", "everywhere")


async def run(options: argparse.Namespace) -> list[Line]:
    """Run the benches that were asked for, one after the other."""
    lines: list[Line] = []
    for name in options.names or BENCHES:
        machine.say(f"{name}; {machine.load()}")
        if name == "lifecycles":
            lines += await lifecycles.measure(options.databases, options.quick, options.levels)
        elif name == "decision":
            lines += await decision.measure(options.databases, options.quick)
        elif name == "rules":
            lines += rules.measure(options.quick, options.large)
            lines += rules.differential() if options.differential else []
        elif name == "everywhere":
            lines += rules_everywhere.measure(options.quick)
        else:
            lines += catalogue.measure(options.databases, options.quick)
    return lines


def main() -> int:
    """Measure, print the table; 0 when everything promised was kept."""
    logging.basicConfig(level=logging.ERROR)
    reader = argparse.ArgumentParser(prog="python3 tests bench", description=__doc__)
    reader.add_argument("names", nargs="*", metavar="bench", help=", ".join(BENCHES))
    reader.add_argument("--quick", action="store_true", help="fewer and shorter measurements")
    reader.add_argument("--large", action="store_true", help="rules: a million lines as well")
    reader.add_argument(
        "--differential", action="store_true", help="rules: beside stock Casbin, by the thousand"
    )
    reader.add_argument("--database", action="append", choices=DATABASES, dest="databases")
    reader.add_argument("--at-once", action="append", type=int, dest="levels", metavar="N")
    options = reader.parse_args()
    unknown = set(options.names) - set(BENCHES)
    if unknown:
        reader.error(f"there is no bench {sorted(unknown)[0]!r}; there are {', '.join(BENCHES)}")
    options.databases = options.databases or list(DATABASES)
    options.levels = options.levels or ([1, 8, 32] if options.quick else sorted(lifecycles.LEVELS))
    machine.say(machine.conditions())
    return 0 if machine.show(asyncio.run(run(options))) else 1


if __name__ == "__main__":
    sys.exit(main())

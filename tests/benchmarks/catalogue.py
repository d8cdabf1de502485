"""(c) A whole catalogue through the command line: how long, and how much memory at most.

What is measured is the whole process of `accord catalogue import`, start-up included, on a
new database. Memory is that process's own; a PostgreSQL server's is not in it.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import house
import machine
from machine import Line

ROOT = Path(__file__).resolve().parents[2]
FILE = ROOT / "deploy" / "example" / "idi-variables.csv"
RULES = ROOT / "policies" / "packs" / "example" / "proposals.csv"
SECONDS, MEGABYTES = 10.0, 200.0
TIMES = 3

LAUNCHER = """
import json, resource, subprocess, sys, time
began = time.perf_counter()
done = subprocess.run(sys.argv[1:], capture_output=True, text=True)
took = time.perf_counter() - began
used = resource.getrusage(resource.RUSAGE_CHILDREN)
most = used.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
print(json.dumps({"code": done.returncode, "said": done.stdout + done.stderr, "seconds": took,
                  "cpu": used.ru_utime + used.ru_stime, "megabytes": most / 1e6}))
"""
"""A small process between us and the import: what a child's memory is counted from begins
with its parent's."""


def measure(databases: Sequence[str], quick: bool) -> list[Line]:
    """Import the 17,487 variables, each time into a new database."""
    lines = []
    for database in databases:
        found = [_once(database) for _ in range(1 if quick else TIMES)]
        seconds = [each["seconds"] for each in found]
        most = [each["megabytes"] for each in found]
        cpu = [each["cpu"] for each in found]
        case = f"{database}: import of 17,487 variables"
        lines += [
            Line("catalogue", f"{case}, seconds", machine.spread(seconds), f"< {SECONDS:.0f}",
                 max(seconds) < SECONDS),
            Line("", f"{case}, CPU seconds", machine.spread(cpu)),
            Line("", f"{case}, peak MB", machine.spread(most), f"< {MEGABYTES:.0f}",
                 max(most) < MEGABYTES),
        ]  # fmt: skip
        machine.say(f"  {database}: {machine.spread(seconds)} s; {machine.load()}")
    return lines


def _once(database: str) -> dict[str, Any]:
    home = Path(tempfile.mkdtemp(prefix="accord-bench-import-"))
    accord = [sys.executable, "-P", "-m", "services.cli"]
    try:
        with house.database_url(database, home) as (url, _):
            place = {**os.environ, "ACCORD_HOME": str(home), "ACCORD_DATABASE": url}
            subprocess.run([*accord, "migrate"], env=place, check=True, capture_output=True)
            answer = subprocess.run(
                [sys.executable, "-I", "-c", LAUNCHER, *accord,
                 "catalogue", "import", str(FILE), "--rules", str(RULES)],
                env=place, check=True, capture_output=True, text=True,
            )  # fmt: skip
    finally:
        shutil.rmtree(home, ignore_errors=True)
    found: dict[str, Any] = json.loads(answer.stdout)
    assert found["code"] == 0, found["said"]
    assert "17487 new items" in found["said"], found["said"]
    return found

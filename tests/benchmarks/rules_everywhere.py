"""(e) From a restriction placed to the last of four processes that says no: commit included.

Changes are written as the recorder writes them (`services.store.in_force`), into a PostgreSQL as
durable as one that is relied on, with 100,000 lines in force. Each process asks in a loop, in its
own snapshots, and tells when its answer turned; the clock is the machine's own, the same for all.
"""

from __future__ import annotations

import json
import queue
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import machine
import postgres
import sqlalchemy as sa
from machine import Line, quantile
from rules_asker import COLLECTION, ITEM, PEOPLE, PURPOSE
from rules_mix import Mix, mix

from policies.restriction.commands import Scope
from policies.restriction.state import RestrictionState, Status
from policies.rules import Pack, Rule
from policies.slices import Slice
from services.store import in_force, migrate, schema, versions
from services.store.session import Store

LINES, PROCESSES = 100_000, 4
QUIET_MS, LOADED_MS = 50.0, 1_000.0
PER_MINUTE = 1_000
LOAD_SECONDS, MEMORY_MB = 1.5, 60.0
PAUSE = 0.01
"""Seconds between a process's questions where the machine is to be quiet."""
CHUNK = 5_000
WITHIN, LOADED_WITHIN = 30.0, 300.0
"""Seconds after which something is wrong: with one change, and with reading everything at once on
a machine that is very busy."""
WATCHED = Scope(Slice(frozenset({PEOPLE})), frozenset({ITEM}), acts=frozenset({"use.read"}))


class Asker:
    """A process that asks. What it tells comes by a thread, so that nothing waits for reading."""

    def __init__(self, url: str, pause: float) -> None:
        """Start it."""
        script = Path(__file__).with_name("rules_asker.py")
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(script), url, str(pause)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self._told: queue.Queue[dict[str, Any]] = queue.Queue()
        self.load: dict[str, float] = {}
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._told.put(json.loads(line))

    def loaded(self) -> dict[str, float]:
        """What reading everything came to. Raises queue.Empty when that takes too long."""
        return self._told.get(timeout=LOADED_WITHIN)

    def turned(self, to: bool) -> float:
        """When its answer turned to this."""
        told = self._told.get(timeout=WITHIN)
        assert told["yes"] is to, told
        at: float = told["at"]
        return at

    def end(self) -> None:
        """It ends by itself once nobody writes to it any more."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(WITHIN)


def measure(quick: bool) -> list[Line]:
    """Measure on a PostgreSQL of its own."""
    with postgres.server() as (server, _):
        url = server.new(None)
        migrate.upgrade(url)
        store = Store(url)
        _fill(store, mix(LINES))
        machine.say(f"  {LINES:,} lines written; {machine.load()}")
        lines = _loaded(url)
        others = machine.others()
        lines += _placed(store, url, 40 if quick else 150, PAUSE, others)
        machine.say(f"  placed and lifted; {machine.load()}")
        lines += _placed(store, url, 20 if quick else 60, 0.0, others)
        lines += _many(store, url, 15 if quick else 75)
        machine.say(f"  many changes; {machine.load()}")
        store.close()
    return lines


def _fill(store: Store, found: Mix) -> None:
    """What is in force to begin with, one line among it that lets the watched question through."""
    watched = Rule(
        "WATCHED-01@body-watched", "role:grantee", "use.read", COLLECTION, ITEM, "*", PURPOSE, "*",
        "*", "allow", "An invented line.", adopter="body-watched",
    )  # fmt: skip
    rows = [
        {**asdict(each), "pack": "" if each.restriction else "shipped", "owner": each.adopter}
        for each in (*found.rules[: LINES - 1], watched)
    ]
    roles = [{**asdict(each), "pack": "house", "owner": "house"} for each in found.pack.roles]
    speaking = [{"part": part, "body": body, "why": "mandate"} for part, body in found.speaking]
    with store.write() as connection:
        for table, every in (
            (schema.rules, rows), (schema.role_rules, roles), (schema.speaking, speaking)
        ):  # fmt: skip
            for start in range(0, len(every), CHUNK):
                connection.execute(sa.insert(table), every[start : start + CHUNK])
        versions.raise_(connection, versions.RULE_CHANGES)
    with store.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql("ANALYZE")


@contextmanager
def _askers(url: str, pause: float, count: int = PROCESSES) -> Iterator[list[Asker]]:
    """Processes that have read everything and say yes."""
    askers = [Asker(url, pause) for _ in range(count)]
    try:
        for each in askers:
            each.load = each.loaded()
        for each in askers:
            each.turned(True)
        yield askers
    finally:
        for each in askers:
            each.end()


def _loaded(url: str) -> list[Line]:
    others, alone = machine.others(), []
    for _ in range(3):
        with _askers(url, 1.0, 1) as (asker,):
            alone.append(asker.load)
    with _askers(url, 1.0) as askers:
        together = [each.load["seconds"] for each in askers]
    seconds = statistics.median(each["seconds"] for each in alone)
    grown = statistics.median(each["mb"] for each in alone)
    in_time = seconds < LOAD_SECONDS
    return [
        Line("everywhere", f"{LINES:,} lines read from PostgreSQL",
             f"{seconds:.2f} s; four at once: {max(together):.2f} s", f"under {LOAD_SECONDS} s",
             in_time or machine.judged(in_time, others)),
        Line("everywhere", "what a process grows by", f"{grown:.0f} MB (USS)",
             f"under {MEMORY_MB:.0f} MB", grown < MEMORY_MB),
    ]  # fmt: skip


def _state(opened: bool, scope: Scope = WATCHED) -> RestrictionState:
    return RestrictionState(Status.OPEN if opened else Status.LIFTED, "body-watched", scope)


def _placed(store: Store, url: str, times: int, pause: float, others: float) -> list[Line]:
    """Place and lift, each when the one before has reached everybody."""
    spent: dict[bool, list[float]] = {True: [], False: []}
    written: list[float] = []
    with _askers(url, pause) as askers:
        for number in range(times):
            for opened in (True, False):
                began = time.monotonic()
                with store.write() as connection:
                    in_force.restrict(connection, f"restriction-{number}", _state(opened))
                written.append(1000 * (time.monotonic() - began))
                reached = [1000 * (each.turned(not opened) - began) for each in askers]
                # The last process counts.
                spent[opened].append(max(reached))
    loaded = not pause
    p99 = quantile(spent[True], 0.99)
    bar = LOADED_MS if loaded else QUIET_MS
    how = "all four ask without a pause" if loaded else f"each asks every {1000 * PAUSE:.0f} ms"
    kept: bool | None = p99 <= bar
    return [
        Line("everywhere", f"placed to the last of four that says no; {how}",
             f"p50 {statistics.median(spent[True]):.1f} ms, p99 {p99:.1f}, "
             f"most {max(spent[True]):.1f}",
             f"p99 at most {bar:,.0f} ms", kept or machine.judged(False, others)),
        Line("everywhere", "lifted to the last that says yes; of that, the commit",
             f"p50 {statistics.median(spent[False]):.1f} ms, p99 "
             f"{quantile(spent[False], 0.99):.1f}; p50 {statistics.median(written):.1f} ms"),
    ]  # fmt: skip


def _many(store: Store, url: str, seconds: int) -> list[Line]:
    """A thousand changes a minute: restrictions elsewhere placed and lifted, packs adopted; once a
    second the watched one, by which one sees whether anybody falls behind."""
    count = PER_MINUTE * seconds // 60
    late, spent, shut = 0.0, [], False
    with _askers(url, PAUSE) as askers:
        start = time.monotonic()
        for number in range(count):
            due = start + number * 60 / PER_MINUTE
            time.sleep(max(0.0, due - time.monotonic()))
            late = max(late, time.monotonic() - due)
            began = time.monotonic()
            with store.write() as connection:
                if number % 17 == 16:
                    shut = not shut
                    in_force.restrict(connection, "restriction-watched", _state(shut))
                else:
                    _elsewhere(connection, number)
            if number % 17 == 16:
                spent += [1000 * (each.turned(not shut) - began) for each in askers]
        rate = count / (time.monotonic() - start) * 60
        began = time.monotonic()
        with store.write() as connection:
            in_force.restrict(connection, "restriction-watched", _state(not shut))
        last = max(each.turned(shut) - began for each in askers)
    return [
        Line("everywhere", f"{count:,} changes in {seconds} s: a minute; the latest began late by",
             f"{rate:,.0f}; {1000 * late:.0f} ms", f"at least {PER_MINUTE:,}",
             rate >= 0.98 * PER_MINUTE),
        Line("everywhere", "meanwhile, written to seen by each of four; after the last",
             f"p50 {statistics.median(spent):.1f} ms, p99 {quantile(spent, 0.99):.1f}; "
             f"{1000 * last:.1f} ms", f"at most {LOADED_MS:,.0f} ms",
             max(1000 * last, quantile(spent, 0.99)) <= LOADED_MS),
    ]  # fmt: skip


def _elsewhere(connection: sa.Connection, number: int) -> None:
    if number % 10 == 9:
        body = f"body-elsewhere-{number % 50}"
        lines = tuple(
            Rule(f"NEW-{n}", "role:grantee", "use.read", "*", "*", "health", f"study-{number}",
                 "*", "*", "allow", "An invented line.")
            for n in range(5)
        )  # fmt: skip
        in_force.replace_pack(connection, "shipped", body, Pack(lines).adopted_by(body))
        return
    which = number if number % 2 else number - 1
    scope = replace(WATCHED, items=frozenset({f"elsewhere.{which}"}))
    in_force.restrict(connection, f"restriction-elsewhere-{which}", _state(number % 2 == 0, scope))

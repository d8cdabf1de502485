"""(d) One answer of the rules with all that matched, beside a hand-written look-up, by how many.

Before anything is timed the engine's answers are compared with the floor's, line by line, and the
peers' with both: a disagreement is an error. Sides take turns at every question. What an answer
costs beyond this is measured elsewhere: over HTTP and with its durable record by `decision`.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import machine
import rules_costs
import rules_peers
from machine import Line, quantile, spread
from rules_floor import Floor
from rules_mix import Mix, mix, questions

from policies.enforcer import Enforcer, Question

SMALL, BIG, LARGE = 1_000, 100_000, 1_000_000
SIZES = (100, SMALL, 10_000, BIG)
ROUNDS, ASKED = 5, 4_000
THREADS = 8
RATIO, GROWTH, P99 = 3.0, 2.0, 200.0
FOR_STOCK = {100: 200, SMALL: 100, 10_000: 12, BIG: 3}
"""How many questions stock Casbin is asked: it takes a second for each at 100,000 lines."""
FOR_OTHERS = 400
DRAWN = 1_000


@dataclass(frozen=True)
class Side:
    """The rules at one size, as the floor and as the engine hold them, and what is asked."""

    found: Mix
    floor: Floor
    enforcer: Enforcer
    asked: list[Question]


def measure(quick: bool, large: bool) -> list[Line]:
    """Measure at every size; a million lines only when `large`."""
    others = machine.others()
    sizes = (*SIZES, LARGE) if large else SIZES
    sides = {size: _side(size, ASKED // 4 if quick else ASKED) for size in sizes}
    for side in sides.values():
        _agree(side)
    machine.say(f"  the same answers as the floor's; {machine.load()}")
    lines = _curve(sides, 2 if quick else ROUNDS, others)
    machine.say(f"  the curve; {machine.load()}")
    lines += _threads(sides[BIG])
    for size in (SMALL, BIG) if quick else SIZES:
        lines += _peers(size, sides[size])
        machine.say(f"  other engines with {size:,} lines; {machine.load()}")
    lines += rules_costs.changes(sides[BIG].found, sides[BIG].enforcer)
    lines += rules_costs.candidates(sides[BIG].enforcer, sides[BIG].asked)
    lines += rules_costs.crowds()
    lines += rules_costs.built(sides[BIG].found)
    machine.say(f"  what they cost; {machine.load()}")
    return lines


def differential() -> list[Line]:
    """The tests that compare the engine with stock Casbin and Cedar, with many more rules than
    they draw in continuous integration."""
    tests = Path(__file__).resolve().parents[1] / "policies" / "engine"
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-P", "-m", "pytest", "--import-mode=importlib", "-n", "0", "-q", tests],
        env={**os.environ, "ACCORD_RULES": str(DRAWN)}, check=False,
    )  # fmt: skip
    seconds = time.perf_counter() - began
    case = f"beside stock Casbin and Cedar, up to {DRAWN:,} rules drawn"
    return [Line("rules", case, f"{seconds:.0f} s", "no difference", done.returncode == 0)]


def _side(size: int, count: int) -> Side:
    found = mix(size)
    floor = Floor(found.rules, found.pack.roles, found.speaking)
    return Side(found, floor, found.enforcer(), questions(found, count))


def _agree(side: Side) -> None:
    """The engine's answers are the floor's, and so are the lines that they rest on."""
    for asked in side.asked:
        allowed, matched = side.floor.may(asked)
        answer = side.enforcer.may(asked)
        assert answer.allowed == allowed, asked
        assert {line.id for line in answer.matched} == {line.id for line in matched}, asked


def in_turn(
    ways: dict[str, Callable[[Question], Any]], asked: Iterable[Question]
) -> dict[str, list[float]]:
    """Microseconds of each way, question by question."""
    spent: dict[str, list[float]] = {name: [] for name in ways}
    clock = time.perf_counter_ns
    for each in asked:
        for name, way in ways.items():
            began = clock()
            way(each)
            spent[name].append((clock() - began) / 1000)
    return spent


def _curve(sides: dict[int, Side], rounds: int, others: float) -> list[Line]:
    p50: dict[tuple[int, str], list[float]] = {}
    p99: dict[tuple[int, str], list[float]] = {}
    for _ in range(rounds):
        for size, side in sides.items():
            spent = in_turn({"floor": side.floor.may, "engine": side.enforcer.may}, side.asked)
            for name, found in spent.items():
                p50.setdefault((size, name), []).append(statistics.median(found))
                p99.setdefault((size, name), []).append(quantile(found, 0.99))
    lines = []
    for size, side in sides.items():
        yes = sum(side.enforcer.may(each).allowed for each in side.asked) / len(side.asked)
        lines.append(
            Line(
                "rules",
                f"{size:,} lines ({yes:.0%} yes): engine; floor",
                f"p50 {statistics.median(p50[size, 'engine']):.1f} µs, "
                f"p99 {statistics.median(p99[size, 'engine']):.0f}; "
                f"{statistics.median(p50[size, 'floor']):.1f}, "
                f"{statistics.median(p99[size, 'floor']):.0f}",
            )
        )
        ratios = _over(p50[size, "engine"], p50[size, "floor"])
        kept = statistics.median(ratios) <= RATIO if size == BIG else None
        promised = f"at most {RATIO:.0f}" if size == BIG else ""
        lines.append(Line("rules", f"{size:,} lines: p50 ÷ floor", spread(ratios), promised, kept))
    growth = _over(p50[BIG, "engine"], p50[SMALL, "engine"])
    worst = statistics.median(p99[BIG, "engine"])
    return [
        *lines,
        Line("rules", f"p50 at {BIG:,} ÷ at {SMALL:,}", spread(growth), f"at most {GROWTH:.0f}",
             statistics.median(growth) <= GROWTH),
        Line("rules", f"p99 at {BIG:,}", f"{worst:.0f} µs ({others:.0f} % of the machine busy)",
             f"at most {P99:.0f} quiet", True if worst <= P99 else machine.judged(False, others)),
    ]  # fmt: skip


def _over(some: list[float], others: list[float]) -> list[float]:
    return [one / other for one, other in zip(some, others, strict=True)]


def _threads(side: Side) -> list[Line]:
    """Eight threads ask the same questions at once, from eight different places on."""
    expected = [side.enforcer.may(each) for each in side.asked]
    began = time.perf_counter()
    for each in side.asked:
        side.enforcer.may(each)
    alone = len(side.asked) / (time.perf_counter() - began)
    ready = threading.Barrier(THREADS)

    def ask(number: int) -> int:
        wrong = 0
        start = number * len(side.asked) // THREADS
        ready.wait()
        for at in (*range(start, len(side.asked)), *range(start)):
            answer = side.enforcer.may(side.asked[at])
            wrong += answer != expected[at] or answer.matched != expected[at].matched
        return wrong

    began = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        wrong = sum(pool.map(ask, range(THREADS)))
    together = THREADS * len(side.asked) / (time.perf_counter() - began)
    return [
        Line("rules", f"{THREADS} threads, {BIG:,} lines: other answers than one thread's",
             f"{wrong} of {THREADS * len(side.asked):,}", "none", wrong == 0),
        Line("rules", f"{THREADS} threads; one", f"{together:,.0f} answers a second; {alone:,.0f}"),
    ]  # fmt: skip


def _peers(size: int, side: Side) -> list[Line]:
    asked = [each for each in side.asked if rules_peers.known(each)][:FOR_OTHERS]
    lines = []
    for name, make, every, count in (
        ("stock Casbin", rules_peers.stock, False, FOR_STOCK[size]),
        ("cedarpy, a set a community", rules_peers.cedar, False, FOR_OTHERS),
        ("regorus, indexed", rules_peers.rego, True, FOR_OTHERS),
    ):
        ask = make(side.found)
        if ask is None:
            lines.append(Line("rules", f"{size:,} lines: {name}", "not installed here"))
            continue
        some = asked[:count]
        for each in some:
            told = ask(each)
            assert rules_peers.agrees(told, *side.floor.may(each), every), (name, each)
        spent = in_turn({"peer": ask, "engine": side.enforcer.may}, some)
        p50, p99 = statistics.median(spent["peer"]), quantile(spent["peer"], 0.99)
        ours = statistics.median(spent["engine"])
        lines.append(
            Line(
                "rules",
                f"{size:,} lines: {name}, {len(some)} questions",
                f"p50 {p50:,.0f} µs, p99 {p99:,.0f}; {p50 / ours:,.0f} × the engine",
            )
        )
    return lines

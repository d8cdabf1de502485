"""What rules cost beside an answer: to build and to change; and where many lie together."""

from __future__ import annotations

import json
import random
import statistics
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from machine import Line, quantile
from rules_mix import SHARED, Mix, new_community, new_line, new_use

from policies.enforcer import Enforcer, Question, part_of_people
from policies.rules import EVERY, Pack
from policies.slices import Slice

CHANGES = 2_000
CROWD = 5_000


def changes(found: Mix, enforcer: Enforcer) -> list[Line]:
    """One line put in and taken out again; one body that speaks for one people more."""
    some = [replace(line, id=f"NEW-{n}") for n, line in enumerate(found.rules[-CHANGES:])]
    put, take, speak = [], [], []
    for line in some:
        began = time.perf_counter_ns()
        enforcer.put(line)
        put.append((time.perf_counter_ns() - began) / 1000)
    for line in some:
        began = time.perf_counter_ns()
        enforcer.take(line.id)
        take.append((time.perf_counter_ns() - began) / 1000)
    for number, each in enumerate(found.communities[:50]):
        began = time.perf_counter_ns()
        enforcer.speak([(part_of_people(f"new-{number}"), each.body)])
        speak.append((time.perf_counter_ns() - began) / 1000)
    enforcer.speak(fewer=[(part_of_people(f"new-{n}"), each.body)
                          for n, each in enumerate(found.communities[:50])])  # fmt: skip
    return [
        Line("rules", f"{len(found.rules):,} lines: {what}",
             f"p50 {statistics.median(spent):.1f} µs, p99 {quantile(spent, 0.99):.0f}")
        for what, spent in (("put one", put), ("take one away", take),
                            (f"one link more among {len(found.speaking):,}", speak))
    ]  # fmt: skip


@contextmanager
def counted(enforcer: Enforcer) -> Iterator[list[int]]:
    """How many lines were looked at, question by question: append a 0 before each."""
    engine: Any = enforcer._permission
    scan, counts = engine._scan, [0]

    def counting(asked: Any, entries: list[Any], *rest: Any) -> None:
        counts[-1] += len(entries)
        scan(asked, entries, *rest)

    engine._scan = counting
    try:
        yield counts
    finally:
        engine._scan = scan


def _looked_at(enforcer: Enforcer, asked: Iterable[Question]) -> list[int]:
    with counted(enforcer) as counts:
        for each in asked:
            counts.append(0)
            enforcer.may(each)
        return counts[1:]


def candidates(enforcer: Enforcer, asked: list[Question]) -> list[Line]:
    """How many lines an answer looks at, and how many lie in the fullest leaf."""
    counts = _looked_at(enforcer, asked)
    bounds = (0, 4, 9, 19, 49, 99)
    found = Counter(next((b for b in bounds if each <= b), 100) for each in counts)
    shares = "; ".join(
        f"{'over 99' if bound == 100 else f'to {bound}'}: {found[bound] / len(counts):.0%}"
        for bound in (*bounds, 100)
        if found[bound]
    )
    return [
        Line("rules", "lines looked at, of all questions", shares),
        Line("rules", "the same: mean, most; the fullest leaf",
             f"{statistics.mean(counts):.1f}, {max(counts)}; {enforcer._permission.sizes()[0]}"),
    ]  # fmt: skip


def crowds() -> list[Line]:
    """The worst bucket: thousands of one body's lines that little tells apart."""
    lines = []
    for kind, words in CROWDS.items():
        enforcer, asked = _crowd(kind)
        for each in asked[:20]:
            enforcer.may(each)
        spent = []
        for each in asked:
            began = time.perf_counter_ns()
            enforcer.may(each)
            spent.append((time.perf_counter_ns() - began) / 1000)
        counts = _looked_at(enforcer, asked)
        lines.append(
            Line("rules", f"worst bucket: {CROWD:,} lines of one body, each names {words}",
                 f"looked at {max(counts):,}; p50 {statistics.median(spent):,.0f} µs, "
                 f"p99 {quantile(spent, 0.99):,.0f}")
        )  # fmt: skip
    return lines


CROWDS = {
    "item": "an item",
    "collection": "one of ten collections",
    "years": "years alone",
    "place": "a place alone and reaches everybody",
}


def _crowd(kind: str) -> tuple[Enforcer, list[Question]]:
    """Lines of one community about one class, and what is asked of it. Every hundredth names
    nothing at all but that."""
    chance = random.Random(f"crowd {kind}")
    community = replace(new_community(chance, 99999), place=None)
    rules = []
    for number in range(CROWD):
        named: dict[str, Any] = {"klass": "health"}
        if kind == "item":
            named["item"] = _item(number)
        elif kind == "collection":
            named["collection"] = SHARED[number % 10]
        elif kind == "years":
            named["slice"] = json.dumps(Slice(years=frozenset({1900 + number % 120})).to_json())
        else:
            part = Slice(places=frozenset({f"rohe-{number}"}))
            named |= {"role": EVERY, "reach": EVERY, "slice": json.dumps(part.to_json())}
        if number % 100 == 0 and kind != "place":
            named = {"klass": "health"}
        effect = "deny" if kind in ("years", "place") or number % 7 == 3 else "allow"
        id_ = f"CROWD-{number}@{community.body}"
        rules.append(new_line(id_, "use.read", effect, community.body, **named))
    speaking = [(part_of_people(community.people), community.body)]
    asked = []
    for _ in range(400):
        number = chance.randrange(CROWD)
        part = Slice(frozenset({community.people}), frozenset({f"rohe-{number}"}),
                     frozenset({1900 + number % 120}))  # fmt: skip
        asked.append(
            replace(new_use(chance, community), act="use.read", klass="health", slice=part,
                    collection=SHARED[number % 20], item=_item(number))
        )  # fmt: skip
    return Enforcer([Pack(tuple(rules))], (), speaking), asked


def _item(number: int) -> str:
    return f"{SHARED[number % 20]}.{number}"


def built(found: Mix) -> list[Line]:
    """The engine made from lines that have been read. What reading them costs, and keeping them,
    `everywhere` measures with production's own loader."""
    spent = []
    for _ in range(3):
        began = time.perf_counter()
        found.enforcer()
        spent.append(time.perf_counter() - began)
    return [Line("rules", f"{len(found.rules):,} lines: the engine made of them",
                 f"{statistics.median(spent):.2f} s")]  # fmt: skip

"""Threads that ask while another changes the rules: each is answered as of its own position."""

from __future__ import annotations

import random
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from policies.engine import engine as module
from policies.engine import index
from policies.engine.engine import Engine, TooOldError
from policies.engine.matcher import Function, NamesOf

MODEL = """
[request_definition]
r = who, item, part
[policy_definition]
p = who, item, part, eft
[role_definition]
g = _, _
[policy_effect]
e = some(where (p.eft == allow)) && !some(where (p.eft == deny))
[matchers]
m = (p.who == "*" || g(r.who, p.who)) && (p.item == "*" || r.item == p.item)\
 && meets(r.part, p.part)
"""
FUNCTIONS = {
    "meets": Function(
        lambda asked, ruled: bool(set(asked) & set(ruled)),
        str,
        (NamesOf(frozenset, frozenset),),
    )
}  # fmt: skip
READERS, CHANGES, ROUNDS = 3, 250, 15


@pytest.fixture
def often() -> Iterator[None]:
    """Threads take turns as often as can be, so that they meet in the middle of things."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("often")
@pytest.mark.parametrize("kept", [module.KEPT_SECONDS, 0])
@pytest.mark.parametrize("few", [index.FEW, 10_000], ids=["parted", "in one leaf"])
def test_a_question_is_answered_as_of_its_position_whatever_changes_meanwhile(
    kept: float, few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`kept` 0 forgets at once what was taken away: then an old position is refused, not wrong."""
    monkeypatch.setattr(module, "KEPT_SECONDS", kept)
    monkeypatch.setattr(index, "FEW", few)
    for seed in range(ROUNDS):
        one_round(random.Random(seed))


def one_round(chance: random.Random) -> None:
    """An engine that grows, shrinks and parts its index while three threads ask."""
    engine = Engine(MODEL, FUNCTIONS)
    rows = [
        [chance.choice("*ab"), chance.choice("*ij"), "".join(chance.sample("cd", 2))[: 1 + n % 2],
         chance.choice(["allow", "allow", "deny"])]
        for n in range(300)
    ]  # fmt: skip
    held: list[frozenset[int]] = [frozenset()]
    linked = [False]
    done = threading.Event()
    ready = threading.Barrier(READERS + 1)

    def change() -> None:
        ready.wait()
        try:
            for position in range(1, CHANGES + 1):
                number, now, link = chance.randrange(len(rows)), held[-1], linked[-1]
                if chance.random() < 0.05:
                    link = not link
                    pair = [("a", "b")]
                    engine.link("g", pair if link else (), () if link else pair, position)
                elif now and chance.random() < 0.4:
                    number = chance.choice(sorted(now))
                    engine.remove(number, position)
                    now -= {number}
                else:
                    # Another in place of one of the same name takes that one away first.
                    engine.add(number, rows[number], number, position)
                    now |= {number}
                linked.append(link)
                # Last: from here on, somebody asks as of it.
                held.append(now)
        finally:
            done.set()

    def ask(seed: int) -> int:
        mine, answered = random.Random(seed), 0
        ready.wait()
        while not done.is_set() or not answered:
            last = len(held) - 1
            position = last - mine.choice([0, 0, 0, 1, 2, 5, 20])
            if position < 0:
                continue
            asked = [mine.choice("ab"), mine.choice("ij"), mine.choice("cd")]
            try:
                decision = engine.ask(asked, position)
            except TooOldError:
                continue
            answered += 1
            who = {asked[0], "*"} | ({"b"} if linked[position] else set())
            expected = {
                n for n in held[position]
                if rows[n][0] in who and rows[n][1] in (asked[1], "*") and asked[2] in rows[n][2]
            }  # fmt: skip
            assert set(decision.matched) == expected
            effects = {rows[n][3] for n in expected}
            assert decision.allowed == ("allow" in effects and "deny" not in effects)
        return answered

    with ThreadPoolExecutor(READERS + 1) as pool:
        readers = [pool.submit(ask, seed) for seed in range(READERS)]
        pool.submit(change).result()
        assert all(each.result() for each in readers)

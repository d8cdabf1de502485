"""Twenty bodies with kawa of their own, set up through the API alone, and hundreds of random
requests among them, each driven to its end, while time passes and processes die.

    python3 tests soak [--bodies 20] [--requests 500] [--seed N] [--database sqlite|postgresql]
    python3 tests soak --hypothesis N

A whole Accord is founded from nothing in a temporary home: real processes, real Temporal, a mail
server. Its bodies enter by their own statements and are welcomed by those who are there; no kawa
is like one of the example's. Then researchers ask, bodies work, gateways ask; somebody does what
they may not, now and then; the worker, the portal, Temporal or all of them are killed with -9.

In the end a checker that knows the exported ledger, what was answered, and the decision point's
answers says which of design.md's thirteen points do not hold, as far as they can be seen from
outside. The exit code is 0 when all hold, nothing was lost or doubled, streams and workflows
agree, and every request has ended or waits for somebody named.

Twenty bodies and 500 requests take half an hour on two cores. With `--hypothesis N`, N examples
in small worlds within this process, which hypothesis makes as small as it can when one fails.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
# Not tests/ itself: see its __main__.py.
for each in (HERE / "kit", HERE.parent / "policies" / "kit", HERE.parent / "workflows",
             HERE.parent / "benchmarks"):  # fmt: skip
    sys.path.append(str(each))

from agreement import disagreements  # noqa: E402
from asking import Life, Setting  # noqa: E402
from chance import Dice  # noqa: E402
from drawn_kawa import Plan, like_an_example, plan  # noqa: E402
from lives import live  # noqa: E402
from secretaries import agreed, land, settle  # noqa: E402
from town import PARTS, Town  # noqa: E402
from verdict import ENDS, Verdict, judge  # noqa: E402
from world import OPERATOR  # noqa: E402

from services import bootstrap  # noqa: E402
from services.store.session import Store  # noqa: E402

DYING_EVERY = 12
"""A process dies once for about so many requests."""
VICTIMS = (("worker",), ("portal",), ("temporal",), PARTS)


class Run:
    """One run, from the empty home to the verdict."""

    def __init__(self, seed: int, bodies: int, requests: int, at_once: int = 40) -> None:
        self.seed, self.requests, self.at_once = seed, requests, at_once
        self.dice = Dice(seed)
        self.plans: list[Plan] = []
        for number in range(bodies):
            self.plans.append(plan(self.dice, number, self.plans))
        assert not any(like_an_example(each.kawa) for each in self.plans)
        self.lives: list[Life] = []
        self.verdict = Verdict()
        self.export = b""
        """What the verdict was made from."""
        self.seconds: dict[str, float] = {}

    async def go(self, town: Town, kills: int) -> list[str]:
        """Do all of it; returns what was not as it must be."""
        await self._timed("founding", town.open())
        there = land(self.dice, self.plans, max(3, len(self.plans) // 3))
        await self._timed("setting up", settle(town, self.dice, self.plans, there))
        setting = Setting(town, self.plans, there)
        await self._desk(setting, self.dice.one_of(self.plans))
        lives = self._begin(setting, there.researchers)
        dying = self._dying(town, kills)
        living = live(setting, self.dice.of("time"), lives, dying, at_once=self.at_once)
        self.lives = await self._timed("requests", living)
        wrong = await self._waiting()
        await town.answering()
        wrong += await self._timed("agreement", _agree(town))
        export = await town.call(OPERATOR, "GET", "/v1/ledger/export")
        self.export = str(export.body).encode()
        exact = town.settings.database.startswith("sqlite")
        self.verdict = judge(self.export, town.kept, town.marker, exact=exact)
        wrong += [f"point {point}: {sentence}" for point, sentence in self.verdict.wrong]
        wrong += town.kept.trouble
        wrong += [f"words stand in {file}, {n} times" for file, n in town.scan().items()]
        return wrong

    def _begin(self, setting: Setting, researchers: list[str]) -> Iterator[Life]:
        for number in range(self.requests):
            own = self.dice.of(f"request {number}")
            yield Life(setting, own, number, own.one_of(researchers))

    async def _desk(self, setting: Setting, desk: Plan) -> None:
        """Half of the bodies' worlds have a desk that looks first."""
        if self.dice.happens(50):
            subject = setting.body(desk)
            await agreed(setting.world, self.dice, self.plans, kind="desk", subject=subject, days=3)
            setting.desk = desk

    def _dying(self, town: Town, kills: int):  # type: ignore[no-untyped-def]
        """Now and then something dies, a random moment after the others went on."""
        dice, left = self.dice.of("kills"), [kills]

        async def between() -> None:
            # As often as it must be to have come to so many with the last request.
            if left[0] and dice.happens(40):
                await asyncio.sleep(dice.number(0, 1500) / 1000)
                left[0] -= await town.kill(*dice.one_of(VICTIMS))

        return between

    async def _timed(self, what: str, work):  # type: ignore[no-untyped-def]
        began = time.monotonic()
        found = await work
        self.seconds[what] = time.monotonic() - began
        return found

    async def _waiting(self) -> list[str]:
        """Every request has ended, or says for whom it waits, and why."""
        wrong = []
        for life in self.lives:
            if not life.request:
                continue
            seen = await life.seen()
            if seen["status"] in ENDS or seen["status"] == "accepted":
                continue
            named = [each for each in seen["waiting"] if each["reason"] or each["stands"]]
            if not named:
                wrong.append(f"{life.request} is {seen['status']}, and waits for nobody")
        return wrong

    def table(self, town: Town) -> str:
        """What it came to."""
        outcomes = Counter(life.outcome for life in self.lives)
        lines = [f"{'requests':<24}{len(self.lives):>7}"]
        lines += [f"  {what:<22}{n:>7}" for what, n in outcomes.most_common()]
        why = Counter(life.why for life in self.lives if life.outcome == "refused at preview")
        lines.append("    " + ", ".join(f"{each} {n}" for each, n in why.most_common()))
        lines.append(f"{'decisions':<24}{sum(self.verdict.decisions.values()):>7}")
        for rule in ("consensus", "majority", "named_assent", "whanau"):
            told = Counter[str]()
            for (each, outcome, _), n in self.verdict.decisions.items():
                told[outcome] += n if each == rule else 0
            said = ", ".join(f"{outcome} {n}" for outcome, n in told.most_common() if n)
            lines.append(f"  {rule:<22}{sum(told.values()):>7}  {said}")
        ways = Counter[str]()
        for (_, _, way), n in self.verdict.decisions.items():
            ways[way] += n
        lines.append("  " + ", ".join(f"by {way} {n}" for way, n in ways.most_common()))
        for what, number in (
            ("uses allowed", self.verdict.yes), ("uses refused", self.verdict.no),
            ("commands sent", town.kept.sent), ("refused", sum(town.kept.refused.values())),
            ("ledger entries", self.verdict.entries), ("sign-ins by mail", town.sign_ins),
            ("messages", len(town.mail.got)),
            ("sent twice", sum(n - 1 for n in town.mail.got.values())),
            ("kills", sum(town.kills.values())), ("lost", self.verdict.lost),
            ("doubled", self.verdict.doubled),
        ):  # fmt: skip
            lines.append(f"{what:<24}{number:>7}")
        lines += [f"{what + ', seconds':<24}{n:>7.0f}" for what, n in self.seconds.items()]
        took, what = town.kept.slowest
        lines.append(f"{'slowest answer':<24}{took:>7.1f}  {what}")
        return "\n".join(lines)


async def _agree(town: Town) -> list[str]:
    """Do streams and workflows agree?"""
    store = Store(town.settings.database)
    found = await disagreements(store, await bootstrap.connect(town.settings), within=120)
    store.close()
    return found


async def whole(
    seed: int, bodies: int, requests: int, database: str, at_once: int, keep: bool
) -> int:
    """Run it, print the table; 0 when everything held."""
    home = Path(tempfile.mkdtemp(prefix="accord-soak-"))
    with contextlib.ExitStack() as afterwards:
        if not keep:
            afterwards.callback(shutil.rmtree, home, ignore_errors=True)
        url = ""
        if database == "postgresql":
            import postgres

            server, _ = afterwards.enter_context(postgres.server())
            url = server.new(None)
        town = Town(home, f"zz{seed}zz", url)
        run = Run(seed, bodies, requests, at_once)
        try:
            wrong = await run.go(town, kills=max(1, requests // DYING_EVERY))
            (home / "ledger.jsonl").write_bytes(run.export)
        finally:
            await town.close()
    if keep:
        print(f"Kept in {home}")
    print("\n" + run.table(town))
    for sentence in wrong:
        print(sentence)
    print("All thirteen points hold." if not wrong else f"{len(wrong)} things do not hold.")
    return 1 if wrong else 0


def main() -> int:
    """Read what was asked for, and do it."""
    parser = argparse.ArgumentParser(
        prog="python3 tests soak",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--bodies", type=int, default=20)
    parser.add_argument("--requests", type=int, default=500)
    parser.add_argument("--at-once", type=int, default=40)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--keep", action="store_true", help="keep the temporary home")
    parser.add_argument("--hypothesis", type=int, metavar="N", default=None)
    told = parser.parse_args()
    if told.hypothesis is not None:
        import small_worlds

        return small_worlds.search(told.hypothesis, told.seed)
    seed = told.seed if told.seed is not None else random.randrange(10**6)
    print(f"Seed {seed}.", flush=True)
    work = whole(seed, told.bodies, told.requests, told.database, told.at_once, told.keep)
    return asyncio.run(work)


if __name__ == "__main__":
    sys.exit(main())

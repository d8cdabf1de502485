"""Plays the three stories again and again, and kills something, with -9, in each of their steps.

    python3 tests kills [--rounds N] [--seed N]

Four rounds (the default) kill the worker, the portal, Temporal and all of them once in every
step, each time a random moment after a command of that step was sent. People do what clients
should: while nobody answers, they send the same command again. The supervisor starts what
died. What the table says:

  lost      commands that were answered with a success and are not in the ledger, or whose
            repeats got another answer
  doubled   commands that the ledger holds more than once
  seconds   from the kill to that command's answer, or to the next one when it had left already:
            the longest, restart included

At the end of each round the stories must be complete, the ledger must verify, and streams and
workflows must agree. The exit code is 0 when all of it holds. A round takes three minutes or so.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import random
import shutil
import sys
import tempfile
import time
import uuid
from collections import Counter, defaultdict
from collections.abc import Awaitable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "workflows"))  # Not tests/ itself: see its __main__.py.

import httpx  # noqa: E402
import sqlalchemy as sa  # noqa: E402
from agreement import disagreements  # noqa: E402

from services import bootstrap  # noqa: E402
from services.settings import HOST  # noqa: E402
from services.store import leaves  # noqa: E402
from services.store.schema import entries  # noqa: E402
from services.store.session import Store  # noqa: E402
from services.story.figures import STEPS, figures  # noqa: E402
from services.story.play import chapters  # noqa: E402
from services.story.stage import Json, Stage, UnexpectedError  # noqa: E402
from services.story.steps import Story  # noqa: E402
from services.supervisor import DEATHS, WITHIN  # noqa: E402

WHO: dict[str, tuple[str, ...]] = {
    "worker": ("worker",),
    "portal": ("portal",),
    "Temporal": ("temporal",),
    "all": ("temporal", "worker", "portal", "gateway"),
}
LONGEST_PAUSE = 0.06
"""Seconds: about half of the answers have left by then."""
COMMANDS = {
    "1.1": 2, "1.2": 1, "1.3": 24, "1.4": 2, "1.5": 5, "1.6": 4, "1.7": 3, "1.8": 6, "1.9": 5,
    "2.1": 16, "2.2": 7, "2.3": 1, "2.4": 6,
    "3.1": 5, "3.2": 4, "3.3": 10,
}  # fmt: skip
"""In each step of each story the kill comes with one of so many of its commands."""


@dataclass
class Cell:
    """What is known of one step and one victim."""

    times: int = 0
    lost: int = 0
    doubled: int = 0
    seconds: list[float] = field(default_factory=list)


class Killing(Stage):
    """A stage on which something dies once in each step."""

    def __init__(self, home: Path, chance: random.Random) -> None:
        super().__init__(home, lambda line: None)
        self.cells: dict[tuple[str, str], Cell] = defaultdict(Cell)
        self.answers: dict[str, Json] = {}
        """Command id to its first answer, of all that succeeded."""
        self.request, self.asker = "", "researcher"
        self.by: dict[str, tuple[str, str]] = {}
        """Command id to the step and the victim, of those that something died under."""
        self._chance = chance
        self._step, self._victim, self._countdown = "", "", -1

    async def begin(self, step: str, victim: str) -> None:
        """From here on it is `step`, in which `victim` will die."""
        await self._not_too_often(*WHO[victim])
        self._step, self._victim = step, victim
        self._countdown = self._chance.randrange(COMMANDS[step])

    async def post(self, key: str, address: str, expect: int = 201, **content: Any) -> Json:
        if address == "/v1/gateways":
            # A credential is shown once: whoever did not see it asks for another gateway.
            return await super().post(key, address, expect, **content)
        name = _new_name()
        sending = super().post(key, address, expect, command_id=name, **content)
        answer = await self._perhaps_dying(sending, name)
        if address.endswith("/submit") and expect < 300:
            self.request, self.asker = answer["stream"], key
        if expect < 300:
            await self._again(key, address, name, answer, content)
        return answer

    async def post_plain(self, key: str, address: str, **content: Any) -> Json:
        return await self._perhaps_dying(super().post_plain(key, address, **content))

    async def ask(self, person: str, item: str, purpose: str, **context: Any) -> Json:
        return await self._perhaps_dying(super().ask(person, item, purpose, **context))

    async def _perhaps_dying(self, sending: Awaitable[Json], name: str | None = None) -> Json:
        self._countdown -= 1
        if self._countdown != -1:
            return await sending
        return await self._dying(sending, name)

    async def _dying(self, sending: Awaitable[Json], name: str | None) -> Json:
        cell = self.cells[self._step, self._victim]
        answering = asyncio.ensure_future(sending)
        await asyncio.sleep(self._chance.uniform(0, LONGEST_PAUSE))
        before = answering.done()
        killed = time.monotonic()
        self._supervisor.kill(*WHO[self._victim])
        cell.times += 1
        if name is not None:
            self.by[name] = (self._step, self._victim)
        answer = await answering
        if before:
            # Its answer had left already: the first one after the kill is another's.
            await self._first_answer()
        cell.seconds.append(time.monotonic() - killed)
        await self._all_answer()
        return answer

    async def _first_answer(self) -> None:
        """Of what needs all of them: a question that nobody asked is answered, which only the
        request's own workflow can refuse."""
        address = f"/v1/requests/{self.request}/answers" if self.request else "/v1/drafts"
        content = {"command_id": _new_name(), "question": _new_name(), "answer": "Invented."}
        signed = await self.signed(self.asker)
        answer = await self._insist("POST", address, signed, json=content)
        if answer.status_code not in (404, 409, 422):
            raise UnexpectedError(f"POST {address}: {answer.status_code} {answer.text[:300]}")

    async def _all_answer(self) -> None:
        """Wait until everything is there again, as the supervisor sees it."""
        await self._supervisor.healthy()
        while True:
            with contextlib.suppress(httpx.HTTPError):
                async with httpx.AsyncClient() as client:
                    await client.get(f"http://{HOST}:{self.settings.gateway_port}/")
                    return
            await asyncio.sleep(0.1)

    async def _not_too_often(self, *names: str) -> None:
        """Wait until one more death of these is none too many for the supervisor."""
        for name in names:
            deaths = self._supervisor.children[name].deaths
            if len(deaths) >= DEATHS - 1:
                left = deaths[1 - DEATHS] + WITHIN - time.monotonic()
                await asyncio.sleep(max(0, left))

    async def _again(self, key: str, address: str, name: str, answer: Json, content: Json) -> None:
        """Remember the answer; sent once more, the command must get the same."""
        self.answers[name] = answer
        if name in self.by:
            repeated = await super().post(key, address, command_id=name, **content)
            if repeated != answer:
                self.cells[self.by[name]].lost += 1


def _new_name() -> str:
    return str(uuid.uuid4())


async def one_round(round_: int, chance: random.Random) -> tuple[Killing, list[str]]:
    """Play the three stories once; returns the stage and what was not as it must be."""
    home = Path(tempfile.mkdtemp(prefix="accord-kills-"))
    stage = Killing(home, chance)
    wrong: list[str] = []
    try:
        await stage.open()
        victims, wrong_steps, so_far = list(WHO), [], 0
        for chapter, (_, steps) in enumerate(chapters(Story(stage)), 1):
            for number, (title, play) in enumerate(steps, 1):
                step, so_far = f"{chapter}.{number}", so_far + 1
                victim = victims[(round_ + so_far) % len(victims)]
                await stage.begin(step, victim)
                await play()
                if not stage.cells[step, victim].times:
                    wrong_steps.append(f"nothing died in step {step}")
                print(f"  {step} {victim} died. {title}", flush=True)
        wrong = wrong_steps + await judge(stage)
    except UnexpectedError as error:
        wrong = [f"the stories stopped: {error}"]
    finally:
        await stage.close()
        shutil.rmtree(home, ignore_errors=True)
    return stage, wrong


async def judge(stage: Killing) -> list[str]:
    """Is everything there, once, and do streams and workflows agree?"""
    store = Store(stage.settings.database)
    client = await bootstrap.connect(stage.settings)
    wrong = await disagreements(store, client, within=90)
    with store.read() as connection:
        held = Counter(connection.execute(sa.select(entries.c.command)).scalars())
        rows = connection.execute(sa.select(entries.c.command, entries.c.id))
        placed = {row.command: row.id for row in rows}
    for name, answer in stage.answers.items():
        there = held[name] and placed[name] == answer["entry"]
        if not there:
            wrong.append(f"an answered command is not in the ledger: {name}")
        if name in stage.by:
            stage.cells[stage.by[name]].lost += not there
            stage.cells[stage.by[name]].doubled += max(held[name] - 1, 0)
    export = io.BytesIO()
    leaves.export(store, export)
    found = figures(export.getvalue().splitlines(keepends=True))
    if found["story"] != "complete":
        wrong.append(f"the stories are not complete: {found['steps']} steps of {len(STEPS)}")
    print(
        f"  {found['ledger_entries']} entries, {len(stage.answers)} commands, "
        f"verified: {found['ledger_verified']}; streams and workflows "
        + ("agree." if not wrong else "do not agree.")
    )
    store.close()
    return wrong


def table(cells: dict[tuple[str, str], Cell]) -> str:
    """Step by victim."""
    lines = [f"{'step':<6}{'killed':<10}{'times':>6}{'lost':>6}{'doubled':>9}{'seconds':>9}"]
    for (step, victim), cell in sorted(cells.items()):
        longest = f"{max(cell.seconds):.1f}" if cell.seconds else "-"
        lines.append(
            f"{step:<6}{victim:<10}{cell.times:>6}{cell.lost:>6}{cell.doubled:>9}{longest:>9}"
        )
    total = Cell(
        *(sum(getattr(c, n) for c in cells.values()) for n in ("times", "lost", "doubled"))
    )
    every = sorted(each for cell in cells.values() for each in cell.seconds)
    half = f"{every[len(every) // 2]:.1f}" if every else "-"
    lines.append(
        f"{'all':<16}{total.times:>6}{total.lost:>6}{total.doubled:>9}"
        f"{max(every, default=0):>9.1f} (half within {half})"
    )
    return "\n".join(lines)


async def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python3 tests kills",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rounds", type=int, default=len(WHO))
    parser.add_argument("--seed", type=int, default=None)
    told = parser.parse_args()
    seed = told.seed if told.seed is not None else random.randrange(10**6)
    print(f"Seed {seed}.")
    chance = random.Random(seed)
    cells: dict[tuple[str, str], Cell] = defaultdict(Cell)
    wrong: list[str] = []
    for number in range(told.rounds):
        print(f"Round {number + 1}", flush=True)
        began = time.monotonic()
        stage, found = await one_round(number, chance)
        print(f"  {time.monotonic() - began:.0f} seconds", flush=True)
        wrong += [f"round {number + 1}: {each}" for each in found]
        for key, cell in stage.cells.items():
            total = cells[key]
            total.times += cell.times
            total.lost += cell.lost
            total.doubled += cell.doubled
            total.seconds += cell.seconds
    print("\n" + table(cells))
    for each in wrong:
        print(each)
    print("Nothing was lost, nothing was doubled." if not wrong else "Not everything held.")
    return 1 if wrong or any(cell.lost or cell.doubled for cell in cells.values()) else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))

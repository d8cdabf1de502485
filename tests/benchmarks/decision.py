"""(b) One answer of the decision point, beside a hand-written look-up of the same answer.

The look-up is what one would write who trusts one query: no rules, no refusals with their
reasons, no obligations, no record. Its second form also keeps a row of having been asked,
as durable as the decision point's own record; the third and fourth are Accord's answer,
within the process and over HTTP. All four take turns.

Then as many askers at once as `AT_ONCE` says, each asking again as soon as it has its answer:
answers per second, beside one asker alone. Their records share commits.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

import httpx
import machine
import sqlalchemy as sa
from house import House, opened
from machine import Line

from policies.codec import instant
from policies.use import SLICE_OBLIGATION, UseQuestion
from services import example, first_look

TIMES = 400
QUICK = 100
AT_ONCE = (1, 8, 32)
FOR_SECONDS = 5.0
FOR_SECONDS_QUICK = 2.0
ASKED = sa.Table(
    "bench_asked",
    sa.MetaData(),
    sa.Column("id", sa.String(200), primary_key=True),
    sa.Column("person", sa.String(200), nullable=False),
    sa.Column("yes", sa.Boolean, nullable=False),
)
LOOK_UP = sa.text("""
    SELECT s.state FROM grant_people p
    JOIN grant_items i ON i."grant" = p."grant"
    JOIN streams s ON s.id = p."grant"
    WHERE p.person = :person AND i.item = :item
      AND EXISTS (SELECT 1 FROM confirmations c WHERE c.item = i.item)
      AND NOT EXISTS (SELECT 1 FROM restrictions r WHERE r.status <> 'lifted')
""")

Ask = Callable[[], Awaitable[bool]]


async def measure(databases: Sequence[str], quick: bool) -> list[Line]:
    """Measure a yes and a no on each of `databases`."""
    lines = []
    for database in databases:
        async with opened(database, "portal") as house:
            await first_look.first_grant(house.accord)
            await _issued(house)
            for case, purpose in (("yes", first_look.FIRST_PURPOSE), ("no", "something-else")):
                async with httpx.AsyncClient(base_url=house.accord.settings.url) as web:
                    ways = await _ways(house, web, purpose)
                    for ask in ways.values():
                        assert await ask() is (case == "yes")
                    spent = await _in_turn(ways, QUICK if quick else TIMES)
                    lines += _lines(f"{database}, {case}", spent)
                    for name in ("decide", "over HTTP"):
                        seconds = FOR_SECONDS_QUICK if quick else FOR_SECONDS
                        found = [await _at_once(ways[name], n, seconds) for n in AT_ONCE]
                        lines += _rates(f"{database}, {case}: {name}", found)
            machine.say(f"  {database}; {machine.load()}")
    return lines


async def _issued(house: House) -> None:
    """The grant follows from its request's acceptance, a moment later."""
    question = await _question(house, first_look.FIRST_PURPOSE)
    while not await _hand_written(house, question, keep=False):
        await asyncio.sleep(0.1)


async def _question(house: House, purpose: str) -> UseQuestion:
    person = await asyncio.to_thread(first_look.person_of, house.accord, "researcher")
    return UseQuestion(
        person, "use.read", first_look.FIRST_ITEM, purpose, None, frozenset({SLICE_OBLIGATION})
    )


async def _ways(house: House, web: httpx.AsyncClient, purpose: str) -> dict[str, Ask]:
    accord = house.accord
    question = await _question(house, purpose)
    credential = (accord.settings.home / example.CREDENTIAL_FILE).read_text(encoding="utf-8")
    gateway = accord.decisions.gateway(credential)
    asked = {
        "subject": {"type": "person", "id": question.subject},
        "action": {"name": question.act},
        "resource": {"type": "item", "id": question.item},
        "context": {"purpose": purpose, "obligations_supported": [SLICE_OBLIGATION]},
    }
    with accord.store.write() as connection:
        ASKED.create(connection, checkfirst=True)

    async def decided() -> bool:
        answers = await accord.decisions.decide(gateway, [question])
        return answers.told[0].answer.decision

    async def over_http() -> bool:
        answer = await web.post(
            "/access/v1/evaluation", json=asked, headers={"Authorization": f"Bearer {credential}"}
        )
        yes: bool = answer.json()["decision"]
        return yes

    return {
        "look-up": lambda: _hand_written(house, question, keep=False),
        "look-up and a row": lambda: _hand_written(house, question, keep=True),
        "decide": decided,
        "over HTTP": over_http,
    }


async def _hand_written(house: House, question: UseQuestion, *, keep: bool) -> bool:
    return await asyncio.to_thread(_looked_up, house, question, keep)


def _looked_up(house: House, question: UseQuestion, keep: bool) -> bool:
    store, now = house.accord.store, datetime.now(UTC)
    with store.read() as connection:
        found = connection.execute(
            LOOK_UP, {"person": question.subject, "item": question.item}
        ).scalars()
        states = [json.loads(each) if isinstance(each, str) else each for each in found]
    yes = any(
        state["status"] == "active"
        and state["terms"]["purpose"] == question.purpose
        and question.act in state["terms"]["acts"]
        and instant(state["terms"]["ends_at"]) > now
        and not any(
            duty["standing"] == "owed" and instant(duty["terms"]["due_at"]) <= now
            for duty in state["duties"].values()
        )
        for state in states
    )
    if keep:
        row = {"id": str(uuid.uuid4()), "person": question.subject, "yes": yes}
        with store.write() as connection:
            connection.execute(sa.insert(ASKED), row)
    return yes


async def _in_turn(ways: dict[str, Ask], times: int) -> dict[str, list[float]]:
    """Milliseconds of each way, after a few that do not count."""
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for number in range(-10, times):
        for name, ask in ways.items():
            began = time.perf_counter()
            await ask()
            if number >= 0:
                spent[name].append(1000 * (time.perf_counter() - began))
    return spent


def _lines(case: str, spent: dict[str, list[float]]) -> list[Line]:
    bare = statistics.median(spent["look-up"])
    kept = statistics.median(spent["look-up and a row"])
    lines = []
    for name, found in spent.items():
        median = statistics.median(found)
        figure = f"p50 {median:.1f} ms, p99 {machine.quantile(found, 0.99):.1f} ms"
        ratio = f"; {median / bare:.1f} × look-up, {median / kept:.1f} × with a row"
        lines.append(Line("decision", f"{case}: {name}", figure + ratio))
    return lines


async def _at_once(ask: Ask, askers: int, seconds: float) -> tuple[int, float, list[float]]:
    """`askers` for so many seconds; returns how many they were, the answers per second, and the
    milliseconds that each answer took."""
    spent: list[float] = []
    end = time.perf_counter() + seconds

    async def asker() -> None:
        while (began := time.perf_counter()) < end:
            await ask()
            spent.append(1000 * (time.perf_counter() - began))

    began = time.perf_counter()
    await asyncio.gather(*(asker() for _ in range(askers)))
    return askers, len(spent) / (time.perf_counter() - began), spent


def _rates(case: str, found: list[tuple[int, float, list[float]]]) -> list[Line]:
    alone = found[0][1]
    return [
        Line(
            "decision",
            f"{case}, {askers} at once",
            f"{rate:.0f} a second ({rate / alone:.1f} × one at a time); "
            f"p50 {statistics.median(spent):.1f} ms, p99 {machine.quantile(spent, 0.99):.1f} ms",
        )
        for askers, rate, spent in found
    ]

"""Every point at which something waits is left alone for 400 days of virtual time: once in a few
jumps, once in a single one.

Nothing approves, nothing is forgotten, everyone who should be told is told once at each agreed
time; and whoever comes back afterwards can still go on. Which days those are is worked out with
the `holidays` package and what the bodies have said, not with Accord's own calendar.
"""

from __future__ import annotations

import io
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta

import pytest
import sqlalchemy as sa
from agreement import disagreements
from left_alone import APPLICANT, DESK, WAYS, ZONE, LeftAlone, Point, Waits, with_an_agency
from stack import Stack

from services.store import leaves
from services.store.schema import messages
from services.store.session import Store

DAYS = 400
LANDINGS = (4, 8, 30, 47, 150, 352)
"""After so many days time stands still for a moment, and once more when all of them are over."""
OF_THE_CLOCK = {"Reminded", "DelegateCalled", "Escalated", "Forwarded", "DutyReminded",
                "AccessPaused", "Ended", "AwaitingLifting", "LapsePassed"}  # fmt: skip

Happened = tuple[datetime, str, dict[str, object]]


class Alone:
    """One world's points, left alone; what happened meanwhile, by the ledger."""

    def __init__(self, stack: Stack, agency: str, landings: tuple[int, ...]) -> None:
        self.here = LeftAlone(stack, agency)
        self.here.begin()
        self.stack = stack
        self.store = Store(stack.settings.database)
        self.statuses = {each.stream: self._status(each) for each in self.here.points}
        self.begun = {each.stream: len(self._entries()[each.stream]) for each in self.here.points}
        self.landed = [self.here.now()]
        gone = 0
        for landing in (*landings, DAYS):
            stack.advance(landing - gone)
            gone = landing
            # Timers fire as soon as Temporal hears of it; what follows takes a moment.
            stack.run(self._quiet())
            self.landed.append(self.here.now())
        self.found = self._entries()

    async def _quiet(self) -> None:
        assert await disagreements(self.store, await self.stack.temporal(), within=60) == []

    def _status(self, point: Point) -> str:
        kind = point.stream.partition("-")[0]
        who = "river-secretary" if kind != "request" else None
        if who is None:
            who = "river-member-4" if point.name == "holder silent" else "researcher"
        answer = self.stack.client(who).get(f"/v1/{kind}s/{point.stream}")
        assert answer.is_success, (point.name, answer.text)
        return str(answer.json()["status"])

    def _entries(self) -> dict[str, list[dict[str, object]]]:
        export = io.BytesIO()
        leaves.export(self.store, export)
        found: dict[str, list[dict[str, object]]] = defaultdict(list)
        for line in export.getvalue().splitlines():
            entry = json.loads(line).get("entry")
            if entry:
                found[entry["stream"]].append(entry)
        return {each: sorted(told, key=lambda e: e["sequence"]) for each, told in found.items()}

    def happened(self, point: Point) -> list[Happened]:
        """What happened to it while it was left alone."""
        return [
            (datetime.fromisoformat(entry["at"]), event["type"], event["data"])
            for entry in self.found[point.stream][self.begun[point.stream] :]
            for event in entry["events"]
        ]  # fmt: skip

    def landing(self, at: datetime) -> datetime:
        """When time stood still last, before or at `at`: that is when a timer could fire."""
        return max(each for each in self.landed if each <= at + timedelta(minutes=5))

    def landing_after(self, day: date) -> datetime | None:
        """The first moment of standing still on which that day had come."""
        begins = datetime.combine(day, time(0), ZONE)
        return next((each for each in self.landed if each >= begins), None)


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with Stack() as running:
        yield running


@pytest.fixture(scope="module")
def agency(stack: Stack) -> str:
    return with_an_agency(stack)


@pytest.fixture(scope="module", params=["in a few jumps", "in one"])
def alone(stack: Stack, agency: str, request: pytest.FixtureRequest) -> Alone:
    return Alone(stack, agency, LANDINGS if request.param == "in a few jumps" else ())


def test_left_alone(alone: Alone) -> None:
    """All of it in one test: the points wait side by side, since virtual time is dear."""
    wrong: list[str] = []
    for point in alone.here.points:
        happened = alone.happened(point)
        told = {event for _, event, _ in happened}
        if strange := told - OF_THE_CLOCK:
            wrong.append(f"{point.name}: {sorted(strange)} happened of itself")
        wrong += [f"{point.name}: {each}" for each in differences(alone, point, happened)]
        status = alone._status(point)
        wanted = point.after or (
            "deciding" if "Forwarded" in told else alone.statuses[point.stream]
        )
        if status != wanted:
            wrong.append(f"{point.name} is {status}, not {wanted}")
    assert not wrong, "\n".join(wrong)
    everyone_was_told(alone)
    for point in alone.here.points:
        point.finish()


def differences(alone: Alone, point: Point, happened: list[Happened]) -> list[str]:
    """What came of itself, beside what was agreed: every moment at which time stood still has
    what fell due since the one before, once."""
    wanted: Counter[tuple[datetime, str, str, int]] = Counter()
    for event, at in point.dates.items():
        landing = next((each for each in alone.landed if each >= at), None)
        if landing is not None:
            wanted[landing, event, "", 0] += 1
    waits = list(point.waits)
    if any(each.who == DESK for each in waits):
        # Forwarded, the bodies are waited for, from that very moment on.
        (at,) = (at for at, event, _ in happened if event == "Forwarded")
        waits += [Waits(each, at.astimezone(ZONE).date()) for each in ("river", "ethics")]
    for wait in waits:
        agreed = alone.here.told_on(wait)
        forwarded = {alone.landing_after(day) for day in agreed.get("Forwarded", [])}
        for event, days in agreed.items():
            reached = [alone.landing_after(day) for day in days]
            # Forwarded in that very moment, the desk is waited for no more.
            late = forwarded if event == "Reminded" else set()
            for landing in {each for each in reached if each is not None} - late:
                so_far = sum(each is not None and each <= landing for each in reached)
                count = so_far if event == "Reminded" else 0
                wanted[landing, event, name_of(alone, wait.who, event), count] += 1
    found = Counter(
        (alone.landing(at), *said) for at, event, data in happened for said in told(event, data)
    )
    return [f"missing: {each}" for each in (wanted - found)] + [
        f"beside what was agreed: {each}" for each in (found - wanted)
    ]


def told(event: str, data: dict[str, object]) -> list[tuple[str, str, int]]:
    """An event as (what, who, how often by now)."""
    if event == "Reminded":
        times = data["times"]
        assert isinstance(times, dict)
        return [(event, who, count) for who, count in times.items()]
    if event in ("DelegateCalled", "Escalated"):
        return [(event, str(data["body"]), 0)]
    return [(event, "", 0)]


def name_of(alone: Alone, who: str, event: str) -> str:
    if event == "Forwarded":
        return ""
    return who if who in (APPLICANT, DESK) else alone.here.bodies[who]


def everyone_was_told(alone: Alone) -> None:
    """For each time that somebody was reminded there is one message to each of those who do
    that body's errands, or one in their Monday's digest; and none beside."""
    with alone.store.read() as connection:
        rows = list(connection.execute(sa.select(messages)))
    by_stream = Counter(
        (row.facts["stream"], row.person, row.created_at) for row in rows if "stream" in row.facts
    )
    assert max(by_stream.values()) == 1, [each for each, n in by_stream.items() if n > 1]
    people = alone.stack.people
    for point in alone.here.points:
        for entry in alone.found[point.stream][alone.begun[point.stream] :]:
            for event in entry["events"]:  # type: ignore[attr-defined]
                said = {who for _, who, _ in told(event["type"], event["data"]) if who}
                for who in said if event["type"] == "Reminded" else ():
                    keys = {row.key for row in rows if row.created_at == entry["at"]}
                    key = next((k for k, id_ in alone.here.bodies.items() if id_ == who), "")
                    if who == DESK:
                        key = "island-b"
                    if who == APPLICANT:
                        assert any(key.startswith(str(entry["id"])) for key in keys), point.name
                    elif WAYS[key].digest:
                        assert any(
                            key.startswith(f"digest.{who}.") for key in {r.key for r in rows}
                        )
                    else:
                        secretary = people[f"{key}-secretary"]
                        body = alone.here.bodies[key]
                        assert f"{entry['id']}.{body}.{secretary}" in keys, point.name

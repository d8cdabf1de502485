"""Every point at which something waits for somebody, each reached over HTTP among the invented
bodies; who is to be told of it and on which days, by a telling of the calendar of its own; and how
somebody who comes back much later goes on from there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import holidays
import stack as steps
from stack import INCOME, SMALL, SURVEY, WORDS, Stack, command, ok

Json = dict[str, Any]
ZONE = ZoneInfo("Pacific/Auckland")
APPLICANT, DESK = "applicant", "desk"
APPLICANT_DAYS, REVIEW_AFTER, DESK_DAYS = (5, 10, 20), 20, 3
REGISTER = "example_register.gardens.kept_by"
HILL = ("example-hill-people", "example-newcomer-people")
LONG = 800
"""Days for which grants are asked that must outlast being left alone."""


@dataclass(frozen=True)
class Ways:
    """How one of the bodies wishes to be told, as it says over the API."""

    days: tuple[int, ...]
    then: str | None = None
    then_after: int = 30
    region: str | None = None
    closed: tuple[int, int] | None = None
    """From so many days after the beginning until so many."""
    digest: bool = False


WAYS = {
    "river": Ways((5, 15), "river-member-2", 25, "WGN", (12, 20)),
    "hill": Ways((10, 20)),
    "ethics": Ways((7, 30), "ethics-member-3", 30, None, None, digest=True),
    "island-b": Ways((2, 4), region="AUK"),
    "agency": Ways((4, 8), "agency-officer", 12),
}


@dataclass
class Waits:
    """One who is waited for: since when, told how, and on which days the clock stood."""

    who: str
    since: date
    stands: bool = False


@dataclass
class Point:
    """A request, a grant or a restriction that is left alone."""

    name: str
    stream: str
    waits: list[Waits] = field(default_factory=list)
    dates: dict[str, datetime] = field(default_factory=dict)
    """Event to the instant at which it comes of itself."""
    finish: Callable[[], None] = lambda: None
    """What somebody does who comes back; fails where it cannot be done."""
    after: str = ""
    """The stream's status once all that was agreed has come of itself."""


def working_day(since: date, number: int, region: str | None, closed: list[date]) -> date:
    """The day by which so many working days have passed after `since`."""
    public = holidays.country_holidays("NZ", subdiv=region, years=range(since.year, since.year + 4))
    day = since
    while number:
        day += timedelta(days=1)
        number -= day.weekday() < 5 and day not in public and day not in closed
    return day


def day_of(at: datetime) -> date:
    return at.astimezone(ZONE).date()


class LeftAlone:
    """The points of one world, all begun on the same day."""

    def __init__(self, stack: Stack, agency: str) -> None:
        """`agency` is the body that holds the register."""
        self.stack = stack
        self.bodies = {**stack.bodies, "agency": agency}
        self.began = day_of(self.now())
        self.points: list[Point] = []

    def now(self) -> datetime:
        # In UTC: a day of the service clock has 24 hours, also where summer time ends.
        return datetime.now(UTC) + timedelta(days=self.stack.ahead)

    def closed(self, key: str) -> list[date]:
        """The days on which that body is closed."""
        ways = WAYS.get(key)
        if ways is None or ways.closed is None:
            return []
        first, last = ways.closed
        return [self.began + timedelta(days=each) for each in range(first, last + 1)]

    def told_on(self, wait: Waits) -> dict[str, list[date]]:
        """What follows from this wait, and on which days: reminders, the body's delegate, the
        reviewer, the desk's forwarding."""
        if wait.stands:
            return {}
        if wait.who == APPLICANT:
            days = [working_day(wait.since, each, None, []) for each in APPLICANT_DAYS]
            return {"Reminded": days}
        key = "island-b" if wait.who == DESK else wait.who
        ways = WAYS[key]

        def after(number: int) -> date:
            return working_day(wait.since, number, ways.region, self.closed(key))

        found = {"Reminded": [after(each) for each in ways.days]}
        if ways.then is not None:
            found["DelegateCalled"] = [after(ways.then_after)]
        if wait.who == "agency":
            found["Escalated"] = [after(REVIEW_AFTER)]
        if wait.who == DESK:
            # Until then it is reminded; from then on it is not waited for.
            forwarded = after(DESK_DAYS)
            found = {
                "Reminded": [each for each in found["Reminded"] if each < forwarded],
                "Forwarded": [forwarded],
            }
        return found

    # ---- beginning ----

    def settle(self) -> None:
        """Each body says how it is told and when it is closed."""
        for key, ways in WAYS.items():
            address = f"/v1/bodies/{self.bodies[key]}"
            secretary = self.stack.client(f"{key}-secretary")
            closures = [
                {"first": days[0].isoformat(), "last": days[-1].isoformat(), "kind": "closure"}
                for days in [self.closed(key)] if days
            ]  # fmt: skip
            sent = command(region=ways.region, closures=closures)
            ok(secretary.post(f"{address}/calendar", json=sent))
            told = command(
                days=list(ways.days), then=self.stack.people[ways.then] if ways.then else None,
                then_after=ways.then_after, digest=ways.digest,
            )  # fmt: skip
            ok(secretary.post(f"{address}/reminders", json=told))

    def begin(self) -> None:
        """Reach every point."""
        self.settle()
        for each in (
            self._asked, self._question, self._declined, self._agreed, self._meeting,
            self._principle, self._disputed, self._holder, self._report, self._disposal,
            self._expiring, self._returned, self._at_desk, self._restricted,
            # In its pause a body says nothing to what all share, a desk for one.
            self._paused,
        ):  # fmt: skip
            each()

    def _submit(self, **content: Any) -> str:
        return steps.submit_request(self.stack, ends_on=self._in(LONG), **content)

    def _in(self, days: int) -> str:
        return (day_of(self.now()) + timedelta(days=days)).isoformat()

    def _waits(self, *who: str, stands: tuple[str, ...] = ()) -> list[Waits]:
        return [Waits(each, self.began, each in stands) for each in who]

    def _at(self, who: str, request: str, what: str, **content: Any) -> Json:
        client = self.stack.client(who)
        seen = ok(client.get(f"/v1/requests/{request}"))["sequence"]
        sent = command(seen=seen, **content)
        found: Json = ok(client.post(f"/v1/requests/{request}/{what}", json=sent))
        return found

    def _asked(self) -> None:
        request = self._submit()
        self.points.append(
            Point("bodies asked", request, self._waits("river", "ethics"),
                  finish=lambda: self._to_the_end(request, "river", "ethics"))
        )  # fmt: skip

    def _question(self) -> None:
        request = self._submit()
        body = self.bodies["river"]
        asked = self._at("river-member-1", request, "questions", body=body, question="Invented?")

        def finish() -> None:
            self._at("researcher", request, "answers", question=asked["command"], answer="Yes.")
            self._to_the_end(request, "river", "ethics")

        waits = self._waits("river", "ethics", APPLICANT, stands=("river",))
        self.points.append(Point("question open", request, waits, finish=finish))

    def _declined(self) -> None:
        request = self._submit()
        steps.decline(self.stack, request, "river")

        def finish() -> None:
            self._at("researcher", request, "justifications", justification="Invented.")
            self._to_the_end(request, "ethics")

        waits = self._waits(APPLICANT)
        self.points.append(Point("after a decline", request, waits, finish=finish))

    def _agreed(self) -> None:
        request = self._submit()
        steps.approve(self.stack, request, "river", "ethics")
        self.points.append(
            Point("agreed and not accepted", request, self._waits(APPLICANT),
                  finish=lambda: self._to_the_end(request))
        )  # fmt: skip

    def _meeting(self) -> None:
        request, body = self._submit(), self.bodies["river"]
        self._at("river-member-1", request, "meetings", body=body, meeting="wananga")

        def finish() -> None:
            day = day_of(self.now()).isoformat()
            self._at("river-member-1", request, "meetings/held", body=body, held_on=day)
            self._to_the_end(request, "river", "ethics")

        waits = self._waits("river", "ethics", stands=("river",))
        self.points.append(Point("meeting asked", request, waits, finish=finish))

    def _principle(self) -> None:
        request, body = self._submit(), self.bodies["river"]
        steps.speak(self.stack, request, "river")
        self._at(
            "river-secretary", request, "conclusions", body=body, outcome="in_principle",
            depends_on=["funding"],
        )  # fmt: skip
        self.points.append(
            Point("in principle", request, self._waits("river", "ethics"),
                  finish=lambda: self._to_the_end(request, "river", "ethics"))
        )  # fmt: skip

    def _disputed(self) -> None:
        request, body = self._submit(), self.bodies["river"]
        written = steps.hui(self.stack, request, "river")
        steps.approve(self.stack, request, "ethics")
        pages = ok(
            self.stack.client("river-secretary").post(
                f"/v1/requests/{request}/read-backs",
                json=command(body=body, entry=written["entry"]),
            )
        )
        said = command(code=pages[0]["code"], words="Invented: I was not there.")
        dispute = ok(self.stack.anonymous.post("/v1/disputes", json=said))

        def finish() -> None:
            # Not by who wrote the record, nor by who disputes it.
            who = next(
                key for key in ("river-member-3", "river-member-4")
                if self.stack.people[key] != pages[0]["person"]
            )  # fmt: skip
            self._at(who, request, "dispute-answers", body=body, dispute=dispute["command"],
                     stands=True, answer="Invented: it stands.")  # fmt: skip
            self._to_the_end(request)

        self.points.append(Point("disputed", request, self._waits("river"), finish=finish))

    def _holder(self) -> None:
        stack, who = self.stack, "river-member-4"
        content = steps.draft_content(
            stack, items=(REGISTER,), peoples=("example-river-people",), purpose="example-own",
            people=(who,), ends_on=self._in(LONG), level="aggregate",
        )  # fmt: skip
        content["for_body"] = self.bodies["river"]
        draft = ok(stack.client(who).post("/v1/drafts", json=content))
        sent = command(version=draft["version"])
        made = ok(stack.client(who).post(f"/v1/drafts/{draft['id']}/submit", json=sent))
        request = str(made["stream"])
        steps.speak(stack, request, "river")
        steps.conclude(stack, request, "river")

        def finish() -> None:
            body = self.bodies["agency"]
            self._at("agency-officer", request, "voices", body=body, voice="approve")
            self._at("agency-secretary", request, "conclusions", body=body, outcome="approve")
            steps.accept(stack, request, who)

        waits = self._waits("agency")
        self.points.append(Point("holder silent", request, waits, finish=finish))

    def _paused(self) -> None:
        request = self._submit(peoples=HILL)
        address = f"/v1/bodies/{self.bodies['hill']}/pauses"
        begun = command(kind="mourning", first=self.began.isoformat(), last=None)
        made = ok(self.stack.client("hill-secretary").post(address, json=begun))

        def finish() -> None:
            over = command(pause=made["command"])
            ok(self.stack.client("hill-secretary").post(f"{address}/ended", json=over))
            self._to_the_end(request, "hill", "ethics")

        waits = self._waits("hill", "ethics", stands=("hill",))
        self.points.append(Point("in a pause", request, waits, finish=finish))

    def _restricted(self) -> None:
        """A request whose clocks stand under a restriction; and the restriction, whose review
        passes."""
        request = self._submit(items=(INCOME,))
        review = self.began + timedelta(days=10)
        sent = command(
            body=self.bodies["river"], words="Invented.", authority="Invented.",
            scope={"slice": {"peoples": ["example-river-people"]}, "items": [INCOME]},
            review_on=review.isoformat(),
        )  # fmt: skip
        made = ok(self.stack.client("river-secretary").post("/v1/restrictions", json=sent))
        over = datetime.combine(review + timedelta(days=1), datetime.min.time(), ZONE)
        both = self._waits("river", "ethics", stands=("river", "ethics"))
        self.points += [
            Point("review passed", made["stream"], dates={"AwaitingLifting": over},
                  after="awaiting_lifting",
                  finish=lambda: steps.lift(self.stack, made["stream"])),
            Point("under a restriction", request, both,
                  finish=lambda: self._to_the_end(request, "river", "ethics")),
        ]  # fmt: skip

    def _report(self) -> None:
        grant = self._granted(LONG)
        due = datetime.fromisoformat(self._duty(grant)["due_at"])
        dates = {"DutyReminded": due - timedelta(days=14), "AccessPaused": due}

        def finish() -> None:
            asked = steps.question(self.stack, purpose=self._purpose(LONG))
            assert steps.ask(self.stack, asked)["context"]["code"] == "duty_overdue"
            self._reported(grant)
            assert steps.ask(self.stack, asked)["decision"] is True

        self.points.append(Point("report owed", grant, [], dates, finish, "active"))

    def _disposal(self) -> None:
        grant = self._granted(LONG)
        self._reported(grant)
        ok(self.stack.client("researcher").post(f"/v1/grants/{grant}/end", json=command()))
        point = Point("disposal owed", grant, [], {}, lambda: self._disposed(grant), "ended")
        self.points.append(point)

    def _expiring(self) -> None:
        grant = self._granted(60)
        due = datetime.fromisoformat(self._duty(grant)["due_at"])
        dates = {
            "DutyReminded": due - timedelta(days=14), "AccessPaused": due, "Ended": due,
        }  # fmt: skip

        def finish() -> None:
            self._reported(grant)
            self._disposed(grant)

        self.points.append(Point("grant running out", grant, [], dates, finish, "ended"))

    def _returned(self) -> None:
        self._with_a_desk(self.bodies["island-b"])
        stack, client = self.stack, self.stack.client("researcher")
        content = steps.draft_content(stack, ends_on=self._in(LONG))
        draft = ok(client.post("/v1/drafts", json=content))
        sent = command(version=draft["version"])
        request = str(ok(client.post(f"/v1/drafts/{draft['id']}/submit", json=sent))["stream"])
        body = self.bodies["island-b"]
        self._at("island-b-secretary", request, "returns", body=body, missing="Invented.")

        def finish() -> None:
            self._at("researcher", request, "resubmission", draft=draft["id"], version=1)
            self._at("island-b-secretary", request, "forwarding", body=body)
            self._to_the_end(request, "river", "ethics")

        waits = self._waits(APPLICANT)
        self.points.append(Point("returned by the desk", request, waits, finish=finish))

    def _at_desk(self) -> None:
        request = self._submit()
        self.points.append(
            Point("at the desk", request, self._waits(DESK),
                  finish=lambda: self._to_the_end(request, "river", "ethics"))
        )  # fmt: skip
        self._with_a_desk(None)

    # ---- what the points have in common ----

    def _with_a_desk(self, subject: str | None) -> None:
        days = DESK_DAYS if subject else None
        agree(self.stack, self.bodies, kind="desk", subject=subject, days=days)

    def _granted(self, days: int) -> str:
        until = (day_of(self.now()) + timedelta(days=days)).isoformat()
        _, grant = steps.granted(self.stack, ends_on=until, purpose=self._purpose(days))
        return grant

    def _purpose(self, days: int) -> str:
        """Another one each time: grants of a world before may still be in force."""
        return f"example-for-{days}-days-from-{self.began.isoformat()}"

    def _duty(self, grant: str) -> Json:
        found = ok(self.stack.client("researcher").get(f"/v1/grants/{grant}"))
        duty: Json = found["duties"][0]
        return duty

    def _reported(self, grant: str) -> None:
        words = {name: "Invented." for name in ("findings", "benefits", "harms", "next_steps")}
        filed = command(duty="duty-1", words=words)
        ok(self.stack.client("researcher").post(f"/v1/grants/{grant}/reports", json=filed))
        read = command(body=self.bodies["river"], duty="duty-1", reply="Invented.")
        secretary = self.stack.client("river-secretary")
        ok(secretary.post(f"/v1/grants/{grant}/report-acceptances", json=read))

    def _disposed(self, grant: str) -> None:
        said = command(attestation="Invented.")
        ok(self.stack.client("researcher").post(f"/v1/grants/{grant}/disposal", json=said))
        seen = command(body=self.bodies["river"])
        secretary = self.stack.client("river-secretary")
        ok(secretary.post(f"/v1/grants/{grant}/disposal-acknowledgements", json=seen))

    def _to_the_end(self, request: str, *bodies: str) -> None:
        """Whoever is still waited for says yes, and the researcher accepts."""
        steps.approve(self.stack, request, *bodies)
        steps.accept(self.stack, request)


def agree(stack: Stack, bodies: dict[str, str], kind: str, **change: Any) -> None:
    """A change of what all share: the river body proposes it, each records its yes."""
    made = ok(
        stack.client("river-secretary").post(
            "/v1/proposals",
            json=command(body=bodies["river"], why="Invented.", kind=kind, **change),
        )
    )
    for key, body in bodies.items():
        if kind == "welcome" and change["subject"] == body:
            continue
        people = [stack.people["agency-officer"]] if key == "agency" else steps.speakers(stack, key)
        said = command(
            body=body, outcome="approve", voices=dict.fromkeys(people, "approve"),
            held_on="2026-01-15", minutes="Invented.",
        )  # fmt: skip
        address = f"/v1/proposals/{made['command']}/words"
        ok(stack.client(f"{key}-secretary").post(address, json=said))


def with_an_agency(stack: Stack) -> str:
    """An agency holds the register, and the bodies know it; they have named a reviewer. Returns
    the agency's body."""
    secretary, officer = (stack.people[f"agency-{each}"] for each in ("secretary", "officer"))
    entered = command(
        name="Example data agency", document="Invented.", kawa={"rule": "majority"},
        mandate={"capacities": ["holder"], "items": [REGISTER]},
        members=[{"person": secretary, "roles": ["secretary"]},
                 {"person": officer, "roles": ["member"]}],
    )  # fmt: skip
    client = stack.client("agency-secretary")
    agency = str(ok(client.post("/v1/bodies", json=entered))["stream"])
    bodies = {**stack.bodies, "agency": agency}
    agree(stack, bodies, kind="welcome", subject=agency)

    def welcome() -> bool:
        found = ok(stack.anonymous.get("/v1/bodies"))
        return any(each["id"] == agency and each["welcome"] for each in found)

    steps.until(welcome, "the welcome")
    steps.adopt(stack, "agency-secretary", agency, "example-holder")
    agree(stack, bodies, kind="reviewer", subject=stack.people["reviewer"])
    return agency


ASKED_FOR = (SURVEY, SMALL, WORDS)
"""What the stack's own requests ask for, unless a point says otherwise."""

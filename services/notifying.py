"""Who is told of what happened, and when: posted in the transaction of the entry itself.

A body chooses how it is told (`SetReminders`): at once, or all of a week together. A message
holds ids alone; its words are made when it is sent (`mail.py`). Telling decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import Connection

from policies import codec
from policies.body import events as body_events
from policies.body.commands import DEPLOYMENT
from policies.body.state import BodyState
from policies.grant import events as grant_events
from policies.grant.state import GrantState
from policies.machines import kind_of
from policies.request import events as request_events
from policies.request.commands import APPLICANT
from policies.request.state import RequestState
from policies.request.waiting import DESK
from policies.restriction import events as restriction_events
from services import calendar, messages
from services.people import all_bodies, speaking
from services.store import streams
from services.store.streams import Folded, Json, Stream

DIGEST_AT = time(8)
"""When a weekly digest goes out: Monday morning in New Zealand."""


def tell(
    connection: Connection, stream: Stream, happened: list[Any], entry: Json, folded: Folded
) -> None:
    """Post what follows from `entry` for people to know. The same entry posts nothing twice.
    `folded` are states that need not be read again."""
    told = _Told(connection, stream.id, entry, folded)
    match kind_of(stream.id):
        case "request":
            _request(told, stream.state, happened)
        case "grant":
            _grant(told, stream.state, happened)
        case "restriction":
            for event in happened:
                if isinstance(event, restriction_events.AwaitingLifting):
                    told.body(stream.state.body)
        case "body":
            _shared(told, stream.state, happened)


def _request(told: _Told, state: RequestState, happened: list[Any]) -> None:
    fresh = {who for who, wait in state.waits.items() if wait.since == told.at}
    again: set[str] = set()
    for event in happened:
        if isinstance(event, request_events.Reminded):
            again |= set(event.times)
        if isinstance(event, request_events.DelegateCalled):
            told.person(event.delegate, "body_waited_for", {"body": event.body})
        if isinstance(event, request_events.Escalated):
            told.person(event.reviewer, "body_waited_for", {"body": event.body})
    for who in sorted(fresh | again):
        if who == APPLICANT:
            asking = sorted({q.body for q in state.questions.values() if not q.answered})
            facts = {"body": asking[0]} if asking else {}
            kind = "answer_waited_for" if asking else "request_waits"
            told.person(state.applicant, kind, facts)
        elif who == DESK:
            told.body(state.pinned.desk if state.pinned else None)
        else:
            told.body(who)


def _grant(told: _Told, state: GrantState, happened: list[Any]) -> None:
    terms = state.terms
    if terms is None:
        return
    for event in happened:
        match event:
            case grant_events.DutyReminded() | grant_events.AccessPaused():
                due = calendar.today(state.duties[event.duty].terms.due_at)
                told.person(terms.applicant, "duty_due", {"due": due.isoformat()})
            case grant_events.ReportReturned():
                told.person(terms.applicant, "answer_waited_for", {"body": event.body})
            case grant_events.ReportFiled():
                told.bodies(state.duties[event.duty].terms.recipients)
            case grant_events.DisposalAttested():
                told.bodies(sorted(state.communities()))
            case grant_events.LapsePassed():
                told.body(event.body)
                told.person(terms.applicant, "request_waits", {})
            case grant_events.Ended():
                told.person(terms.applicant, "duty_due", {})


def _shared(told: _Told, state: BodyState, happened: list[Any]) -> None:
    for event in happened:
        if isinstance(event, body_events.Proposed):
            told.everybody()


class _Told:
    """Who has been told of one entry."""

    def __init__(self, connection: Connection, stream: str, entry: Json, folded: Folded) -> None:
        self._connection = connection
        self._folded = folded
        self._stream = stream
        self._entry = entry
        self.at: datetime = codec.instant(entry["at"])

    def person(self, person: str, kind: str, facts: Mapping[str, str]) -> None:
        """Tell one person, at once."""
        self._post(f"{self._entry['id']}.{kind}.{person}", person, kind, facts, None)

    def bodies(self, bodies: Iterable[str]) -> None:
        """Tell each of these bodies, in its own way."""
        for body in bodies:
            self.body(body)

    def body(self, body: str | None) -> None:
        """Tell those who do the body's errands: its secretaries; at once, or on Monday."""
        if body is None:
            return
        state: BodyState = streams.get(self._connection, body, self._folded).state
        facts = {"body": body}
        monday = _monday_after(calendar.today(self.at))
        for person, member in sorted(state.current(self.at).items()):
            if not member.roles & {"secretary", "operator"}:
                continue
            if state.reminders.digest:
                morning = datetime.combine(monday, DIGEST_AT, calendar.ZONE)
                key = f"digest.{body}.{person}.{monday.isoformat()}"
                self._post(key, person, "digest", facts, morning)
            else:
                key = f"{self._entry['id']}.{body}.{person}"
                self._post(key, person, "body_waited_for", facts, None)

    def everybody(self) -> None:
        """Tell every body that a change of what all share waits for its word."""
        self.bodies(sorted(speaking(all_bodies(self._connection, self.at)) - {DEPLOYMENT}))

    def _post(
        self,
        key: str,
        person: str,
        kind: str,
        facts: Mapping[str, str],
        not_before: datetime | None,
    ) -> None:
        also = {"stream": self._stream} if kind != "digest" else {}
        messages.post(
            self._connection, key=key, person=person, kind=kind, facts={**facts, **also},
            at=self.at, not_before=not_before,
        )  # fmt: skip


def _monday_after(day: date) -> date:
    return day + timedelta(days=7 - day.weekday())

"""A request as its entries tell it, folded a second time: who is asked, what was said, whose turn
it is. What is wrong with any of it is said in `judged.py`."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from routes_told import left
from telling import Body, Json, Told

Wrong = tuple[int, str]
"""Which of design.md's thirteen points does not hold, and where."""


@dataclass
class Standing:
    """One request as far as its entries have been read, and what was wrong with them."""

    name: str
    told: Told
    wrong: list[Wrong]
    exact: bool = True
    """Whether entries of several streams come in the order in which they were committed."""
    content: Json = field(default_factory=dict)
    applicant: str = ""
    status: str = "none"
    pinned: Json = field(default_factory=dict)
    route: list[Json] = field(default_factory=list)
    slice: Json = field(default_factory=dict)
    items: set[str] = field(default_factory=set)
    round: int = 1
    narrowed: bool = False
    voices: dict[str, dict[str, str]] = field(default_factory=dict)
    away: dict[str, dict[str, str]] = field(default_factory=dict)
    """Body to the voices that were given away from any screen, at a hui."""
    aside: dict[str, set[str]] = field(default_factory=dict)
    advice: set[str] = field(default_factory=set)
    decisions: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Body to its outcome and the entry that holds it, in this round."""
    not_ours: set[str] = field(default_factory=set)
    meetings: set[str] = field(default_factory=set)
    conditions: dict[str, Json] = field(default_factory=dict)
    disputes: dict[str, Json] = field(default_factory=dict)
    rests_on: dict[str, set[str]] = field(default_factory=dict)
    lapses: dict[str, str] = field(default_factory=dict)
    since: dict[str, datetime] = field(default_factory=dict)
    decided: list[tuple[str, str, str]] = field(default_factory=list)
    """Every decision that was ever made: body, outcome, how it was recorded."""

    # ---- who is who ----

    def say(self, point: int, sentence: str) -> None:
        self.wrong.append((point, f"{self.name}: {sentence}"))

    @property
    def people(self) -> set[str]:
        return {self.applicant, *(each["person"] for each in self.content["people"])}

    def applied(self, body: str) -> set[str]:
        """Who decides nothing in that body, since they ask."""
        return {self.applicant} if self.content["for_body"] == body else self.people

    def outside(self, body: Body) -> set[str]:
        own = self.content["for_body"] == body.id
        working = set() if own else body.colleagues(self.content["institutions"])
        return self.aside.get(body.id, set()) | self.applied(body.id) | working

    def asked(self) -> list[Json]:
        entries = left(self.route, self.slice, self.items)
        return [each for each in entries if each["body"] not in self.not_ours]

    def bodies(self) -> set[str]:
        return {each["body"] for each in self.asked()}

    def before(self, body: str) -> set[str]:
        """Those whose yes this body's kawa waits for."""
        asked = self.asked()
        after = {name for each in asked if each["body"] == body for name in each["after"]}
        first = {
            each["body"] for each in asked if each["body"] in after or each["capacity"] in after
        }
        said_yes = {name for name, (outcome, _) in self.decisions.items() if outcome == "approve"}
        return first - {body} - said_yes

    def disputed(self) -> set[str]:
        return {each["body"] for each in self.disputes.values() if each["open"]}

    # ---- what changes ----

    def _turns(self, at: datetime) -> None:
        """Since when it is whose turn, in this round."""
        turn = self.disputed()
        if self.status == "deciding" and not self.narrowed:
            turn |= {body for body in self.bodies() - set(self.decisions) if not self.before(body)}
        self.since = {body: self.since.get(body, at) for body in turn}

    def _forwarded(self, entry: Json, data: Json, *_: Any) -> None:
        self.status = "deciding"

    def _returned(self, *_: Any) -> None:
        self.status = "returned"

    def _stood_aside(self, entry: Json, data: Json, *_: Any) -> None:
        self.aside.setdefault(data["body"], set()).add(data["person"])

    def _rests(self, body: str, entry: Json) -> None:
        self.rests_on.setdefault(body, set()).add(entry["id"])

    def _bodies_added(self, entry: Json, data: Json, *_: Any) -> None:
        fresh = {(each["body"], each["capacity"]) for each in data["entries"]}
        kept = [each for each in self.route if (each["body"], each["capacity"]) not in fresh]
        self.route = [*kept, *data["entries"]]
        for body in {each["body"] for each in data["entries"]}:
            self._afresh(body)

    def _afresh(self, body: str) -> None:
        self.decisions.pop(body, None)
        self.voices.pop(body, None)
        self.advice.discard(body)
        self.not_ours.discard(body)
        self.rests_on.pop(body, None)
        self.lapses.pop(body, None)

    def _condition_set(self, entry: Json, data: Json, *_: Any) -> None:
        condition = data["condition"]
        self.conditions = {
            name: each
            for name, each in self.conditions.items()
            if (each["body"], each["kind"]) != (condition["body"], condition["kind"])
            or each["kind"] == "own_words"
        }
        self.conditions[condition["id"]] = condition

    def _decided_elsewhere(self, entry: Json, data: Json, *_: Any) -> None:
        self.lapses.pop(data["body"], None)
        if data["expires_at"]:
            self.lapses[data["body"]] = data["expires_at"]

    def _meeting_asked(self, entry: Json, data: Json, *_: Any) -> None:
        self.meetings.add(data["body"])

    def _meeting_held(self, entry: Json, data: Json, *_: Any) -> None:
        self.meetings.discard(data["body"])

    def _disputed(self, entry: Json, data: Json, *_: Any) -> None:
        self.disputes[data["dispute"]] = {**data, "open": True, "void": False}

    def _withdrawn(self, *_: Any) -> None:
        self.status = "withdrawn"

    def _declined(self, *_: Any) -> None:
        self.status = "declined"

    def _closed(self, *_: Any) -> None:
        self.status = "closed"

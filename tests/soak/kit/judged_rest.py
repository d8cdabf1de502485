"""All that is no request, judged from its entries: who changed a body, who welcomed it, what was
confirmed, restricted and lifted by whom; grants; and what the decision point answered.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import second_kawa
from judged import Judged
from standing import Wrong
from telling import ANY, DEPLOYMENT, Json, Told, instant
from uses_told import Grant, Restriction, expected

from policies import codec
from policies.types import Kawa, Outcome, Voice

OF_THE_CLOCK = {
    "grant": frozenset({"Issued", "DutyReminded", "AccessPaused", "Ended", "LapsePassed"}),
    "restriction": frozenset({"AwaitingLifting"}),
    "body": frozenset({"Welcomed"}),
    "access": frozenset({"Answered"}),
}
ANYBODY = frozenset({"Introduced"})
A_MOMENT = timedelta(seconds=2)


@dataclass
class World:
    """Everything as far as the entries have been read, and what was wrong."""

    asked: dict[str, Json]
    """Ledger entry of an answer to the question that it answers."""
    exact: bool = True
    """Whether entries come in the order in which they were committed (SQLite)."""
    told: Told = field(default_factory=Told)
    requests: dict[str, Judged] = field(default_factory=dict)
    grants: dict[str, Grant] = field(default_factory=dict)
    restrictions: dict[str, Restriction] = field(default_factory=dict)
    wrong: list[Wrong] = field(default_factory=list)
    yes: int = 0
    no: int = 0

    def say(self, point: int, sentence: str) -> None:
        self.wrong.append((point, sentence))

    def read(self, entry: Json) -> None:
        """Judge one entry, then go on by it."""
        kind, at = entry["stream"].partition("-")[0], instant(entry["at"])
        happened = {each["type"] for each in entry["events"]}
        if entry["actor"] == "system" and not happened <= OF_THE_CLOCK.get(kind, happened):
            self.say(1, f"{entry['stream']}: nobody did {sorted(happened)}")
        if kind == "request":
            judged = self.requests.setdefault(
                entry["stream"], Judged(entry["stream"], self.told, self.wrong, self.exact)
            )
            judged.read(entry)
        else:
            judge = getattr(self, f"_{kind}", None)
            if judge is not None:
                judge(entry, at, happened)
        self.told.read(entry)

    # ---- bodies, and what they share ----

    def _body(self, entry: Json, at: datetime, happened: set[str]) -> None:
        name, body = entry["stream"], self.told.bodies.get(entry["stream"])
        for event in entry["events"]:
            data = event["data"]
            if event["type"] == "Entered":
                others = [each.id for each in self.told.speaking(at)]
                if bool(others) != data["awaits_welcome"] and name != DEPLOYMENT:
                    self.say(5, f"{name} spoke before anybody knew it")
            elif event["type"] == "Welcomed":
                self._welcomed(name, at)
            elif event["type"] == "Said":
                self._said(entry, data, at)
            elif event["type"] == "Settled":
                self._settled(entry, data, at)
        if body is None or name == DEPLOYMENT or happened & (ANYBODY | {"Welcomed"}):
            return
        speaking = body.hands(at) | set(body.spoken_for(at).values())
        if entry["actor"] not in speaking:
            self.say(5, f"{name} was changed by somebody who is not of it: {sorted(happened)}")

    def _welcomed(self, name: str, at: datetime) -> None:
        agreed = [
            each for each in self.told.proposals.values()
            if each["change"]["kind"] == "welcome" and each["change"]["subject"] == name
            and each.get("agreed")
        ]  # fmt: skip
        if not agreed:
            self.say(5, f"{name} was welcomed by nobody")

    def _said(self, entry: Json, data: Json, at: datetime) -> None:
        body = self.told.bodies[data["body"]]
        if entry["actor"] not in body.holding("secretary", at):
            self.say(6, f"{entry['actor']} said something for {body.id}")
        voices = {person: Voice(voice) for person, voice in data["voices"].items()}
        said = second_kawa.outcomes(
            codec.decode(Kawa, body.kawa), voices, body.voices(at), (), body.spoken_for(at)
        )
        if Outcome(data["outcome"]) not in said:
            self.say(5, f"{body.id} said {data['outcome']} to a proposal; its voices {said}")

    def _settled(self, entry: Json, data: Json, at: datetime) -> None:
        said = dict(self.told.proposals[data["proposal"]]["said"])
        said |= {
            each["data"]["body"]: each["data"]["outcome"]
            for each in entry["events"] if each["type"] == "Said"
        }  # fmt: skip
        everybody = {each.id for each in self.told.speaking(at)}
        yes = {body for body, outcome in said.items() if outcome == "approve"}
        if data["agreed"] and not everybody <= yes:
            self.say(5, f"{data['change']['kind']} was settled without {sorted(everybody - yes)}")

    def _pack(self, entry: Json, at: datetime, happened: set[str]) -> None:
        for event in entry["events"]:
            if event["type"] == "Kept":
                continue  # Of the adoption beside it, that its document is kept.
            body = self.told.bodies[event["data"]["body"]]
            if entry["actor"] not in body.holding("secretary", at):
                self.say(5, f"{body.id}'s rules were changed by somebody else")
            if body.id != DEPLOYMENT and not body.welcome:
                self.say(5, f"{body.id} adopted rules before anybody knew it")

    def _catalogue(self, entry: Json, at: datetime, happened: set[str]) -> None:
        for event in entry["events"]:
            data = event["data"]
            if event["type"] == "Confirmed":
                body = self.told.bodies[data["body"]]
                said, mandate = data["classification"], body.mandate
                own = any(
                    (said[name] == ANY and mandate[name]) or set(said[name]) & set(mandate[name])
                    for name in ("peoples", "places")
                )
                if entry["actor"] not in body.hands(at) or not own:
                    self.say(5, f"{body.id} confirmed what does not concern it")
            if event["type"] == "ClaimSettled" and data["agreed"]:
                agreed = {each["data"]["body"] for each in entry["events"]
                          if each["type"] == "ClaimAgreed"}  # fmt: skip
                if not agreed <= set(self.told.claims[data["claim"]]["concerned"]):
                    self.say(5, "a claim was settled by others than those concerned")

    # ---- restrictions ----

    def _restriction(self, entry: Json, at: datetime, happened: set[str]) -> None:
        name = entry["stream"]
        hui = next((e["data"] for e in entry["events"] if e["type"] == "HuiRecorded"), None)
        for event in entry["events"]:
            data = event["data"]
            if event["type"] == "Placed":
                self.restrictions[name] = Restriction(data)
                self._placed(entry, data, at)
                continue
            there = self.restrictions[name]
            body = self.told.bodies[there.placed["body"]]
            match event["type"]:
                case "Spoken":
                    there.voices[data["person"]] = data["voice"]
                case "Kept":
                    there.voices = {}
                case "Lifted":
                    there.lifted = True
                    voices = hui["voices"] if hui else there.voices
                    said = second_kawa.outcomes(
                        codec.decode(Kawa, body.kawa),
                        {person: Voice(voice) for person, voice in voices.items()},
                        body.voices(at), (), body.spoken_for(at),
                    )  # fmt: skip
                    if Outcome.APPROVE not in said:
                        self.say(7, f"{name} was lifted; its body's voices say {sorted(said)}")
            if event["type"] != "AwaitingLifting" and entry["actor"] not in (
                body.hands(at) | set(body.spoken_for(at).values())
            ):
                self.say(7, f"{name} was changed by somebody who is not of its body")

    def _placed(self, entry: Json, data: Json, at: datetime) -> None:
        body = self.told.bodies[data["body"]]
        scope = data["scope"]["slice"]
        own = [
            name for name in ("peoples", "places")
            if scope[name] != ANY and set(scope[name]) <= set(body.mandate[name])
        ]  # fmt: skip
        if entry["actor"] not in body.hands(at) or not own:
            self.say(6, f"{entry['stream']} restricts what is not {body.id}'s")

    # ---- grants, and their use ----

    def _grant(self, entry: Json, at: datetime, happened: set[str]) -> None:
        name = entry["stream"]
        for event in entry["events"]:
            data = event["data"]
            if event["type"] == "Issued":
                self._issued(name, entry, data["terms"], at)
                continue
            grant = self.grants[name]
            match event["type"]:
                case "Ended":
                    grant.ended = at
                case "Closed":
                    grant.closed = True
                case "ReportFiled":
                    due = instant(grant.terms["duties"][0]["due_at"])
                    grant.owed, grant.in_time = False, at <= due
                case "ReportReturned":
                    grant.owed = True
                case "DutyDone":
                    grant.done = True
                case "RenewedElsewhere":
                    grant.lapses[data["body"]] = data["expires_at"]
                case "AccessPaused":
                    if not grant.overdue(at):
                        self.say(8, f"{name} was paused, and nothing was overdue")

    def _issued(self, name: str, entry: Json, terms: Json, at: datetime) -> None:
        if name in self.grants:
            self.say(1, f"{name} was issued twice")
        self.grants[name] = Grant(terms, at, lapses=dict(terms["lapses"]))
        request = self.requests.get(terms["request"])
        accepted = request is not None and request.status in ("accepted", "closed")
        if not accepted:
            self.say(1, f"{name} was issued for a request that nobody accepted")

    def _access(self, entry: Json, at: datetime, happened: set[str]) -> None:
        data = entry["events"][0]["data"]
        self.yes, self.no = self.yes + data["decision"], self.no + (not data["decision"])
        question = self.asked.get(entry["id"])
        if question is None:
            # Its answer never left: the portal died first. It is recorded all the same.
            return
        disputed = {
            dispute["entry"]
            for each in self.requests.values()
            for dispute in each.disputes.values()
            if dispute["open"] or dispute["void"]
        }
        told = self.told, self.grants, self.restrictions, disputed, at
        decision, codes, shown = expected(question, *told)
        where = f"{entry['id']} ({data['code']})"
        if not data["decision"]:
            # A no is looked up a moment before it is recorded, and a grant may have come or gone
            # between the two: no less a no.
            then, before, _ = expected(question, *told, grants_at=at - A_MOMENT)
            due = (set() if decision else codes) | (set() if then else before)
            if data["code"] not in due:
                self.say(2, f"{where}: the answer was no; {sorted(codes) or 'yes'} was due")
        elif not decision:
            self.say(2, f"{where}: the answer was yes; {sorted(codes)} was due")
        elif shown is not None and _sets(data["slice"]) != _sets(shown):
            self.say(3, f"{where}: the yes carries another slice")


def _sets(slice_: Json) -> Json:
    named: Any = {
        name: each if isinstance(each, str) else set(each) for name, each in slice_.items()
    }
    return dict(named)

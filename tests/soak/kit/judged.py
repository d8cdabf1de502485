"""Requests judged from their entries: is what each body came to what its people said, by its own
kawa, in its turn; is what was accepted what all of them said yes to?

Kawa is told by `tests/policies/kit/second_kawa.py`; everything else here a second time as well.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import second_kawa
from accepted import judge_acceptance
from routes_told import UnroutableError, left, part, route
from standing import Standing
from telling import Body, Json, instant

from policies import codec
from policies.types import Kawa, Outcome, Stage, Voice

NOTHING_SAID = frozenset({"Reminded", "DelegateCalled", "Escalated", "Forwarded", "Closed"})
"""What of a request the clock may cause: nothing by which anybody would have decided."""


class Judged(Standing):
    """The same, judged entry by entry."""

    def read(self, entry: Json) -> None:
        """Go on by one entry of this request."""
        at, happened = instant(entry["at"]), {each["type"] for each in entry["events"]}
        if entry["actor"] == "system" and not happened <= NOTHING_SAID:
            self.say(1, f"the clock caused {sorted(happened)}")
        hui = next((e["data"] for e in entry["events"] if e["type"] == "HuiRecorded"), None)
        for event in entry["events"]:
            act = getattr(self, f"_{_snake(event['type'])}", None)
            if act is not None:
                act(entry, event["data"], at, happened, hui)
        self._turns(at)

    def _submitted(self, entry: Json, data: Json, at: datetime, *_: Any) -> None:
        self.applicant = data["applicant"]
        self._asks(data, at)

    def _asks(self, data: Json, at: datetime) -> None:
        self.content, self.pinned = data["content"], data["pinned"]
        self.route = [dict(each) for each in self.pinned["route"]]
        self.slice, self.items = dict(self.content["slice"]), set(self.pinned["items"])
        self.status = "at_desk" if self.pinned["desk"] else "deciding"
        try:
            wanted = route(self.told, self.items, self.slice, at, self.content["for_body"])
        except UnroutableError as why:
            self.say(13, f"it was taken although {why}")
            return
        pinned = {(each["body"], each["capacity"]): each for each in self.route}
        if pinned.keys() != wanted.keys():
            self.say(4, f"pinned are {sorted(pinned)}, not {sorted(wanted)}")
        for key in pinned.keys() & wanted.keys():
            for name in ("items", "peoples", "places"):
                if set(pinned[key][name]) != wanted[key][name]:
                    self.say(6, f"{key} is asked about other {name} than its own")
            after = set(self.told.bodies[key[0]].kawa["after"])
            if set(pinned[key]["after"]) != after:
                self.say(5, f"{key} comes after others than its kawa says")
        for body in {key[0] for key in wanted}:
            there = self.told.bodies[body]
            if there.kawa["korero_first"] and self.applicant not in there.met:
                self.say(5, f"{body} was asked by somebody whom it has not met")

    def _resubmitted(self, entry: Json, data: Json, at: datetime, *_: Any) -> None:
        self._asks(data, at)

    def _spoken(self, entry: Json, data: Json, at: datetime, *_: Any) -> None:
        body = self._deciding(entry, data["body"], at)
        if data["person"] != entry["actor"]:
            self.say(6, f"{entry['id']} speaks for somebody else")
        self._may_speak(body, [data["person"]], at)
        self.voices.setdefault(body.id, {})[data["person"]] = data["voice"]
        self.away.get(body.id, {}).pop(data["person"], None)

    def _hui_recorded(self, entry: Json, data: Json, at: datetime, *_: Any) -> None:
        body = self._deciding(entry, data["body"], at)
        if entry["actor"] not in body.holding("secretary", at) - self.applied(body.id):
            self.say(6, f"{entry['id']} was not written by the body's secretary")
        if body.kawa["in_person"] and data["method"] != "hui":
            self.say(5, f"{body.id} decides face to face, not by {data['method']}")
        for other in data["joint_with"]:
            theirs = self.told.bodies[other].kawa["joint_with"]
            if other not in body.kawa["joint_with"] or body.id not in theirs:
                self.say(5, f"{body.id} and {other} do not sit together")
        self._may_speak(body, data["voices"], at)

    def _may_speak(self, body: Body, people: Iterable[str], at: datetime) -> None:
        counted = body.voices(at) - self.outside(body)
        speaking = counted | {
            to for person, to in body.spoken_for(at).items() if person in counted
        }  # fmt: skip
        for person in people:
            if person not in speaking - self.outside(body):
                self.say(1, f"{person} was heard in {body.id}, and has no voice in it here")

    def _deciding(self, entry: Json, name: str, at: datetime) -> Body:
        """A body that says something at this entry: is it asked, in its turn, at its hand?"""
        body = self.told.bodies[name]
        if name not in self.bodies():
            self.say(6, f"{name} spoke and is not asked")
        if self.status != "deciding":
            self.say(1, f"{name} spoke while nothing was asked of it ({self.status})")
        if self.before(name):
            self.say(5, f"{name} spoke before {sorted(self.before(name))}")
        hands = body.hands(at) | set(body.spoken_for(at).values())
        if entry["actor"] not in hands - self.applied(name):
            self.say(6, f"{entry['actor']} acted for {name}")
        relied = entry["authorisation"]["versions"].get(name)
        if self.exact and relied != body.sequence:
            self.say(13, f"{name} is at {body.sequence}; {entry['id']} relied on {relied}")
        return body

    # ---- what a body comes to ----

    def _came_to(self, entry: Json, name: str, at: datetime, hui: Json | None) -> Body:
        body = self._deciding(entry, name, at)
        if name in self.decisions:
            self.say(1, f"{name} decided twice in round {self.round}")
        if name in self.meetings:
            self.say(5, f"{name} decided before the meeting it asked for")
        return body

    def _advised(self, entry: Json, data: Json, at: datetime, _: Any, hui: Json | None) -> None:
        body = self._came_to(entry, data["body"], at, hui)
        stage = body.kawa["first"] and codec.decode(Stage, body.kawa["first"])
        if stage is None or body.id in self.advice:
            self.say(5, f"{body.id} took advice that its kawa does not ask for")
            return
        self._in_its_time(body, at)
        said = second_kawa.advice(stage, *self._heard(body, at, hui))
        if Outcome(data["outcome"]) not in said:
            self.say(5, f"{body.id} was advised to {data['outcome']}, not {sorted(said)}")
        self.advice.add(body.id)
        self._rests(body.id, entry)
        self.voices.pop(body.id, None)

    def _agreed_in_principle(
        self, entry: Json, data: Json, at: datetime, _: Any, hui: Json | None
    ) -> None:
        body = self._came_to(entry, data["body"], at, hui)
        self._by_its_kawa(body, "in_principle", at, hui)
        self._rests(body.id, entry)
        self.voices.pop(body.id, None)

    def _body_decided(
        self, entry: Json, data: Json, at: datetime, happened: set[str], hui: Json | None
    ) -> None:
        body = self._came_to(entry, data["body"], at, hui)
        outcome = data["outcome"]
        if "DecidedElsewhere" not in happened:
            self._by_its_kawa(body, outcome, at, hui)
        elif not body.kawa["elsewhere"]:
            self.say(5, f"{body.id} decides here, not by letter")
        way = "letter" if "DecidedElsewhere" in happened else "hui" if hui else "voices"
        self.decided.append((body.id, outcome, way))
        self._rests(body.id, entry)
        self.meetings.discard(body.id)
        if outcome == "not_ours":
            self.not_ours.add(body.id)
            self.conditions = {k: v for k, v in self.conditions.items() if v["body"] != body.id}
        else:
            self.decisions[body.id] = (outcome, entry["id"])
        if outcome == "decline" and "Narrowed" not in happened:
            self.say(3, f"{body.id} declined, and nothing left the request")

    def _by_its_kawa(self, body: Body, outcome: str, at: datetime, hui: Json | None) -> None:
        self._in_its_time(body, at)
        if body.kawa["first"] is not None and body.id not in self.advice:
            self.say(5, f"{body.id} decided without its subcommittee's advice")
        if body.kawa["in_person"] and (hui is None or hui["method"] != "hui"):
            self.say(5, f"{body.id} decided otherwise than face to face")
        kawa = codec.decode(Kawa, body.kawa)
        said = second_kawa.outcomes(kawa, *self._heard(body, at, hui))
        if Outcome(outcome) not in said:
            self.say(1, f"{body.id} came to {outcome}; its voices say {sorted(said)}")

    def _heard(self, body: Body, at: datetime, hui: Json | None) -> tuple[Any, ...]:
        voices = hui["voices"] if hui else self.voices.get(body.id, {})
        said = {person: Voice(voice) for person, voice in voices.items()}
        return said, body.voices(at), self.outside(body), body.spoken_for(at)

    def _in_its_time(self, body: Body, at: datetime) -> None:
        if body.pausing(at):
            self.say(5, f"{body.id} decided in a pause that it keeps")
        since = self.since.get(body.id)
        wait = timedelta(days=body.kawa["delay_days"])
        if wait and (since is None or at < since + wait):
            self.say(5, f"{body.id} decided before the days were over that it gives itself")

    # ---- what follows ----

    def _narrowed(self, entry: Json, data: Json, *_: Any) -> None:
        before, body = (self.slice, self.items), data["body"]
        after, items = data["slice"], set(data["items"])
        own = [each for each in left(self.route, *before) if each["body"] == body]
        outcome = next(e["data"]["outcome"] for e in entry["events"] if e["type"] == "BodyDecided")
        for name, known in (("peoples", self.pinned["peoples"]), ("places", self.pinned["places"])):
            gone = part(before[0][name], known) - part(after[name], known)
            if gone - {one for each in own for one in each[name]}:
                self.say(6, f"{body} took out {name} that are not its own: {sorted(gone)}")
            if part(after[name], known) - part(before[0][name], known):
                self.say(3, "a request grew")
        if outcome == "decline":
            self._declined_parts(own, after, items)
        if outcome == "approve" and after != before[0]:
            self.say(3, f"{body} struck items, and the slice changed")
        touched = {item for each in own for item in each["items"]}
        for item in before[1] - items:
            if item not in touched and self._records_left(item, after):
                self.say(6, f"{body} took out {item}, which is not its own")
        self.slice, self.items, self.narrowed = after, items, True

    def _declined_parts(self, own: list[Json], after: Json, items: set[str]) -> None:
        for each in own:
            whole = {item for item in each["items"] if self.pinned["items"][item]["whole"]}
            if each["capacity"] in ("ethics", "holder") and items & each["items"]:
                self.say(3, f"{each['body']} declined, and an item of it is left")
            if items & whole:
                self.say(3, f"{each['body']} declined, and what is whole is left")
            for name in ("peoples", "places"):
                kept = set(each[name]) & part(after[name], each[name])
                if each["items"] - whole and kept:
                    self.say(3, f"{each['body']} declined, and {sorted(kept)} are left")

    def _records_left(self, item: str, asked: Json) -> bool:
        facts = self.pinned["items"][item]
        return all(
            (part(asked[name], facts[name]) & set(facts[name])) == set(facts[name])
            if facts["whole"]
            else (not facts[name] or part(asked[name], facts[name]) & set(facts[name]))
            for name in ("peoples", "places")
        )

    def _rejustified(self, entry: Json, data: Json, *_: Any) -> None:
        if entry["actor"] != self.applicant:
            self.say(6, "somebody else justified it")
        self.slice, self.items, self.round = data["slice"], set(data["items"]), data["round"]
        self.narrowed = False
        self.voices, self.decisions, self.advice = {}, {}, set()
        self.meetings, self.lapses, self.since = set(), {}, {}
        self.rests_on = {b: each for b, each in self.rests_on.items() if b in self.not_ours}
        asked = self.bodies()
        self.conditions = {k: v for k, v in self.conditions.items() if v["body"] in asked}

    def _dispute_answered(self, entry: Json, data: Json, *_: Any) -> None:
        dispute = self.disputes[data["dispute"]]
        dispute["open"], dispute["void"] = False, not data["stands"]
        if entry["actor"] not in self.told.bodies[data["body"]].hands(instant(entry["at"])):
            self.say(6, f"somebody else answered a dispute for {data['body']}")
        if not data["stands"] and dispute["entry"] in self.rests_on.get(data["body"], ()):
            self._afresh(data["body"])

    def _accepted(self, entry: Json, data: Json, at: datetime, *_: Any) -> None:
        judge_acceptance(self, entry, data["terms"], at)
        self.status = "accepted"


def _snake(name: str) -> str:
    return "".join(f"_{c.lower()}" if c.isupper() else c for c in name).lstrip("_")

"""A request, the bodies that decide about it, and the little that tests do with them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from builders import PEOPLES, PERSONS, PLACES, START
from ledger_in_memory import Stream
from second_kawa import outcomes
from second_request import Told, explicit

from policies.refusals import Refused
from policies.request import commands as c
from policies.slices import Slice
from policies.types import Capacity, Envelope, Kawa, Outcome, RouteEntry, Sitting, TextId, Voice

APPLICANT = PERSONS[0]
NEWCOMERS = "newcomers"  # An adopted line says that no collective body decides for them.
EVERYONE = frozenset({*PEOPLES, NEWCOMERS})
TEXT = TextId("text-1")


@dataclass
class Body:
    """A body as it stands now; `version` grows with each change, as its stream does."""

    capacities: frozenset[Capacity]
    peoples: frozenset[str]
    places: frozenset[str]
    kawa: Kawa
    members: set[str]
    secretaries: set[str] = field(default_factory=set)
    version: int = 1

    def sitting(self, name: str) -> Sitting:
        return Sitting(
            name, self.version, self.kawa, frozenset(self.members), frozenset(self.secretaries)
        )


def visible(facts: c.PinnedItem, asked: Slice) -> bool:
    """Can anything of the item be seen in the slice?"""
    for own, part in ((facts.peoples, asked.peoples), (facts.places, asked.places)):
        there = own & explicit(part, own)
        if own and (not there or (facts.whole and there != own)):
            return False
    return True


def routed(
    world: dict[str, Body], pinned: dict[str, c.PinnedItem], asked: Slice
) -> tuple[dict[str, c.PinnedItem], tuple[RouteEntry, ...]]:
    """The items that can be asked for, and who must decide about them."""
    there = {}
    for name, facts in pinned.items():
        peoples = facts.peoples & explicit(asked.peoples, EVERYONE)
        places = facts.places & explicit(asked.places, frozenset(PLACES))
        heard = {NEWCOMERS} | {
            each for b in world.values() if Capacity.PEOPLE in b.capacities for each in b.peoples
        }
        held = {each for b in world.values() if Capacity.PLACE in b.capacities for each in b.places}
        if visible(facts, asked) and peoples <= heard and places <= held:
            there[name] = (peoples, places)
    entries = []
    for name, body in world.items():
        for capacity in sorted(body.capacities):
            people = {Capacity.PEOPLE: body.peoples}.get(capacity, frozenset())
            place = {Capacity.PLACE: body.places}.get(capacity, frozenset())
            about = {
                item
                for item, (peoples, places) in there.items()
                if capacity is Capacity.ETHICS or peoples & people or places & place
            }
            if about:
                entries.append(RouteEntry(
                    name, capacity,
                    frozenset().union(*(there[item][0] & people for item in about)),
                    frozenset().union(*(there[item][1] & place for item in about)),
                    frozenset(about),
                ))  # fmt: skip
    return {name: pinned[name] for name in there}, tuple(entries)


class World:
    """One request on its way, with every event checked by the second telling."""

    def __init__(self) -> None:
        super().__init__()
        self.stream = Stream("request", "r")
        self.told = Told()
        self.world: dict[str, Body] = {}
        self.items: dict[str, c.PinnedItem] = {}
        self.now = START
        self.number = 0

    def envelope(self, command: object, actor: str, late: int = 0) -> Envelope:
        self.number += 1
        seen = max(0, self.stream.sequence - late)
        return Envelope(f"command-{self.number}", "request-1", seen, actor, self.now, command)

    def carry(self, envelope: Envelope, missed: int = 0) -> object:
        """Send, fold what came of it, and check every event by the second telling."""
        before = self.stream.sequence
        answer = self.stream.send(envelope, missed, self.changed)
        if self.stream.sequence > before:
            entry, sent = self.stream.entries[-1], self.stream.envelopes[-1]
            events = [each for sequence, _, each in self.stream.events if sequence == before + 1]
            self.told.take(entry, events, sent, self.world)
        return answer

    def send(self, command: object, actor: str, late: int = 0, missed: int = 0) -> object:
        return self.carry(self.envelope(command, actor, late), missed)

    def changed(self, envelope: Envelope) -> bool:
        """Has the body that this relied on changed since? (The recorder asks it last.)"""
        sitting = getattr(envelope.command, "sitting", None)
        return sitting is not None and self.world[sitting.body].version != sitting.version

    def body(self, number: int) -> str:
        names = sorted(self.world)
        return names[number % len(names)]

    def sitting(self, name: str) -> Sitting:
        return self.world[name].sitting(name)

    def spoken_for(self, name: str) -> list[str]:
        """Those of the body who may speak today."""
        gone = self.told.aside.get(name, set()) | self.told.applicants
        return sorted(self.world[name].members - gone)

    def submit(self, asked: Slice, route: tuple, others: set[str], acts: set[str]) -> object:
        content = c.Content(
            "sleep-study",
            tuple(c.Participant(each, "analyst") for each in sorted(others)),
            {name: TEXT for name in self.items},
            asked,
            START + timedelta(days=300),
            frozenset(acts),
            {name: TEXT for name in c.WORDS},
        )
        pinned = c.Pinned(self.items, EVERYONE, frozenset(PLACES), route)
        return self.send(c.Submit(content, pinned, START + timedelta(days=14)), APPLICANT)

    def decide_together(self, name: str, outcome: Outcome) -> None:
        """All who may speak say the same; where their kawa allows it, it must be recorded."""
        voice = Voice.APPROVE if outcome is Outcome.APPROVE else Voice.DECLINE
        may, sitting = self.spoken_for(name), self.sitting(name)
        asked = name in self.told.required() and name not in self.told.decisions
        pens = sorted(self.world[name].secretaries - self.told.applicants)
        said = dict.fromkeys(may, voice)
        comes = outcome in outcomes(self.world[name].kawa, said, may)
        if pens:
            hui = c.RecordHui(sitting, self.now.date(), "hui", said, outcome, TEXT)
            answer = self.send(hui, pens[0])
        else:
            for person in may:
                self.send(c.Speak(sitting, voice), person)
            answer = self.send(c.Conclude(sitting, outcome), may[0] if may else "person-none")
        recorded = not isinstance(answer, Refused)
        deciding = self.stream.sequence and not self.told.ended
        assert recorded or not (deciding and asked and comes), f"refused: {answer}"

"""A request, the bodies that decide about it, and the little that tests do with them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta

from builders import PEOPLES, PERSONS, PLACES, START
from ledger_in_memory import Stream
from second_kawa import advice, outcomes
from second_request import AT_DESK, RETURNED, Told, explicit

from policies.refusals import Code, Refused
from policies.request import commands as c
from policies.slices import Slice
from policies.types import (
    Capacity,
    Envelope,
    Kawa,
    KawaRule,
    Outcome,
    RouteEntry,
    Sitting,
    TextId,
    Voice,
)

APPLICANT = PERSONS[0]
NEWCOMERS = "newcomers"  # An adopted line says that no collective body decides for them.
EVERYONE = frozenset({*PEOPLES, NEWCOMERS})
TEXT = TextId("text-1")
SHA256 = "0" * 64
UNIVERSITY, OFFICE = "Example university", "Example office"


@dataclass
class Body:
    """A body as it stands now; `version` grows with each change, as its stream does.

    `delegates` and `institutions` are what has been written down, also of people who have left.
    """

    capacities: frozenset[Capacity]
    peoples: frozenset[str]
    places: frozenset[str]
    kawa: Kawa
    members: set[str]
    secretaries: set[str] = field(default_factory=set)
    delegates: dict[str, str] = field(default_factory=dict)
    institutions: dict[str, str] = field(default_factory=dict)
    pause: str | None = None
    version: int = 1

    def delegates_known(self) -> dict[str, str]:
        return {who: to for who, to in self.delegates.items() if who in self.members}

    def institutions_known(self) -> dict[str, str]:
        here = self.members | self.secretaries
        return {who: place for who, place in self.institutions.items() if who in here}

    def sitting(self, name: str) -> Sitting:
        return Sitting(
            name, self.version, self.kawa, frozenset(self.members), frozenset(self.secretaries),
            self.delegates_known(), self.institutions_known(), self.pause,
        )  # fmt: skip


def visible(facts: c.PinnedItem, asked: Slice) -> bool:
    """Can anything of the item be seen in the slice?"""
    for own, part in ((facts.peoples, asked.peoples), (facts.places, asked.places)):
        there = own & explicit(part, own)
        if own and (not there or (facts.whole and there != own)):
            return False
    return True


def routed(
    world: dict[str, Body],
    pinned: dict[str, c.PinnedItem],
    asked: Slice,
    for_body: str | None = None,
) -> tuple[dict[str, c.PinnedItem], tuple[RouteEntry, ...]]:
    """The items that can be asked for, and who must decide about them.

    Where a body asks for its own people's data (`for_body`), an item needs a holder who
    answers, and ethics looks at it only if others' records are in it.
    """
    held_here = any(Capacity.HOLDER in body.capacities for body in world.values())
    own = world.get(for_body or "")
    own_peoples = own.peoples if own and Capacity.PEOPLE in own.capacities else frozenset()
    own_places = own.places if own and Capacity.PLACE in own.capacities else frozenset()
    there, light = {}, set()
    for name, facts in pinned.items():
        peoples = facts.peoples & explicit(asked.peoples, EVERYONE)
        places = facts.places & explicit(asked.places, frozenset(PLACES))
        heard = {NEWCOMERS} | {
            each for b in world.values() if Capacity.PEOPLE in b.capacities for each in b.peoples
        }
        held = {each for b in world.values() if Capacity.PLACE in b.capacities for each in b.places}
        answered = own is None or held_here
        if visible(facts, asked) and peoples <= heard and places <= held and answered:
            there[name] = (peoples, places)
            if own and peoples <= own_peoples and places <= own_places:
                light.add(name)
    entries = []
    for name, body in world.items():
        for capacity in sorted(body.capacities):
            people = {Capacity.PEOPLE: body.peoples}.get(capacity, frozenset())
            place = {Capacity.PLACE: body.places}.get(capacity, frozenset())
            about = {
                item
                for item, (peoples, places) in there.items()
                if capacity is Capacity.HOLDER
                or (capacity is Capacity.ETHICS and item not in light)
                or peoples & people
                or places & place
            }
            if about:
                entries.append(RouteEntry(
                    name, capacity,
                    frozenset().union(*(there[item][0] & people for item in about)),
                    frozenset().union(*(there[item][1] & place for item in about)),
                    frozenset(about), after=body.kawa.after,
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
        return sorted(self.world[name].members - self.told.out_of_it(name, self.world))

    def routed(self) -> tuple[RouteEntry, ...]:
        """The route of what is asked now, by the rules and bodies of today."""
        return routed(self.world, self.items, self.told.slice, self.told.content.for_body)[1]

    def submit(
        self,
        asked: Slice,
        route: tuple,
        others: set[str],
        acts: set[str],
        desk: str | None = None,
        **content: object,
    ) -> object:
        command = c.Submit(
            self.content(asked, others, acts, **content),
            c.Pinned(self.items, EVERYONE, frozenset(PLACES), route, desk),
            START + timedelta(days=14),
        )
        return self.send(command, APPLICANT)

    def content(self, asked: Slice, others: set[str], acts: set[str], **more: object) -> c.Content:
        named = {act: frozenset({f"of {act}"}) for act in sorted(acts - {"use.read"})}
        return c.Content(
            "sleep-study",
            tuple(c.Participant(each, "analyst") for each in sorted(others)),
            {name: TEXT for name in self.items},
            asked,
            START + timedelta(days=300),
            frozenset(acts),
            {name: TEXT for name in c.WORDS},
            **{"named": named, "area": "health", **more},
        )

    def decide_together(self, name: str, outcome: Outcome) -> None:
        """All who may speak say the same; where their kawa allows it, it must be recorded."""
        body = self.world[name]
        if body.kawa.first is not None and name not in self.told.advised:
            self._come_to(name, outcome)
        if body.kawa.first is None or name in self.told.advised:
            self._come_to(name, outcome)

    def _come_to(self, name: str, outcome: Outcome) -> None:
        told, body, sitting = self.told, self.world[name], self.sitting(name)
        voice = outcome.wants
        depends_on = frozenset({"funding"} if outcome is Outcome.IN_PRINCIPLE else ())
        may, gone = self.spoken_for(name), told.out_of_it(name, self.world)
        pens = sorted(body.secretaries - told.applied(name))
        hands = sorted(
            (body.members | body.secretaries) - told.applied(name) - told.aside.get(name, set())
        )
        stage = body.kawa.first if name not in told.advised else None
        said = dict.fromkeys(may, voice)
        if stage is not None:
            said = {person: each for person, each in said.items() if person in stage.members}
            found = advice(stage, said, body.members, gone)
        else:
            found = outcomes(body.kawa, said, body.members, gone)
        expected = (
            outcome in found
            and not told.not_yet(name, self.now, self.world)
            and not (outcome is Outcome.NOT_OURS and name == told.content.for_body)
        )
        if pens:
            hui = c.RecordHui(
                sitting, self.now.date(), "hui", said, outcome, TEXT, TEXT, frozenset(), depends_on
            )
            answer = self.send(hui, pens[0])
        else:
            expected = expected and bool(hands)
            expected = expected and not (body.kawa.in_person and stage is None)
            for person in said:
                self.send(c.Speak(sitting, voice), person)
            conclude = c.Conclude(sitting, outcome, TEXT, frozenset(), depends_on)
            answer = self.send(conclude, hands[0] if hands else "person-none")
        assert not (expected and isinstance(answer, Refused)), f"refused: {answer}"

    def bring_to_the_bodies(self) -> None:
        """Where a desk looks first, it finds everything there in the end."""
        if self.told.standing == RETURNED:
            content, pinned = self.told.content, self.told.pinned
            self.send(c.Resubmit(content, pinned), APPLICANT)
        if self.told.standing == AT_DESK:
            desk = self.told.pinned.desk
            hands = sorted(self.sitting(desk).hands - self.told.applicants)
            if not hands:
                self.world[desk].members |= {PERSONS[7]}
                self.world[desk].version += 1
                hands = [PERSONS[7]]
            answer = self.send(c.Forward(self.sitting(desk)), hands[0])
            assert not isinstance(answer, Refused), answer

    def mend(self, name: str) -> None:
        """Whatever keeps the body from deciding now is put right: it meets, its pause ends, its
        days pass, its kawa is eased where nobody could come to anything by it."""
        body, told = self.world[name], self.told
        if name in told.meetings & told.required():
            hands = sorted(self.sitting(name).hands - told.out_of_it(name, self.world))
            if hands:
                met = c.RecordMeeting(self.sitting(name), self.now.date())
                assert not isinstance(self.send(met, hands[0]), Refused)
        kawa, gone = body.kawa, told.out_of_it(name, self.world)
        yes = dict.fromkeys(self.spoken_for(name), Voice.APPROVE)
        if kawa.delay_days:
            asked = told.waits().get(name)
            if asked is None:
                kawa = replace(kawa, delay_days=0)
            else:
                self.now = max(self.now, asked.since + timedelta(days=kawa.delay_days))
        if kawa.in_person and not body.secretaries - told.applied(name):
            kawa = replace(kawa, in_person=False)
        if kawa.first and not advice(kawa.first, yes, body.members, gone):
            kawa = replace(kawa, first=None)
        joins = set()
        if not outcomes(kawa, yes, body.members, gone):
            kawa = replace(kawa, rule=KawaRule.MAJORITY, quorum=1, named=(), delegate=None,
                           present=frozenset())  # fmt: skip
            left = [each for each in PERSONS if each not in told.applicants]
            joins = set([each for each in left if each not in told.aside.get(name, ())][:1])
        works_there = joins & set(body.institutions)
        if kawa != body.kawa or joins or body.pause:
            body.kawa, body.pause = kawa, None
            body.members |= joins
            body.institutions = {
                who: place for who, place in body.institutions.items() if who not in works_there
            }
            body.version += 1


def small_world(
    how: dict | None = None, submitted: bool = True, **changes: dict[str, object]
) -> World:
    """Two bodies for one people, one for another and an ethics committee, each of one member.

    `changes` say what else is so of ``river``, ``elders``, ``hill``, ``ethics``, or of another
    body; `how` in what way it is asked.
    """
    how = how or {}
    told = World()
    alone = Kawa(KawaRule.CONSENSUS)

    def body(capacity: Capacity, member: str, *peoples: str, **also: object) -> Body:
        return Body(frozenset({capacity}), frozenset(peoples), frozenset(), alone, {member}, **also)

    river, hill, _ = PEOPLES
    told.world = {
        "body-river": body(Capacity.PEOPLE, PERSONS[1], river),
        "body-elders": body(Capacity.PEOPLE, PERSONS[2], river),
        "body-hill": body(Capacity.PEOPLE, PERSONS[3], hill),
        "body-ethics": body(Capacity.ETHICS, PERSONS[4]),
    }
    about = frozenset({river, hill})
    told.items = {
        "survey.sleep": c.PinnedItem("survey", frozenset({"health"}), about, frozenset()),
        "genomes.plant": c.PinnedItem(
            "genomes", frozenset({"genomic"}), frozenset({hill}), frozenset(), True
        ),
    }
    for name, also in changes.items():
        old = told.world.get(f"body-{name}")
        told.world[f"body-{name}"] = replace(old, **also) if old else body(**also)
    told.items, route = routed(told.world, told.items, Slice(about), how.get("for_body"))
    if submitted:
        told.submit(Slice(about), route, **{"others": set(), "acts": {"use.read"}, **how})
    return told


def all_approve(told: World) -> None:
    for name in sorted(told.told.required() - set(told.told.decisions)):
        told.decide_together(name, Outcome.APPROVE)


def accept(told: World) -> object:
    """Accept every condition as it stands, by the route of today."""
    every = frozenset(told.told.conditions)
    return told.send(c.Accept(every, told.routed(), told.now + timedelta(days=200)), APPLICANT)


def code(answer: object) -> Code | None:
    """Why it was refused, or None."""
    return answer.code if isinstance(answer, Refused) else None

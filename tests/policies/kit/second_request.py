"""What a request's events must amount to, worked out a second time from `bones.md` and the issue.

`Told` folds the events of a request by its own means and checks each as it comes;
the state machine's own state and helpers are not used for it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from second_kawa import advice, outcomes
from second_waiting import Moment, Waits, waits

from policies.request import commands as c
from policies.request import events as e
from policies.slices import ANY, Slice
from policies.types import Capacity, Envelope, Outcome, RouteEntry, Voice

Key = tuple[str, Capacity]
APPROVES = Outcome.APPROVE
PEOPLE, PLACE, ETHICS, HOLDER = Capacity
DESK, APPLICANT = "desk", "applicant"
AT_DESK, RETURNED, DECIDING = "at the desk", "returned", "deciding"
MET = {"Accepted", "Withdrawn", "Declined", "Closed"}
AFTER_ACCEPTANCE = {
    "Closed", "Disputed", "DisputeAnswered", "Reminded", "DelegateCalled", "Escalated",
}  # fmt: skip


def explicit(part: Any, everything: frozenset) -> frozenset:
    return everything if part == ANY else frozenset(part)


def in_a_circle(entries: Any) -> set[str]:
    """The bodies that could never begin, because each waits for another of them."""
    before = {each.body: set() for each in entries}
    for each in entries:
        for other in entries:
            if other.body != each.body and {other.body, other.capacity} & each.after:
                before[each.body].add(other.body)
    left = set(before)
    while free := {body for body in left if not before[body] & left}:
        left -= free
    return left


@dataclass
class Record:
    """What a secretary wrote down: whose, who is named in it, who wrote it, and the entry of
    the record that it answers for, if it does."""

    body: str
    named: frozenset[str]
    by: str
    about: str | None = None


@dataclass
class Told:
    """A request as its events tell it, and what has been lost on the way."""

    submitted: e.Submitted | None = None
    standing: str = ""
    route: dict[Key, RouteEntry] = field(default_factory=dict)
    slice: Slice = field(default_factory=Slice)
    items: frozenset[str] = frozenset()
    round: int = 0
    changed: int = 0
    asked_anew: int = 0
    added_at: dict[str, int] = field(default_factory=dict)
    voices: dict[str, dict[str, Voice]] = field(default_factory=dict)
    aside: dict[str, set[str]] = field(default_factory=dict)
    decisions: dict[str, tuple[Outcome, int, str]] = field(default_factory=dict)
    conditions: dict[str, Any] = field(default_factory=dict)
    narrowed: bool = False
    remains: tuple[Slice, frozenset[str]] | None = None
    not_ours: set[str] = field(default_factory=set)
    advised: dict[str, Outcome] = field(default_factory=dict)
    in_principle: dict[str, frozenset[str]] = field(default_factory=dict)
    meetings: set[str] = field(default_factory=set)
    questions: dict[str, str] = field(default_factory=dict)
    records: dict[str, Record] = field(default_factory=dict)
    referred: set[str] = field(default_factory=set)
    rests_on: dict[str, set[str]] = field(default_factory=dict)
    disputes: dict[str, e.Disputed] = field(default_factory=dict)
    disputed_ever: set[tuple[str, str]] = field(default_factory=set)
    lapses: dict[str, datetime] = field(default_factory=dict)
    moments: list[Moment] = field(default_factory=list)
    lost_peoples: frozenset[str] = frozenset()
    lost_places: frozenset[str] = frozenset()
    lost_items: frozenset[str] = frozenset()
    accepted: e.Accepted | None = None

    @property
    def ended(self) -> str:
        """How it ended, or "" while it is open. A grant in force is an end of deciding."""
        return self.standing if self.standing in MET else ""

    @property
    def content(self) -> c.Content:
        assert self.submitted is not None
        return self.submitted.content

    @property
    def applicants(self) -> set[str]:
        assert self.submitted is not None
        return {self.submitted.applicant, *(p.person for p in self.content.people)}

    @property
    def pinned(self) -> c.Pinned:
        assert self.submitted is not None
        return self.submitted.pinned

    # Who is asked, whose turn it is, who takes part.

    def left(self, key: Key) -> RouteEntry | None:
        """What is left of a route's entry in what is asked now, or None."""
        return self.left_of(self.route[key])

    def left_of(self, entry: RouteEntry) -> RouteEntry | None:
        """The same of any entry."""
        items = entry.items & self.items
        peoples = entry.peoples & explicit(self.slice.peoples, entry.peoples)
        places = entry.places & explicit(self.slice.places, entry.places)
        concerned = {PEOPLE: peoples, PLACE: places}.get(entry.capacity, True)
        if not items or not concerned:
            return None
        return replace(entry, items=items, peoples=peoples, places=places)

    def asked(self) -> list[RouteEntry]:
        """What is left of the route, without the bodies that said that it is not theirs."""
        left = [self.left(key) for key in self.route if key[0] not in self.not_ours]
        return [each for each in left if each is not None]

    def required(self) -> set[str]:
        """Every body without whose yes there is no access."""
        return {each.body for each in self.asked()}

    def waits_for(self, body: str) -> set[str]:
        """The bodies that come before this one by its own rule, and have not approved."""
        asked = self.asked()
        words = {word for each in asked if each.body == body for word in each.after}
        first = {each.body for each in asked if {each.body, each.capacity} & words} - {body}
        return {each for each in first if self.decisions.get(each, ("",))[0] is not APPROVES}

    def applied(self, body: str) -> set[str]:
        """Where a body asks for its own people's data, only the applicant stands aside."""
        own = self.content.for_body == body
        return {self.submitted.applicant} if own else self.applicants

    def out_of_it(self, body: str, world: Any) -> set[str]:
        """Who takes no part in this body's decision: aside, applied, or of the same
        institution, unless it is their own people's request."""
        works_there = {
            person
            for person, place in world[body].institutions_known().items()
            if place in self.content.institutions and self.content.for_body != body
        }
        return self.aside.get(body, set()) | self.applied(body) | works_there

    def voicing(self, body: str, world: Any) -> dict[str, set[str]]:
        """Who may speak in this body today, and for whom."""
        out = self.out_of_it(body, world)
        found = {person: {person} for person in world[body].members - out}
        for person, to in world[body].delegates_known().items():
            if person in world[body].members - out and to not in out:
                found.setdefault(to, set()).add(person)
        return found

    def not_yet(self, body: str, at: datetime, world: Any) -> set[str]:
        """Everything for which this body cannot decide at this instant, voices aside."""
        why = set()
        if self.standing != DECIDING:
            why.add("not deciding")
        if body not in self.required():
            why.add("not asked")
        if body in self.decisions:
            why.add("decided")
        if self.waits_for(body):
            why.add("not its turn")
        if world[body].pause:
            why.add("pause")
        if body in self.meetings:
            why.add("meeting")
        delay = timedelta(days=world[body].kawa.delay_days)
        if delay:
            wait = self.waits().get(body)
            if wait is None or at - wait.since < delay:
                why.add("too soon")
        return why

    # Clocks.

    def waits(self) -> dict[str, Waits]:
        return waits(self.moments)

    def in_doubt(self) -> set[str]:
        """Bodies of which a record that something rests on is disputed."""
        return {
            each.body
            for each in self.disputes.values()
            if self.root(each.entry) in self.rests_on.get(each.body, ())
        }

    def root(self, entry: str) -> str:
        """The entry of the record that this one, perhaps, answers for."""
        return self.records[entry].about or entry

    def agreed(self) -> bool:
        required = self.required()
        return (
            self.standing == DECIDING
            and bool(required)
            and not self.narrowed
            and not self.in_doubt()
            and all(self.decisions.get(each, ("",))[0] is APPROVES for each in required)
        )

    def waited(self) -> set[str]:
        """Whose turn it is."""
        if self.standing in (AT_DESK, RETURNED):
            return {DESK if self.standing == AT_DESK else APPLICANT}
        if self.standing == "Accepted":
            return self.in_doubt()
        if self.standing != DECIDING:
            return set()
        found = self.in_doubt()
        if self.narrowed or self.agreed() or self.required() & set(self.questions.values()):
            found.add(APPLICANT)
        if not self.narrowed:
            undecided = self.required() - set(self.decisions)
            found |= {body for body in undecided if not self.waits_for(body)}
        return found

    def _note(self, at: datetime, event: Any) -> None:
        waited = self.waited()
        still = {(body, "waiting_for_answer") for body in self.questions.values()}
        still |= {(body, "meeting") for body in self.meetings}
        called = {event.body} if isinstance(event, e.DelegateCalled) else set()
        escalated = {event.body} if isinstance(event, e.Escalated) else set()
        self.moments.append(Moment(
            at, frozenset(waited), frozenset(each for each in still if each[0] in waited),
            isinstance(event, e.Rejustified),
            dict(event.times) if isinstance(event, e.Reminded) else {},
            frozenset(called), frozenset(escalated),
        ))  # fmt: skip

    # What happens.

    def take(self, entry: dict, events: list[Any], envelope: Envelope, world: Any) -> None:
        """Fold one entry and check every event in it."""
        for event in events:
            name = type(event).__name__
            answers = any(isinstance(each, e.DisputeAnswered) for each in events)
            late = self.standing == "Accepted" and (name in AFTER_ACCEPTANCE or answers)
            assert not self.ended or late, f"{name} after {self.ended}"
            at_desk = self.standing in (AT_DESK, RETURNED)
            assert not at_desk or name in {
                "Forwarded", "Returned", "Resubmitted", "Withdrawn", "Reminded", "DelegateCalled",
            }, f"{name} at the desk"  # fmt: skip
            if self.remains is not None:
                assert name == "Narrowed", "what a body left is not what is asked"
            getattr(self, f"_{name}")(event, entry, events, envelope, world)
            self._note(envelope.at, event)
        assert self.remains is None, "a body's word took nothing out"

    def _Submitted(self, event, entry, events, envelope, world) -> None:  # noqa: N802
        assert self.submitted is None
        assert event.applicant == envelope.actor
        self._asks(event, entry, envelope)

    def _asks(self, event, entry, envelope) -> None:
        content, pinned = event.content, event.pinned
        assert not content.slice.empty
        assert content.slice.peoples != ANY
        assert content.ends_at > envelope.at
        assert pinned.items
        assert not in_a_circle(pinned.route)
        self.submitted = event if isinstance(event, e.Submitted) else replace(
            self.submitted, content=content, pinned=pinned
        )  # fmt: skip
        self.route = {(each.body, each.capacity): each for each in pinned.route}
        self.slice, self.items = content.slice, frozenset(pinned.items)
        self.standing = AT_DESK if pinned.desk else DECIDING
        self.round, self.changed, self.asked_anew = 1, entry["sequence"], entry["sequence"]
        assert self.required(), "a request that nobody decides about"
        if content.for_body:
            assert content.for_body in self.required(), "a body that asks has its own word first"

    def _Forwarded(self, event, entry, events, envelope, world) -> None:  # noqa: N802
        assert self.standing == AT_DESK
        assert not self.decisions
        if event.unchecked:
            assert envelope.actor == "system"
            command = envelope.command
            assert command.forward_after <= command.waited[DESK].days
        else:
            self._at_the_desk(envelope, world)
        # Forwarding is no approval: everybody is still to be asked.
        self.standing, self.changed = DECIDING, entry["sequence"]
        self.asked_anew = entry["sequence"]

    def _Returned(self, event, entry, events, envelope, world) -> None:  # noqa: N802
        assert self.standing == AT_DESK
        self._at_the_desk(envelope, world)
        self.standing = RETURNED

    def _at_the_desk(self, envelope, world) -> None:
        desk = self.pinned.desk
        assert envelope.command.sitting.body == desk
        assert envelope.actor in world[desk].members | world[desk].secretaries
        assert envelope.actor not in self.applicants
        self._has_seen(envelope)

    def _Resubmitted(self, event, entry, events, envelope, world) -> None:  # noqa: N802
        assert self.standing == RETURNED
        assert envelope.actor == self.submitted.applicant
        self._asks(event, entry, envelope)

    def _QuestionAsked(self, event, entry, events, envelope, world) -> None:  # noqa: N802
        self._a_hand(event.body, envelope, world)
        self.questions[event.question] = event.body

    def _QuestionAnswered(self, event, entry, events, envelope, world) -> None:  # noqa: N802
        assert envelope.actor in self.applicants
        del self.questions[event.question]

    def _StoodAside(self, event, entry, events, envelope, world) -> None:  # noqa: N802
        assert event.person == envelope.actor, "nobody puts somebody else aside"
        assert event.person in world[event.body].members
        self.aside.setdefault(event.body, set()).add(event.person)

    def _Spoken(self, event, entry, events, envelope, world) -> None:  # noqa: N802
        body = event.body
        assert event.person == envelope.actor, "nobody speaks for somebody else"
        self._may_speak(body, event.person, world)
        self._has_seen(envelope)
        assert body not in self.decisions
        assert not self.waits_for(body), "a body spoke before its turn"
        first = world[body].kawa.first
        if first is not None and body not in self.advised:
            for_whom = self.voicing(body, world)[event.person]
            assert for_whom & first.members, "the body spoke before its subcommittee"
        self.voices.setdefault(body, {})[event.person] = event.voice

    def _ConditionSet(self, event, entry, events, envelope, world) -> None:  # noqa: N802
        new = event.condition
        self._a_hand(new.body, envelope, world)
        assert envelope.actor not in self.out_of_it(new.body, world)
        assert new.id == envelope.id
        self._has_seen(envelope)
        for old in list(self.conditions.values()):
            if (old.body, old.kind) == (new.body, new.kind) and new.kind != "own_words":
                del self.conditions[old.id]
        self.conditions[new.id] = new

    def _HuiRecorded(self, event, entry, events, envelope, world) -> None:  # noqa: N802
        assert envelope.actor == event.recorded_by
        # A body may answer for its record that it is not theirs, by which it is not asked.
        answers = any(isinstance(each, e.DisputeAnswered) for each in events)
        assert answers or event.body in self.required()
        self._holds_the_pen(event.body, envelope, world)
        for person in event.voices:
            assert person in self.voicing(event.body, world), "who takes no part is in a record"
        sat = {event.body, *event.joint_with}
        for one in sat:
            for other in sat - {one}:
                assert other in world[one].kawa.joint_with, "who did not choose to sit together"
        self.records[entry["id"]] = Record(
            event.body, frozenset(event.voices), event.recorded_by
        )  # fmt: skip

    def _Advised(self, event, entry, events, envelope, world) -> None:  # noqa: N802
        body, first = event.body, world[event.body].kawa.first
        self._decides(body, envelope, world)
        assert first is not None
        assert body not in self.advised
        assert event.round == self.round
        found = advice(first, self._heard(event, events), world[body].members,
                       self.out_of_it(body, world), world[body].delegates_known())  # fmt: skip
        assert event.outcome in found, "the subcommittee's voices do not come to that advice"
        self.advised[body] = event.outcome
        # What was said within the subcommittee was advice; the body itself speaks afresh.
        self.voices.pop(body, None)
        self._rests(body, entry)

    def _AgreedInPrinciple(self, event, entry, events, envelope, world) -> None:  # noqa: N802
        self._by_its_kawa(event.body, Outcome.IN_PRINCIPLE, event, events, envelope, world)
        assert event.depends_on
        assert event.depends_on <= self.required() - {event.body} | {"funding"}
        self.in_principle[event.body] = event.depends_on
        # It opens nothing: for a yes without an if, they speak again.
        self.voices.pop(event.body, None)
        self._rests(event.body, entry)

    def _DecidedElsewhere(self, event, entry, events, envelope, world) -> None:  # noqa: N802
        assert world[event.body].kawa.elsewhere, "a letter of a body that decides here"
        assert event.verified_by == envelope.actor
        self._a_pen(event.body, envelope, world)
        lapsed = self.lapses.pop(event.body, None)
        if event.body in self.decisions:
            assert lapsed is not None, "a second letter while the first one holds"
            assert lapsed <= envelope.at
            del self.decisions[event.body]
        if event.expires_at is not None:
            assert event.expires_at > envelope.at
            self.lapses[event.body] = event.expires_at

    def _BodyDecided(self, event, entry, events, envelope, world) -> None:  # noqa: N802
        body, command = event.body, envelope.command
        if isinstance(command, c.RecordElsewhere):
            assert [type(each) for each in events][:2] == [e.DecidedElsewhere, e.BodyDecided]
            assert command.sitting.body == body
            assert body in self.required()
            assert body not in self.decisions
            assert not self.waits_for(body), "a body decided before its turn"
            assert event.outcome in (Outcome.APPROVE, Outcome.DECLINE)
        else:
            self._by_its_kawa(body, event.outcome, event, events, envelope, world)
        assert event.round == self.round
        self._has_seen(envelope)
        capacities = {each.capacity for each in self.asked() if each.body == body}
        struck = getattr(command, "struck", frozenset())
        if capacities == {HOLDER} and (event.outcome is Outcome.DECLINE or struck):
            assert event.reasons, "a holder's no without its lawful reason"
        if struck:
            assert event.outcome is APPROVES
        cut = self._cut(body, event.outcome, struck)
        if event.outcome is Outcome.NOT_OURS:
            assert body != self.content.for_body, "whoever asks has its own word first"
            self.not_ours.add(body)
            self.conditions = {k: v for k, v in self.conditions.items() if v.body != body}
        else:
            self.decisions[body] = (event.outcome, entry["sequence"], entry["id"])
        self.in_principle.pop(body, None)
        self.meetings.discard(body)
        self._rests(body, entry)
        takes = event.outcome is Outcome.DECLINE or bool(struck)
        self.remains = cut if takes or cut != (self.slice, self.items) else None

    def _cut(self, body: str, outcome: Outcome, struck: frozenset[str]) -> tuple:
        """What is left when a body has said this: slice and items."""
        if outcome is APPROVES:
            self.lost_items |= struck
            return self.slice, self.items - struck
        keep = [each for each in self.asked() if each.body != body]
        if outcome is Outcome.DECLINE:
            keep = []
        peoples: set[str] = set()
        places: set[str] = set()
        items: set[str] = set()
        for own in (each for each in self.asked() if each.body == body):
            others = [each for each in keep if each.capacity is own.capacity]
            for item in own.items:
                parts = own.peoples | own.places
                if outcome is Outcome.NOT_OURS:
                    facts = self.pinned.items[item]
                    parts &= facts.peoples | facts.places
                unheard = {
                    part for part in parts
                    if not any(item in each.items and part in each.peoples | each.places
                               for each in others)
                }  # fmt: skip
                if own.capacity in (ETHICS, HOLDER):
                    if not any(item in each.items for each in others):
                        items.add(item)
                elif unheard and self.pinned.items[item].whole:
                    items.add(item)
                else:
                    (peoples if own.capacity is PEOPLE else places).update(unheard)
        asked = self.slice
        if peoples:
            left = explicit(asked.peoples, self.pinned.peoples) - peoples
            asked = replace(asked, peoples=left)
        if places:
            asked = replace(asked, places=explicit(asked.places, self.pinned.places) - places)
        if outcome is Outcome.DECLINE:
            self.lost_peoples |= peoples
            self.lost_places |= places
        self.lost_items |= items
        rest = frozenset(each for each in self.items - items if self._visible(each, asked))
        return asked, rest

    def _Narrowed(self, event, entry, events, envelope, world) -> None:  # noqa: N802
        assert self.remains is not None, "nothing was said that takes anything out"
        assert (event.slice, event.items) == self.remains, "a body takes out its own, no other"
        self.slice, self.items = self.remains
        self.remains = None
        self.narrowed = True
        self.changed = self.asked_anew = entry["sequence"]

    def _Rejustified(self, event, entry, events, envelope, world) -> None:  # noqa: N802
        assert envelope.actor == self.submitted.applicant
        assert self.narrowed
        self._has_seen(envelope)
        assert event.round == self.round + 1
        assert event.slice.within(self.slice), "a request is made narrower, never wider"
        left = {each for each in self.items if self._visible(each, event.slice)}
        assert event.items == left
        self.round, self.slice, self.items = event.round, event.slice, event.items
        # Every earlier yes is void; so is what was on the way to one.
        self.decisions, self.voices, self.advised, self.in_principle = {}, {}, {}, {}
        self.meetings, self.lapses, self.narrowed = set(), {}, False
        # Who said that it is not theirs is not asked again; their record still counts, if it is
        # of a part that is still asked about, and for which another decides.
        left = {key[0] for key in self.route if self.left(key) is not None}
        self.rests_on = {k: each for k, each in self.rests_on.items() if k in self.not_ours & left}
        self.changed = self.asked_anew = entry["sequence"]
        asked = self.required()
        assert asked, "a request that nobody decides about"
        self.conditions = {k: each for k, each in self.conditions.items() if each.body in asked}

    def _BodiesAdded(self, event, entry, events, envelope, world) -> None:  # noqa: N802
        assert event.entries
        for added in event.entries:
            key = (added.body, added.capacity)
            before = self.left(key) if key in self.route else None
            if before is not None:
                for part in ("peoples", "places", "items"):
                    assert getattr(before, part) <= getattr(added, part), "a part was dropped"
            self.route[key] = added
            self._void(added.body)
            self.lapses.pop(added.body, None)
            self.added_at[added.body] = entry["sequence"]
        for added in event.entries:
            assert added.body in self.required(), "a body was added that has nothing to decide"
        assert not in_a_circle(self.asked()), "bodies that wait for each other for ever"
        self.changed = entry["sequence"]

    def _Accepted(self, event, entry, events, envelope, world) -> None:  # noqa: N802
        command = envelope.command
        assert isinstance(command, c.Accept)
        assert envelope.actor == self.submitted.applicant
        self._has_seen(envelope)
        assert self.agreed()
        terms, content = event.terms, self.content
        required = self.required()
        assert required
        assert set(self.decisions) == required
        for body in required:
            outcome, sequence, recorded = self.decisions[body]
            assert outcome is APPROVES, f"{body} did not approve"
            assert sequence > max(self.asked_anew, self.added_at.get(body, 0)), "an old yes"
            assert terms.decisions[body] == recorded
        for now in command.route_now:
            # (A route may be told of more than is asked by now; nobody is asked about that.)
            asked = self.left_of(now) is None or now.body in required | self.not_ours
            assert asked, "today's rules ask a body that was not asked"
        assert all(at > envelope.at for at in self.lapses.values()), "a letter that has lapsed"
        assert terms.lapses == self.lapses
        assert terms.rests_on == frozenset().union(*self.rests_on.values())
        assert terms.applicant == self.submitted.applicant
        assert set(terms.people) == self.applicants
        assert set(terms.items) == self.items
        assert set(terms.items) <= set(self.pinned.items)
        assert terms.items == {k: self.pinned.items[k] for k in self.items}
        assert terms.slice.within(content.slice)
        assert terms.slice.within(self.slice)
        assert not terms.slice.empty
        assert not self.lost_peoples & explicit(terms.slice.peoples, self.pinned.peoples)
        assert not self.lost_places & explicit(terms.slice.places, self.pinned.places)
        assert not self.lost_items & set(terms.items)
        assert {each.id for each in terms.conditions} == set(command.conditions)
        assert {each.id: each for each in terms.conditions} == self.conditions
        assert {each.body for each in terms.conditions} <= required
        assert terms.acts <= content.acts
        assert "use.read" in terms.acts
        assert terms.area == content.area
        assert terms.named == {k: v for k, v in content.named.items() if k in terms.acts}
        assert envelope.at < terms.ends_at <= content.ends_at
        for item in terms.items:
            self._everyone_of(item, required)
        for condition in terms.conditions:
            self._kept(condition, terms)
        assert len({each.choice for each in terms.conditions if each.kind == "attribution"}) <= 1
        for duty in terms.duties:
            assert duty.due_at <= terms.ends_at
            assert set(duty.recipients) <= required
            assert duty.recipients
        self.accepted, self.standing = event, "Accepted"

    def _everyone_of(self, item: str, required: set[str]) -> None:
        """Every body on the route for what the item concerns has approved, both of two. What a
        body said is not its own has the yes of another that speaks for it."""
        facts = self.pinned.items[item]
        for (body, capacity), entry in self.route.items():
            if item not in entry.items:
                continue
            peoples, places = facts.peoples & entry.peoples, facts.places & entry.places
            if not facts.whole:
                peoples &= explicit(self.slice.peoples, self.pinned.peoples)
                places &= explicit(self.slice.places, self.pinned.places)
            if not (peoples or places or capacity in (ETHICS, HOLDER)):
                continue
            assert body in required | self.not_ours, f"{body} has a say over {item}"
            if body in self.not_ours:
                others = [
                    each for (other, kind), each in self.route.items()
                    if kind is capacity and other in required and item in each.items
                ]  # fmt: skip
                assert others
                for part in peoples | places:
                    assert any(part in each.peoples | each.places for each in others), "unheard"

    def _kept(self, condition, terms) -> None:
        if condition.kind == "level_at_most":
            assert terms.slice.level.rank <= type(terms.slice.level)(condition.choice).rank
        if condition.kind == "end_date":
            assert terms.ends_at <= condition.at
        if condition.kind == "report_back":
            assert all(duty.due_at <= condition.at for duty in terms.duties)
        if condition.kind == "no_linkage":
            assert "use.link" not in terms.acts
            assert "use.link" not in terms.named

    def _Withdrawn(self, event, entry, events, envelope, world) -> None:  # noqa: N802
        assert envelope.actor == self.submitted.applicant
        self.standing = "Withdrawn"

    def _Declined(self, event, entry, events, envelope, world) -> None:  # noqa: N802
        assert any(isinstance(each, e.BodyDecided) for each in events), "nobody had decided"
        assert self.slice.empty or not self.items or not self.required()
        self.standing = "Declined"

    def _MeetingAsked(self, event, entry, events, envelope, world) -> None:  # noqa: N802
        self._a_hand(event.body, envelope, world)
        assert event.body not in self.meetings
        assert event.body not in self.decisions
        self.meetings.add(event.body)

    def _MeetingHeld(self, event, entry, events, envelope, world) -> None:  # noqa: N802
        self._a_hand(event.body, envelope, world)
        assert event.held_on <= (envelope.at + timedelta(hours=14)).date()
        self.meetings.remove(event.body)

    def _Disputed(self, event, entry, events, envelope, world) -> None:  # noqa: N802
        record = self.records[event.entry]
        assert event.person == envelope.actor
        assert event.person in record.named, "somebody disputes a record that does not name them"
        assert event.body == record.body
        assert self.root(event.entry) in self.rests_on[event.body], "nothing rests on it"
        assert (event.entry, event.person) not in self.disputed_ever
        self.disputed_ever.add((event.entry, event.person))
        self.disputes[event.dispute] = event

    def _DisputeAnswered(self, event, entry, events, envelope, world) -> None:  # noqa: N802
        dispute = self.disputes.pop(event.dispute)
        body = dispute.body
        assert event.body == envelope.command.sitting.body == body
        first = self.root(dispute.entry)
        assert event.entry == first
        out = self.out_of_it(body, world)
        assert envelope.actor not in out
        of_it = {each for each in self.records if self.root(each) == first} - {entry["id"]}
        concerned = {self.records[each].by for each in of_it}
        concerned |= {who for each, who in self.disputed_ever if each in of_it}
        hands = world[body].secretaries - out
        if len(events) > 1:
            could = (world[body].members - out) & {dispute.person}
            assert could <= events[0].voices.keys(), "whoever disputes it was not heard"
            self._answered_together(body, event, events, world)
            self.records[entry["id"]].about = first
        else:
            hands |= world[body].members - out
            assert envelope.actor in hands
        if envelope.actor in concerned:
            assert not hands - concerned, "they answered for a record of their own making"
        if not event.stands and first in self.rests_on.get(body, ()):
            self._void(body)

    def _answered_together(self, body, event, events, world) -> None:
        hui, kawa = events[0], world[body].kawa
        assert not world[body].pause
        assert hui.method == "hui" or not kawa.in_person
        found = outcomes(
            kawa, hui.voices, world[body].members, self.out_of_it(body, world),
            world[body].delegates_known(),
        )  # fmt: skip
        wanted = Outcome.APPROVE if event.stands else Outcome.DECLINE
        assert wanted in found, "the body's voices do not come to that answer"

    def _void(self, body: str) -> None:
        """The body decides afresh, from the beginning."""
        for of_body in (self.decisions, self.voices, self.advised, self.in_principle):
            of_body.pop(body, None)
        self.not_ours.discard(body)
        self.rests_on.pop(body, None)

    def _ReviewRecorded(self, event, entry, events, envelope, world) -> None:  # noqa: N802
        assert envelope.actor == event.reviewer == envelope.command.reviewer
        assert self.referred
        assert len(events) == 1

    # Time.

    def _Reminded(self, event, entry, events, envelope, world) -> None:  # noqa: N802
        self._only_the_clock(events, envelope)
        if not envelope.command.waited and envelope.command.forward_after is None:
            # As before bodies set their own days.
            assert self.standing == DECIDING
            assert set(event.bodies) == self.required() - set(self.decisions)
            return
        found = self.waits()
        assert event.bodies
        assert set(event.times) == set(event.bodies)
        for who, times in event.times.items():
            waited = envelope.command.waited[who]
            assert who in found, "somebody was told who is not waited for"
            assert not found[who].stands, "somebody was told while their clock stands"
            assert times == sum(each <= waited.days for each in waited.remind)
            assert times > found[who].told, "somebody was told twice of the same"

    def _DelegateCalled(self, event, entry, events, envelope, world) -> None:  # noqa: N802
        self._only_the_clock(events, envelope)
        wait, waited = self.waits()[event.body], envelope.command.waited[event.body]
        assert not wait.stands
        assert not wait.called
        assert event.delegate == waited.then
        assert waited.then_after <= waited.days

    def _Escalated(self, event, entry, events, envelope, world) -> None:  # noqa: N802
        self._only_the_clock(events, envelope)
        wait, waited = self.waits()[event.body], envelope.command.waited[event.body]
        assert not wait.stands
        assert not wait.escalated
        assert any(each.body == event.body and each.capacity is HOLDER for each in self.asked())
        assert (event.reviewer, event.days) == (envelope.command.reviewer, waited.days)
        assert waited.review_after <= waited.days
        self.referred.add(event.body)

    def _only_the_clock(self, events, envelope) -> None:
        assert envelope.actor == "system"
        told = {e.Reminded, e.DelegateCalled, e.Escalated, e.Forwarded}
        assert {type(each) for each in events} <= told, "something else follows from silence"

    def _Closed(self, event, entry, events, envelope, world) -> None:  # noqa: N802
        assert self.accepted is not None
        assert envelope.actor == "system"
        self.standing = "Closed"

    # What several of these have in common.

    def _visible(self, item: str, asked: Slice) -> bool:
        """Can anything of the item be seen in the slice? What is whole only with all its own."""
        facts = self.pinned.items[item]
        for own, part, known in (
            (facts.peoples, asked.peoples, self.pinned.peoples),
            (facts.places, asked.places, self.pinned.places),
        ):
            there = own & explicit(part, known)
            if own and (not there or (facts.whole and there != own)):
                return False
        return True

    def _a_hand(self, body: str, envelope, world) -> None:
        assert envelope.command.sitting.body == body
        assert body in self.required()
        assert envelope.actor in world[body].members | world[body].secretaries
        assert envelope.actor not in self.applied(body)
        assert envelope.actor not in self.aside.get(body, set())

    def _a_pen(self, body: str, envelope, world) -> None:
        assert body in self.required()
        self._holds_the_pen(body, envelope, world)

    def _holds_the_pen(self, body: str, envelope, world) -> None:
        assert envelope.command.sitting.body == body
        assert envelope.actor in world[body].secretaries
        assert envelope.actor not in self.applied(body)

    def _may_speak(self, body: str, person: str, world) -> None:
        assert body in self.required()
        may = self.voicing(body, world)
        assert person in may, "somebody spoke who takes no part today"

    def _decides(self, body: str, envelope, world) -> None:
        assert isinstance(envelope.command, c.Conclude | c.RecordHui), "only a body decides"
        assert envelope.command.sitting.body == body
        assert not self.not_yet(body, envelope.at, world)
        self._has_seen(envelope)

    def _by_its_kawa(self, body, outcome, event, events, envelope, world) -> None:
        self._decides(body, envelope, world)
        kawa = world[body].kawa
        if kawa.first is not None:
            assert body in self.advised, "the body decided before its subcommittee"
        if kawa.in_person:
            hui = [each for each in events if isinstance(each, e.HuiRecorded)]
            assert hui, "a body that decides face to face decided by a screen"
            assert hui[0].method == "hui"
        found = outcomes(
            kawa, self._heard(event, events), world[body].members,
            self.out_of_it(body, world), world[body].delegates_known(),
        )  # fmt: skip
        assert outcome in found, "the body's voices do not come to that outcome"

    def _heard(self, event, events) -> dict[str, Voice]:
        huis = [each for each in events if isinstance(each, e.HuiRecorded)]
        return huis[0].voices if huis else self.voices.get(event.body, {})

    def _rests(self, body: str, entry: dict) -> None:
        self.rests_on.setdefault(body, set()).add(entry["id"])

    def _has_seen(self, envelope: Envelope) -> None:
        assert envelope.seen >= self.changed, "decided about a shape that its sender had not seen"

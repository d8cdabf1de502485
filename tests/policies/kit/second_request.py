"""What a request's events must amount to, worked out a second time from `bones.md`.

`Told` folds the events of a request by its own means and checks each as it comes;
the state machine's own state and helpers are not used for it.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from second_kawa import outcomes

from policies.request import commands as c
from policies.request import events as e
from policies.slices import ANY, Slice
from policies.types import Capacity, Envelope, Outcome, RouteEntry, Voice

Key = tuple[str, Capacity]
APPROVES = Outcome.APPROVE


def explicit(part: Any, everything: frozenset) -> frozenset:
    return everything if part == ANY else frozenset(part)


@dataclass
class Told:
    """A request as its events tell it, and what has been lost on the way."""

    submitted: e.Submitted | None = None
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
    lost_peoples: frozenset[str] = frozenset()
    lost_places: frozenset[str] = frozenset()
    lost_items: frozenset[str] = frozenset()
    accepted: e.Accepted | None = None
    ended: str = ""

    @property
    def applicants(self) -> set[str]:
        assert self.submitted is not None
        return {self.submitted.applicant, *(p.person for p in self.submitted.content.people)}

    @property
    def pinned(self) -> c.Pinned:
        assert self.submitted is not None
        return self.submitted.pinned

    def left(self, key: Key) -> RouteEntry | None:
        """What is left of a route's entry in what is asked now, or None."""
        return self.left_of(self.route[key])

    def left_of(self, entry: RouteEntry) -> RouteEntry | None:
        """The same of any entry."""
        items = entry.items & self.items
        peoples = entry.peoples & explicit(self.slice.peoples, entry.peoples)
        places = entry.places & explicit(self.slice.places, entry.places)
        concerned = {Capacity.PEOPLE: peoples, Capacity.PLACE: places}.get(entry.capacity, True)
        if not items or not concerned:
            return None
        return replace(entry, items=items, peoples=peoples, places=places)

    def required(self) -> set[str]:
        """Every body without whose yes there is no access."""
        return {key[0] for key in self.route if self.left(key) is not None}

    def take(self, entry: dict, events: list[Any], envelope: Envelope, world: Any) -> None:
        """Fold one entry and check every event in it."""
        for event in events:
            name = type(event).__name__
            assert not self.ended or name == "Closed", f"{name} after {self.ended}"
            getattr(self, f"_{name}")(event, entry, events, envelope, world)

    def _Submitted(self, event, entry, events, envelope, world) -> None:  # noqa: N802
        assert self.submitted is None
        assert not event.content.slice.empty
        assert event.content.slice.peoples != ANY
        assert event.pinned.items
        self.submitted = event
        self.route = {(each.body, each.capacity): each for each in event.pinned.route}
        self.slice, self.items = event.content.slice, frozenset(event.pinned.items)
        self.round, self.changed, self.asked_anew = 1, entry["sequence"], entry["sequence"]
        assert self.required(), "a request that nobody decides about"

    def _QuestionAsked(self, event, entry, events, envelope, world) -> None:  # noqa: N802
        assert event.body in self.required()
        assert envelope.actor not in self.applicants

    def _QuestionAnswered(self, event, entry, events, envelope, world) -> None:  # noqa: N802
        assert envelope.actor in self.applicants

    def _StoodAside(self, event, entry, events, envelope, world) -> None:  # noqa: N802
        assert event.person == envelope.actor, "nobody puts somebody else aside"
        self.aside.setdefault(event.body, set()).add(event.person)

    def _Spoken(self, event, entry, events, envelope, world) -> None:  # noqa: N802
        assert event.person == envelope.actor, "nobody speaks for somebody else"
        self._may_speak(event.body, event.person, world)
        self._has_seen(envelope)
        self.voices.setdefault(event.body, {})[event.person] = event.voice

    def _ConditionSet(self, event, entry, events, envelope, world) -> None:  # noqa: N802
        new = event.condition
        assert new.body == envelope.command.sitting.body
        assert new.id == envelope.id
        self._has_seen(envelope)
        for old in list(self.conditions.values()):
            if (old.body, old.kind) == (new.body, new.kind) and new.kind != "own_words":
                del self.conditions[old.id]
        self.conditions[new.id] = new

    def _HuiRecorded(self, event, entry, events, envelope, world) -> None:  # noqa: N802
        assert envelope.actor == event.recorded_by
        assert envelope.actor in world[event.body].secretaries
        assert envelope.actor not in self.applicants
        for person in event.voices:
            self._may_speak(event.body, person, world)

    def _BodyDecided(self, event, entry, events, envelope, world) -> None:  # noqa: N802
        body = event.body
        assert isinstance(envelope.command, c.Conclude | c.RecordHui), "only a body decides"
        assert envelope.command.sitting.body == body
        assert body in self.required(), "a body that is not asked decided"
        assert body not in self.decisions, "a body decided twice in a round"
        assert event.round == self.round
        self._has_seen(envelope)
        huis = [each for each in events if isinstance(each, e.HuiRecorded)]
        voices = huis[0].voices if huis else self.voices.get(body, {})
        not_counted = self.aside.get(body, set()) | self.applicants
        assert event.outcome in outcomes(
            world[body].kawa, voices, world[body].members, not_counted
        ), "the body's voices do not come to that outcome"
        self.decisions[body] = (event.outcome, entry["sequence"], entry["id"])

    def _Narrowed(self, event, entry, events, envelope, world) -> None:  # noqa: N802
        assert self.decisions[event.body][0] is Outcome.DECLINE
        peoples: frozenset[str] = frozenset()
        places: frozenset[str] = frozenset()
        items: frozenset[str] = frozenset()
        for key in self.route:
            entry_left = self.left(key)
            if key[0] != event.body or entry_left is None:
                continue
            whole = {each for each in entry_left.items if self.pinned.items[each].whole}
            if key[1] in (Capacity.ETHICS, Capacity.HOLDER):
                items |= entry_left.items
                continue
            items |= whole
            if entry_left.items - whole:
                peoples |= entry_left.peoples
                places |= entry_left.places
        before = explicit(self.slice.peoples, self.pinned.peoples)
        assert event.slice.peoples == before - peoples, "a decline takes its own people, no other"
        if places:
            left = explicit(self.slice.places, self.pinned.places) - places
            assert event.slice.places == left, "a decline takes its own places, no other"
        else:
            assert event.slice.places == self.slice.places
        assert (event.slice.years, event.slice.level) == (self.slice.years, self.slice.level)
        expected = {each for each in self.items - items if self._visible(each, event.slice)}
        assert event.items == expected, "a decline takes its own items, no other"
        self.lost_peoples |= peoples
        self.lost_places |= places
        self.lost_items |= items
        self.slice, self.items = event.slice, event.items
        self.changed = self.asked_anew = entry["sequence"]

    def _Rejustified(self, event, entry, events, envelope, world) -> None:  # noqa: N802
        assert envelope.actor == self.submitted.applicant
        assert any(outcome is not APPROVES for outcome, _, _ in self.decisions.values())
        self._has_seen(envelope)
        assert event.round == self.round + 1
        assert event.slice.within(self.slice), "a request is made narrower, never wider"
        assert event.items <= self.items
        self.round, self.slice, self.items = event.round, event.slice, event.items
        # Every earlier yes is void.
        self.decisions, self.voices = {}, {}
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
            self.decisions.pop(added.body, None)
            self.voices.pop(added.body, None)
            self.added_at[added.body] = entry["sequence"]
            assert added.body in self.required(), "a body was added that has nothing to decide"
        self.changed = entry["sequence"]

    def _Accepted(self, event, entry, events, envelope, world) -> None:  # noqa: N802
        command = envelope.command
        assert isinstance(command, c.Accept)
        assert envelope.actor == self.submitted.applicant
        self._has_seen(envelope)
        terms, content = event.terms, self.submitted.content
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
            assert self.left_of(now) is None or now.body in required, (
                "today's rules ask a body that was not asked"
            )
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
        assert terms.acts <= content.acts
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
        self.accepted, self.ended = event, "Accepted"

    def _everyone_of(self, item: str, required: set[str]) -> None:
        """Every body on the route for what the item concerns has approved, both of two."""
        facts = self.pinned.items[item]
        for (body, capacity), entry in self.route.items():
            if item not in entry.items:
                continue
            peoples, places = facts.peoples & entry.peoples, facts.places & entry.places
            if not facts.whole:
                peoples &= explicit(self.slice.peoples, self.pinned.peoples)
                places &= explicit(self.slice.places, self.pinned.places)
            if peoples or places or capacity in (Capacity.ETHICS, Capacity.HOLDER):
                assert body in required, f"{body} has a say over {item}"

    def _kept(self, condition, terms) -> None:
        if condition.kind == "level_at_most":
            assert terms.slice.level.rank <= type(terms.slice.level)(condition.choice).rank
        if condition.kind == "end_date":
            assert terms.ends_at <= condition.at
        if condition.kind == "report_back":
            assert all(duty.due_at <= condition.at for duty in terms.duties)
        if condition.kind == "no_linkage":
            assert "use.link" not in terms.acts

    def _Withdrawn(self, event, entry, events, envelope, world) -> None:  # noqa: N802
        assert envelope.actor == self.submitted.applicant
        self.ended = "Withdrawn"

    def _Declined(self, event, entry, events, envelope, world) -> None:  # noqa: N802
        assert self.slice.empty or not self.items or not self.required()
        self.ended = "Declined"

    def _Reminded(self, event, entry, events, envelope, world) -> None:  # noqa: N802
        assert envelope.actor == "system"
        assert len(events) == 1, "nothing else follows from silence"
        assert set(event.bodies) == self.required() - set(self.decisions)

    def _Closed(self, event, entry, events, envelope, world) -> None:  # noqa: N802
        assert self.accepted is not None
        assert envelope.actor == "system"
        self.ended = "Closed"

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

    def _may_speak(self, body: str, person: str, world) -> None:
        assert body in self.required()
        assert person in world[body].members, "somebody who is no member today spoke"
        assert person not in self.aside.get(body, set()), "somebody who stood aside spoke"
        assert person not in self.applicants, "an applicant spoke"

    def _has_seen(self, envelope: Envelope) -> None:
        assert envelope.seen >= self.changed, "decided about a shape that its sender had not seen"

"""A request as its events tell it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from policies.conditions import Condition
from policies.request import events as e
from policies.request.commands import Content, Pinned
from policies.slices import ANY, Slice
from policies.stream import Meta
from policies.types import Capacity, Outcome, RouteEntry, Voice


class Status(StrEnum):
    """Where a request stands."""

    NONE = "none"
    DECIDING = "deciding"
    ACCEPTED = "accepted"
    WITHDRAWN = "withdrawn"
    DECLINED = "declined"
    CLOSED = "closed"


@dataclass(frozen=True)
class Question:
    """A question of a body's, and whether it has its answer."""

    body: str
    answered: bool = False


@dataclass(frozen=True)
class Decision:
    """What a body decided in the present round, and the entry that holds it."""

    outcome: Outcome
    entry: str


@dataclass(frozen=True)
class RequestState:
    """What `decide` needs to know; voices and decisions are those of the present round.

    `changed_at` is the sequence at which what is asked last changed: nobody decides
    about a request in a shape that they have not seen.
    """

    status: Status = Status.NONE
    applicant: str = ""
    content: Content | None = None
    pinned: Pinned | None = None
    slice: Slice = field(default_factory=Slice)
    items: frozenset[str] = frozenset()
    round: int = 0
    stood_aside: Mapping[str, frozenset[str]] = field(default_factory=dict)
    voices: Mapping[str, Mapping[str, Voice]] = field(default_factory=dict)
    decisions: Mapping[str, Decision] = field(default_factory=dict)
    conditions: Mapping[str, Condition] = field(default_factory=dict)
    questions: Mapping[str, Question] = field(default_factory=dict)
    remind_at: datetime | None = None
    grant: str | None = None
    changed_at: int = 0

    @property
    def open(self) -> bool:
        """False once nothing more can happen."""
        return self.status in (Status.NONE, Status.DECIDING, Status.ACCEPTED)

    @property
    def applicants(self) -> frozenset[str]:
        """Everybody who asked, or would use the data: none of them decides about it."""
        people = self.content.people if self.content else ()
        return frozenset({self.applicant, *(each.person for each in people)})

    def asked(self) -> tuple[RouteEntry, ...]:
        """The route as far as anything of it is left in the slice and the items."""
        if self.pinned is None:
            return ()
        return tuple(entry for entry in map(self.left_of, self.pinned.route) if entry is not None)

    def left_of(self, entry: RouteEntry) -> RouteEntry | None:
        """`entry` as far as it concerns what is still asked, or None."""
        items = entry.items & self.items
        peoples = entry.peoples
        places = entry.places
        if entry.capacity is Capacity.PEOPLE and self.slice.peoples != ANY:
            peoples = entry.peoples & frozenset(self.slice.peoples)
            if not peoples:
                return None
        if entry.capacity is Capacity.PLACE and self.slice.places != ANY:
            places = entry.places & frozenset(self.slice.places)
            if not places:
                return None
        if not items:
            return None
        return replace(entry, items=items, peoples=peoples, places=places)

    def bodies(self) -> frozenset[str]:
        """Every body whose decision is required."""
        return frozenset(entry.body for entry in self.asked())

    def asked_ever(self) -> frozenset[str]:
        """The bodies on the pinned route, also those of which a decline left nothing."""
        return frozenset(entry.body for entry in self.pinned.route) if self.pinned else frozenset()

    def waiting_for(self) -> frozenset[str]:
        """The bodies that have not decided in this round."""
        return self.bodies() - frozenset(self.decisions)

    @property
    def declined_this_round(self) -> bool:
        """True when a decline waits for the rest to be justified again."""
        return any(each.outcome is Outcome.DECLINE for each in self.decisions.values())

    @property
    def agreed(self) -> bool:
        """True when every required body has approved, in this round, what is asked now."""
        return (
            self.status is Status.DECIDING
            and bool(self.bodies())
            and not self.waiting_for()
            and not self.declined_this_round
        )


def evolve(state: RequestState, event: e.Event, meta: Meta) -> RequestState:  # noqa: C901  one arm an event
    """The state after `event`, which the entry `meta` recorded."""
    match event:
        case e.Submitted():
            return RequestState(
                status=Status.DECIDING,
                applicant=event.applicant,
                content=event.content,
                pinned=event.pinned,
                slice=event.content.slice,
                items=frozenset(event.pinned.items),
                round=1,
                remind_at=event.remind_at,
                changed_at=meta.sequence,
            )
        case e.QuestionAsked():
            return replace(
                state, questions={**state.questions, event.question: Question(event.body)}
            )
        case e.QuestionAnswered():
            answered = replace(state.questions[event.question], answered=True)
            return replace(state, questions={**state.questions, event.question: answered})
        case e.StoodAside():
            aside = state.stood_aside.get(event.body, frozenset()) | {event.person}
            return replace(state, stood_aside={**state.stood_aside, event.body: aside})
        case e.Spoken():
            voices = {**state.voices.get(event.body, {}), event.person: event.voice}
            return replace(state, voices={**state.voices, event.body: voices})
        case e.ConditionSet():
            return replace(state, conditions=_with_condition(state.conditions, event.condition))
        case e.BodyDecided():
            decision = Decision(event.outcome, meta.entry)
            return replace(state, decisions={**state.decisions, event.body: decision})
        case e.Narrowed():
            return replace(state, slice=event.slice, items=event.items, changed_at=meta.sequence)
        case e.Rejustified():
            return replace(
                state, round=event.round, slice=event.slice, items=event.items, voices={},
                decisions={}, conditions=_of_bodies_left(state, event), changed_at=meta.sequence,
            )  # fmt: skip
        case e.BodiesAdded():
            # Nobody decides about a wider part than they have seen.
            return replace(_with_bodies(state, event.entries), changed_at=meta.sequence)
        case e.Accepted():
            return replace(state, status=Status.ACCEPTED, grant=event.grant, remind_at=None)
        case e.Withdrawn():
            return replace(state, status=Status.WITHDRAWN, remind_at=None)
        case e.Declined():
            return replace(state, status=Status.DECLINED, remind_at=None)
        case e.Reminded():
            return replace(state, remind_at=None)
        case e.Closed():
            return replace(state, status=Status.CLOSED)
        case e.HuiRecorded():
            return state


def _with_condition(
    conditions: Mapping[str, Condition], condition: Condition
) -> Mapping[str, Condition]:
    kept = {
        each.id: each
        for each in conditions.values()
        if each.body != condition.body or each.kind != condition.kind or each.kind == "own_words"
    }
    return {**kept, condition.id: condition}


def _of_bodies_left(state: RequestState, event: e.Rejustified) -> Mapping[str, Condition]:
    """A condition goes with its body: one that is asked no more sets none."""
    left = replace(state, slice=event.slice, items=event.items).bodies()
    return {each.id: each for each in state.conditions.values() if each.body in left}


def _with_bodies(state: RequestState, entries: tuple[RouteEntry, ...]) -> RequestState:
    """The route with `entries` in it: each of their bodies is asked, and decides afresh."""
    assert state.pinned is not None
    fresh = {(each.body, each.capacity) for each in entries}
    kept = tuple(each for each in state.pinned.route if (each.body, each.capacity) not in fresh)
    bodies = {each.body for each in entries}
    return replace(
        state,
        pinned=replace(state.pinned, route=kept + entries),
        decisions={body: each for body, each in state.decisions.items() if body not in bodies},
        voices={body: each for body, each in state.voices.items() if body not in bodies},
    )

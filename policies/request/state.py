"""A request as its events tell it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from functools import cached_property

from policies import order
from policies.conditions import Condition
from policies.request import waiting
from policies.request.commands import APPLICANT, Content, Pinned
from policies.request.waiting import Wait
from policies.slices import ANY, Slice
from policies.types import Capacity, Meeting, Outcome, RouteEntry, Voice


class Status(StrEnum):
    """Where a request stands."""

    NONE = "none"
    AT_DESK = "at_desk"
    RETURNED = "returned"
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
class Record:
    """What a secretary wrote down in an entry: for which body, whom it names, who wrote it;
    `about` the entry of an earlier record, where this one is that the body answers for it."""

    body: str
    named: frozenset[str]
    by: str
    about: str | None = None


@dataclass(frozen=True)
class Dispute:
    """Somebody named in the record of an entry says that it is not so. `rests_on` is the entry
    on which anything rests: that one, or the one that this record answers for."""

    body: str
    entry: str
    person: str
    rests_on: str
    said_at: datetime
    open: bool = True


@dataclass(frozen=True)
class RequestState:
    """What `decide` needs to know; voices and decisions are those of the present round.

    `changed_at` is the sequence at which what is asked last changed: nobody decides
    about a request in a shape that they have not seen. `narrowed`: something was taken out in
    this round, and the rest waits to be justified again. `recorded` tells of each written
    record by its entry, `rests_on` on which entries a body's standing rests (its advice, its
    word in principle, its decision, or that it is not its own), `not_ours` the bodies that
    said so, `waits` how long who is waited for, `referred` the holders whose silence went to
    the reviewer, whatever they have said since.
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
    narrowed: bool = False
    advice: Mapping[str, Outcome] = field(default_factory=dict)
    in_principle: Mapping[str, frozenset[str]] = field(default_factory=dict)
    not_ours: frozenset[str] = frozenset()
    meetings: Mapping[str, Meeting] = field(default_factory=dict)
    recorded: Mapping[str, Record] = field(default_factory=dict)
    rests_on: Mapping[str, frozenset[str]] = field(default_factory=dict)
    disputes: Mapping[str, Dispute] = field(default_factory=dict)
    lapses: Mapping[str, datetime] = field(default_factory=dict)
    waits: Mapping[str, Wait] = field(default_factory=dict)
    referred: frozenset[str] = frozenset()

    @property
    def open(self) -> bool:
        """False once nothing more can happen."""
        return self.status not in (Status.WITHDRAWN, Status.DECLINED, Status.CLOSED)

    @property
    def applicants(self) -> frozenset[str]:
        """Everybody who asked, or would use the data: none of them decides about it."""
        people = self.content.people if self.content else ()
        return frozenset({self.applicant, *(each.person for each in people)})

    def applied_to(self, body: str) -> frozenset[str]:
        """Of those, whoever does not decide in `body`. In a body that asks for its own
        people's data only the applicant stands aside: to be of a people is no conflict."""
        own = self.content is not None and self.content.for_body == body
        return frozenset({self.applicant}) if own else self.applicants

    def asked(self) -> tuple[RouteEntry, ...]:
        """The route as far as anything of it is left in the slice and the items."""
        return self._asked

    @cached_property
    def _asked(self) -> tuple[RouteEntry, ...]:
        # Asked for again and again, and always the same: a state never changes.
        return tuple(entry for entry in self.left() if entry.body not in self.not_ours)

    def left(self) -> tuple[RouteEntry, ...]:
        """The same, with the parts of bodies that said that they are not theirs."""
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
        return self._bodies

    @cached_property
    def _bodies(self) -> frozenset[str]:
        return frozenset(entry.body for entry in self._asked)

    def asked_ever(self) -> frozenset[str]:
        """The bodies on the pinned route, also those of which a decline left nothing."""
        return frozenset(entry.body for entry in self.pinned.route) if self.pinned else frozenset()

    def concerned(self) -> frozenset[str]:
        """The bodies that know of this request: those asked, once it is past the desk, and the
        desk, which sees no deliberation."""
        desk = self.pinned.desk if self.pinned else None
        at_the_desk = self.status in (Status.AT_DESK, Status.RETURNED)
        asked = frozenset() if at_the_desk else self.asked_ever()
        return asked | ({desk} if desk else frozenset())

    def waiting_for(self) -> frozenset[str]:
        """The bodies that have not decided in this round."""
        return self.bodies() - frozenset(self.decisions)

    def before(self, body: str) -> frozenset[str]:
        """The bodies that come first by `body`'s own rule and have not approved yet."""
        return order.turn(body, self._order, self._approved)

    @cached_property
    def _order(self) -> Mapping[str, frozenset[str]]:
        after: dict[str, frozenset[str]] = {}
        for entry in self._asked:
            after[entry.body] = after.get(entry.body, frozenset()) | entry.after
        return order.predecessors(self._asked, after)

    @cached_property
    def _approved(self) -> frozenset[str]:
        decided = self.decisions.items()
        return frozenset(body for body, each in decided if each.outcome is Outcome.APPROVE)

    def disputed(self) -> frozenset[str]:
        """The bodies whose standing rests on a record that somebody named in it disputes,
        until they answer. What rests on nothing any more holds nobody up."""
        return frozenset(
            each.body
            for each in self.disputes.values()
            if each.open and each.rests_on in self.rests_on.get(each.body, ())
        )

    @property
    def agreed(self) -> bool:
        """True when every required body has approved, in this round, what is asked now."""
        return (
            self.status is Status.DECIDING
            and bool(self.bodies())
            and not self.waiting_for()
            and not self.narrowed
            and not self.disputed()
            and all(each.outcome is Outcome.APPROVE for each in self.decisions.values())
        )

    def waited_for(self) -> frozenset[str]:
        """Whose turn it is: bodies, the desk, or whoever asked (`APPLICANT`)."""
        if self.status is Status.AT_DESK:
            return frozenset({waiting.DESK})
        if self.status is Status.RETURNED:
            return frozenset({APPLICANT})
        if self.status is not Status.DECIDING:
            return self.disputed() if self.status is Status.ACCEPTED else frozenset()
        # Nobody waits for an answer to a body that is not asked any more.
        askers = {each.body for each in self.questions.values() if not each.answered}
        asked = bool(askers & self.bodies())
        hers = {APPLICANT} if asked or self.narrowed or self.agreed else set()
        if self.narrowed:
            return frozenset(hers) | self.disputed()
        bodies = {body for body in self.waiting_for() if not self.before(body)}
        return frozenset(hers | bodies) | self.disputed()

"""What the API takes about bodies and what they share; see `shapes.py`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from policies.body import commands as b
from policies.types import Capacity, Kawa, KawaRule, Named, Stage, Voice
from services.web.fields import Day, Flag, Id, Ids, Instant, Short, Written
from services.web.shapes import CommandShape, ForBody, Shape


class NamedShape(Shape):
    """A person whose assent is needed, and who may speak for them."""

    person: Id
    delegate: Id | None = None


class StageShape(Shape):
    """A subcommittee that looks first."""

    members: list[Id] = Field(min_length=1, max_length=100)
    rule: Literal["consensus", "majority"] = "consensus"
    quorum: Annotated[int, Field(strict=True, ge=1, le=100)] = 1


class KawaShape(Shape):
    """How a body decides, as it says itself."""

    rule: KawaRule
    quorum: Annotated[int, Field(strict=True, ge=1, le=1000)] = 1
    named: list[NamedShape] = Field(default_factory=list, max_length=100)
    present: Ids = Field(default_factory=list)
    delegate: Id | None = None
    first: StageShape | None = None
    korero_first: Flag = False
    in_person: Flag = False
    delay_days: Annotated[int, Field(strict=True, ge=0, le=365)] = 0
    after: Ids = Field(default_factory=list)
    joint_with: Ids = Field(default_factory=list)
    elsewhere: Flag = False

    def read(self) -> Kawa:
        """As the rules take it."""
        first = self.first
        return Kawa(
            self.rule,
            self.quorum,
            tuple(Named(each.person, each.delegate) for each in self.named),
            frozenset(self.present),
            self.delegate,
            Stage(frozenset(first.members), KawaRule(first.rule), first.quorum) if first else None,
            self.korero_first,
            self.in_person,
            self.delay_days,
            frozenset(self.after),
            frozenset(self.joint_with),
            self.elsewhere,
        )


class MemberShape(Shape):
    """A person of a body: roles, when the term ends, and where they work if they say so."""

    person: Id
    roles: list[Literal["member", "secretary"]] = Field(min_length=1, max_length=2)
    until: Instant | None = None
    institution: Id | None = None

    def read(self) -> b.Member:
        """As the rules take it."""
        return b.Member(self.person, frozenset(self.roles), self.until, self.institution)


class MandateShape(Shape):
    """For whom and over what the body speaks, until when, and who may contest it (nobody named
    means any body)."""

    capacities: list[Capacity] = Field(min_length=1, max_length=4)
    peoples: Ids = Field(default_factory=list)
    places: Ids = Field(default_factory=list)
    items: Ids = Field(default_factory=list)
    until: Instant | None = None
    challengers: Ids = Field(default_factory=list)

    def read(self) -> b.Mandate:
        """As the rules take it; the document is a text of its own."""
        return b.Mandate(
            frozenset(self.capacities),
            frozenset(self.peoples),
            frozenset(self.places),
            frozenset(self.items),
            until=self.until,
            challengers=frozenset(self.challengers),
        )


class Enter(CommandShape):
    """A body's own statement; `document` is the text of the mandate as recorded."""

    name: Short
    mandate: MandateShape
    document: Written
    kawa: KawaShape
    members: list[MemberShape] = Field(min_length=1, max_length=200)


class AddMember(CommandShape):
    """A person joins, or changes roles."""

    member: MemberShape


class EndMembership(CommandShape):
    """A person leaves."""

    person: Id


class SetKawa(CommandShape):
    """How the body decides from now on."""

    kawa: KawaShape


class AddGateway(CommandShape):
    """A gateway and the collections it serves."""

    collections: Annotated[list[Id], Field(min_length=1, max_length=500)]


class RestateMandate(CommandShape):
    """The mandate anew, on a recorded document."""

    mandate: MandateShape
    document: Written


class Delegate(CommandShape):
    """`to` speaks for `person` until `until`: within the next four months."""

    person: Id
    to: Id
    until: Instant


class RevokeDelegation(CommandShape):
    """The delegation that ends."""

    delegation: Id


class ClosureShape(Shape):
    """Days on which the body is closed, or keeps a pause that is known beforehand."""

    first: Day
    last: Day
    kind: Literal["closure", "seasonal", "mourning"] = "closure"
    yearly: Flag = False


class SetCalendar(CommandShape):
    """A region's letters (AUK, WGN, …), and the body's own closures."""

    region: Short | None = None
    closures: list[ClosureShape] = Field(default_factory=list, max_length=100)

    def read(self) -> tuple[b.Closure, ...]:
        """As the rules take them."""
        return tuple(b.Closure(e.first, e.last, e.kind, e.yearly) for e in self.closures)


class BeginPause(CommandShape):
    """A pause, until `last` or until the body ends it."""

    kind: Literal["seasonal", "mourning"]
    first: Day
    last: Day | None = None


class EndPause(CommandShape):
    """The pause that is over."""

    pause: Id


class SetReminders(CommandShape):
    """After how many working days of waiting the body is told, and then its own delegate."""

    days: list[Annotated[int, Field(strict=True, ge=1, le=400)]] = Field(
        min_length=1, max_length=10
    )
    then: Id | None = None
    then_after: Annotated[int, Field(strict=True, ge=1, le=800)] = 30
    digest: Flag = False


class Introduce(CommandShape):
    """Who you are, and why you would like to meet."""

    introduction: Written


class RecordKorero(CommandShape):
    """Whom the body has met, when and how."""

    person: Id
    held_on: Day
    method: Literal["hui", "phone"] = "hui"


class Propose(ForBody):
    """A change of what all share. `days` are a desk's working days."""

    kind: Literal["welcome", "operator", "reviewer", "desk"]
    subject: Id | None = None
    days: Annotated[int, Field(strict=True, ge=1, le=60)] | None = None
    why: Written


class Say(ForBody):
    """What a body came to about a proposal."""

    outcome: Literal["approve", "decline"]
    voices: dict[Id, Voice] = Field(min_length=1, max_length=500)
    held_on: Day
    method: Literal["hui", "phone", "paper"] = "hui"
    minutes: Written

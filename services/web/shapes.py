"""What the API takes, strictly: unknown fields, control characters and naive times are refused."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from policies import conditions
from policies.grant.commands import REPORT_WORDS
from policies.request.commands import WORDS
from policies.slices import Slice
from policies.types import USE_ACTS, Capacity, KawaRule, Level, Outcome, Voice
from services.path import Sent
from services.web.fields import (
    Count,
    Day,
    Flag,
    Id,
    Ids,
    Instant,
    Maybe,
    Purpose,
    Role,
    Short,
    Written,
    Years,
)


class Shape(BaseModel):
    """Anything that is sent: nothing that Accord does not know is taken."""

    model_config = ConfigDict(extra="forbid")


class SliceShape(Shape):
    """Whose records, of which places and years, at which finest level."""

    peoples: Ids | Literal["any"] = "any"
    places: Ids | Literal["any"] = "any"
    years: Years | Literal["any"] = "any"
    level: Level = Level.AGGREGATE

    def read(self) -> Slice:
        """As the rules take it."""
        return Slice.from_json(self.model_dump(mode="json"))


class CommandShape(Shape):
    """What every command carries: its own id, and the sequence of what its sender saw."""

    command_id: UUID
    seen: Count = 0

    def sent(self, **also: Any) -> Sent:
        """As use cases take it; `also` is what the address said."""
        content = self.model_dump(mode="json", exclude={"command_id", "seen"})
        return Sent(str(self.command_id), self.seen, {**content, **also})


class DraftShape(Shape):
    """A request as far as it is written. Everything may be missing until it is submitted."""

    purpose: Purpose | Literal[""] = ""
    people: dict[Id, Role] = Field(default_factory=dict, max_length=50)
    items: dict[Id, Maybe] = Field(default_factory=dict, max_length=500)
    slice: SliceShape = SliceShape()
    ends_on: Day | None = None
    acts: list[Literal[USE_ACTS]] = Field(  # type: ignore[valid-type]
        default_factory=lambda: ["use.read"], max_length=len(USE_ACTS)
    )
    words: dict[Literal[WORDS], Maybe] = Field(default_factory=dict)  # type: ignore[valid-type]


class SaveDraft(DraftShape):
    """Save over `version`, the version that was read (0 for a new draft)."""

    version: Count

    def content(self) -> dict[str, Any]:
        """What is kept."""
        return self.model_dump(mode="json", exclude={"version"})


class Submit(CommandShape):
    """Submit the draft as it was read at `version`."""

    version: Annotated[Count, Field(ge=1)]


class ForBody(CommandShape):
    """A command on behalf of a body."""

    body: Id


class Question(ForBody):
    """A body's question."""

    question: Written


class Answer(CommandShape):
    """The answer to the question that the command `question` asked."""

    question: Id
    answer: Written


class Speak(ForBody):
    """What the sender thinks."""

    voice: Voice


class Condition(ForBody):
    """A condition from the library, or `own_words` with its words."""

    kind: Literal[tuple(conditions.LIBRARY)]  # type: ignore[valid-type]
    at: Instant | None = None
    choice: Short | None = None
    words: Maybe = ""

    def read(self) -> conditions.Condition:
        """As the rules take it; id and body are set where it is decided."""
        return conditions.Condition("", "", self.kind, self.at, self.choice)


class Conclude(ForBody):
    """What the voices have come to."""

    outcome: Outcome


class Hui(CommandShape):
    """A decision made away from any screen: when, how, who was there and what each said."""

    held_on: Day
    method: Literal["hui", "phone", "paper"] = "hui"
    voices: dict[Id, Voice] = Field(min_length=1, max_length=500)
    outcome: Outcome
    minutes: Written


class HuiForBody(Hui):
    """A hui about a request."""

    body: Id


class Rejustify(CommandShape):
    """Why what is left should go on, perhaps for less."""

    justification: Written
    slice: SliceShape | None = None


class Accept(CommandShape):
    """Exactly the conditions that were shown, by id."""

    conditions: Annotated[list[Id], Field(max_length=500)]


class FileReport(CommandShape):
    """A benefit report; every part is words for everybody."""

    duty: Id
    words: dict[Literal[REPORT_WORDS], Written]  # type: ignore[valid-type]


class ReturnReport(ForBody):
    """Send a report back."""

    duty: Id
    question: Written


class AcceptReport(ForBody):
    """Accept a report, with the body's own reply."""

    duty: Id
    reply: Written


class Attest(CommandShape):
    """What became of every copy."""

    attestation: Written


class ScopeShape(Shape):
    """What is restricted. No items and no collections means all of them."""

    slice: SliceShape
    items: Ids = Field(default_factory=list)
    collections: Ids = Field(default_factory=list)
    acts: list[Literal[USE_ACTS]] = Field(  # type: ignore[valid-type]
        default_factory=lambda: list(USE_ACTS), min_length=1, max_length=len(USE_ACTS)
    )


class Place(ForBody):
    """A restriction, in the body's own words."""

    scope: ScopeShape
    words: Written
    authority: Written
    hidden: Flag = False
    review_on: Day | None = None
    held_on: Day | None = None
    method: Literal["portal", "hui", "phone", "paper"] = "portal"


class RestrictionVoice(CommandShape):
    """Whether it should be lifted: approve means lift."""

    voice: Voice


class RestrictionOutcome(CommandShape):
    """What the voices about lifting have come to."""

    outcome: Outcome


class NamedShape(Shape):
    """A person whose assent is needed, and who may speak for them."""

    person: Id
    delegate: Id | None = None


class KawaShape(Shape):
    """How a body decides."""

    rule: KawaRule
    quorum: Annotated[int, Field(strict=True, ge=1, le=1000)] = 1
    named: list[NamedShape] = Field(default_factory=list, max_length=100)


class MemberShape(Shape):
    """A person of a body: roles, and when the term ends."""

    person: Id
    roles: list[Literal["member", "secretary"]] = Field(min_length=1, max_length=2)
    until: Instant | None = None


class MandateShape(Shape):
    """For whom and over what the body speaks."""

    capacities: list[Capacity] = Field(min_length=1, max_length=4)
    peoples: Ids = Field(default_factory=list)
    places: Ids = Field(default_factory=list)
    until: Instant | None = None


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


class PackCommand(CommandShape):
    """Adopt a shipped pack, or withdraw from it."""

    pack: Id


class AddGateway(CommandShape):
    """A gateway and the collections it serves."""

    collections: Annotated[list[Id], Field(min_length=1, max_length=500)]


class Confirm(ForBody):
    """What a body says these items are."""

    items: Annotated[list[Id], Field(min_length=1, max_length=500)]
    classes: Annotated[list[Short], Field(min_length=1, max_length=20)]
    peoples: Ids | Literal["any"] = Field(default_factory=list)
    places: Ids | Literal["any"] = Field(default_factory=list)
    whole: Flag = False


class WriteHistory(ForBody):
    """A collection's history."""

    history: Written


class NameShape(CommandShape):
    """Peoples and places by id, each with its name."""

    peoples: dict[Id, Short] = Field(default_factory=dict, max_length=500)
    places: dict[Id, Short] = Field(default_factory=dict, max_length=500)


class Advance(Shape):
    """How far to move the clock of a temporary example."""

    days: Annotated[float, Field(strict=True, gt=0, le=4000)]


class TokenFor(Shape):
    """Which invented person to sign in as."""

    person: Short

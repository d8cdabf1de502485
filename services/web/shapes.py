"""What the API takes, strictly: unknown fields, control characters and naive times are refused."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from policies import conditions
from policies.purpose import AREAS, UseKind
from policies.request import commands
from policies.request.commands import WORDS
from policies.slices import Slice
from policies.types import USE_ACTS, Level, Meeting, Outcome, Voice
from services.deciding import Hui as MeetingHeld
from services.deciding import Ruling
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
    named: dict[Literal[USE_ACTS[1:]], Ids] = Field(default_factory=dict)  # type: ignore[valid-type]
    area: Literal[AREAS] | Literal[""] = ""  # type: ignore[valid-type]
    use_kind: UseKind | Literal[""] = ""
    for_body: Id | None = None
    revises: Id | None = None
    institutions: Ids = Field(default_factory=list)
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


class RulingShape(CommandShape):
    """What a body comes to. `reasons` are for the researcher, if it gives any; `struck` are items
    that an approval leaves out; `depends_on` is for a yes in principle: bodies, or `funding`."""

    outcome: Outcome
    reasons: Maybe = ""
    struck: Ids = Field(default_factory=list)
    depends_on: Ids = Field(default_factory=list)

    def ruling(self) -> Ruling:
        """As the use case takes it."""
        return Ruling(
            self.outcome, self.reasons.strip(), frozenset(self.struck), frozenset(self.depends_on)
        )


class Conclude(RulingShape):
    """What the voices have come to."""

    body: Id


class HuiForBody(RulingShape):
    """A hui about a request: when, how, who was there and what each said. `joint_with` names
    bodies that sat together; each records its own part."""

    body: Id
    held_on: Day
    method: Literal["hui", "phone", "paper"] = "hui"
    voices: dict[Id, Voice] = Field(min_length=1, max_length=500)
    minutes: Written
    joint_with: Ids = Field(default_factory=list)

    def hui(self) -> MeetingHeld:
        """As the use case takes it."""
        return MeetingHeld(
            self.held_on, self.method, self.voices, self.minutes, frozenset(self.joint_with)
        )


class AskToMeet(ForBody):
    """Wānanga first, or meet us face to face."""

    meeting: Meeting
    words: Maybe = ""


class MeetingDay(ForBody):
    """When they met."""

    held_on: Day


class Missing(ForBody):
    """What the desk found missing."""

    missing: Written


class Resubmit(CommandShape):
    """The draft again, as it was read at `version`."""

    draft: Id
    version: Annotated[Count, Field(ge=1)]


class ReadBacks(ForBody):
    """The entry of the record that is printed for those whom it names."""

    entry: Id


class Dispute(CommandShape):
    """By the code on a read-back: it is not so."""

    code: Short
    words: Written


class Met(Shape):
    """When and how a body met, and what each said: `approve` is that its record stands."""

    held_on: Day
    method: Literal["hui", "phone", "paper"] = "hui"
    voices: dict[Id, Voice] = Field(min_length=1, max_length=500)

    def read(self) -> commands.Met:
        """As the use case takes it."""
        return commands.Met(self.held_on, self.method, self.voices)


class AnswerDispute(ForBody):
    """The record stands, or it does not; `met` where the secretary writes down what the body
    said together."""

    dispute: Id
    stands: Flag
    answer: Written
    met: Met | None = None


class Review(CommandShape):
    """What the reviewer found."""

    finding: Written


class Rejustify(CommandShape):
    """Why what is left should go on, perhaps for less."""

    justification: Written
    slice: SliceShape | None = None


class Accept(CommandShape):
    """Exactly the conditions that were shown, by id."""

    conditions: Annotated[list[Id], Field(max_length=500)]


class Advance(Shape):
    """How far to move the clock of a temporary example."""

    days: Annotated[float, Field(strict=True, gt=0, le=4000)]


class TokenFor(Shape):
    """Which invented person to sign in as."""

    person: Short

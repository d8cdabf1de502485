"""What may be asked of a request. Words arrive as ids of texts saved beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime

from policies.conditions import Condition
from policies.slices import Slice, resolve
from policies.types import Meeting, Outcome, RouteEntry, Sitting, TextId, Voice

WORDS = ("title", "purpose", "summary", "benefits", "harms", "giving_back", "storage")
"""The texts that every request carries, beside one *why* an item."""


@dataclass(frozen=True)
class Participant:
    """One person who will use the data, and as what."""

    person: str
    role: str


@dataclass(frozen=True)
class Content:
    """A request as its author wrote it. `purpose` is the short name that every use must
    repeat; `ends_at` is when access would end; `acts` are the uses asked for.

    Every use beyond reading is asked for by name (`named`: which other data, which model,
    which country, whose business). `area` is what it is for (`purpose.AREAS`), `use_kind`
    whether that is what the data was collected for. `for_body` is the body that asks for its
    own people's data; `revises` the request that this one takes the place of. `institutions`
    are those of the people who would use the data.
    """

    purpose: str
    people: tuple[Participant, ...]
    why: Mapping[str, TextId]
    slice: Slice
    ends_at: datetime
    acts: frozenset[str]
    words: Mapping[str, TextId]
    named: Mapping[str, frozenset[str]] = field(default_factory=dict)
    area: str = ""
    use_kind: str = ""
    for_body: str | None = None
    revises: str | None = None
    institutions: frozenset[str] = frozenset()


@dataclass(frozen=True)
class PinnedItem:
    """An item's confirmed classification, as it was when the request was submitted."""

    collection: str
    classes: frozenset[str]
    peoples: frozenset[str]
    places: frozenset[str]
    whole: bool = False

    def remains(self, peoples: frozenset[str], places: frozenset[str]) -> bool:
        """Can any record of the item be seen where only these of its peoples and places are
        left? What is whole (a plant's genome) is one record, and all of it is everyone's."""
        if self.whole:
            return peoples == self.peoples and places == self.places
        return bool(peoples or not self.peoples) and bool(places or not self.places)

    def part_of(self, asked: Slice) -> Slice:
        """`asked` as far as this item was decided about: only the peoples and places that
        its class named were on the route, so only their records may be seen of it."""
        if self.whole:
            return asked
        peoples = resolve(asked.peoples, self.peoples) & self.peoples
        places = resolve(asked.places, self.places) & self.places
        return replace(
            asked,
            peoples=peoples if self.peoples else asked.peoples,
            places=places if self.places else asked.places,
        )


@dataclass(frozen=True)
class Pinned:
    """What submission pins: the items, everyone and everywhere known, the route, and the
    desk that looks first whether everything is there, if this deployment has one."""

    items: Mapping[str, PinnedItem]
    peoples: frozenset[str]
    places: frozenset[str]
    route: tuple[RouteEntry, ...]
    desk: str | None = None


@dataclass(frozen=True)
class Submit:
    """Send a finished draft to every body that has the say. (`remind_at` is of requests
    from before bodies set their own days.)"""

    content: Content
    pinned: Pinned
    remind_at: datetime | None = None


@dataclass(frozen=True)
class Forward:
    """The desk finds everything there; the bodies are asked."""

    sitting: Sitting


@dataclass(frozen=True)
class Return:
    """The desk finds something missing, and says what. It cannot decline."""

    sitting: Sitting
    missing: TextId


@dataclass(frozen=True)
class Resubmit:
    """The researcher has completed what the desk found missing."""

    content: Content
    pinned: Pinned


@dataclass(frozen=True)
class Ask:
    """A body asks the researcher something."""

    sitting: Sitting
    question: TextId


@dataclass(frozen=True)
class Answer:
    """The researcher answers the question that the command `question` asked."""

    question: str
    answer: TextId


@dataclass(frozen=True)
class StandAside:
    """A member takes no part in this decision. No reason is needed."""

    sitting: Sitting


@dataclass(frozen=True)
class Speak:
    """A member says what they think; the body has not decided by that."""

    sitting: Sitting
    voice: Voice


@dataclass(frozen=True)
class SetCondition:
    """A body sets a condition; one of the same kind that it set before is replaced."""

    sitting: Sitting
    condition: Condition


@dataclass(frozen=True)
class Conclude:
    """Record that the voices heard so far have come to `outcome`: of the subcommittee's advice
    where one looks first, of the body's decision otherwise.

    `reasons` are for the researcher, if the body gives any; `struck` are single items that an
    approval leaves out; `depends_on` says on what a yes in principle depends: other bodies, or
    the word ``funding``.
    """

    sitting: Sitting
    outcome: Outcome
    reasons: TextId | None = None
    struck: frozenset[str] = frozenset()
    depends_on: frozenset[str] = frozenset()


@dataclass(frozen=True)
class RecordHui:
    """A secretary records what a hui, a telephone call or a paper decided.

    `voices` lists those present and what each said; `minutes` are the body's own;
    `joint_with` names the bodies that sat together, each of which records its own part.
    The others are as in `Conclude`.
    """

    sitting: Sitting
    held_on: date
    method: str
    voices: Mapping[str, Voice]
    outcome: Outcome
    minutes: TextId
    reasons: TextId | None = None
    struck: frozenset[str] = frozenset()
    depends_on: frozenset[str] = frozenset()
    joint_with: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Each body that sat with this one, and the bodies that it is willing to sit with."""


@dataclass(frozen=True)
class AskToMeet:
    """The body wishes to meet first: wānanga of its own, or face to face with whoever asks."""

    sitting: Sitting
    meeting: Meeting
    words: TextId | None = None


@dataclass(frozen=True)
class RecordMeeting:
    """They met; the body goes on."""

    sitting: Sitting
    held_on: date


@dataclass(frozen=True)
class RecordElsewhere:
    """What a body decided in a system of its own: its reference, the letter (a file, with its
    SHA-256 in hex), until when it holds, and that the actor has verified it with the body.

    `reasons` are for the researcher, as in `Conclude`. Once a letter has lapsed, the next one
    takes its place.
    """

    sitting: Sitting
    outcome: Outcome
    reference: TextId
    letter: TextId
    letter_sha256: str
    decided_on: date
    expires_at: datetime | None = None
    reasons: TextId | None = None


@dataclass(frozen=True)
class Dispute:
    """Somebody named in a record says that it is not so (`entry` holds that record). The
    actor is that person, known by the code that was printed for them."""

    entry: str
    words: TextId


@dataclass(frozen=True)
class Met:
    """That a body met away from any screen: when, how, and what each of those named said."""

    held_on: date
    method: str
    voices: Mapping[str, Voice]


@dataclass(frozen=True)
class AnswerDispute:
    """The body's answer: the record stands, or it does not. `met` where its secretary writes
    down that the body itself came to this answer (a yes is that the record stands)."""

    sitting: Sitting
    dispute: str
    stands: bool
    answer: TextId
    met: Met | None = None


@dataclass(frozen=True)
class RecordReview:
    """The named reviewer's finding about a holder's silence or its reason. It decides
    nothing; both sides can read it."""

    finding: TextId
    reviewer: str


@dataclass(frozen=True)
class Rejustify:
    """After a decline: why the rest should still go on, perhaps for less (`slice`)."""

    justification: TextId
    slice: Slice | None = None


@dataclass(frozen=True)
class Accept:
    """The researcher accepts exactly these conditions. `route_now` is the route computed
    afresh; `report_due` and `remind_at` are instants of the default report."""

    conditions: frozenset[str]
    route_now: tuple[RouteEntry, ...]
    report_due: datetime
    remind_before_days: int = 14


@dataclass(frozen=True)
class Withdraw:
    """The researcher takes the request back."""


APPLICANT = "applicant"
"""Who is waited for while a question of a body's is open."""


@dataclass(frozen=True)
class Waited:
    """How long one is waited for by now, in working days as their own calendar counts them,
    and after how many what follows: reminders (`remind`), the body's own delegate
    (`then`, after `then_after`), for a holder the reviewer (`review_after`)."""

    days: int
    remind: tuple[int, ...]
    then: str | None = None
    then_after: int | None = None
    review_after: int | None = None


@dataclass(frozen=True)
class Remind:
    """The clock: tell those who are waited for. Nothing else follows from silence; at the
    desk, which decides nothing, the request goes on (`forward_after`, in working days)."""

    waited: Mapping[str, Waited] = field(default_factory=dict)
    reviewer: str | None = None
    forward_after: int | None = None


@dataclass(frozen=True)
class Close:
    """The grant has ended and everything owed is done."""


Command = (
    Submit | Ask | Answer | StandAside | Speak | SetCondition | Conclude | RecordHui
    | Rejustify | Accept | Withdraw | Remind | Close | Forward | Return | Resubmit | AskToMeet
    | RecordMeeting | RecordElsewhere | Dispute | AnswerDispute | RecordReview
)  # fmt: skip

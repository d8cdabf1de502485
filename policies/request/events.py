"""What has happened to a request. Each event is version 1 unless `machines.VERSIONS` says more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from policies.conditions import Condition
from policies.request.commands import Content, Pinned, PinnedItem
from policies.slices import Slice
from policies.types import Meeting, Outcome, RouteEntry, TextId, Voice


@dataclass(frozen=True)
class Submitted:
    """The request went out; the route and the classification of its items are pinned."""

    applicant: str
    content: Content
    pinned: Pinned
    remind_at: datetime | None = None


@dataclass(frozen=True)
class Forwarded:
    """Everything was there; the bodies are asked. `unchecked` when the desk let its days pass."""

    unchecked: bool = False


@dataclass(frozen=True)
class Returned:
    """The desk found something missing."""

    missing: TextId


@dataclass(frozen=True)
class Resubmitted:
    """It was completed, and is at the desk again."""

    content: Content
    pinned: Pinned


@dataclass(frozen=True)
class QuestionAsked:
    """A body asked something."""

    question: str
    body: str
    text: TextId


@dataclass(frozen=True)
class QuestionAnswered:
    """The researcher answered."""

    question: str
    text: TextId


@dataclass(frozen=True)
class StoodAside:
    """A person takes no part in this body's decision."""

    body: str
    person: str


@dataclass(frozen=True)
class Spoken:
    """A person said what they think."""

    body: str
    person: str
    voice: Voice


@dataclass(frozen=True)
class ConditionSet:
    """A body set a condition; earlier ones of its own of that kind are replaced."""

    condition: Condition


@dataclass(frozen=True)
class HuiRecorded:
    """A secretary wrote up a decision made away from any screen."""

    body: str
    held_on: date
    method: str
    voices: Mapping[str, Voice]
    minutes: TextId
    recorded_by: str
    joint_with: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Advised:
    """A body's subcommittee came to its advice; now the body itself speaks."""

    body: str
    outcome: Outcome
    round: int


@dataclass(frozen=True)
class BodyDecided:
    """A body came to its decision in this round. It need give no reasons."""

    body: str
    outcome: Outcome
    round: int
    reasons: TextId | None = None


@dataclass(frozen=True)
class AgreedInPrinciple:
    """A body would say yes, if what it depends on comes to be. It opens nothing."""

    body: str
    depends_on: frozenset[str]
    reasons: TextId | None = None


@dataclass(frozen=True)
class DecidedElsewhere:
    """A body's decision was made in a system of its own; this is its letter."""

    body: str
    reference: TextId
    letter: TextId
    letter_sha256: str
    decided_on: date
    expires_at: datetime | None
    verified_by: str


@dataclass(frozen=True)
class MeetingAsked:
    """A body wishes to meet first; its clock stands still until then."""

    body: str
    meeting: Meeting
    words: TextId | None = None


@dataclass(frozen=True)
class MeetingHeld:
    """They met on this day."""

    body: str
    held_on: date


@dataclass(frozen=True)
class Disputed:
    """Somebody named says that a record is not so; what rests on it waits for the answer."""

    dispute: str
    body: str
    entry: str
    person: str
    words: TextId


@dataclass(frozen=True)
class DisputeAnswered:
    """The body's answer about the record in `entry`. Where it does not stand, what rested on it
    is void."""

    dispute: str
    body: str
    stands: bool
    answer: TextId
    entry: str


@dataclass(frozen=True)
class ReviewRecorded:
    """What the named reviewer found. It decides nothing."""

    reviewer: str
    finding: TextId


@dataclass(frozen=True)
class Narrowed:
    """A decline, or the striking of single items, took its part out; this is what remains."""

    body: str
    slice: Slice
    items: frozenset[str]


@dataclass(frozen=True)
class Rejustified:
    """The researcher justified the rest; every body decides afresh in this round."""

    round: int
    justification: TextId
    slice: Slice
    items: frozenset[str]


@dataclass(frozen=True)
class BodiesAdded:
    """The rules of today ask more than those of the submission; these bodies are asked too."""

    entries: tuple[RouteEntry, ...]


@dataclass(frozen=True)
class DutyTerms:
    """What will be owed: by when, to whom; access pauses while it is overdue."""

    kind: str
    due_at: datetime
    remind_at: datetime
    recipients: tuple[str, ...]


@dataclass(frozen=True)
class Terms:
    """Everything that a grant says: who, what slice, for what, until when, on what terms.
    `items` are as they were classified when the bodies decided."""

    request: str
    applicant: str
    people: tuple[str, ...]
    purpose: str
    acts: frozenset[str]
    items: Mapping[str, PinnedItem]
    slice: Slice
    ends_at: datetime
    conditions: tuple[Condition, ...]
    decisions: Mapping[str, str]
    duties: tuple[DutyTerms, ...]
    named: Mapping[str, frozenset[str]] = field(default_factory=dict)
    area: str = ""
    lapses: Mapping[str, datetime] = field(default_factory=dict)
    """When a decision made elsewhere lapses, by body; from then on access is suspended."""
    rests_on: frozenset[str] = frozenset()
    """The entries of every record that this came of: of decisions, of advice to them, of bodies
    that said that their part is not their own. While one is disputed, access is suspended."""

    @property
    def grounds(self) -> frozenset[str]:
        """Those entries, also for grants from before they were listed."""
        return self.rests_on | frozenset(self.decisions.values())


@dataclass(frozen=True)
class Accepted:
    """The researcher accepted all conditions; the grant follows from this entry."""

    grant: str
    terms: Terms


@dataclass(frozen=True)
class Withdrawn:
    """The researcher took the request back."""


@dataclass(frozen=True)
class Declined:
    """Nothing was left to decide about."""


@dataclass(frozen=True)
class Reminded:
    """These were told that they are waited for, each the so-manieth time in this round."""

    bodies: tuple[str, ...]
    times: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class DelegateCalled:
    """The body's own delegate was told; nothing is decided by that."""

    body: str
    delegate: str


@dataclass(frozen=True)
class Escalated:
    """A holder has been silent for so many working days; the named reviewer was told."""

    body: str
    reviewer: str
    days: int


@dataclass(frozen=True)
class Closed:
    """Everything that came of the request is done."""


Event = (
    Submitted | QuestionAsked | QuestionAnswered | StoodAside | Spoken | ConditionSet | HuiRecorded
    | BodyDecided | Narrowed | Rejustified | BodiesAdded | Accepted | Withdrawn | Declined
    | Reminded | Closed | Forwarded | Returned | Resubmitted | Advised | AgreedInPrinciple
    | DecidedElsewhere | MeetingAsked | MeetingHeld | Disputed | DisputeAnswered | ReviewRecorded
    | DelegateCalled | Escalated
)  # fmt: skip

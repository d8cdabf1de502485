"""What has happened to a request. Each event is version 1 unless `VERSIONS` says more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from policies.conditions import Condition
from policies.request.commands import Content, Pinned, PinnedItem
from policies.slices import Slice
from policies.types import Outcome, RouteEntry, TextId, Voice


@dataclass(frozen=True)
class Submitted:
    """The request went out; the route and the classification of its items are pinned."""

    applicant: str
    content: Content
    pinned: Pinned
    remind_at: datetime


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


@dataclass(frozen=True)
class BodyDecided:
    """A body came to its decision in this round."""

    body: str
    outcome: Outcome
    round: int


@dataclass(frozen=True)
class Narrowed:
    """A decline took its part out; this is what remains."""

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
    """These bodies were told that they are waited for."""

    bodies: tuple[str, ...]


@dataclass(frozen=True)
class Closed:
    """Everything that came of the request is done."""


Event = (
    Submitted | QuestionAsked | QuestionAnswered | StoodAside | Spoken | ConditionSet | HuiRecorded
    | BodyDecided | Narrowed | Rejustified | BodiesAdded | Accepted | Withdrawn | Declined
    | Reminded | Closed
)  # fmt: skip

"""What may be asked of a request. Words arrive as ids of texts saved beforehand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime

from policies.conditions import Condition
from policies.slices import Slice, resolve
from policies.types import Outcome, RouteEntry, Sitting, TextId, Voice

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
    repeat; `ends_at` is when access would end; `acts` are the uses asked for."""

    purpose: str
    people: tuple[Participant, ...]
    why: Mapping[str, TextId]
    slice: Slice
    ends_at: datetime
    acts: frozenset[str]
    words: Mapping[str, TextId]


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
    """What submission pins: the items, everyone and everywhere known, the route."""

    items: Mapping[str, PinnedItem]
    peoples: frozenset[str]
    places: frozenset[str]
    route: tuple[RouteEntry, ...]


@dataclass(frozen=True)
class Submit:
    """Send a finished draft to every body that has the say."""

    content: Content
    pinned: Pinned
    remind_at: datetime


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
    """Record that the voices heard so far have come to `outcome`."""

    sitting: Sitting
    outcome: Outcome


@dataclass(frozen=True)
class RecordHui:
    """A secretary records what a hui, a telephone call or a paper decided.

    `voices` lists those present and what each said; `minutes` are the body's own.
    """

    sitting: Sitting
    held_on: date
    method: str
    voices: Mapping[str, Voice]
    outcome: Outcome
    minutes: TextId


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


@dataclass(frozen=True)
class Remind:
    """The clock: tell bodies that they are waited for. Nothing else follows from silence."""


@dataclass(frozen=True)
class Close:
    """The grant has ended and everything owed is done."""


Command = (
    Submit | Ask | Answer | StandAside | Speak | SetCondition | Conclude | RecordHui
    | Rejustify | Accept | Withdraw | Remind | Close
)  # fmt: skip

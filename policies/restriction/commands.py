"""What may be asked of a restriction (a rāhui-style restriction, as its body defines it)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from policies.slices import Slice
from policies.types import USE_ACTS, Outcome, Sitting, TextId, Voice


class Visibility(StrEnum):
    """Whether an answer may say that this restriction exists."""

    SHOWN = "shown"
    HIDDEN = "hidden"


@dataclass(frozen=True)
class Scope:
    """What is restricted: this slice, in these items and collections (neither means all)."""

    slice: Slice
    items: frozenset[str] = frozenset()
    collections: frozenset[str] = frozenset()
    acts: frozenset[str] = field(default_factory=lambda: frozenset(USE_ACTS))


@dataclass(frozen=True)
class Place:
    """A body restricts what is its own. `words` are its own; `authority` is what was recorded.

    `peoples` and `places` are those of its mandate; `held_on` and `method` tell of
    the hui when it comes from paper. `review_at` lifts nothing.
    """

    sitting: Sitting
    scope: Scope
    words: TextId
    authority: TextId
    visibility: Visibility
    peoples: frozenset[str]
    places: frozenset[str]
    review_at: datetime | None = None
    held_on: date | None = None
    method: str = "portal"


@dataclass(frozen=True)
class Speak:
    """A member says whether it should be lifted: approve means lift."""

    sitting: Sitting
    voice: Voice


@dataclass(frozen=True)
class Conclude:
    """Record that the voices heard have come to `outcome` about lifting."""

    sitting: Sitting
    outcome: Outcome


@dataclass(frozen=True)
class RecordHui:
    """A secretary records what was decided about lifting, away from any screen."""

    sitting: Sitting
    held_on: date
    method: str
    voices: Mapping[str, Voice]
    outcome: Outcome
    minutes: TextId


@dataclass(frozen=True)
class ReviewPassed:
    """The clock: the review date was reached. It awaits lifting; it still binds."""


Command = Place | Speak | Conclude | RecordHui | ReviewPassed

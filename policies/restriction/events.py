"""What has happened to a restriction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from policies.restriction.commands import Scope, Visibility
from policies.types import Outcome, TextId, Voice


@dataclass(frozen=True)
class Placed:
    """It binds from this entry on."""

    body: str
    scope: Scope
    words: TextId
    authority: TextId
    visibility: Visibility
    review_at: datetime | None
    held_on: date | None
    method: str


@dataclass(frozen=True)
class AwaitingLifting:
    """The review date was reached. It binds until the body lifts it."""


@dataclass(frozen=True)
class Spoken:
    """A person said whether it should be lifted."""

    person: str
    voice: Voice


@dataclass(frozen=True)
class HuiRecorded:
    """A secretary wrote up a decision about lifting."""

    held_on: date
    method: str
    voices: Mapping[str, Voice]
    minutes: TextId
    recorded_by: str


@dataclass(frozen=True)
class Kept:
    """The body decided to keep it; voices begin afresh."""

    outcome: Outcome = Outcome.DECLINE


@dataclass(frozen=True)
class Lifted:
    """The body lifted it by its own rule."""


Event = Placed | AwaitingLifting | Spoken | HuiRecorded | Kept | Lifted

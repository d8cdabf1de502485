"""What has happened to a body. Each event is version 1 unless `machines.VERSIONS` says more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from policies.body.commands import (
    Change,
    Closure,
    Delegation,
    Mandate,
    Member,
    Pause,
    Reminders,
)
from policies.types import Kawa, Outcome, TextId, Voice


@dataclass(frozen=True)
class Entered:
    """The body is here."""

    name: TextId
    mandate: Mandate
    kawa: Kawa
    members: tuple[Member, ...]
    awaits_welcome: bool = False


@dataclass(frozen=True)
class MemberAdded:
    """A person joined or changed roles."""

    member: Member


@dataclass(frozen=True)
class MembershipEnded:
    """A person left."""

    person: str


@dataclass(frozen=True)
class KawaSet:
    """The body decides in this way from here on."""

    kawa: Kawa


@dataclass(frozen=True)
class MandateRestated:
    """The body's mandate from here on."""

    mandate: Mandate


@dataclass(frozen=True)
class GatewayAdded:
    """A gateway has a credential. The credential itself is nowhere kept in clear."""

    gateway: str
    collections: frozenset[str]


@dataclass(frozen=True)
class Welcomed:
    """The other bodies know it; it speaks from here on."""


@dataclass(frozen=True)
class Delegated:
    """`delegation` is in force under this id."""

    id: str
    delegation: Delegation


@dataclass(frozen=True)
class DelegationRevoked:
    """It is not any more."""

    delegation: str


@dataclass(frozen=True)
class CalendarSet:
    """The body's holidays and closures from here on."""

    region: str | None
    closures: tuple[Closure, ...]


@dataclass(frozen=True)
class PauseBegun:
    """The body keeps a pause."""

    id: str
    pause: Pause


@dataclass(frozen=True)
class PauseEnded:
    """It was over on this day."""

    pause: str
    on: date


@dataclass(frozen=True)
class RemindersSet:
    """How the body is told from here on."""

    reminders: Reminders


@dataclass(frozen=True)
class Introduced:
    """Somebody introduced herself."""

    person: str
    words: TextId


@dataclass(frozen=True)
class KoreroRecorded:
    """The body and this person have met."""

    person: str
    held_on: date
    method: str


@dataclass(frozen=True)
class Proposed:
    """A change of what all share waits for every body's word."""

    id: str
    body: str
    change: Change
    words: TextId


@dataclass(frozen=True)
class Said:
    """What one body said to it."""

    proposal: str
    body: str
    outcome: Outcome
    held_on: date
    method: str
    voices: Mapping[str, Voice]
    minutes: TextId


@dataclass(frozen=True)
class Settled:
    """Every body agreed, or one did not; the change holds or does not."""

    proposal: str
    agreed: bool
    change: Change


Event = (
    Entered | MemberAdded | MembershipEnded | KawaSet | MandateRestated | GatewayAdded | Welcomed
    | Delegated | DelegationRevoked | CalendarSet | PauseBegun | PauseEnded | RemindersSet
    | Introduced | KoreroRecorded | Proposed | Said | Settled
)  # fmt: skip

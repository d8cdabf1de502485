"""What a body says about itself: mandate, people, kawa, pauses; and what bodies change together.

Everything here is entered by the body itself; the deployment is a body too, and
the operator's acts are the events of its stream (`bones.md`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from policies.types import Capacity, Kawa, Outcome, Sitting, TextId, Voice

ROLES = frozenset({"member", "secretary", "operator"})
DEPLOYMENT = "body-deployment"
"""The body that runs this installation."""

LONGEST_DELEGATION = timedelta(days=120)
"""A delegation is small, dated and revocable: one person's voice, for a season at most."""

PAUSES = frozenset({"seasonal", "mourning"})
"""For what a body may keep a pause, in which it decides nothing. Why it does is its own."""


@dataclass(frozen=True)
class Mandate:
    """For whom and over what a body speaks, on which recorded document, until when."""

    capacities: frozenset[Capacity]
    peoples: frozenset[str] = frozenset()
    places: frozenset[str] = frozenset()
    items: frozenset[str] = frozenset()
    document: TextId | None = None
    until: datetime | None = None
    challengers: frozenset[str] = frozenset()
    """The bodies that may contest it; none named means any body."""


@dataclass(frozen=True)
class Member:
    """One person's place in a body: roles, and the end of the term if it has one.

    `institution` is where they work, if they say so: whoever works where a request comes
    from takes no part in deciding about it. Whom they descend from is no conflict.
    """

    person: str
    roles: frozenset[str]
    until: datetime | None = None
    institution: str | None = None


@dataclass(frozen=True)
class Closure:
    """Days from `first` to `last` on which no clock runs against the body; `yearly` means every
    year. In a ``seasonal`` or a ``mourning`` one it decides nothing either."""

    first: date
    last: date
    kind: str = "closure"
    yearly: bool = False


@dataclass(frozen=True)
class Pause:
    """A pause that the body keeps: until `last`, or, without one, until it ends it."""

    kind: str
    first: date
    last: date | None = None


@dataclass(frozen=True)
class Reminders:
    """How the body wishes to be told: after so many working days of waiting (`days`), then its
    own delegate (`then`) after `then_after`; all at once in a weekly digest if it likes."""

    days: tuple[int, ...] = (10, 20)
    then: str | None = None
    then_after: int = 30
    digest: bool = False


@dataclass(frozen=True)
class Delegation:
    """`to` speaks for `person` until `until`, unless one of them ends it before."""

    person: str
    to: str
    until: datetime


@dataclass(frozen=True)
class Enter:
    """A body enters by its own statement. `awaits_welcome` while there are others, who must
    know it before it speaks for anybody."""

    name: TextId
    mandate: Mandate
    kawa: Kawa
    members: tuple[Member, ...]
    awaits_welcome: bool = False


@dataclass(frozen=True)
class AddMember:
    """A person joins, or their roles or term change."""

    member: Member


@dataclass(frozen=True)
class EndMembership:
    """A person leaves."""

    person: str


@dataclass(frozen=True)
class SetKawa:
    """The body changes how it decides, from now on."""

    kawa: Kawa


@dataclass(frozen=True)
class RestateMandate:
    """The body states its mandate anew."""

    mandate: Mandate


@dataclass(frozen=True)
class AddGateway:
    """A custodian's gateway may ask the decision point about these collections."""

    gateway: str
    collections: frozenset[str]


@dataclass(frozen=True)
class Welcome:
    """Caused by the bodies' recorded decision: the body speaks from here on."""


@dataclass(frozen=True)
class Delegate:
    """A person lets another speak for them for a while."""

    delegation: Delegation


@dataclass(frozen=True)
class RevokeDelegation:
    """It ends at once."""

    delegation: str


@dataclass(frozen=True)
class SetCalendar:
    """Whose regional holidays count for the body, and when it is closed."""

    region: str | None
    closures: tuple[Closure, ...]


@dataclass(frozen=True)
class BeginPause:
    """From here on the body decides nothing, and no clock runs against it."""

    pause: Pause


@dataclass(frozen=True)
class EndPause:
    """The pause is over; `on` is its last day."""

    pause: str
    on: date


@dataclass(frozen=True)
class SetReminders:
    """How the body wishes to be told that it is waited for."""

    reminders: Reminders


@dataclass(frozen=True)
class Introduce:
    """Somebody who would ask introduces herself; where kōrero comes first, that is all she
    can do until the body has met her."""

    words: TextId


@dataclass(frozen=True)
class RecordKorero:
    """The body has met `person`."""

    person: str
    held_on: date
    method: str


@dataclass(frozen=True)
class Change:
    """What the bodies may change together. `kind`: `welcome` a body (`subject`), name the
    `operator` or the `reviewer` (a person), or the `desk` (a body; without a subject, none)."""

    kind: str
    subject: str | None = None
    days: int | None = None


@dataclass(frozen=True)
class Propose:
    """A body proposes a change of what all share (in the deployment's own stream)."""

    body: str
    change: Change
    words: TextId


@dataclass(frozen=True)
class Say:
    """What a body says to a proposal, as its secretary records it. `bodies` are all that
    have a say in it today: each of them must agree, and silence is no agreement."""

    sitting: Sitting
    proposal: str
    outcome: Outcome
    voices: Mapping[str, Voice]
    held_on: date
    method: str
    minutes: TextId
    bodies: frozenset[str]


Command = (
    Enter | AddMember | EndMembership | SetKawa | RestateMandate | AddGateway | Welcome | Delegate
    | RevokeDelegation | SetCalendar | BeginPause | EndPause | SetReminders | Introduce
    | RecordKorero | Propose | Say
)  # fmt: skip

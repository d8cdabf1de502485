"""What has happened to a grant."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from policies.request.events import Terms
from policies.types import TextId


@dataclass(frozen=True)
class Issued:
    """Access began, on these terms."""

    terms: Terms


@dataclass(frozen=True)
class DutyReminded:
    """The researcher was reminded of what will be owed."""

    duty: str


@dataclass(frozen=True)
class AccessPaused:
    """A duty became overdue; access is paused as agreed."""

    duty: str


@dataclass(frozen=True)
class ReportFiled:
    """A version of the report was filed; every version is kept."""

    duty: str
    version: int
    words: Mapping[str, TextId]


@dataclass(frozen=True)
class ReportReturned:
    """A body sent the report back."""

    duty: str
    body: str
    question: TextId


@dataclass(frozen=True)
class ReportAccepted:
    """A body accepted the report, with its reply beside it."""

    duty: str
    body: str
    reply: TextId


@dataclass(frozen=True)
class DutyDone:
    """Every community that the duty was owed to has accepted."""

    duty: str


@dataclass(frozen=True)
class Ended:
    """Access ended: it expired, or was ended early."""

    reason: str


@dataclass(frozen=True)
class DisposalAttested:
    """The researcher attested what became of the copies."""

    attestation: TextId


@dataclass(frozen=True)
class DisposalAcknowledged:
    """A body acknowledged the attestation."""

    body: str


@dataclass(frozen=True)
class Closed:
    """Nothing is owed any more."""


@dataclass(frozen=True)
class RenewedElsewhere:
    """A decision made elsewhere holds until a later day."""

    body: str
    reference: TextId
    letter: TextId
    letter_sha256: str
    expires_at: datetime
    verified_by: str


@dataclass(frozen=True)
class LapsePassed:
    """A decision made elsewhere has lapsed; access is suspended until it is renewed."""

    body: str


Event = (
    RenewedElsewhere | LapsePassed | Issued | DutyReminded | AccessPaused | ReportFiled
    | ReportReturned | ReportAccepted | DutyDone | Ended | DisposalAttested
    | DisposalAcknowledged | Closed
)  # fmt: skip

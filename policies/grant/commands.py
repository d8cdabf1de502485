"""What may be asked of a grant. Reports and other duties live in its stream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from policies.request.events import Terms
from policies.types import Sitting, TextId

REPORT_WORDS = ("findings", "benefits", "harms", "next_steps")
"""The texts of a benefit report (`tikanga.md`, section C)."""


@dataclass(frozen=True)
class Issue:
    """Caused by the acceptance of a request: the terms are those that were accepted."""

    terms: Terms


@dataclass(frozen=True)
class FileReport:
    """The researcher files, or files again, what was owed."""

    duty: str
    words: Mapping[str, TextId]


@dataclass(frozen=True)
class ReturnReport:
    """A body sends the report back with its questions."""

    sitting: Sitting
    duty: str
    question: TextId


@dataclass(frozen=True)
class AcceptReport:
    """A body accepts the report; its own reply stands beside it."""

    sitting: Sitting
    duty: str
    reply: TextId


@dataclass(frozen=True)
class EndEarly:
    """The researcher needs the data no more."""


@dataclass(frozen=True)
class AttestDisposal:
    """The researcher says how every copy was destroyed or given back."""

    attestation: TextId


@dataclass(frozen=True)
class AcknowledgeDisposal:
    """A body has seen the attestation."""

    sitting: Sitting


@dataclass(frozen=True)
class ClockPassed:
    """The clock: remind, pause or expire whatever is due at the envelope's instant."""


@dataclass(frozen=True)
class RenewElsewhere:
    """A body has renewed, in its own system, the decision that lapses; its secretary says so."""

    sitting: Sitting
    reference: TextId
    letter: TextId
    letter_sha256: str
    expires_at: datetime


@dataclass(frozen=True)
class Void:
    """Caused where a body's record does not stand; if this grant rests on it, it ends."""

    body: str
    entry: str


Command = (
    RenewElsewhere | Void | Issue | FileReport | ReturnReport | AcceptReport | EndEarly
    | AttestDisposal | AcknowledgeDisposal | ClockPassed
)  # fmt: skip

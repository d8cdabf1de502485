"""Letters: of bodies that decide in a system of their own, kept as files; and what a yes in
principle reads like on paper."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from policies.types import Outcome, TextId
from services.path import Sent
from services.store.texts import Audience, Words


@dataclass(frozen=True)
class Letter:
    """A letter as a file, and its reference where it comes from. What its hash is, is worked
    out here and not believed."""

    reference: str
    content: bytes
    media_type: str

    @property
    def sha256(self) -> str:
        """The letter's SHA-256 in hex."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True)
class Elsewhere:
    """A decision made elsewhere, its letter, and until when it holds (UTC; None: for good)."""

    outcome: Outcome
    letter: Letter
    decided_on: date
    expires_at: datetime | None = None


def letter_words(
    sent: Sent, owner: str, letter: Letter
) -> tuple[Mapping[str, TextId], tuple[Words, ...]]:
    """Ids for the reference and the letter, and what to save under them."""
    named = {name: sent.text(name) for name in ("reference", "letter")}
    parties = Audience.PARTIES
    return named, (
        Words(named["reference"], owner, parties, letter.reference.encode()),
        Words(named["letter"], owner, parties, letter.content, letter.media_type),
    )

"""What the API takes about decisions that a body made in a system of its own; see `shapes.py`."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Literal

from pydantic import AfterValidator, StringConstraints, model_validator

from policies.types import Outcome
from services.letters import Elsewhere as Decided
from services.letters import Letter
from services.web.fields import Day, Instant, Short
from services.web.shapes import ForBody, Shape

LARGEST = 1_000_000
"""The most bytes that a letter may have."""

_BEGINS = {
    "application/pdf": (b"%PDF-",),
    "image/png": (b"\x89PNG\r\n\x1a\n",),
    "image/jpeg": (b"\xff\xd8\xff",),
}
"""How a file of each kind begins."""


def _decodes(value: str) -> str:
    try:
        base64.b64decode(value, validate=True)
    except binascii.Error:
        raise ValueError("It must be a file in base64.") from None
    return value


File = Annotated[
    str,
    StringConstraints(
        min_length=4, max_length=-(-LARGEST // 3) * 4, pattern=r"^[A-Za-z0-9+/]+={0,2}$"
    ),
    AfterValidator(_decodes),
]


class LetterShape(Shape):
    """A letter as a file: what it is, in base64 of at most a million bytes."""

    media_type: Literal["application/pdf", "text/plain", "image/png", "image/jpeg"]
    content: File

    @model_validator(mode="after")
    def _is_what_it_says(self) -> LetterShape:
        """A letter is kept for years, and must open as what it was sent as."""
        content = self.bytes()
        if self.media_type == "text/plain":
            try:
                content.decode("utf-8")
            except UnicodeDecodeError:
                raise ValueError("A letter in plain text must be in UTF-8.") from None
        elif not content.startswith(_BEGINS[self.media_type]):
            raise ValueError("The file is not of the kind that was said.")
        return self

    def bytes(self) -> bytes:
        """The file itself."""
        return base64.b64decode(self.content)


class LetterFor(ForBody):
    """A body's letter, and by what reference it is found in that body's own system."""

    reference: Short
    letter: LetterShape

    def read_letter(self) -> Letter:
        """As the use case takes it."""
        kind = self.letter.media_type
        media_type = f"{kind}; charset=utf-8" if kind == "text/plain" else kind
        return Letter(self.reference, self.letter.bytes(), media_type)


class Elsewhere(LetterFor):
    """A decision that the body made in a system of its own."""

    outcome: Literal["approve", "decline"]
    decided_on: Day
    expires_at: Instant | None = None

    def read(self) -> Decided:
        """As the use case takes it."""
        return Decided(Outcome(self.outcome), self.read_letter(), self.decided_on, self.expires_at)


class Renewal(LetterFor):
    """The decision holds until a later instant, by a new letter."""

    expires_at: Instant

"""What the API takes about grants, their reports, and restrictions; see `shapes.py`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from policies.grant.commands import REPORT_WORDS
from policies.types import USE_ACTS, Outcome, Voice
from services.web.fields import Day, Flag, Id, Ids, Written
from services.web.shapes import CommandShape, ForBody, Shape, SliceShape


class FileReport(CommandShape):
    """A benefit report; every part is words for everybody."""

    duty: Id
    words: dict[Literal[REPORT_WORDS], Written]  # type: ignore[valid-type]


class ReturnReport(ForBody):
    """Send a report back."""

    duty: Id
    question: Written


class AcceptReport(ForBody):
    """Accept a report, with the body's own reply."""

    duty: Id
    reply: Written


class Attest(CommandShape):
    """What became of every copy."""

    attestation: Written


class ScopeShape(Shape):
    """What is restricted. No items and no collections means all of them."""

    slice: SliceShape
    items: Ids = Field(default_factory=list)
    collections: Ids = Field(default_factory=list)
    acts: list[Literal[USE_ACTS]] = Field(  # type: ignore[valid-type]
        default_factory=lambda: list(USE_ACTS), min_length=1, max_length=len(USE_ACTS)
    )


class Place(ForBody):
    """A restriction, in the body's own words."""

    scope: ScopeShape
    words: Written
    authority: Written
    hidden: Flag = False
    review_on: Day | None = None
    held_on: Day | None = None
    method: Literal["portal", "hui", "phone", "paper"] = "portal"


class RestrictionVoice(CommandShape):
    """Whether it should be lifted: approve means lift."""

    voice: Voice


class RestrictionOutcome(CommandShape):
    """What the voices about lifting have come to."""

    outcome: Outcome


class Hui(CommandShape):
    """A hui about lifting: when, how, who was there and what each said."""

    held_on: Day
    method: Literal["hui", "phone", "paper"] = "hui"
    voices: dict[Id, Voice] = Field(min_length=1, max_length=500)
    outcome: Outcome
    minutes: Written

"""A restriction as its events tell it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from policies.restriction import events as e
from policies.restriction.commands import Scope, Visibility
from policies.stream import Meta
from policies.types import Voice


class Status(StrEnum):
    """Open and awaiting lifting both bind."""

    NONE = "none"
    OPEN = "open"
    AWAITING_LIFTING = "awaiting_lifting"
    LIFTED = "lifted"


@dataclass(frozen=True)
class RestrictionState:
    """What `decide` needs to know, and what the decision point enforces."""

    status: Status = Status.NONE
    body: str = ""
    scope: Scope | None = None
    visibility: Visibility = Visibility.SHOWN
    review_at: datetime | None = None
    voices: Mapping[str, Voice] = field(default_factory=dict)

    @property
    def open(self) -> bool:
        """False once lifted."""
        return self.status is not Status.LIFTED


def evolve(state: RestrictionState, event: e.Event, meta: Meta) -> RestrictionState:
    """The state after `event`."""
    match event:
        case e.Placed():
            return RestrictionState(
                Status.OPEN, event.body, event.scope, event.visibility, event.review_at
            )
        case e.AwaitingLifting():
            return replace(state, status=Status.AWAITING_LIFTING)
        case e.Spoken():
            return replace(state, voices={**state.voices, event.person: event.voice})
        case e.Kept():
            return replace(state, voices={})
        case e.Lifted():
            return replace(state, status=Status.LIFTED)
        case e.HuiRecorded():
            return state

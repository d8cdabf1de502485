"""What the decision point answered: an event an answer, in the asking gateway's stream."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from policies.refusals import Refused
from policies.slices import Slice
from policies.stream import Meta
from policies.types import Envelope


@dataclass(frozen=True)
class Basis:
    """What an answer started from, so that it can be given again from the record alone.

    Args:
        at: the instant at which it was looked up, a moment before it was recorded.
        slice: the slice that was asked for, None for the whole of the grant's.
        obligations: what the gateway said that it can apply, as far as Accord knows of it.
        named: which other data, model, country or business the use was asked for.
        grants: how far the stream of each grant had come that names this person and this item.
    """

    at: datetime
    slice: Slice | None = None
    obligations: frozenset[str] = frozenset()
    named: str | None = None
    grants: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """Record an answer before it leaves."""

    subject: str
    act: str
    item: str
    purpose: str
    decision: bool
    code: str
    rule: str | None
    grant: str | None
    slice: Slice | None
    restriction: str | None = None
    basis: Basis | None = None


@dataclass(frozen=True)
class Answered:
    """Who asked to do what, with what, for what; what the answer was, and by which rule."""

    subject: str
    act: str
    item: str
    purpose: str
    decision: bool
    code: str
    rule: str | None
    grant: str | None
    slice: Slice | None
    restriction: str | None = None
    basis: Basis | None = None


Command = Answer
Event = Answered


@dataclass(frozen=True)
class AccessState:
    """A gateway's answers do not depend on each other."""

    @property
    def open(self) -> bool:
        """A gateway's stream does not end."""
        return True


def decide(state: AccessState, envelope: Envelope) -> list[Event] | Refused:
    """Every answer is recorded as it was given."""
    answer: Answer = envelope.command
    return [Answered(**vars(answer))]


def evolve(state: AccessState, event: Event, meta: Meta) -> AccessState:
    """Nothing is carried from one answer to the next."""
    return state

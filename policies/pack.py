"""A rule pack as something that bodies adopt and withdraw from.

A shipped pack is *draft, unadopted* and in force nowhere; a body's adoption puts
its lines in force in that body's own name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from policies.refusals import Code, Refused
from policies.stream import Meta
from policies.types import Envelope


@dataclass(frozen=True)
class Adopt:
    """`body` adopts the pack as it reads now; `sha256` is that of its files, `rules` its ids."""

    body: str
    sha256: str
    rules: tuple[str, ...]


@dataclass(frozen=True)
class Withdraw:
    """`body` adopts it no longer."""

    body: str


@dataclass(frozen=True)
class Adopted:
    """The pack's lines are in force for this body."""

    body: str
    sha256: str
    rules: tuple[str, ...]


@dataclass(frozen=True)
class AdoptionWithdrawn:
    """They are not any more."""

    body: str


Command = Adopt | Withdraw
Event = Adopted | AdoptionWithdrawn


@dataclass(frozen=True)
class PackState:
    """Which bodies have adopted the pack, and in which reading."""

    adopted: Mapping[str, str] = field(default_factory=dict)

    @property
    def open(self) -> bool:
        """A pack does not end."""
        return True


def decide(state: PackState, envelope: Envelope) -> list[Event] | Refused:
    """The events that `envelope`'s command causes, or why it is refused. Pure."""
    match envelope.command:
        case Adopt() as command:
            if state.adopted.get(command.body) == command.sha256:
                return Refused(Code.ALREADY_DONE)
            return [Adopted(command.body, command.sha256, command.rules)]
        case Withdraw() as command:
            if command.body not in state.adopted:
                return Refused(Code.NOT_FOUND)
            return [AdoptionWithdrawn(command.body)]
    raise TypeError(type(envelope.command).__name__)


def evolve(state: PackState, event: Event, meta: Meta) -> PackState:
    """The state after `event`."""
    match event:
        case Adopted():
            return replace(state, adopted={**state.adopted, event.body: event.sha256})
        case AdoptionWithdrawn():
            left = {body: each for body, each in state.adopted.items() if body != event.body}
            return replace(state, adopted=left)

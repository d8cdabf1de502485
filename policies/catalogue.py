"""The catalogue: what is held, what bodies have confirmed it to be, how it came to be held.

A proposal binds nobody; an item nobody concerned has confirmed is refused. Where
several bodies have confirmed an item, the strictest holds: all their classes, all
the peoples and places they named.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from policies.refusals import Code, Refused
from policies.slices import ANY
from policies.stream import Meta
from policies.types import CLASSES, Envelope, Sitting, TextId


@dataclass(frozen=True)
class Classification:
    """What an item is. `peoples` and `places`: whose data, ``any`` meaning all; `whole`:
    it cannot be cut by records, so a decline takes all of it out."""

    classes: frozenset[str]
    peoples: frozenset[str] | Literal["any"] = frozenset()
    places: frozenset[str] | Literal["any"] = frozenset()
    whole: bool = False

    def joined(self, other: Classification) -> Classification:
        """The stricter of both in everything."""
        return Classification(
            self.classes | other.classes,
            _both(self.peoples, other.peoples),
            _both(self.places, other.places),
            self.whole or other.whole,
        )


def strictest(confirmed: Iterable[Classification]) -> Classification | None:
    """What an item is when several bodies have said so; None when nobody has."""
    joined: Classification | None = None
    for each in confirmed:
        joined = each if joined is None else joined.joined(each)
    return joined


@dataclass(frozen=True)
class Import:
    """Publish a staged file. `collections` are the ids it brought; `rows` were counted."""

    batch: str
    sha256: str
    rows: int
    collections: tuple[str, ...]


@dataclass(frozen=True)
class Confirm:
    """A body says what these items are. `peoples_spoken_for` and `places_spoken_for`
    are those of its mandate."""

    sitting: Sitting
    items: frozenset[str]
    classification: Classification
    peoples_spoken_for: frozenset[str]
    places_spoken_for: frozenset[str]


@dataclass(frozen=True)
class WriteHistory:
    """A collection's whakapapa: how it was taken, under what promise, known harms, uses.
    `body` is the one that writes it."""

    body: str
    collection: str
    history: TextId


@dataclass(frozen=True)
class Name:
    """Peoples and places that this deployment knows by an id; names are texts."""

    peoples: dict[str, TextId]
    places: dict[str, TextId]


@dataclass(frozen=True)
class Imported:
    """A file was published, whole."""

    batch: str
    sha256: str
    rows: int
    collections: tuple[str, ...]


@dataclass(frozen=True)
class Confirmed:
    """A body said what these items are; what it said of them before is replaced."""

    body: str
    items: frozenset[str]
    classification: Classification


@dataclass(frozen=True)
class HistoryWritten:
    """A collection's history, in a new version."""

    collection: str
    history: TextId


@dataclass(frozen=True)
class NamesKnown:
    """These peoples and places are known from here on."""

    peoples: dict[str, TextId]
    places: dict[str, TextId]


Command = Import | Confirm | WriteHistory | Name
Event = Imported | Confirmed | HistoryWritten | NamesKnown


@dataclass(frozen=True)
class CatalogueState:
    """Only what `decide` needs: files seen, collections, names known."""

    files: frozenset[str] = frozenset()
    collections: frozenset[str] = frozenset()
    peoples: frozenset[str] = frozenset()
    places: frozenset[str] = frozenset()

    @property
    def open(self) -> bool:
        """A catalogue does not end."""
        return True


def decide(state: CatalogueState, envelope: Envelope) -> list[Event] | Refused:
    """The events that `envelope`'s command causes, or why it is refused. Pure."""
    match envelope.command:
        case Import() as command:
            if command.sha256 in state.files:
                return Refused(Code.ALREADY_DONE, {"sha256": command.sha256})
            return [Imported(command.batch, command.sha256, command.rows, command.collections)]
        case Confirm() as command:
            if envelope.actor not in command.sitting.hands:
                return Refused(Code.NOT_A_MEMBER)
            if refusal := _not_concerned(state, command):
                return refusal
            return [Confirmed(command.sitting.body, command.items, command.classification)]
        case WriteHistory() as command:
            if command.collection not in state.collections:
                return Refused(Code.NOT_FOUND)
            return [HistoryWritten(command.collection, command.history)]
        case Name() as command:
            return [NamesKnown(command.peoples, command.places)]
    raise TypeError(type(envelope.command).__name__)


def evolve(state: CatalogueState, event: Event, meta: Meta) -> CatalogueState:
    """The state after `event`."""
    match event:
        case Imported():
            return replace(
                state,
                files=state.files | {event.sha256},
                collections=state.collections | set(event.collections),
            )
        case NamesKnown():
            return replace(
                state,
                peoples=state.peoples | set(event.peoples),
                places=state.places | set(event.places),
            )
        case Confirmed() | HistoryWritten():
            return state


def _not_concerned(state: CatalogueState, command: Confirm) -> Refused | None:
    said = command.classification
    if not said.classes or not said.classes <= CLASSES:
        return Refused(Code.INVALID, {"field": "classes"})
    if not said.peoples and not said.places:
        return Refused(Code.INVALID, {"field": "peoples"})
    for name, part, known in (
        ("peoples", said.peoples, state.peoples),
        ("places", said.places, state.places),
    ):
        if part != ANY and not frozenset(part) <= known:
            return Refused(Code.INVALID, {"field": name})
    own_people = _meets(said.peoples, command.peoples_spoken_for)
    own_place = _meets(said.places, command.places_spoken_for)
    if not (own_people or own_place):
        return Refused(Code.NOT_WITHIN, {
            "field": "peoples",
            "sentence": "A body confirms only what concerns its own people or places.",
            "next": "Name them, or leave the item to the bodies concerned.",
        })  # fmt: skip
    return None


def _meets(part: frozenset[str] | str, own: frozenset[str]) -> bool:
    return bool(own) if part == ANY else bool(frozenset(part) & own)


def _both(
    one: frozenset[str] | Literal["any"], other: frozenset[str] | Literal["any"]
) -> frozenset[str] | Literal["any"]:
    if one == ANY or other == ANY:
        return ANY
    return frozenset(one) | frozenset(other)

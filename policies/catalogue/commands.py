"""What may be asked of the catalogue: what is held, whose it is, how it came to be held."""

from __future__ import annotations

from dataclasses import dataclass

from policies.catalogue.classification import Classification
from policies.types import Sitting, TextId


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
    are those of its mandate; `said_before` are the classes that anybody has confirmed them
    as until now: what is sensitive is looked at one by one, also to make it less so."""

    sitting: Sitting
    items: frozenset[str]
    classification: Classification
    peoples_spoken_for: frozenset[str]
    places_spoken_for: frozenset[str]
    said_before: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Claim:
    """A body says that something is theirs too: items, or peoples or places for whom another
    speaks (`against`, whose mandate it contests). `concerned` are the other bodies that
    speak for it now; until each of them agrees, or the claim is taken back, it stays closed."""

    sitting: Sitting
    items: frozenset[str]
    peoples: frozenset[str]
    places: frozenset[str]
    concerned: frozenset[str]
    statement: TextId
    against: str | None = None


@dataclass(frozen=True)
class WithdrawClaim:
    """The body that claimed takes it back."""

    sitting: Sitting
    claim: str


@dataclass(frozen=True)
class SettleClaim:
    """A body concerned agrees: it is theirs too."""

    sitting: Sitting
    claim: str


@dataclass(frozen=True)
class Search:
    """Somebody named (`searcher`, a person or a body) looks for those who care for this."""

    body: str
    items: frozenset[str]
    peoples: frozenset[str]
    places: frozenset[str]
    searcher: str
    words: TextId


@dataclass(frozen=True)
class EndSearch:
    """What came of the search."""

    body: str
    search: str
    words: TextId


@dataclass(frozen=True)
class WriteWishes:
    """How whoever told it wishes a story to be treated, and in what context it was told."""

    sitting: Sitting
    item: str
    classes: frozenset[str]
    wishes: TextId
    context: TextId


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


Command = (
    Import | Confirm | WriteHistory | Name | Claim | WithdrawClaim | SettleClaim | Search
    | EndSearch | WriteWishes
)  # fmt: skip

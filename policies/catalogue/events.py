"""What has happened in the catalogue."""

from __future__ import annotations

from dataclasses import dataclass

from policies.catalogue.classification import Classification
from policies.types import TextId


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
    """A collection's history, in a new version, as this body writes it."""

    collection: str
    history: TextId
    body: str = ""


@dataclass(frozen=True)
class NamesKnown:
    """These peoples and places are known from here on."""

    peoples: dict[str, TextId]
    places: dict[str, TextId]


@dataclass(frozen=True)
class Claimed:
    """From here on this is closed, until it is settled."""

    claim: str
    body: str
    items: frozenset[str]
    peoples: frozenset[str]
    places: frozenset[str]
    concerned: frozenset[str]
    statement: TextId
    against: str | None


@dataclass(frozen=True)
class ClaimAgreed:
    """One of the bodies concerned agreed to a claim."""

    claim: str
    body: str


@dataclass(frozen=True)
class ClaimSettled:
    """All agreed (`agreed`), or it was taken back; nothing stays closed for it."""

    claim: str
    agreed: bool


@dataclass(frozen=True)
class SearchOpened:
    """Those who care for this are looked for, by somebody named."""

    search: str
    body: str
    items: frozenset[str]
    peoples: frozenset[str]
    places: frozenset[str]
    searcher: str
    words: TextId


@dataclass(frozen=True)
class SearchEnded:
    """What came of it."""

    search: str
    words: TextId


@dataclass(frozen=True)
class WishesWritten:
    """The teller's wishes, in the version that holds from here on."""

    body: str
    item: str
    wishes: TextId
    context: TextId


Event = (
    Imported | Confirmed | HistoryWritten | NamesKnown | Claimed | ClaimAgreed | ClaimSettled
    | SearchOpened | SearchEnded | WishesWritten
)  # fmt: skip

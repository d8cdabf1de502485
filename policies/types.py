"""The words that every rule, command and event is written in.

Instants are aware UTC `datetime`s; days are `date`s in the deployment's own
region. Ids are opaque strings; roles and people never share a name space:
a person is ``person-<uuid>``, a role is ``role:<name>``.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

SYSTEM = "system"
"""The actor of timers and of what one stream causes in another."""

NOBODY = "none"
"""The candidate 'body' of an adopted line that says no collective body decides."""

_NAMESPACE = uuid.UUID("5b0d3c6e-5f0e-5a53-9d6c-2f5d3b0a9a51")


def derived_id(*parts: str) -> str:
    """The id that follows from `parts`: the same parts always give the same id.

    What is caused must have the same id however often its cause is delivered
    (RFC 9562, version 5, in a name space of Accord's own).
    """
    return str(uuid.uuid5(_NAMESPACE, "\x1f".join(parts)))


class TextId(str):
    """The id of words kept outside the ledger (`texts`): never the words themselves."""

    __slots__ = ()


class Level(StrEnum):
    """The finest level at which records may be seen, from coarse to fine."""

    AGGREGATE = "aggregate"
    DEIDENTIFIED = "deidentified"
    IDENTIFIABLE = "identifiable"

    @property
    def rank(self) -> int:
        """0 for the coarsest level; a higher rank shows more."""
        return list(Level).index(self)


class Capacity(StrEnum):
    """In what standing a body decides."""

    PEOPLE = "people"
    PLACE = "place"
    ETHICS = "ethics"
    HOLDER = "holder"


class Voice(StrEnum):
    """What one person says in a body's decision."""

    APPROVE = "approve"
    DECLINE = "decline"
    ABSTAIN = "abstain"


class Outcome(StrEnum):
    """What a body comes to: about a request, or about lifting its own restriction.

    `NOT_OURS`: the part it was asked about is not its to decide. `IN_PRINCIPLE`: yes, if
    something else comes to be; it opens nothing.
    """

    APPROVE = "approve"
    DECLINE = "decline"
    NOT_OURS = "not_ours"
    IN_PRINCIPLE = "in_principle"

    @property
    def wants(self) -> Voice:
        """The voice that a body's people give who want this outcome."""
        return Voice.APPROVE if self in (Outcome.APPROVE, Outcome.IN_PRINCIPLE) else Voice.DECLINE


class Meeting(StrEnum):
    """What a body may ask for before it decides: its own wānanga, or to meet face to face."""

    WANANGA = "wananga"
    KANOHI_KI_TE_KANOHI = "kanohi_ki_te_kanohi"


class KawaRule(StrEnum):
    """How a body comes to its decisions (`bones.md`, "Kawa").

    `WHANAU` is everybody listed or the whānau's one delegate; the others are as they are called.
    """

    CONSENSUS = "consensus"
    MAJORITY = "majority"
    NAMED_ASSENT = "named_assent"
    WHANAU = "whanau"


CLASSES = frozenset(
    {
        "open",
        "aggregated",
        "deidentified",
        "identifiable",
        "whakapapa",
        "whanau",
        "korero",
        "voice",
        "image",
        "deceased",
        "tapu",
        "wahi_tapu",
        "matauranga",
        "health",
        "genomic",
        "taonga_species",
        "child",
        "migration",
        "derived",
        "deliberations",
    }
)
"""The default pack's classes of data (`tikanga.md`, section C); an item has one or more."""

STORIES = frozenset({"korero", "tapu"})
"""What is not data like other data: stories, and what touches a person's tapu. They take a path
of their own: asked for alone, never downloaded by default, never counted or excerpted, and the
teller's wishes and the context travel with every use."""

SENSITIVE = STORIES | {"whakapapa", "wahi_tapu", "matauranga", "deceased", "child", "genomic"}
"""What bodies look at one by one, never many at once."""

USE_ACTS = ("use.read", "use.link", "use.train", "use.commercial", "use.offshore")
"""What may be done with an item: read, joined to other data, used to train a machine,
used commercially, kept outside Aotearoa."""


@dataclass(frozen=True)
class Named:
    """One person whose assent a body's kawa names, and who may speak for them."""

    person: str
    delegate: str | None = None


@dataclass(frozen=True)
class Stage:
    """A subcommittee that looks first: its people, and how they come to their advice."""

    members: frozenset[str]
    rule: KawaRule = KawaRule.CONSENSUS
    quorum: int = 1


@dataclass(frozen=True)
class Kawa:
    """How a body decides, as it says itself.

    `quorum` is the fewest who must be present, `present` who must be among them. `named` are
    those whose assent is needed (named assent) or who are listed (whānau, with its `delegate`).
    `first` is a subcommittee that advises before the body decides. `korero_first`: whoever asks
    has met the body before; `in_person`: only a hui held face to face decides. `delay_days` is
    how long the body gives itself, at the least, between being asked and deciding. `after`
    names whom it comes after: bodies by id, or all that decide in a capacity. `joint_with`
    names the bodies that it is willing to sit with. `elsewhere`: it decides in a system of its
    own, and its secretary records the letter here.
    """

    rule: KawaRule
    quorum: int = 1
    named: tuple[Named, ...] = ()
    present: frozenset[str] = frozenset()
    delegate: str | None = None
    first: Stage | None = None
    korero_first: bool = False
    in_person: bool = False
    delay_days: int = 0
    after: frozenset[str] = frozenset()
    joint_with: frozenset[str] = frozenset()
    elsewhere: bool = False


@dataclass(frozen=True)
class Sitting:
    """A body as it stands at one version of its stream: who may speak, and how it decides.

    It comes to a state machine inside the command; the recorder refuses the
    command as stale if the body has changed since. `delegates` tells who speaks for whom at
    present, `institutions` where its people work as far as they have said so, `pause` the kind
    of a pause that it keeps today.
    """

    body: str
    version: int
    kawa: Kawa
    members: frozenset[str]
    secretaries: frozenset[str] = frozenset()
    delegates: Mapping[str, str] = field(default_factory=dict)
    institutions: Mapping[str, str] = field(default_factory=dict)
    pause: str | None = None

    @property
    def hands(self) -> frozenset[str]:
        """Who may do the body's errands (ask, write down, place, accept a report): its
        members, and its secretaries, who may be no members and then have no voice."""
        return self.members | self.secretaries


@dataclass(frozen=True)
class RouteEntry:
    """One body that must decide: in which standing, over what, by which rules, after whom
    (as `Kawa.after` writes it)."""

    body: str
    capacity: Capacity
    peoples: frozenset[str] = frozenset()
    places: frozenset[str] = frozenset()
    items: frozenset[str] = frozenset()
    rules: tuple[str, ...] = ()
    after: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Authorisation:
    """By which rule an actor was let through, and what that answer relied on.

    `versions` maps what was relied on (``rules``, ``restrictions``, a body's id, …)
    to the version it had. The recorder compares them again before it commits.
    """

    rule: str
    versions: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Envelope:
    """One command on its way: whose, about which stream, seen at which sequence.

    `digest` is the hash of what its sender wrote: the same command id with another
    digest is refused. `cause` is the entry that a system's command follows from.
    """

    id: str
    stream: str
    seen: int
    actor: str
    at: datetime
    command: Any
    authorisation: Authorisation | None = None
    cause: str | None = None
    digest: str = ""

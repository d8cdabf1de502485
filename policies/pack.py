"""A rule pack as a versioned document that bodies adopt, edit, fork and withdraw from.

A pack that comes with Accord is *draft, unadopted* and in force nowhere: what is adopted of it
is one reading, kept as a numbered version, since its files change with the software. A body's
own pack begins as a fork, and each edit makes its next version; a version never changes. An
adoption names the version, and says what it found in force, as its preview showed both.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from policies.refusals import Code, Refused
from policies.rules import PACK_FILES
from policies.stream import Meta
from policies.types import Envelope, TextId

OWN = re.compile("pack-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
"""What the stream of a body's own pack is called; the others are named after shipped packs."""

MOST_VERSIONS = 500
"""How many versions one pack has at most; a fork begins again at one."""

FILES = PACK_FILES
"""What a pack consists of; a body's own has no `roles.csv`."""


@dataclass(frozen=True)
class Source:
    """From which version of which pack another was forked; `version` is None for a reading of a
    shipped pack that nobody had adopted then, and so was not kept under a number."""

    pack: str
    version: int | None
    sha256: str


@dataclass(frozen=True)
class Replaced:
    """Another pack of the same body whose adoption, made in `entry`, ends with the new one."""

    pack: str
    entry: str


@dataclass(frozen=True)
class Fork:
    """`body` makes a pack of its own from a version of another; it calls it `name`."""

    body: str
    name: TextId
    source: Source


@dataclass(frozen=True)
class Edit:
    """The next version of the body's own pack. `based_on` is the version that was edited, and
    `sha256` that of the new document."""

    body: str
    based_on: int
    sha256: str


@dataclass(frozen=True)
class Adopt:
    """`body` adopts a version, whose document has this `sha256`. `in_force` is the SHA-256 of
    what it has adopted of this pack now, as it was shown; None for nothing."""

    body: str
    version: int
    sha256: str
    in_force: str | None = None
    instead_of: Replaced | None = None


@dataclass(frozen=True)
class Withdraw:
    """`body` adopts it no longer."""

    body: str


@dataclass(frozen=True)
class Supersede:
    """The adoption that `entry` recorded ended when `body` adopted another pack in its place."""

    body: str
    entry: str


@dataclass(frozen=True)
class Forked:
    """A body's own pack begins: its version 1 is the source's document."""

    body: str
    name: TextId
    source: Source


@dataclass(frozen=True)
class Edited:
    """The body's own pack has a further version."""

    body: str
    based_on: int
    sha256: str


@dataclass(frozen=True)
class Kept:
    """The reading of a shipped pack that is being adopted is kept as its next version."""

    sha256: str


@dataclass(frozen=True)
class Adopted:
    """The version's lines are in force for this body.

    Adoptions from before documents were kept have no `version`: the ids of their lines are
    `rules`, and their `sha256` tells whether two readings were the same; what the lines said
    cannot be read again. Later ones leave `rules` empty, since the document has them.
    """

    body: str
    sha256: str
    rules: tuple[str, ...]
    version: int | None = None
    instead_of: Replaced | None = None


@dataclass(frozen=True)
class AdoptionWithdrawn:
    """They are not any more."""

    body: str


@dataclass(frozen=True)
class AdoptionSuperseded:
    """They are not any more, since the body adopted another pack in their place: the entry that
    caused this one says which."""

    body: str


Command = Fork | Edit | Adopt | Withdraw | Supersede
Event = Forked | Edited | Kept | Adopted | AdoptionWithdrawn | AdoptionSuperseded


@dataclass(frozen=True)
class Version:
    """A document that never changes. `opened`: somebody has adopted it, and whomever its lines
    bind may read it from then on."""

    sha256: str
    at: datetime
    entry: str
    based_on: int | None = None
    opened: bool = False


@dataclass(frozen=True)
class Adoption:
    """What a body has in force of a pack. `version` is None where no document was kept."""

    sha256: str
    version: int | None
    at: datetime
    entry: str
    rules: tuple[str, ...] = ()


@dataclass(frozen=True)
class PackState:
    """Whose the pack is (nobody's where it comes with Accord), its versions in their order, and
    which bodies have adopted it."""

    owner: str = ""
    name: TextId | None = None
    source: Source | None = None
    versions: tuple[Version, ...] = ()
    adopted: Mapping[str, Adoption] = field(default_factory=dict)

    @property
    def open(self) -> bool:
        """A pack does not end."""
        return True

    def version(self, number: int) -> Version | None:
        """The version of that number, counted from 1, or None."""
        return self.versions[number - 1] if 1 <= number <= len(self.versions) else None


def decide(state: PackState, envelope: Envelope) -> list[Event] | Refused:
    """The events that `envelope`'s command causes, or why it is refused. Pure."""
    own = OWN.fullmatch(envelope.stream) is not None
    match envelope.command:
        case Fork() as command:
            if state.versions or not own:
                return Refused(Code.ALREADY_DONE)
            return [Forked(command.body, command.name, command.source)]
        case Edit() as command:
            return _edit(state, command)
        case Adopt() as command:
            return _adopt(state, command, own)
        case Withdraw() as command:
            if command.body not in state.adopted:
                return Refused(Code.NOT_FOUND)
            return [AdoptionWithdrawn(command.body)]
        case Supersede() as command:
            present = state.adopted.get(command.body)
            if present is None or present.entry != command.entry:
                return Refused(Code.ALREADY_DONE)
            return [AdoptionSuperseded(command.body)]
    raise TypeError(type(envelope.command).__name__)


def _edit(state: PackState, command: Edit) -> list[Event] | Refused:
    if not state.owner or state.owner != command.body:
        return Refused(Code.NOT_FOUND)
    newest = len(state.versions)
    if command.based_on != newest:
        return Refused(
            Code.STALE,
            {
                "based_on": str(command.based_on),
                "newest": str(newest),
                "sentence": "Somebody has made another version of this pack in the meantime.",
                "next": "Read the newest version, bring the two together, and send that.",
            },
        )
    if command.sha256 == state.versions[-1].sha256:
        return Refused(Code.ALREADY_DONE)
    if newest >= MOST_VERSIONS:
        return Refused(
            Code.TOO_LARGE,
            {
                "sentence": f"A pack has at most {MOST_VERSIONS} versions.",
                "next": "Fork it, and go on with the fork.",
            },
        )
    return [Edited(command.body, command.based_on, command.sha256)]


def _adopt(state: PackState, command: Adopt, own: bool) -> list[Event] | Refused:
    if own and state.owner != command.body:
        return Refused(Code.NOT_FOUND)
    known = state.version(command.version)
    # A reading that comes with this software has no number until somebody adopts it.
    new = not own and command.version == len(state.versions) + 1
    if known is None and not new:
        return Refused(Code.NOT_FOUND)
    if known is not None and known.sha256 != command.sha256:
        return not_as_shown()
    present = state.adopted.get(command.body)
    if (present.sha256 if present else None) != command.in_force:
        return not_in_force_as_shown()
    if present is not None and (present.version, present.sha256) == (
        command.version,
        command.sha256,
    ):
        return Refused(Code.ALREADY_DONE)
    kept: list[Event] = [Kept(command.sha256)] if new else []
    return [
        *kept,
        Adopted(command.body, command.sha256, (), command.version, command.instead_of),
    ]


def not_as_shown() -> Refused:
    """What is to be adopted is another document than the preview showed."""
    return Refused(
        Code.STALE,
        {
            "sentence": "This is not the document that the preview showed.",
            "next": "Look at the preview again, and confirm what it shows now.",
        },
    )


def not_in_force_as_shown() -> Refused:
    """What is in force for the body is something else than the preview showed."""
    return Refused(
        Code.STALE,
        {
            "sentence": "What is in force for this body is not what the preview showed.",
            "next": "Look at the preview again, and confirm what it shows now.",
        },
    )


def evolve(state: PackState, event: Event, meta: Meta) -> PackState:
    """The state after `event`."""
    match event:
        case Forked():
            first = Version(event.source.sha256, meta.at, meta.entry)
            return replace(
                state, owner=event.body, name=event.name, source=event.source, versions=(first,)
            )
        case Edited():
            made = Version(event.sha256, meta.at, meta.entry, event.based_on)
            return replace(state, versions=(*state.versions, made))
        case Kept():
            made = Version(event.sha256, meta.at, meta.entry)
            return replace(state, versions=(*state.versions, made))
        case Adopted():
            now = Adoption(event.sha256, event.version, meta.at, meta.entry, event.rules)
            return replace(
                state,
                adopted={**state.adopted, event.body: now},
                versions=_opened(state.versions, event.version),
            )
        case AdoptionWithdrawn() | AdoptionSuperseded():
            left = {body: each for body, each in state.adopted.items() if body != event.body}
            return replace(state, adopted=left)


def _opened(versions: tuple[Version, ...], number: int | None) -> tuple[Version, ...]:
    if number is None:
        return versions
    opened = replace(versions[number - 1], opened=True)
    return (*versions[: number - 1], opened, *versions[number:])

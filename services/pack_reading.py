"""Which packs, and which of their versions, somebody may read.

A pack that comes with Accord is everybody's to read. A body's own is read by its people, and by
everybody as far as it is or was in force: whomever its lines bind must be able to read them. What
a body is still writing does not exist for others.
"""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from policies.pack import OWN, PackState
from policies.refusals import Code, RefusedError
from services.pack_documents import (
    Document,
    digest,
    kept,
    name_of,
    shipped_content,
    shipped_names,
    stream_of,
)
from services.path import Sight
from services.people import Viewer
from services.store import streams
from services.store.schema import streams as streams_table


@dataclass(frozen=True)
class Seen:
    """A pack as somebody may see it. `numbers` are the versions that they may read; `unkept` is
    the number that this software's own reading would get, where nobody has adopted it."""

    pack: str
    stream: streams.Stream
    within: bool
    numbers: tuple[int, ...]
    unkept: int | None = None

    @property
    def state(self) -> PackState:
        """What the pack's stream says."""
        state: PackState = self.stream.state
        return state

    @property
    def newest(self) -> int:
        """The newest version that they may read: of a shipped pack, what this software brings."""
        if self.unkept is not None:
            return self.unkept
        if self.pack in shipped_names():
            sha256 = digest(shipped_content(self.pack))
            same = [n for n in self.numbers if self.state.versions[n - 1].sha256 == sha256]
            return same[-1]
        return self.numbers[-1]

    def sha256(self, number: int) -> str:
        """What names that version's document."""
        version = self.state.version(number)
        return version.sha256 if version else digest(shipped_content(self.pack))


def look(sight: Sight, viewer: Viewer | None, pack: str) -> Seen:
    """The pack, as `viewer` (None: nobody who has signed in) may see it.

    Raises:
        RefusedError: there is none, or nothing of it is theirs to see.
    """
    stream = streams.get(sight.connection, stream_of(pack))
    state: PackState = stream.state
    if OWN.fullmatch(pack):
        within = viewer is not None and bool(sight.bodies.roles(viewer.person, state.owner))
        numbers = tuple(n for n, each in enumerate(state.versions, 1) if within or each.opened)
        if not numbers:
            raise RefusedError(Code.NOT_FOUND)
        return Seen(pack, stream, within, numbers)
    numbers = tuple(range(1, len(state.versions) + 1))
    if pack not in shipped_names():
        # It came with an Accord before this one, and somebody adopted it.
        if not numbers:
            raise RefusedError(Code.NOT_FOUND)
        return Seen(pack, stream, False, numbers)
    present = digest(shipped_content(pack))
    new = all(each.sha256 != present for each in state.versions)
    return Seen(pack, stream, False, numbers, len(numbers) + 1 if new else None)


def document(sight: Sight, seen: Seen, number: int | None = None) -> Document:
    """A version's document; without `number`, the newest that they may read.

    Raises:
        RefusedError: it is not theirs to see, or not there.
    """
    wanted = seen.newest if number is None else number
    if wanted == seen.unkept:
        return Document(seen.pack, wanted, shipped_content(seen.pack), kept=False)
    if wanted not in seen.numbers:
        raise RefusedError(Code.NOT_FOUND)
    return kept(sight.connection, seen.pack, wanted, seen.state.versions[wanted - 1].sha256)


def everything(sight: Sight, viewer: Viewer | None) -> list[Seen]:
    """Every pack of which `viewer` may see anything: the shipped ones first."""
    query = sa.select(streams_table.c.id).where(streams_table.c.kind == "pack")
    there = {name_of(each) for each in sight.connection.execute(query).scalars()}
    ordered = [*shipped_names(), *sorted(there - set(shipped_names()))]
    found = []
    for pack in ordered:
        try:
            found.append(look(sight, viewer, pack))
        except RefusedError as refusal:
            if refusal.refused.code is not Code.NOT_FOUND:
                raise
    return found


def owned(sight: Sight, body: str) -> int:
    """How many packs `body` has of its own."""
    query = sa.select(sa.func.count()).where(
        streams_table.c.kind == "pack", streams_table.c.owner == body
    )
    # Shipped ones whose first adopter it was are a handful; what is bounded is hundreds.
    return sight.connection.execute(query).scalar_one()

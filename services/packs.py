"""Rule packs: forked and edited by a body, adopted in its own name, and withdrawn from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from policies import pack as p
from policies.body.commands import DEPLOYMENT
from policies.pack_lines import by_id
from policies.refusals import Code, RefusedError
from policies.rules import Pack
from policies.types import derived_id
from services import pack_reading
from services.adopting import Wanted, fit, prospect
from services.pack_documents import (
    Document,
    digest,
    keep,
    packed,
    shipped_content,
    stream_of,
)
from services.path import Path, Ready, Sent, Sight, words
from services.people import Viewer, acting_for, speaking_for
from services.store import in_force
from services.store.texts import Audience

MOST_PACKS = 100
"""How many packs a body has of its own at most."""


@dataclass(frozen=True)
class Adopting:
    """What an adoption carries, as its preview showed it: the version and the SHA-256 of its
    document; the SHA-256 of what the body has in force of this pack now, and of the pack that it
    takes the place of, where it does."""

    pack: str
    version: int
    sha256: str
    in_force: str | None = None
    instead_of: str | None = None
    instead_of_sha256: str | None = None


class Packs:
    """What bodies do with rule packs."""

    def __init__(self, path: Path) -> None:
        """`path` is the one way that commands go."""
        self._path = path

    async def fork(
        self, viewer: Viewer, body: str, sent: Sent, name: str, pack: str, version: int | None
    ) -> dict[str, Any]:
        """The body makes a pack of its own, called `name`, from a version of another that it may
        read (None: the newest)."""
        own = "pack-" + derived_id(sent.id, "pack")
        named, said = words(sent, body, Audience.BODY, {"name": name})

        def build(sight: Sight) -> Ready:
            roles = speaking_for(sight.bodies, viewer, body)
            rule = sight.permitted("body:pack:fork", roles)
            if body == DEPLOYMENT:
                # What the house says is shipped; a deployment's own would bind every body.
                raise RefusedError(Code.NOT_PERMITTED)
            seen = pack_reading.look(sight, viewer, pack)
            found = pack_reading.document(sight, seen, version)
            fit(found, body)
            if pack_reading.owned(sight, body) >= MOST_PACKS:
                raise RefusedError(
                    Code.TOO_LARGE,
                    sentence=f"A body has at most {MOST_PACKS} packs of its own.",
                    next="Go on with one of those that are there.",
                )
            source = p.Source(pack, found.version if found.kept else None, found.sha256)
            command = p.Fork(body, named["name"], source)

            def write(connection: Connection, entry: str) -> None:
                keep(connection, Document(own, 1, found.content), entry)

            return Ready(own, command, rule, (body,), said, write)

        return await self._path.send(viewer, "body:pack:fork", sent, build)

    async def edit(
        self, viewer: Viewer, sent: Sent, pack: str, based_on: int, files: Mapping[str, bytes]
    ) -> dict[str, Any]:
        """The next version of a body's own pack: all of its files, anew.

        Raises:
            FaultsError: a line is wrong, or not for a body's pack; nothing is kept.
        """
        content = packed(files)

        def build(sight: Sight) -> Ready:
            seen = pack_reading.look(sight, viewer, pack)
            if not seen.state.owner:
                raise RefusedError(
                    Code.NOT_PERMITTED,
                    sentence="A pack that comes with Accord is not edited.",
                    next="Fork it, and edit the fork.",
                )
            body = seen.state.owner
            roles = speaking_for(sight.bodies, viewer, body)
            rule = sight.permitted("body:pack:edit", roles)
            made = Document(pack, based_on + 1, content)
            _no_id_comes_back(sight, seen, based_on, fit(made, body))

            def write(connection: Connection, entry: str) -> None:
                keep(connection, made, entry)

            command = p.Edit(body, based_on, made.sha256)
            return Ready(stream_of(pack), command, rule, (body,), (), write)

        return await self._path.send(viewer, "body:pack:edit", sent, build)

    async def adopt(
        self, viewer: Viewer, body: str, sent: Sent, adopting: Adopting
    ) -> dict[str, Any]:
        """The body adopts the version whose preview it was shown; its lines are then in force."""

        def build(sight: Sight) -> Ready:
            roles = speaking_for(sight.bodies, viewer, body)
            rule = sight.permitted("body:pack:adopt", roles)
            if adopting.instead_of is not None:
                # What follows from it must be allowed too: an older house has no rule for it.
                sight.permitted("system:pack:supersede", ("role:system",))
            wanted = Wanted(adopting.pack, adopting.version, adopting.instead_of)
            found = prospect(sight, viewer, body, wanted)
            document = found.document
            if document.sha256 != adopting.sha256:
                raise RefusedError.of(p.not_as_shown())
            if (found.ends.sha256 if found.ends else None) != adopting.instead_of_sha256:
                raise RefusedError.of(p.not_in_force_as_shown())
            replaced = (
                p.Replaced(stream_of(found.instead_of.pack), found.ends.entry)
                if found.instead_of and found.ends
                else None
            )

            def write(connection: Connection, entry: str) -> None:
                if not document.kept:
                    keep(connection, document, entry)
                for each in found.packs[1:]:
                    put_in_force(connection, each, body, Pack(), entry)
                put_in_force(connection, adopting.pack, body, found.adopted, entry)

            command = p.Adopt(body, document.version, document.sha256, adopting.in_force, replaced)
            return Ready(stream_of(adopting.pack), command, rule, (body,), (), write)

        return await self._path.send(viewer, "body:pack:adopt", sent, build)

    async def withdraw(self, viewer: Viewer, body: str, sent: Sent, pack: str) -> dict[str, Any]:
        """The body's adoption ends; its lines are in force no more."""

        def build(sight: Sight) -> Ready:
            roles = acting_for(sight.bodies, viewer, body)
            rule = sight.permitted("body:pack:withdraw", roles)
            if body == DEPLOYMENT:
                # Without its own rules nobody could do anything here, ever again.
                raise RefusedError(Code.NOT_PERMITTED)

            def write(connection: Connection, entry: str) -> None:
                put_in_force(connection, pack, body, Pack(), entry)

            return Ready(stream_of(pack), p.Withdraw(body), rule, (body,), (), write)

        return await self._path.send(viewer, "body:pack:withdraw", sent, build)


def _no_id_comes_back(sight: Sight, seen: pack_reading.Seen, based_on: int, lines: Pack) -> None:
    """An id that was taken out names no other line later: what was decided by it would read
    wrongly. The same line may come back.

    Raises:
        RefusedError: one does, and which.
    """
    if based_on not in seen.numbers:
        return
    now = by_id(lines)
    there = by_id(pack_reading.document(sight, seen, based_on).lines)
    new = now.keys() - there.keys()
    for number in reversed([each for each in seen.numbers if each < based_on]) if new else ():
        once = by_id(pack_reading.document(sight, seen, number).lines)
        back = sorted(name for name in new & once.keys() if once[name] != now[name])
        if back:
            raise RefusedError(
                Code.INVALID,
                field="files",
                line=back[0],
                version=str(number),
                sentence="An id that was taken out has come back for another line.",
                next="Give the new line a new id.",
            )


def shipped(pack: str) -> tuple[Pack, str]:
    """A pack that comes with Accord, and the SHA-256 of its document.

    Raises:
        RefusedError: there is none of that name.
        FaultsError: a line of it is wrong; nothing of it is used.
    """
    content = shipped_content(pack)
    return Document(pack, 1, content).lines, digest(content)


def put_in_force(
    connection: Connection, pack: str, body: str, lines: Pack, entry: str | None = None
) -> None:
    """Replace what `body` has adopted of `pack` by `lines`, in every process from the commit on.

    Raises:
        RefusedError: there would be more lines in force than a deployment holds.
    """
    try:
        in_force.replace_pack(connection, pack, body, lines, entry)
    except in_force.TooManyError as error:
        raise RefusedError(
            Code.INVALID, field="pack", sentence=str(error), next="Withdraw some, or adopt fewer."
        ) from None

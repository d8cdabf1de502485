"""What a body's adoption of a pack would come to: one working out, for its preview and for itself.

Whatever refuses an adoption refuses its preview, in the same words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from policies import pack as p
from policies.adopting import Adopter, check_adopter
from policies.body.commands import DEPLOYMENT
from policies.pack_lines import as_written, count, ids
from policies.refusals import Code, RefusedError
from policies.rules import Pack
from services import pack_reading
from services.pack_documents import Document
from services.path import Sight
from services.people import Viewer
from services.store import in_force

HOUSE = "house"
"""The pack that says who may give which command; it is the deployment's own."""


@dataclass(frozen=True)
class Wanted:
    """What a body would adopt: a version of a pack (None: the newest that it may read), if it
    likes in the place of another pack of its, whose adoption ends with it."""

    pack: str
    version: int | None = None
    instead_of: str | None = None


@dataclass(frozen=True)
class Prospect:
    """What would come of it. `before` are the lines in force now of the two packs together and
    `lines` those that would be, both as they are written; `adopted` are these as they would
    stand in force. `stands` is the body's present adoption of the pack, `ends` that of the other.
    """

    body: str
    seen: pack_reading.Seen
    document: Document
    lines: Pack
    adopted: Pack
    before: Pack
    stands: p.Adoption | None
    instead_of: pack_reading.Seen | None = None
    ends: p.Adoption | None = None

    @property
    def packs(self) -> tuple[str, ...]:
        """The packs whose lines in force for the body it replaces."""
        other = (self.instead_of.pack,) if self.instead_of else ()
        return (self.document.pack, *other)


def prospect(sight: Sight, viewer: Viewer, body: str, wanted: Wanted) -> Prospect:
    """What adopting would come to for `body`.

    Raises:
        RefusedError: there is no such version, it is not this body's to adopt, one of its lines
            is in force for the body from elsewhere, or there would be too many lines.
        FaultsError: a line of it is wrong, or not for a body's pack; nothing of it is used.
    """
    seen = pack_reading.look(sight, viewer, wanted.pack)
    state = seen.state
    if (body == DEPLOYMENT) != (wanted.pack == HOUSE):
        # Who decides about a people's data, and that nobody does, is for bodies to say; who may
        # give which command is for none of them alone.
        raise RefusedError(Code.NOT_PERMITTED)
    if state.owner and state.owner != body:
        raise RefusedError(
            Code.NOT_PERMITTED,
            sentence="A body adopts packs of its own, or those that come with Accord.",
            next="Fork this pack; then adopt the fork.",
        )
    document = pack_reading.document(sight, seen, wanted.version)
    lines = fit(document, body)
    other, ends = None, None
    if wanted.instead_of is not None:
        other = pack_reading.look(sight, viewer, wanted.instead_of)
        ends = other.state.adopted.get(body)
        if ends is None or other.pack == seen.pack:
            raise RefusedError(
                Code.INVALID,
                field="instead_of",
                sentence="The body has not adopted the pack that this one would replace.",
                next="Name a pack that it has adopted, or none.",
            )
    replaced = (seen.pack, *((other.pack,) if other else ()))
    adopted = _adopted(sight, body, lines)
    _free(sight.connection, body, replaced, adopted)
    _few_enough(sight.connection, body, replaced, adopted)
    before = as_written(in_force.read_pack(sight.connection, body, replaced), body)
    tables = _tables(sight, seen, state.adopted.get(body))
    if other is not None:
        tables = {**_tables(sight, other, ends), **tables}
    before = replace(before, tables=tables)
    return Prospect(
        body, seen, document, lines, adopted, before, state.adopted.get(body), other, ends
    )


def _tables(
    sight: Sight, seen: pack_reading.Seen, stands: p.Adoption | None
) -> Mapping[str, tuple[tuple[str, ...], ...]]:
    """What the pack says beside its rules in the version that the body has adopted, where that
    was kept."""
    if stands is None or stands.version is None:
        return {}
    return pack_reading.document(sight, seen, stands.version).lines.tables


def fit(document: Document, body: str) -> Pack:
    """The document's lines, if `body` may adopt them. Raises FaultsError."""
    lines = document.lines
    check_adopter(lines, Adopter.DEPLOYMENT if body == DEPLOYMENT else Adopter.BODY)
    return lines


def _adopted(sight: Sight, body: str, lines: Pack) -> Pack:
    if body == DEPLOYMENT:
        return lines.adopted_by_the_deployment(body)
    mandate = sight.bodies.states[body].mandate
    return lines.adopted_by(body, own=bool(mandate.peoples or mandate.places))


def _free(connection: Connection, body: str, replaced: tuple[str, ...], lines: Pack) -> None:
    """A line's id never changes and names one line: with two packs of one body that both have
    it, one of them would be in force and the other not, and nobody could say which."""
    wanted = ids(lines)
    elsewhere = in_force.ids_elsewhere(connection, body, replaced)
    taken = sorted((line, pack) for line, pack in elsewhere.items() if line in wanted)
    if taken:
        line, pack = taken[0]
        raise RefusedError(
            Code.INVALID,
            field="pack",
            line=line.partition("@")[0],
            taken_by=pack,
            lines=str(len(taken)),
            sentence="Lines of this pack have ids that another adopted pack of this body has.",
            next="Adopt it instead of that pack, or give its lines other ids.",
        )


def _few_enough(connection: Connection, body: str, replaced: tuple[str, ...], lines: Pack) -> None:
    if in_force.count_others(connection, body, replaced) + count(lines) > in_force.MOST:
        raise RefusedError(
            Code.TOO_LARGE,
            most=str(in_force.MOST),
            sentence=f"At most {in_force.MOST:,} lines are in force in one deployment.",
            next="Say the same in fewer lines, or withdraw from a pack that is not needed.",
        )

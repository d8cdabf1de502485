"""Rule packs over HTTP: reading, forking, editing, exporting, adopting in two steps."""

from __future__ import annotations

import base64
import hashlib
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from services import pack_preview, pack_reading
from services.adopting import Wanted
from services.pack_documents import Document
from services.path import Sight
from services.people import Viewer
from services.queries import packs as told
from services.web import fields, pack_shapes
from services.web.signed import PROBLEMS, Built, MaybePerson, Person, Recorded

router = APIRouter(prefix="/v1", responses=PROBLEMS)
Json = dict[str, Any]
_ZIP = "application/zip"
_AS_ZIP: dict[int | str, Json] = {
    200: {
        "description": "The pack's files in one archive.",
        "content": {_ZIP: {"schema": {"type": "string", "format": "binary"}}},
    }
}


@router.get("/packs", tags=["public"])
async def list_packs(viewer: MaybePerson, accord: Built) -> list[Json]:
    """The packs that come with Accord, which are drafts and bind nobody until they are adopted;
    those that bodies have or had in force; and, for a body's own people, what it is writing."""
    found: list[Json] = await accord.path.look(lambda sight: told.listed(sight, viewer))
    return found


@router.post("/packs", status_code=201, tags=["bodies"])
async def fork(command: pack_shapes.ForkPack, viewer: Person, accord: Built) -> Recorded:
    """A body makes a pack of its own from one that it may read. It is in force nowhere yet."""
    return Recorded.of(
        await accord.packs.fork(
            viewer, command.body, command.sent(), command.name, command.pack, command.version
        )
    )


@router.get("/packs/{pack}", tags=["public"])
async def read_pack(pack: fields.PackAtPath, viewer: MaybePerson, accord: Built) -> Json:
    """A pack: whose it is and from where, its versions, and for whom which one is in force."""
    found: Json = await accord.path.look(lambda sight: told.told(sight, viewer, pack))
    return found


@router.get("/packs/{pack}/versions/{version}", tags=["public"])
async def read_version(
    pack: fields.PackAtPath, version: fields.VersionAtPath, viewer: MaybePerson, accord: Built
) -> Json:
    """A version as it is written: its files, which can be edited and sent as the next version."""

    def reading(sight: Sight) -> Json:
        found = _document(sight, viewer, pack, version)
        return {
            "pack": found.pack,
            "version": found.version,
            "sha256": found.sha256,
            "kept": found.kept,
            "files": {name: content.decode() for name, content in found.files.items()},
        }

    answer: Json = await accord.path.look(reading)
    return answer


@router.get(
    "/packs/{pack}/versions/{version}/export",
    tags=["public"],
    response_class=Response,
    responses=_AS_ZIP,
)
async def export_version(
    pack: fields.PackAtPath, version: fields.VersionAtPath, viewer: MaybePerson, accord: Built
) -> Response:
    """A version as one ZIP file, always the same bytes; its SHA-256 is the version's own, and is
    sent as RFC 9530 has it."""

    def reading(sight: Sight) -> Document:
        return _document(sight, viewer, pack, version)

    found: Document = await accord.path.look(reading)
    digest = base64.b64encode(hashlib.sha256(found.content).digest()).decode()
    return Response(
        found.content,
        media_type=_ZIP,
        headers={
            "Content-Disposition": f'attachment; filename="{pack}-{version}.zip"',
            "Repr-Digest": f"sha-256=:{digest}:",
            "ETag": f'"{found.sha256}"',
        },
    )


@router.post("/packs/{pack}/versions", status_code=201, tags=["bodies"])
async def edit(
    pack: fields.PackAtPath, command: pack_shapes.EditPack, viewer: Person, accord: Built
) -> Recorded:
    """The next version of a body's own pack: all of its files, anew. With any fault in them, which
    are told by file, line and column, nothing is kept."""
    sent = command.sent(pack=pack)
    return Recorded.of(
        await accord.packs.edit(viewer, sent, pack, command.based_on, command.read())
    )


@router.get("/bodies/{body}/adoption-preview/{pack}", tags=["bodies"])
async def preview(
    body: fields.BodyAtPath,
    pack: fields.PackAtPath,
    viewer: Person,
    accord: Built,
    version: Annotated[int | None, Query(ge=1)] = None,
    instead_of: Annotated[str | None, Query(max_length=60)] = None,
) -> Json:
    """What would change for the body: which lines, and for how many grants in force an answer.
    What it gives under `confirm` is what an adoption carries."""
    wanted = Wanted(pack, version, instead_of)
    found: Json = await accord.path.look(
        lambda sight: pack_preview.preview(sight, viewer, body, wanted)
    )
    return found


@router.get("/bodies/{body}/adoptions", tags=["public"])
async def list_adoptions(
    body: fields.BodyAtPath,
    viewer: MaybePerson,
    accord: Built,
    at: Annotated[fields.Instant | None, Query()] = None,
) -> list[Json]:
    """What the body has and had in force, in which version and from when until when; with `at`,
    what it had then."""
    found: list[Json] = await accord.path.look(
        lambda sight: told.adoptions(sight, viewer, body, at)
    )
    return found


@router.post("/bodies/{body}/adoptions", status_code=201, tags=["bodies"])
async def adopt(
    body: fields.BodyAtPath, command: pack_shapes.AdoptPack, viewer: Person, accord: Built
) -> Recorded:
    """The body adopts a version as its preview showed it; from then on it is in force."""
    sent = command.sent(body=body)
    return Recorded.of(await accord.packs.adopt(viewer, body, sent, command.read()))


@router.post("/bodies/{body}/pack-withdrawals", status_code=201, tags=["bodies"])
async def withdraw(
    body: fields.BodyAtPath, command: pack_shapes.WithdrawPack, viewer: Person, accord: Built
) -> Recorded:
    """The body withdraws from a rule pack."""
    sent = command.sent(body=body)
    return Recorded.of(await accord.packs.withdraw(viewer, body, sent, command.pack))


def _document(sight: Sight, viewer: Viewer | None, pack: str, version: int) -> Document:
    return pack_reading.document(sight, pack_reading.look(sight, viewer, pack), version)

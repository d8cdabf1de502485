"""The ledger's head and its exports, and what exists only in the example."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, BinaryIO

import sqlalchemy as sa
from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse

from policies.body.commands import DEPLOYMENT
from policies.codec import written
from policies.refusals import Code, RefusedError
from services import clock
from services.bootstrap import Accord
from services.path import Sight
from services.people import acting_for
from services.store import leaves
from services.store.schema import deployment, persons
from services.web import fields, shapes
from services.web.signed import PROBLEMS, Built, Person
from services.web.signin import ExampleSignIn

router = APIRouter(prefix="/v1", responses=PROBLEMS)
Json = dict[str, Any]
_LINES = "application/jsonl"
_AS_LINES: dict[int | str, Json] = {
    200: {"description": "One entry a line.", "content": {_LINES: {"schema": {"type": "string"}}}}
}


@router.get("/ledger/head", tags=["public"])
async def head(accord: Built) -> Json:
    """How many entries the ledger holds, and the root over them: keep it, and check later."""
    found = await asyncio.to_thread(leaves.head, accord.store)
    return found.to_json()


@router.get(
    "/ledger/export", tags=["operator"], response_class=StreamingResponse, responses=_AS_LINES
)
async def export(viewer: Person, accord: Built) -> StreamingResponse:
    """The whole ledger as lines of JSON, to be verified offline."""

    def reading(sight: Sight) -> None:
        roles = acting_for(sight.bodies, viewer, DEPLOYMENT)
        sight.permitted("deployment:ledger:export", roles)

    await accord.path.look(reading)
    return await _exported(accord, "whole")


@router.get(
    "/bodies/{body}/ledger", tags=["bodies"], response_class=StreamingResponse, responses=_AS_LINES
)
async def export_own(body: fields.BodyAtPath, viewer: Person, accord: Built) -> StreamingResponse:
    """A body's own entries, to be verified offline."""

    def reading(sight: Sight) -> None:
        roles = acting_for(sight.bodies, viewer, body)
        sight.permitted("body:ledger:export", roles)

    await accord.path.look(reading)
    return await _exported(accord, f"body:{body}")


@router.get("/example/people", tags=["example"])
async def example_people(request: Request, accord: Built) -> list[str]:
    """The invented people whom one can sign in as, where the example is loaded."""

    def reading(sight: Sight) -> list[str]:
        if not sight.connection.execute(sa.select(deployment.c.example)).scalar_one():
            raise RefusedError(Code.EXAMPLE_ONLY)
        query = sa.select(persons.c.example_key).where(persons.c.example_key.is_not(None))
        return sorted(sight.connection.execute(query).scalars())

    found: list[str] = await accord.path.look(reading)
    return found


@router.post("/example/tokens", status_code=201, tags=["example"])
async def example_token(wanted: shapes.TokenFor, request: Request, accord: Built) -> Json:
    """Sign in as an invented person, for an hour, where the example is loaded."""
    signin = request.app.state.signin
    if not isinstance(signin, ExampleSignIn):
        raise RefusedError(Code.EXAMPLE_ONLY)

    def reading(sight: Sight) -> Json:
        token, expires = signin.token(sight.connection, wanted.person)
        return {"token": token, "expires_at": written(expires)}

    found: Json = await accord.path.look(reading)
    return found


@router.post("/example/clock", tags=["example"])
async def advance(wanted: shapes.Advance, viewer: Person, accord: Built) -> Json:
    """Move time forward, in a home that was created as a temporary one, nowhere else."""

    def reading(sight: Sight) -> None:
        sight.permitted("deployment:clock:advance", acting_for(sight.bodies, viewer, DEPLOYMENT))

    await accord.path.look(reading)
    by = timedelta(days=wanted.days)
    now = await accord.path.write(lambda connection: clock.advance(connection, by))
    await accord.dispatcher.fast_forward(accord.store, by)
    return {"now": written(now)}


async def _exported(accord: Accord, scope: str) -> StreamingResponse:
    # Written to a file first: a ledger that does not verify must fail before the first
    # byte leaves, and a slow reader must not hold a snapshot of the database open.
    file = tempfile.TemporaryFile()  # noqa: SIM115  closed by `_lines`
    await asyncio.to_thread(leaves.export, accord.store, file, scope)
    file.seek(0)
    return StreamingResponse(_lines(file), media_type=_LINES)


def _lines(file: BinaryIO | Any) -> Iterator[bytes]:
    with file:
        yield from iter(lambda: file.read(1 << 16), b"")

"""A person's own sessions over HTTP, and writing down people who sign in by e-mail."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field
from sqlalchemy import Connection

from policies.codec import written
from policies.refusals import Code, RefusedError
from policies.types import derived_id
from services import clock
from services.bootstrap import Accord
from services.path import Sight
from services.people import acting_for, require_fresh, speaking_for
from services.sign_in import known, sessions
from services.web import fields
from services.web.browser import SESSION, Browser
from services.web.shapes import Shape
from services.web.signed import PROBLEMS, Built, Person, maybe_session

router = APIRouter(prefix="/v1", responses=PROBLEMS)
Json = dict[str, Any]
Maybe = Annotated[sessions.Session | None, Depends(maybe_session)]


class NewPerson(Shape):
    """Somebody whom a body writes down: with an address, so that they can be sent a link to
    sign in with; without one, so that a record can name them. The same command again is the
    same person."""

    command_id: UUID
    name: fields.Short
    email: Annotated[fields.Email | None, Field(examples=["somebody@example.org"])] = None


def shown(each: sessions.Session, current: sessions.Session | None) -> Json:
    """A session as its person sees it. Its id opens nothing."""
    return {
        "id": each.id,
        "way": each.way,
        "created_at": written(each.created_at),
        "seen_at": written(each.seen_at),
        "expires_at": written(each.expires_at),
        "stepped_up": each.stepped_up,
        "current": current is not None and each.id == current.id,
    }


@router.get("/sessions", tags=["people"])
async def list_sessions(viewer: Person, current: Maybe, accord: Built) -> list[Json]:
    """Where one is signed in: each open session, when it was last seen (within ten minutes)."""

    def reading(sight: Sight) -> list[Json]:
        found = sessions.of(sight.connection, viewer.person, sight.now)
        return [shown(each, current) for each in found]

    listed: list[Json] = await accord.path.look(reading)
    return listed


@router.delete("/sessions/{session}", status_code=204, tags=["people"])
async def end_session(session: fields.SessionAtPath, viewer: Person, accord: Built) -> Response:
    """End a session of one's own, wherever it is open."""
    ended = await accord.path.write(
        lambda connection: sessions.end(connection, viewer.person, session, clock.now(connection))
    )
    if not ended:
        raise RefusedError(Code.NOT_FOUND)
    return Response(status_code=204)


@router.post("/sign-out", status_code=204, tags=["people"])
async def sign_out(request: Request, viewer: Person, current: Maybe, accord: Built) -> Response:
    """End the session of this browser. (A token of the example ends by itself.)"""
    answer = Response(status_code=204)
    if current is not None and current.person == viewer.person:
        await end_here(accord, current)
        Browser(request, accord.settings).drop(answer, SESSION)
    return answer


async def end_here(accord: Accord, current: sessions.Session) -> None:
    """End the session that a request came with."""
    await accord.path.write(
        lambda connection: sessions.end(
            connection, current.person, current.id, clock.now(connection)
        )
    )


@router.post("/bodies/{body}/people", status_code=201, tags=["bodies"])
async def write_person_down(
    body: fields.BodyAtPath, wanted: NewPerson, viewer: Person, accord: Built
) -> dict[str, str]:
    """Write down somebody's name and e-mail address, so that they can sign in by a link and be
    made a member. Whoever has the address already is that same person, under the name that
    they have; the answer does not say which it was."""
    require_fresh(viewer, "body:body:add_member")

    def reading(sight: Sight) -> None:
        # Whose address it is shows in the name that a known person has. Anybody can enter a
        # body of their own making; until the others know it, it writes down names alone.
        of_body = acting_for if wanted.email is None else speaking_for
        sight.permitted("body:body:add_member", of_body(sight.bodies, viewer, body))

    await accord.path.look(reading)

    def write(connection: Connection) -> str:
        now = clock.now(connection)
        if wanted.email is None:
            person = "person-" + derived_id(str(wanted.command_id), body, "person")
            return known.without_address(connection, person, wanted.name, now)
        return known.of_address(connection, accord.key, wanted.name, wanted.email, now)

    return {"person": await accord.path.write(write)}

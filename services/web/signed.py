"""The parts that endpoints have in common: who asks, and what a command's answer looks like."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from services import clock
from services.bootstrap import Accord
from services.people import Viewer
from services.sign_in import sessions
from services.web.browser import SAFE_METHODS, SESSION, Browser
from services.web.signin import SessionSignIn, SignIn

_bearer = HTTPBearer(auto_error=False, description="A person's token.", scheme_name="person")
# Its name at an http address lacks the prefix; `maybe_session` knows.
_cookie = APIKeyCookie(
    auto_error=False, name=f"__Host-{SESSION}", description="A person's session.",
    scheme_name="session",
)  # fmt: skip
NOBODY = HTTPException(401, headers={"WWW-Authenticate": "Bearer"})
"""Nobody has shown who they are."""


class Fault(BaseModel):
    """One thing wrong in a file that was sent: where, and what to do about it."""

    file: str
    line: int
    column: str
    sentence: str


class Problem(BaseModel):
    """A problem as RFC 9457 writes it."""

    type: str
    title: str
    status: int
    code: str
    detail: str | None = None
    next: str | None = None
    facts: dict[str, str] | None = None
    fields: list[dict[str, str]] | None = None
    faults: list[Fault] | None = None
    instance: str | None = None


PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": description, "content": {
        "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
    }}
    for status, description in {
        400: "The request cannot be read.",
        401: "Nobody is signed in, or the step asks for a fresh sign-in.",
        403: "The rules in force do not let you do this.",
        404: "There is nothing here, or it is not yours to see.",
        409: "It clashes with how things stand.",
        413: "Larger than Accord takes.",
        415: "Something other than JSON.",
        422: "A field cannot be read.",
        503: "The outcome is not known yet; the same command may be sent again.",
    }.items()
}  # fmt: skip


class Recorded(BaseModel):
    """The ledger entry that a command made, now or when it was first sent."""

    stream: str = Field(examples=["request-1b9d6bcd-bbfd-4b2d-9b5d-ab8dfbbd4bed"])
    sequence: int = Field(examples=[4])
    entry: str
    command: str
    at: str = Field(examples=["2026-11-23T01:02:03.456789Z"])
    events: list[str] = Field(examples=[["BodyDecided"]])

    @classmethod
    def of(cls, entry: dict[str, Any]) -> Recorded:
        """From the entry as plain JSON."""
        return cls(
            stream=entry["stream"],
            sequence=entry["sequence"],
            entry=entry["id"],
            command=entry["command"],
            at=entry["at"],
            events=[event["type"] for event in entry["events"]],
        )


def accord(request: Request) -> Accord:
    """What this process works with."""
    built: Accord = request.app.state.accord
    return built


async def maybe_session(request: Request) -> sessions.Session | None:
    """The open session of the browser that asks, or None: browsers send what they have, also
    when it has ended.

    Raises:
        RefusedError: something would be changed, and it comes from another site's page.
    """
    if hasattr(request.state, "session"):
        # Looked for already, for the same answer.
        looked_up: sessions.Session | None = request.state.session
        return looked_up
    browser = Browser(request, accord(request).settings)
    secret = browser.cookie(SESSION)
    if secret is None:
        return None
    signin: SessionSignIn = request.app.state.sessions
    store = accord(request).store

    def reading() -> sessions.Session | None:
        with store.read() as connection:
            found = signin.session(connection, secret)
            due = found is not None and sessions.is_due(found, clock.now(connection))
        if found is not None and due:
            with store.write() as connection:
                sessions.seen(connection, found, clock.now(connection))
        return found

    found = await asyncio.to_thread(reading)
    if found is not None and request.method not in SAFE_METHODS:
        browser.require_ours()
    request.state.session = found
    return found


async def maybe_viewer(
    request: Request,
    token: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    cookie: Annotated[str | None, Depends(_cookie)],
) -> Viewer | None:
    """Whoever signed in, or None. A token that is nobody's is an error, not an absence."""
    if token is None:
        session = await maybe_session(request)
        return Viewer(session.person, session.stepped_up) if session else None
    signin: SignIn = request.app.state.signin
    store = accord(request).store

    def reading() -> Viewer | None:
        with store.read() as connection:
            return signin.viewer(connection, token.credentials)

    viewer = await asyncio.to_thread(reading)
    if viewer is None:
        raise NOBODY
    return viewer


async def signed_in(viewer: Annotated[Viewer | None, Depends(maybe_viewer)]) -> Viewer:
    """Whoever signed in; nobody is 401."""
    if viewer is None:
        raise NOBODY
    return viewer


Person = Annotated[Viewer, Depends(signed_in)]
MaybePerson = Annotated[Viewer | None, Depends(maybe_viewer)]
Built = Annotated[Accord, Depends(accord)]

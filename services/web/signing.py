"""The pages by which people sign in and out: at a provider, by a link in the mail, and, in the
example, as an invented person.

Accord has no passwords. What is refused here is a page that says what to do next; nothing is
kept of a sign-in that did not come to its end.
"""

from __future__ import annotations

import re
from typing import Annotated

import sqlalchemy as sa
from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import TypeAdapter, ValidationError

from policies.refusals import Code, RefusedError
from services import clock
from services.bootstrap import CALLBACK
from services.path import Sight
from services.queries import names
from services.sign_in import known, links, sessions
from services.store.schema import persons
from services.web.browser import ASKED, SESSION, UNDER_WAY, UNDER_WAY_FOR, Browser, UnderWay
from services.web.fields import Email
from services.web.pages import PageRoute, own_page, trouble
from services.web.sessions import Maybe, end_here
from services.web.signed import Built
from services.web.signin import invented, loaded

router = APIRouter(include_in_schema=False, route_class=PageRoute)
AFTERWARDS = "/sessions"
_LOCAL = re.compile(r"/(?:[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)*)?")
_EMAIL: TypeAdapter[str] = TypeAdapter(Email)


def browser(request: Request, accord: Built) -> Browser:
    """The browser that asks."""
    return Browser(request, accord.settings)


From = Annotated[Browser, Depends(browser)]


@router.get("/sign-in")
async def choose(request: Request, accord: Built, current: Maybe) -> Response:
    """The ways of signing in that this deployment has."""

    def people(sight: Sight) -> list[str]:
        if not loaded(sight.connection):
            return []
        query = sa.select(persons.c.example_key).where(persons.c.example_key.is_not(None))
        return sorted(sight.connection.execute(query).scalars())

    return own_page(
        "sign-in.html",
        provider=accord.settings.oidc is not None,
        email=accord.settings.smtp is not None,
        invented=await accord.path.look(people),
        again=current is not None,
        then=_then(request.query_params.get("then", "")),
    )


@router.get("/sign-in/provider")
async def to_provider(request: Request, accord: Built, current: Maybe, from_: From) -> Response:
    """Send the browser to the provider; whoever is signed in is asked to show it again."""
    if accord.provider is None:
        raise RefusedError(Code.NOT_FOUND)
    now = await accord.path.look(lambda sight: sight.now)
    address, begun = await accord.provider.begin(now, fresh=current is not None)
    then = _then(request.query_params.get("then", ""))
    answer = _go(address)
    from_.keep(answer, UNDER_WAY, UnderWay(accord.key).written(begun, then), UNDER_WAY_FOR)
    return answer


@router.get(CALLBACK)
async def from_provider(request: Request, accord: Built, from_: From) -> Response:
    """The provider sends the browser back. Whatever comes of it, what was under way is over."""
    try:
        answer = await _finish(request, accord, from_)
    except RefusedError as error:
        answer = trouble(error.refused)
    from_.drop(answer, UNDER_WAY)
    return answer


async def _finish(request: Request, accord: Built, from_: Browser) -> Response:
    if accord.provider is None:
        raise RefusedError(Code.NOT_FOUND)
    now = await accord.path.look(lambda sight: sight.now)
    begun, then = UnderWay(accord.key).read(from_.cookie(UNDER_WAY), now)
    who = await accord.provider.finish(begun, dict(request.query_params), now)
    before = from_.cookie(SESSION)

    def begin(connection: sa.Connection) -> str:
        at = clock.now(connection)
        person = known.of_provider(connection, who.issuer, who.subject, who.name, at)
        return sessions.begin(connection, person, "provider", at, who.at, before)

    answer = _go(then)
    from_.keep_session(answer, await accord.path.write(begin))
    return answer


@router.get("/sign-in/email")
async def ask_for_address(accord: Built) -> Response:
    """A form for an address."""
    _mail_needed(accord)
    return own_page("sign-in-email.html", wrong=False)


@router.post("/sign-in/email")
async def send_link(accord: Built, from_: From) -> Response:
    """Send a link to whoever has the address. The answer is the same for every address."""
    _mail_needed(accord)
    try:
        address = _EMAIL.validate_python((await from_.form()).get("email", ""))
    except ValidationError:
        return own_page("sign-in-email.html", 422, wrong=True)
    secret = from_.asks()
    await accord.path.write(
        lambda connection: links.ask(connection, accord.key, address, secret, clock.now(connection))
    )
    answer = _go("/sign-in/email/sent")
    from_.keep_asked(answer, secret)
    return answer


@router.get("/sign-in/email/sent")
async def look_at_mail() -> Response:
    """Look at your mail."""
    return own_page("sign-in-sent.html", minutes=int(links.LASTS.total_seconds() // 60))


@router.get("/sign-in/link/{token}")
async def show_button(token: str, from_: From) -> Response:
    """A page with a button. Opening it uses nothing up: scanners of mail open every link."""
    if from_.cookie(ASKED) is None or not re.fullmatch(r"[A-Za-z0-9_-]{1,100}", token):
        raise RefusedError(Code.LINK_SPENT)
    return own_page("sign-in-link.html", token=token)


@router.post("/sign-in/link")
async def use_link(accord: Built, from_: From) -> Response:
    """The button: uses the link up, and signs in."""
    token = (await from_.form()).get("token", "")
    asked, before = from_.cookie(ASKED), from_.cookie(SESSION)
    if asked is None:
        raise RefusedError(Code.LINK_SPENT)

    def begin(connection: sa.Connection) -> str:
        at = clock.now(connection)
        person = links.spend(connection, token, asked, at)
        return sessions.begin(connection, person, "email", at, at, before)

    answer = _go(AFTERWARDS)
    from_.keep_session(answer, await accord.path.write(begin))
    return answer


@router.post("/sign-in/example")
async def as_invented(accord: Built, from_: From) -> Response:
    """Sign in as an invented person, where the example is loaded."""
    sent = await from_.form()
    before = from_.cookie(SESSION)

    def begin(connection: sa.Connection) -> str:
        at = clock.now(connection)
        person = invented(connection, sent.get("person", ""))
        return sessions.begin(connection, person, "example", at, at, before)

    answer = _go(_then(sent.get("then", "")))
    from_.keep_session(answer, await accord.path.write(begin))
    return answer


@router.get("/sessions")
async def own_sessions(accord: Built, current: Maybe) -> Response:
    """Where one is signed in."""
    if current is None:
        return _go("/sign-in")

    def reading(sight: Sight) -> tuple[str, list[sessions.Session]]:
        called = names.of(sight.connection, sight.bodies, [current.person])
        found = sessions.of(sight.connection, current.person, sight.now)
        return called.get(current.person, known.UNNAMED), found

    name, found = await accord.path.look(reading)
    return own_page("sessions.html", name=name, sessions=found, current=current)


@router.post("/sessions/end")
async def end(accord: Built, current: Maybe, from_: From) -> Response:
    """End one of one's own sessions."""
    sent = await from_.form()
    if current is not None:
        await accord.path.write(
            lambda connection: sessions.end(
                connection, current.person, sent.get("session", ""), clock.now(connection)
            )
        )
    return _go("/sessions")


@router.post("/sign-out")
async def leave(accord: Built, current: Maybe, from_: From) -> Response:
    """End the session of this browser."""
    from_.require_ours()
    if current is not None:
        await end_here(accord, current)
    answer = _go("/")
    from_.drop(answer, SESSION)
    return answer


def _go(address: str) -> RedirectResponse:
    answer = RedirectResponse(address, 303)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _then(wanted: str) -> str:
    """A page of ours to go on to: never another site's, however it is written."""
    return wanted if _LOCAL.fullmatch(wanted) else AFTERWARDS


def _mail_needed(accord: Built) -> None:
    if accord.settings.smtp is None:
        raise RefusedError(Code.NOT_FOUND)

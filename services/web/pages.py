"""Pages for people: plain HTML that needs no script, and errors that are pages too."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import jinja2
from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute
from sqlalchemy.exc import OperationalError

from policies.refusals import Code, Refused, RefusedError
from services.web.errors import STATUS

_PAGES = jinja2.Environment(
    loader=jinja2.PackageLoader("services.web"), autoescape=True, undefined=jinja2.StrictUndefined
)
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self';"
        " base-uri 'none'; frame-ancestors 'none'"
    ),
    # Not "no-referrer": browsers then leave out the Origin of a form as well. A link's token
    # is in an address, and goes to nobody but us.
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def page(template: str, status: int = 200, **shown: Any) -> HTMLResponse:
    """A page anybody may see, from `templates/`."""
    return HTMLResponse(_PAGES.get_template(template).render(**shown), status, headers=_HEADERS)


def own_page(template: str, status: int = 200, **shown: Any) -> HTMLResponse:
    """A page that is one person's, or part of a sign-in: no cache keeps it."""
    answer = page(template, status, **shown)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def trouble(refused: Refused) -> HTMLResponse:
    """A refusal as a page: what is refused, and what to do next."""
    return own_page("trouble.html", STATUS.get(refused.code, 409), refused=refused)


class PageRoute(APIRoute):
    """Lets a refusal be a page for whoever asks for pages, and a problem for everybody else."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route's own handler, with refusals caught."""
        inner = super().get_route_handler()

        async def handle(request: Request) -> Response:
            try:
                return await inner(request)
            except RefusedError as error:
                refused = error.refused
                if "text/html" not in request.headers.get("accept", ""):
                    raise
            except OperationalError:
                refused = Refused(Code.UNAVAILABLE)
            return trouble(refused)

        return handle

"""The web process: the API, the decision point, and one page that says what is here."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import metadata

import jinja2
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse

from policies.refusals import Code, RefusedError
from services import bootstrap
from services.queries import names, register
from services.settings import HOST, Settings
from services.web import bodies, decision, door, errors, grants, ledger, requests
from services.web.signed import PROBLEMS, Built
from services.web.signin import ExampleSignIn

_PAGES = jinja2.Environment(
    loader=jinja2.PackageLoader("services.web"), autoescape=True, undefined=jinja2.StrictUndefined
)


def create(settings: Settings) -> FastAPI:
    """The app. Its clients are built when it starts, and closed when it stops."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.accord = bootstrap.build(settings, await bootstrap.connect(settings))
        app.state.signin = ExampleSignIn(settings.home / "example-signing.key")
        yield
        app.state.accord.store.close()

    app = FastAPI(
        title="Accord",
        version=metadata.version("accord"),
        summary="Governance of Māori and Pacific collective data",
        lifespan=lifespan,
        # The pages that FastAPI would serve load scripts from other hosts.
        docs_url=None,
        redoc_url=None,
    )
    app.add_middleware(door.Door)
    errors.install(app)
    for part in (requests, grants, bodies, decision, ledger):
        app.include_router(part.router)

    @app.get("/", response_class=HTMLResponse, include_in_schema=False)
    async def home(request: Request, accord: Built) -> HTMLResponse:
        """What is held, decided, restricted and given back, for anyone to read."""

        def reading(sight: object) -> dict[str, object]:
            return {
                "grants": register.grant_list(sight),  # type: ignore[arg-type]
                "reports": register.reports(sight),  # type: ignore[arg-type]
                "restrictions": register.restriction_list(sight, None),  # type: ignore[arg-type]
                "bodies": names.of(sight.connection, sight.bodies),  # type: ignore[attr-defined]
                "known": names.peoples_and_places(sight.connection),  # type: ignore[attr-defined]
            }

        shown = await accord.path.look(reading)
        page = _PAGES.get_template("home.html").render(**shown)
        return HTMLResponse(
            page, headers={"Content-Security-Policy": "default-src 'self' 'unsafe-inline'"}
        )

    @app.get("/health", tags=["operator"], responses={503: PROBLEMS[503]})
    async def health(accord: Built) -> dict[str, str]:
        """Whether the database and Temporal answer; 503 says which does not."""
        answering = {
            "database": accord.path.look(lambda sight: None),
            "temporal": _temporal_answers(accord),
        }
        found = await asyncio.gather(
            *(asyncio.wait_for(each, 5) for each in answering.values()), return_exceptions=True
        )
        silent = [
            name
            for name, answer in zip(answering, found, strict=True)
            if isinstance(answer, BaseException)
        ]
        if silent:
            raise RefusedError(Code.UNAVAILABLE, silent=",".join(silent))
        return dict.fromkeys(answering, "answers")

    return app


async def _temporal_answers(accord: bootstrap.Accord) -> None:
    assert accord.temporal is not None
    if not await accord.temporal.service_client.check_health():
        raise TimeoutError


def serve(settings: Settings) -> None:
    """Serve until told to stop."""
    logging.basicConfig(
        level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s %(message)s"
    )
    uvicorn.run(
        create(settings),
        host=HOST,
        port=settings.web_port,
        log_level="warning",
        # Addresses hold ids only, but who called what is in the ledger, not in a log.
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )

"""The web process: the API, the decision point, and one page that says what is here."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import metadata

import uvicorn
from fastapi import FastAPI

from policies.refusals import Code, RefusedError
from services import bootstrap
from services.settings import HOST, Settings
from services.web import (
    bodies,
    catalogue,
    deciding,
    decision,
    door,
    errors,
    grants,
    history,
    home,
    ledger,
    packs,
    requests,
    rules,
    sessions,
    sharing,
    signing,
)
from services.web.signed import PROBLEMS, Built
from services.web.signin import ExampleSignIn, SessionSignIn


def create(settings: Settings) -> FastAPI:
    """The app. Its clients are built when it starts, and closed when it stops."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        app.state.accord = bootstrap.build(settings, await bootstrap.connect(settings))
        app.state.signin = ExampleSignIn(settings.home / "example-signing.key")
        app.state.sessions = SessionSignIn()
        app.state.entrance = decision.Entrance(app.state.accord)
        app.state.accord.following.start()
        yield
        await asyncio.to_thread(app.state.accord.close)

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
    for part in (
        home, signing, sessions, requests, deciding, grants, bodies, packs, sharing, catalogue,
        decision, history, ledger, rules,
    ):  # fmt: skip
        app.include_router(part.router)

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

"""The outermost layer: no exception's message leaves it, into an answer or into a log."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from stack import settings_on_free_ports

from services.web import app, errors
from services.web.door import Door

WORDS = "Kōrero that an exception quotes"


def faulty() -> FastAPI:
    """An app that goes wrong before its answer begins, and in the middle of it."""
    made = FastAPI()
    made.add_middleware(Door)
    errors.install(made)

    @made.get("/before")
    async def before() -> None:
        raise ValueError(WORDS)

    @made.get("/within")
    async def within() -> StreamingResponse:
        async def parts() -> AsyncIterator[bytes]:
            yield b"one"
            raise ValueError(WORDS)

        return StreamingResponse(parts())

    return made


async def got(made: FastAPI, path: str) -> httpx.Response:
    transport = httpx.ASGITransport(made)
    async with httpx.AsyncClient(transport=transport, base_url="http://accord") as client:
        return await client.get(path)


def test_unknown_trouble_is_a_bare_500_with_an_id(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        answer = asyncio.run(got(faulty(), "/before"))
    assert answer.status_code == 500
    assert answer.headers["content-type"] == "application/problem+json"
    said = answer.json()
    assert said["title"] == "Something went wrong on our side."
    assert said["instance"].startswith("urn:uuid:")
    assert said["instance"].removeprefix("urn:uuid:") in caplog.text
    assert "ValueError" in caplog.text
    assert WORDS not in answer.text + caplog.text


def test_a_broken_answer_does_not_look_like_a_whole_one(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(RuntimeError) as raised:
        asyncio.run(got(faulty(), "/within"))
    assert WORDS not in caplog.text
    assert WORDS not in str(raised.value)
    assert raised.value.__suppress_context__


def test_health_says_which_part_is_silent(
    tmp_path: Path, sqlite_url_factory: Callable[[bool], str]
) -> None:
    """Here there is a database, and no Temporal."""
    made = app.create(settings_on_free_ports(tmp_path, sqlite_url_factory(True)))

    async def asked(path: str) -> httpx.Response:
        async with made.router.lifespan_context(made):
            return await got(made, path)

    def run(work: Awaitable[httpx.Response]) -> httpx.Response:
        return asyncio.run(asyncio.wait_for(work, 30))

    answer = run(asked("/health"))
    assert answer.status_code == 503
    assert answer.json()["facts"] == {"silent": "temporal"}

"""The plug is pulled at the seams: real processes, killed with -9, and started again.

Three seams: between the ledger's commit and the end of the workflow's task, followed by
another command; while bodies are waited for; between the outbox and what it delivers.
Afterwards, every time: nothing is lost, nothing is doubled, streams and workflows agree.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import httpx
import pytest
from agreement import disagreements
from household import again, grant_of
from seams import WITHIN, Home, Scene, begun, insist
from stack import Stack, accept, approve, command, ok, read_request, submit_request

from services.store.session import Store
from workflows.contracts import Json


async def after_a_commit(home: Home) -> None:
    """The worker dies after the ledger's commit, before its workflow's task ends, and another
    command comes. Temporal, which lives, gives the task up after ten seconds."""
    async with home.opened() as house:
        request = (await insist(house, house.submit()))["stream"]
        lost, other = house.ask(request), house.ask(request)
        sending = await home.die_at("committed", lost.id, house.send(lost))
        # The ledger is ahead of the workflow, and whoever sent it has no answer.
        assert [each["command"] for each in house.entries(request)][1:] == [lost.id]
        assert not sending.done()
        home.worker.start()
        entry = await insist(house, other)
        assert (entry["command"], entry["sequence"]) == (other.id, 3)
        assert (await sending)["sequence"] == 2
        assert await insist(house, again(lost, at=house.now())) == await sending
        assert house.events(request) == ["Submitted", "QuestionAsked", "QuestionAsked"]
        assert await disagreements(house.store, house.temporal, within=30) == []


async def after_commits_with_temporal(home: Home) -> None:
    """The same, and Temporal dies as well: it never hears of what was committed."""
    async with home.opened() as house:
        # Followed by another command, on the same stream.
        request = (await insist(house, house.submit()))["stream"]
        lost, other = house.ask(request), house.ask(request)
        (await home.die_at("committed", lost.id, house.send(lost))).cancel()
        home.pull_the_plug()
        entry = await insist(house, other)
        assert (entry["command"], entry["sequence"]) == (other.id, 3)
        assert (await insist(house, again(lost, seen=2)))["sequence"] == 2
        assert house.events(request) == ["Submitted", "QuestionAsked", "QuestionAsked"]
        # Its last: no other command will ever come, and its run must end all the same.
        over = house.withdraw(request, 3)
        (await home.die_at("committed", over.id, house.send(over))).cancel()
        home.pull_the_plug()
        # Its first, of which Temporal may know no more than that there was to be a run.
        first = house.submit()
        sending = await home.die_at("committed", first.id, insist(house, first))
        home.pull_the_plug()
        assert (await sending)["sequence"] == 1
        assert house.events(first.stream) == ["Submitted"]
        assert await disagreements(house.store, house.temporal, within=30) == []


async def between_outbox_and_delivery(home: Home) -> None:
    """A grant is issued once, wherever between its acceptance and the mark that it was
    delivered the worker dies."""
    async with home.opened() as house:
        for seam in ("delivering", "committed", "delivered"):
            request = (await insist(house, house.submit()))["stream"]
            await insist(house, house.hui(request))
            acceptance = house.accept(request, 2)
            accepting = await home.die_at(seam, "Issue", insist(house, acceptance))
            issued = house.events(grant_of(request))
            assert issued == ([] if seam == "delivering" else ["Issued"])
            home.pull_the_plug()
            await house.until_happened(grant_of(request), "Issued", within=30)
            assert await insist(house, acceptance) == await accepting
            assert house.events(request)[2:] == ["BodyDecided", "Accepted"]
            assert await disagreements(house.store, house.temporal, within=30) == []
            assert house.events(grant_of(request)) == ["Issued"]


SCENES: tuple[Scene, ...] = (
    after_a_commit,
    after_commits_with_temporal,
    between_outbox_and_delivery,
)


@pytest.fixture(scope="module", autouse=True)
def scenes(
    prepared_home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Future[None]]]:
    with begun(SCENES, prepared_home, tmp_path_factory) as futures:
        yield futures


# ---- (b) while bodies are waited for ----


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with Stack() as running:
        yield running


@pytest.fixture(scope="module")
def request_underway(stack: Stack) -> str:
    request = submit_request(stack)
    for body in ("river",):
        approve(stack, request, body)
    return request


def insist_over_http(stack: Stack, person: str, address: str, **content: Any) -> Json:
    """The same command again, with its id, while nobody answers or says that it may be sent
    again."""
    sent = command(**content)
    deadline = time.monotonic() + WITHIN
    while True:
        try:
            answer = stack.client(person).post(address, json=sent)
            if answer.status_code != 503:
                found: Json = ok(answer)
                return found
        except httpx.HTTPError:
            pass
        assert time.monotonic() < deadline, "nobody answers"
        time.sleep(0.1)


@pytest.mark.parametrize(
    "who",
    [("worker",), ("portal",), ("temporal",), ("temporal", "worker", "portal")],
    ids=["worker", "portal", "Temporal", "all"],
)
def test_while_bodies_are_waited_for(
    stack: Stack, request_underway: str, who: tuple[str, ...]
) -> None:
    stack.kill(*who)
    seen = insist_over_http(
        stack, "ethics-member-1", f"/v1/requests/{request_underway}/questions",
        seen=1, body=stack.bodies["ethics"], question="Invented: are you still there?",
    )["sequence"]  # fmt: skip
    assert read_request(stack, request_underway)["sequence"] == seen


def test_and_then_it_goes_on_to_its_grant(stack: Stack, request_underway: str) -> None:
    approve(stack, request_underway, "ethics")
    accept(stack, request_underway)
    store = Store(stack.settings.database)

    async def judged() -> list[str]:
        return await disagreements(store, await stack.temporal(), within=30)

    assert stack.run(judged()) == []
    store.close()


# ---- (a) after a commit, (c) around the outbox ----


@pytest.mark.parametrize("scene", [each.__name__ for each in SCENES])
def test_at_the_seam(scenes: dict[str, Future[None]], scene: str) -> None:
    scenes[scene].result(WITHIN * 2)

"""The plug is pulled at the seams: real processes, killed with -9, and started again.

Three seams: between the ledger's commit and the end of the workflow's task, followed by
another command; while bodies are waited for; between the outbox and what it delivers.
Afterwards, every time: nothing is lost, nothing is doubled, streams and workflows agree.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from agreement import disagreements
from household import Household, again, grant_of, settings
from processes import Process, dying_worker, temporal, worker
from stack import (
    Stack,
    accept,
    approve,
    command,
    ok,
    read_request,
    settings_on_free_ports,
    submit_request,
)

from policies.refusals import Code, RefusedError
from policies.types import Envelope
from services import bootstrap
from services.store.session import Store
from workflows.contracts import Json

WITHIN = 60.0


class Killed:
    """A household whose Temporal and workers are processes that can be killed."""

    def __init__(self, home: Path) -> None:
        free = settings_on_free_ports(home, "")
        self.settings = settings(
            home,
            None,
            temporal_port=free.temporal_port,
            web_port=free.web_port,
        )
        self.chosen = home / "chosen"
        self.temporal = temporal(self.settings)
        self.dying = dying_worker(self.settings, self.chosen)
        self.worker = worker(self.settings)

    @asynccontextmanager
    async def household(self) -> AsyncIterator[Household]:
        """Temporal and the dying worker run."""
        try:
            self.temporal.start()
            self.dying.start()
            client = await bootstrap.connect(self.settings)
            yield Household(self.settings, client)
        finally:
            for each in (self.dying, self.worker, self.temporal):
                each.stop()

    async def die_at(self, seam: str, name: str) -> None:
        """Choose; and wait until the worker is dead."""
        self.chosen.write_text(f"{seam} {name}")
        await asyncio.to_thread(self.dying.died)

    def choose(self, seam: str, name: str) -> None:
        self.chosen.write_text(f"{seam} {name}")

    async def dead(self) -> None:
        await asyncio.to_thread(self.dying.died)


@pytest.fixture
def killed(prepared_home: Path, tmp_path: Path) -> Killed:
    home = tmp_path / "home"
    shutil.copytree(prepared_home, home)
    return Killed(home)


async def insist(household: Household, envelope: Envelope) -> Json:
    """As a client does that gets no answer: the same command again, until there is one."""
    deadline = time.monotonic() + WITHIN
    while True:
        try:
            return await household.send(envelope)
        except RefusedError as refusal:
            if refusal.refused.code is not Code.UNAVAILABLE or time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.1)


# ---- (a) between commit and the end of the workflow's task ----


@pytest.mark.parametrize("who", ["worker", "worker and Temporal"])
async def test_between_commit_and_the_workflow_and_then_another_command(
    killed: Killed, who: str
) -> None:
    async with killed.household() as house:
        request = (await insist(house, house.submit()))["stream"]
        await insist(house, house.ask(request))
        lost, other = house.ask(request, 2), house.ask(request, 2)
        killed.choose("committed", lost.id)
        sending = asyncio.create_task(house.send(lost))
        await killed.dead()
        # The ledger is ahead of the workflow, and whoever sent it has no answer.
        assert [each["command"] for each in house.entries(request)][2:] == [lost.id]
        assert not sending.done()
        if who != "worker":
            killed.temporal.kill()
            sending.cancel()
            killed.temporal.start()
        killed.worker.start()
        entry = await insist(house, other)
        assert (entry["command"], entry["sequence"]) == (other.id, 4)
        first = await insist(house, again(lost, at=house.now()))
        assert (first["command"], first["sequence"]) == (lost.id, 3)
        with contextlib.suppress(asyncio.CancelledError, RefusedError):
            assert await sending == first
        assert house.events(request) == ["Submitted"] + ["QuestionAsked"] * 3
        assert await disagreements(house.store, house.temporal) == []
        # What was folded decides: a decision upon everything that was asked.
        assert (await insist(house, house.withdraw(request, 4)))["sequence"] == 5


async def test_between_a_streams_last_commit_and_its_workflow(killed: Killed) -> None:
    """Nobody sends this stream another command, ever; its run must end all the same. And a
    submission whose run had not begun."""
    async with killed.household() as house:
        request = (await insist(house, house.submit()))["stream"]
        over = house.withdraw(request, 1)
        killed.choose("committed", over.id)
        sending = asyncio.create_task(house.send(over))
        await killed.dead()
        sending.cancel()
        killed.temporal.kill()
        killed.temporal.start()
        killed.choose("committed", "Submit")
        killed.dying.start()
        submission = house.submit()
        sending = asyncio.create_task(insist(house, submission))
        await killed.dead()
        killed.worker.start()
        assert (await sending)["sequence"] == 1
        assert await disagreements(house.store, house.temporal, within=30) == []


# ---- (c) between the outbox and what it delivers ----


@pytest.mark.parametrize(
    ("seam", "name"), [("delivering", "Issue"), ("committed", "Issue"), ("delivered", "Issue")]
)
async def test_between_the_outbox_and_the_grant(killed: Killed, seam: str, name: str) -> None:
    async with killed.household() as house:
        request = (await insist(house, house.submit()))["stream"]
        await insist(house, house.hui(request))
        killed.choose(seam, name)
        acceptance = house.accept(request, 2)
        accepted = await insist(house, acceptance)
        await killed.dead()
        there = house.events(grant_of(request))
        assert there == ([] if seam == "delivering" else ["Issued"])
        killed.temporal.kill()
        killed.temporal.start()
        killed.worker.start()
        await house.until_happened(grant_of(request), "Issued", within=30)
        assert await insist(house, acceptance) == accepted
        assert await disagreements(house.store, house.temporal, within=30) == []
        assert house.events(grant_of(request)) == ["Issued"]
        assert house.events(request) == ["Submitted", "HuiRecorded", "BodyDecided", "Accepted"]


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
    import httpx

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

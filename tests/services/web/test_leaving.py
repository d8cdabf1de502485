"""An answer leaves while it is young, or not at all: a web process that is stopped on the way.

Two web processes on one database: the stack's own, over which people act, and one that stops
itself where the test says (`kit/halting_web.py`). For longer than an answer may be old, each time.
"""

import os
import signal
import sys
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
import sqlalchemy as sa
import stack as steps
from stack import Json, Stack, command, ok, until

from services import freshness
from services.store.schema import entries
from services.store.session import Store
from services.story.stage import free_ports

LONGER = 0.1 + freshness.FRESH_FOR_MS / 1000
PURPOSE = "example-leaving"
RIVER = ["example-river-people"]
SCRIPT = Path(__file__).resolve().parent / "kit" / "halting_web.py"


class Halting:
    """A web process that stops itself, asked as a gateway asks."""

    def __init__(self, stack: Stack) -> None:
        (port,) = free_ports(1)
        settings = replace(stack.settings, web_port=port)
        environment = {k: v for k, v in os.environ.items() if not k.startswith("PYTHON")}
        self._file = stack.home / f"halt-at-{port}"
        with (stack.home / "halting.log").open("ab") as log:
            self._process = psutil.Popen(
                [sys.executable, "-P", str(SCRIPT), str(self._file)],
                env=environment | settings.environment(),
                stdout=log,
                stderr=log,
            )
        self.url = f"http://127.0.0.1:{port}"
        self._pool = ThreadPoolExecutor(4)
        self._headers = {"Authorization": f"Bearer {stack.gateway_credential}"}

    def answers(self) -> bool:
        try:
            return httpx.get(f"{self.url}/.well-known/authzen-configuration").is_success
        except httpx.HTTPError:
            return False

    def stop_at(self, place: str) -> None:
        """The next time that it comes to this place it stops there."""
        aside = self._file.with_suffix(".new")
        aside.write_text(place, encoding="utf-8")
        aside.rename(self._file)

    def ask(self, question: Json, path: str = "evaluation") -> "Future[httpx.Response]":
        """Ask, in a thread."""
        address = f"{self.url}/access/v1/{path}"
        return self._pool.submit(
            httpx.post, address, json=question, headers=self._headers, timeout=60
        )

    def asked_until(
        self, place: str, question: Json, path: str = "evaluation"
    ) -> "Future[httpx.Response]":
        """Ask; it is stopped at that place when this returns."""
        self.stop_at(place)
        answer = self.ask(question, path)
        self.wait_until_it_stops()
        return answer

    def wait_until_it_stops(self) -> None:
        until(lambda: self._process.status() == psutil.STATUS_STOPPED, "a stopped process")
        assert not self._file.exists()

    def go_on(self, after: float = LONGER) -> None:
        """Let it go on when it has been stopped for so many seconds."""
        time.sleep(after)
        self._process.send_signal(signal.SIGCONT)

    def close(self) -> None:
        self._process.send_signal(signal.SIGCONT)
        self._pool.shutdown()
        self._process.terminate()
        try:
            self._process.wait(20)
        except psutil.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@contextmanager
def halting(stack: Stack, count: int) -> Iterator[list[Halting]]:
    webs = [Halting(stack) for _ in range(count)]
    try:
        for each in webs:
            until(each.answers, "the web process")
        yield webs
    finally:
        for each in webs:
            each.close()


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """An Accord of this module's own, on each database, with one grant."""
    url = None
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url_factory")(None)
    with Stack(database=url) as running:
        given(running)
        yield running


def given(stack: Stack) -> str:
    request = steps.submit_request(stack, purpose=PURPOSE)
    for body in ("river", "ethics"):
        steps.hui(stack, request, body)
    return steps.accept(stack, request)


@pytest.fixture(scope="module")
def web(stack: Stack) -> Iterator[Halting]:
    """The other web process."""
    with halting(stack, 1) as (only,):
        yield only


@pytest.fixture
def asked(stack: Stack) -> Json:
    """The question that is answered yes."""
    question = steps.question(stack, purpose=PURPOSE)
    assert steps.ask(stack, question)["decision"] is True
    return question


def records(stack: Stack, decision: bool) -> list[str]:
    """The ids of the records of answers, in order."""
    store = Store(stack.settings.database)
    with store.read() as connection:
        query = sa.select(entries.c.id, entries.c.canonical)
        rows = connection.execute(
            query.where(entries.c.stream.startswith("access-")).order_by(entries.c.sequence)
        ).all()
    store.close()
    word = b'"decision":true' if decision else b'"decision":false'
    return [row.id for row in rows if word in bytes(row.canonical)]


@pytest.mark.parametrize("hidden", [False, True])
@pytest.mark.parametrize("place", ["looked", "recorded"])
def test_what_was_restricted_meanwhile_is_not_allowed(
    stack: Stack, web: Halting, asked: Json, place: str, hidden: bool
) -> None:
    answer = web.asked_until(place, asked)
    restriction = steps.place(stack, hidden=hidden)
    web.go_on()
    told = ok(answer.result(60))
    steps.lift(stack, restriction)
    assert told["decision"] is False
    assert told["context"]["code"] == ("not_permitted_now" if hidden else "restricted")
    assert told["context"]["record"] == records(stack, False)[-1]


@pytest.mark.parametrize("place", ["looked", "recorded"])
def test_among_several_as_well(stack: Stack, web: Halting, asked: Json, place: str) -> None:
    """All of them are looked at again: also the part that nobody restricted."""
    newcomers = {**asked["context"], "slice": {"peoples": ["example-newcomer-people"]}}
    question = {**asked, "evaluations": [{}, {"context": newcomers}]}
    answer = web.asked_until(place, question, "evaluations")
    restriction = steps.place(stack)
    web.go_on()
    told = ok(answer.result(60))["evaluations"]
    steps.lift(stack, restriction)
    assert [each["decision"] for each in told] == [False, True]


@pytest.mark.parametrize("place", ["looked", "recorded"])
def test_a_grant_that_was_given_back_meanwhile_allows_nothing(
    stack: Stack, web: Halting, place: str
) -> None:
    """No rule and no restriction has moved."""
    purpose = f"example-{place}"
    request = steps.submit_request(stack, purpose=purpose)
    for body in ("river", "ethics"):
        steps.hui(stack, request, body)
    grant = steps.accept(stack, request)
    answer = web.asked_until(place, steps.question(stack, purpose=purpose))
    ok(stack.client("researcher").post(f"/v1/grants/{grant}/end", json=command()))
    web.go_on()
    told = ok(answer.result(60))
    assert (told["decision"], told["context"]["code"]) == (False, "other_purpose")


@pytest.mark.parametrize("place", ["checked", "recorded"])
def test_an_answer_that_grew_old_is_asked_for_anew(
    stack: Stack, web: Halting, asked: Json, place: str
) -> None:
    """Nothing has changed, but this process cannot know it. Both answers are in the record."""
    before = records(stack, True)
    answer = web.asked_until(place, asked)
    web.go_on()
    told = ok(answer.result(60))
    assert told["decision"] is True
    made = records(stack, True)[len(before) :]
    assert len(made) == 2
    assert told["context"]["record"] == made[-1]


def test_a_process_that_lags_every_time_gives_no_answer(web: Halting, asked: Json) -> None:
    answer = web.asked_until("recorded", asked)
    for _ in range(2):
        web.stop_at("recorded")
        web.go_on()
        until(lambda: not web._file.exists(), "the next time")
        web.wait_until_it_stops()
    web.go_on()
    refused = answer.result(60)
    assert refused.status_code == 503
    assert refused.json()["code"] == "unavailable"
    assert "decision" not in refused.json()
    # It gives one again as soon as it has its time.
    assert ok(web.ask(asked).result(60))["decision"] is True


def test_without_its_database_nothing_is_allowed(postgres_of_its_own: Any) -> None:
    """Killed in whatever moment: after the record, before it, and within its transaction."""
    with Stack(database=postgres_of_its_own.new(None)) as stack, halting(stack, 3) as webs:
        given(stack)
        question = steps.question(stack, purpose=PURPOSE)
        # The last of them keeps the others out of the gateway's stream.
        places = ("recorded", "looked", "checked")
        pairs = zip(places, webs, strict=True)
        answers = [web.asked_until(place, question) for place, web in pairs]
        postgres_of_its_own.kill()
        webs[0].go_on()
        for web in webs[1:]:
            web.go_on(0)
        refused = [each.result(60) for each in answers]
        refused += [each.result(60) for each in [web.ask(question) for web in webs]]
    for each in refused:
        assert each.status_code == 503
        assert each.json()["code"] == "unavailable"
        assert "decision" not in each.json()


def test_the_clock_of_freshness_goes_on_while_the_machine_sleeps() -> None:
    assert freshness._CLOCK == time.CLOCK_BOOTTIME
    now = freshness.instant()
    assert freshness.is_fresh(now)
    assert not freshness.is_fresh(now - freshness.FRESH_FOR_MS * 1_000_000 - 1)

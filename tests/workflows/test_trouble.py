"""What changes meanwhile, and what goes wrong: nothing is lost, and nobody else waits for it."""

from __future__ import annotations

import asyncio
import dataclasses
import sqlite3
from typing import Any

import pytest
from household import (
    BODY,
    RESEARCHER,
    Household,
    grant_of,
)
from temporalio import activity
from temporalio.client import WorkflowExecutionStatus, WorkflowUpdateFailedError
from watching import (
    agree,
    database_away,
    kinds_of_events,
    refused,
    status,
)

from policies.refusals import Code
from policies.request import commands as asking
from policies.types import Envelope
from services import bootstrap, delivering, path, people
from services.dispatcher import Dispatcher
from services.recorder import Recorder
from services.store import versions
from workflows import driver
from workflows.contracts import (
    CATCH_UP,
    COMMAND,
    RECORD,
    Json,
    RecordCall,
    RecordReply,
)
from workflows.envelopes import written_envelope


class Troubled(Recorder):
    """A recorder that raises `trouble` for the commands of these ids, as often as told."""

    def __init__(self, real: bootstrap.Accord, trouble: Exception) -> None:
        super().__init__(real.store, real.rulebook)
        self.trouble = trouble
        self.left: dict[str, int] = {}

    @activity.defn(name=RECORD)
    def record(self, call: RecordCall) -> RecordReply:
        name = call.envelope["id"]
        if self.left.get(name, 0) > 0:
            self.left[name] -= 1
            raise self.trouble
        return super().record(call)


async def test_what_was_relied_on_changes_and_the_way_is_gone_again(working: Household) -> None:
    """The recorder refuses as stale; whether the command still may be is asked from the start,
    and it happens once."""
    request = (await working.send(working.submit()))["stream"]
    question = working.ask(request)
    asked_from_the_start = 0

    class Interrupted(Dispatcher):
        async def send(self, envelope: Envelope, extra: Any = None) -> Json:
            if asked_from_the_start == 1:  # Somebody adopts a rule in this very moment.
                with working.store.write() as connection:
                    versions.raise_(connection, versions.RULES)
            return await super().send(envelope, extra)

    def build(sight: path.Sight) -> path.Ready:
        nonlocal asked_from_the_start
        asked_from_the_start += 1
        return path.Ready(request, question.command, "HOUSE-TEST", (versions.RULES,))

    way = path.Path(
        working.store, working.accord.rulebook, Interrupted(working.temporal, working.recorder)
    )
    sent = path.Sent(question.id, 1, {"question": "said"})
    viewer = people.Viewer.inside(question.actor)
    entry = await way.send(viewer, "body:request:ask", sent, build)
    assert asked_from_the_start == 2
    [stored] = [each for each in working.entries(request) if each["id"] == entry["id"]]
    assert stored["authorisation"]["versions"] == {"rules": 2}
    again = await way.send(viewer, "body:request:ask", sent, build)
    assert again["id"] == entry["id"]
    assert working.events(request) == ["Submitted", "QuestionAsked"]
    await agree(working)


async def test_a_stale_command_that_may_no_longer_be_is_refused(working: Household) -> None:
    request = (await working.send(working.submit()))["stream"]
    with working.store.write() as connection:
        versions.raise_(connection, versions.RULES)
    assert await refused(working.send(working.ask(request))) == Code.STALE
    assert working.events(request) == ["Submitted"]
    await agree(working)


async def test_a_database_that_is_away_delays_and_loses_nothing(working: Household) -> None:
    request = (await working.send(working.submit()))["stream"]
    question = working.ask(request)
    away = database_away(working)
    sending = asyncio.create_task(working.send(question))
    await asyncio.sleep(3)
    assert not sending.done()
    away.execute("ROLLBACK")
    away.close()
    assert (await sending)["sequence"] == 2
    await agree(working)


async def test_a_recorder_in_trouble_delays_and_loses_nothing(
    household: Household, quick: pytest.MonkeyPatch
) -> None:
    accord = bootstrap.build(household.settings, household.temporal)
    recorder = Troubled(accord, sqlite3.OperationalError("disk I/O error"))
    async with household.worker(dataclasses.replace(accord, recorder=recorder)):
        submission = household.submit()
        recorder.left[submission.id] = 2
        request = (await household.send(submission))["stream"]
        assert recorder.left[submission.id] == 0
        assert household.events(request) == ["Submitted"]
        await agree(household)


async def test_one_command_that_cannot_be_committed_does_not_keep_the_others_waiting(
    household: Household, quick: pytest.MonkeyPatch
) -> None:
    quick.setattr(driver, "TRIES", 2)
    accord = bootstrap.build(household.settings, household.temporal)
    recorder = Troubled(accord, ValueError("nobody expected this"))
    async with household.worker(dataclasses.replace(accord, recorder=recorder)):
        request = (await household.send(household.submit()))["stream"]
        bad, good = household.ask(request), household.ask(request)
        recorder.left[bad.id] = 10**6
        failing = asyncio.create_task(refused(household.send(bad)))
        await asyncio.sleep(0.5)
        assert (await household.send(good))["sequence"] == 2
        # Its outcome is not known, it says; and once the trouble is over, sent again it is done.
        assert await failing == Code.UNAVAILABLE
        recorder.left.clear()
        assert (await household.send(bad))["sequence"] == 3
        await agree(household)


async def test_nothing_that_is_sent_can_wedge_a_workflow(working: Household) -> None:
    request = (await working.send(working.submit()))["stream"]
    other = (await working.send(working.submit()))["stream"]
    restriction = written_envelope(working.place())
    question = written_envelope(working.ask(request))
    deep: Any = []
    for _ in range(200):
        deep = [deep]
    far = {**question["command"], "kind": "Accept", "conditions": [], "route_now": [],
           "report_due": "0001-01-01T00:00:00Z", "remind_before_days": 10**12}  # fmt: skip
    for garbage in (
        [], [None], ["text"], [3], [[]], [{}], [{}, {}], [deep],
        [{"stream": request}], [{"stream": None, "command": {}}], [{"stream": 3}],
        [{**question, "stream": "nothing-here"}], [{**question, "command": None}],
        [{**question, "command": {"kind": "Nothing"}}], [{**question, "at": "yesterday"}],
        [{**question, "seen": "1"}],
        [{**question, "authorisation": {"rule": 3}}], [{**question, "more": "fields"}],
        # For other streams, of this kind and another; behind what its sender saw, a validator
        # lets through whatever it can read.
        *([{**question, "stream": other, "seen": seen}] for seen in (1, 99)),
        *([{**restriction, "seen": seen}] for seen in (0, 99)),
        *([{**restriction, "stream": request, "seen": seen}] for seen in (0, 99)),
        *([{**question, "actor": RESEARCHER, "command": far, "seen": seen}] for seen in (1, 99)),
    ):  # fmt: skip
        with pytest.raises(WorkflowUpdateFailedError):
            await asyncio.wait_for(
                working.handle(request).execute_update(COMMAND, args=garbage), 10
            )
    for garbage in ([], [None], ["text"], [3, 4]):
        with pytest.raises(WorkflowUpdateFailedError):
            await asyncio.wait_for(
                working.handle(request).execute_update(CATCH_UP, args=garbage), 10
            )
    await working.handle(request).signal("nobody-listens", {"to": "this"})
    assert await status(working, request) == WorkflowExecutionStatus.RUNNING
    assert (await working.send(working.ask(request)))["sequence"] == 2
    assert working.events(other) == ["Submitted"]
    failed = "workflow_task_failed_event_attributes"
    assert failed not in await kinds_of_events(working, request)
    await agree(working)


async def test_a_decision_that_raises_fails_its_command_alone(
    working: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a validator, and in a handler, which has no validator to hide behind."""
    request = (await working.send(working.submit()))["stream"]
    machine = driver.MACHINES["request"]

    def decide(state: Any, envelope: Envelope) -> Any:
        if isinstance(envelope.command, asking.Withdraw):
            raise ZeroDivisionError("a slip")
        if isinstance(envelope.command, asking.StandAside):
            return []
        return machine.decide(state, envelope)

    slipping = dataclasses.replace(machine, decide=decide)
    monkeypatch.setattr(driver, "MACHINES", {**driver.MACHINES, "request": slipping})
    await working.handle(request).terminate()
    await working.send(working.ask(request))
    for seen in (1, 99):
        with pytest.raises(WorkflowUpdateFailedError):
            await working.send(working.withdraw(request, seen))
    nothing = working.envelope(
        request, "person-member", asking.StandAside(working.sitting()), seen=1
    )
    assert await refused(working.send(nothing)) == Code.INVALID
    assert (await working.send(working.ask(request, 2)))["sequence"] == 3
    await agree(working)


async def test_temporal_away_is_unavailable_and_not_an_error(household: Household) -> None:
    """A portal starts, and answers, while Temporal is still away."""
    nowhere = dataclasses.replace(household.settings, temporal="127.0.0.1:9")
    client = await bootstrap.connect(nowhere)
    dispatcher = Dispatcher(client, household.recorder)
    assert await refused(dispatcher.send(household.submit())) == Code.UNAVAILABLE
    assert await refused(dispatcher.send(household.ask("request-x"))) == Code.UNAVAILABLE


async def test_a_grant_follows_from_its_acceptance_once(working: Household) -> None:
    request = (await working.send(working.submit()))["stream"]
    await working.send(working.hui(request, BODY))
    await working.send(working.accept(request, 2))
    delivered = await asyncio.gather(*(delivering.deliver_once(working.accord) for _ in range(4)))
    assert sum(delivered) >= 1
    assert working.events(grant_of(request)) == ["Issued"]
    assert await delivering.deliver_once(working.accord) == 0
    await agree(working)


async def test_a_worker_delivers_what_its_recorder_posts_without_looking(
    household: Household, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "LOOK_EVERY", 600.0)
    own = bootstrap.build(household.settings, household.temporal)
    async with household.worker(own):
        beside = asyncio.create_task(delivering.delivering(own))
        request = (await household.send(household.submit()))["stream"]
        await household.send(household.hui(request, BODY))
        await household.send(household.accept(request, 2))
        await household.until_happened(grant_of(request), "Issued")
        await agree(household)
        beside.cancel()
    own.store.close()

"""One stream's workflow, on the real server, with a real recorder and a sandboxed worker."""

from __future__ import annotations

import asyncio
import dataclasses
import sqlite3
from datetime import timedelta
from typing import Any

import pytest
from agreement import disagreements
from household import (
    BODY,
    RESEARCHER,
    Household,
    again,
    grant_of,
)
from temporalio import activity
from temporalio.client import WorkflowExecutionStatus, WorkflowUpdateFailedError

from policies.refusals import Code, RefusedError
from policies.request import commands as asking
from policies.types import Envelope
from services import bootstrap, clock, path, people
from services import worker as working_
from services.dispatcher import Dispatcher
from services.recorder import Recorder
from services.store import leaves, versions
from workflows import driver
from workflows.contracts import (
    CATCH_UP,
    COMMAND,
    RECORD,
    TASK_QUEUE,
    Json,
    RecordCall,
    RecordReply,
    Start,
)
from workflows.driver import written_envelope

UPDATES = (
    "workflow_execution_update_accepted_event_attributes",
    "workflow_execution_update_completed_event_attributes",
)


async def refused(work: Any) -> Code:
    with pytest.raises(RefusedError) as refusal:
        await work
    return refusal.value.refused.code


async def status(household: Household, stream: str) -> WorkflowExecutionStatus | None:
    return (await household.handle(stream).describe()).status


async def until_ended(household: Household, stream: str, within: float = 15) -> None:
    for _ in range(int(within * 20)):
        if await status(household, stream) != WorkflowExecutionStatus.RUNNING:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{stream} still runs")


async def kinds_of_events(household: Household, stream: str) -> list[str | None]:
    history = await household.handle(stream).fetch_history()
    return [event.WhichOneof("attributes") for event in history.events]


async def agree(household: Household) -> None:
    """Streams and workflows agree, once what the worker process does beside them was done."""
    with household.store.write() as connection:
        leaves.sequence(connection)
    assert await disagreements(household.store, household.temporal) == []


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """What a run waits for comes soon. (The sandbox passes `workflows.driver` through.)"""
    monkeypatch.setattr(driver, "EMPTY_FOR", timedelta(seconds=1))
    return monkeypatch


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


def database_away(household: Household) -> sqlite3.Connection:
    """Nobody else can write until this connection rolls back."""
    file = household.settings.database.removeprefix("sqlite:///")
    away = sqlite3.connect(file, isolation_level=None)
    away.execute("BEGIN EXCLUSIVE")
    return away


# ---- commands ----


async def test_a_submission_starts_its_workflow(working: Household) -> None:
    envelope = working.submit()
    entry = await working.send(envelope)
    assert (entry["stream"], entry["sequence"]) == (envelope.stream, 1)
    assert entry["command"] == envelope.id
    assert await status(working, envelope.stream) == WorkflowExecutionStatus.RUNNING
    await agree(working)


async def test_a_command_sent_again_gets_its_first_answer(working: Household) -> None:
    request = (await working.send(working.submit()))["stream"]
    question = working.ask(request)
    first = await working.send(question)
    await working.send(working.ask(request))
    # The same Update's id, which Temporal knows; and another, which the recorder must know.
    assert await working.send(question) == first
    assert await working.send(again(question, seen=3)) == first
    # Nothing but its id makes it the same command: other content under it is refused.
    assert await refused(working.send(again(question, seen=2, digest="other"))) == (
        Code.COMMAND_REUSED
    )
    assert working.events(request) == ["Submitted", "QuestionAsked", "QuestionAsked"]
    await agree(working)


async def test_a_command_sent_again_is_not_refused_for_having_been_done(
    working: Household,
) -> None:
    request = (await working.send(working.submit()))["stream"]
    aside = working.stand_aside(request)
    first = await working.send(aside)
    assert await working.send(again(aside, seen=2)) == first
    assert await refused(working.send(working.stand_aside(request, 2))) == Code.ALREADY_DONE
    await agree(working)


async def test_a_validators_refusal_leaves_nothing(working: Household) -> None:
    request = (await working.send(working.submit()))["stream"]
    before = await kinds_of_events(working, request)
    stranger = working.ask(request, actor="person-stranger")
    assert await refused(working.send(stranger)) == Code.NOT_A_MEMBER
    assert await kinds_of_events(working, request) == before
    assert working.events(request) == ["Submitted"]
    # Its id is as free as before.
    member = working.ask(request)
    await working.send(again(member, id=stranger.id))
    await agree(working)


async def test_a_refused_first_command_leaves_no_workflow(
    quick: pytest.MonkeyPatch, working: Household
) -> None:
    good = working.submit()
    nothing_asked = dataclasses.replace(good.command.pinned, route=())
    bad = again(
        good, id="command-bad", command=dataclasses.replace(good.command, pinned=nothing_asked)
    )
    assert await refused(working.send(bad)) == Code.UNROUTABLE
    await until_ended(working, good.stream)
    assert await status(working, good.stream) == WorkflowExecutionStatus.COMPLETED
    assert working.entries(good.stream) == []
    assert (await working.send(good))["sequence"] == 1
    await agree(working)


async def test_nothing_can_be_asked_of_a_request_that_is_not_there(working: Household) -> None:
    assert await refused(working.send(working.ask("request-nowhere"))) == Code.NOT_FOUND
    assert working.entries("request-nowhere") == []


async def test_an_ended_stream_answers_and_stays_ended(working: Household) -> None:
    request = (await working.send(working.submit()))["stream"]
    await working.send(working.withdraw(request, 1))
    await until_ended(working, request)
    assert await refused(working.send(working.ask(request, 2))) == Code.ENDED
    await until_ended(working, request)
    await agree(working)


async def test_who_comes_as_a_stream_ends_is_answered_or_refused(
    working: Household, recwarn: pytest.WarningsRecorder
) -> None:
    request = (await working.send(working.submit()))["stream"]
    over = working.withdraw(request, 1)
    questions = [working.ask(request) for _ in range(16)]
    sent = [*questions[:8], over, *questions[8:]]
    answers = await asyncio.gather(*(working.send(each) for each in sent), return_exceptions=True)
    for answer in answers:
        if isinstance(answer, BaseException):
            assert isinstance(answer, RefusedError)
            assert answer.refused.code == Code.ENDED
    done = [answer["command"] for answer in answers if isinstance(answer, dict)]
    assert over.id in done
    assert sorted(done) == sorted(each["command"] for each in working.entries(request)[1:])
    await until_ended(working, request)
    await agree(working)
    assert [str(each.message) for each in recwarn if "handler" in str(each.message)] == []


# ---- runs that are gone ----


async def test_a_run_that_is_ended_under_a_command(working: Household) -> None:
    """Temporal had accepted it; the next run carries it."""
    submission = working.submit()
    await working.temporal.start_workflow(
        "request", Start(submission.stream), id=submission.stream, task_queue=TASK_QUEUE,
        # What is accepted is told when a task ends, or has taken most of its time.
        task_timeout=timedelta(seconds=1),
    )  # fmt: skip
    request = (await working.send(submission))["stream"]
    question = working.ask(request)
    away = database_away(working)
    sending = asyncio.create_task(working.send(question))
    for _ in range(100):
        accepted = (await kinds_of_events(working, request)).count(UPDATES[0])
        if accepted == 2:
            break
        await asyncio.sleep(0.05)
    assert accepted == 2
    await working.handle(request).terminate()
    away.execute("ROLLBACK")
    away.close()
    assert (await sending)["sequence"] == 2
    assert working.events(request) == ["Submitted", "QuestionAsked"]
    await agree(working)


async def test_a_run_that_is_gone_begins_again_with_the_next_command(working: Household) -> None:
    request = (await working.send(working.submit()))["stream"]
    first = await working.send(question := working.ask(request))
    await working.handle(request).terminate()
    assert (await working.send(working.ask(request, 2)))["sequence"] == 3
    assert await working.send(again(question, seen=1, at=working.now())) == first
    await agree(working)


async def test_the_sweep_restarts_what_temporal_lacks(working: Household) -> None:
    request = (await working.send(working.submit(remind_in=timedelta(days=3))))["stream"]
    over = (await working.send(working.submit()))["stream"]
    await working.send(working.withdraw(over, 1))
    await working.handle(request).terminate()
    for _ in range(100):  # Temporal's list lags behind what it did.
        if await working_.sweep_once(working.accord):
            break
        await asyncio.sleep(0.1)
    assert await working_.sweep_once(working.accord) == 0
    await agree(working)
    # The new run waits for what the old one waited for.
    await working.advance(timedelta(days=4))
    await working.until_happened(request, "Reminded")


async def behind(working: Household, *missed: Envelope) -> None:
    """Commit what the streams' runs never hear of: worker and Temporal died in between."""
    for envelope in missed:
        machine = driver.MACHINES[driver.kind_of(envelope.stream)]
        stream = working.stream(envelope.stream)
        events = [driver.written_event(e) for e in machine.decide(stream.state, envelope)]
        call = RecordCall(envelope.stream, stream.sequence, written_envelope(envelope), events)
        assert working.recorder.record(call).status == "recorded"


async def test_a_run_behind_its_stream_is_told(working: Household) -> None:
    """A run that missed its stream's last entry would wait for ever; one that missed another
    would wait for what is no longer due."""
    over = (await working.send(working.submit()))["stream"]
    open_ = (await working.send(working.submit()))["stream"]
    as_it_is = (await working.send(working.submit()))["stream"]
    await behind(working, working.withdraw(over, 1), working.ask(open_))
    before = await kinds_of_events(working, as_it_is)
    last = await working_.catch_up_once(working.accord, -1)
    await until_ended(working, over)
    await agree(working)
    assert last == 3 + 2 + 1  # founding's two, three submissions, what was missed; from nought
    assert await kinds_of_events(working, as_it_is) == before, "who knows is not disturbed"
    assert await working_.catch_up_once(working.accord, last) == last


async def test_who_saw_what_a_run_missed_is_not_refused_by_it(working: Household) -> None:
    request = (await working.send(working.submit()))["stream"]
    question = working.ask(request)
    await behind(working, question)
    entry = await working.send(working.answer(request, question.id, 2))
    assert entry["sequence"] == 3
    assert working.events(request) == ["Submitted", "QuestionAsked", "QuestionAnswered"]
    await agree(working)


async def test_a_missed_entry_sets_the_timer_that_follows_from_it(working: Household) -> None:
    """A report that came in time stops the clock; returned after it was due, access pauses."""
    _, grant = await working.granted(report_in=timedelta(days=30))
    await working.send(working.file_report(grant, 1))
    await working.advance(timedelta(days=40))
    await working.until_happened(grant, "DutyReminded")
    assert "AccessPaused" not in working.events(grant)
    await behind(working, working.return_report(grant, 3))
    await asyncio.sleep(1.5)
    assert "AccessPaused" not in working.events(grant)
    await working_.catch_up_once(working.accord, -1)
    await working.until_happened(grant, "AccessPaused")
    await agree(working)


# ---- long runs ----


async def test_a_run_continues_as_new_and_knows_its_commands(working: Household) -> None:
    request = (await working.send(working.submit()))["stream"]
    runs = {(await working.handle(request).describe()).run_id}
    first = working.ask(request)
    answer = await working.send(first)
    for number in range(driver.COMMANDS_A_RUN + 2):
        entry = await working.send(working.ask(request, number + 2))
        assert entry["sequence"] == number + 3
    runs.add((await working.handle(request).describe()).run_id)
    assert len(runs) == 2
    assert await working.send(first) == answer
    assert await working.send(again(first, seen=50)) == answer
    assert len(working.entries(request)) == driver.COMMANDS_A_RUN + 4
    await agree(working)


async def test_no_command_is_lost_while_runs_continue_as_new(
    quick: pytest.MonkeyPatch, working: Household, recwarn: pytest.WarningsRecorder
) -> None:
    quick.setattr(driver, "COMMANDS_A_RUN", 7)
    request = (await working.send(working.submit()))["stream"]
    questions = [working.ask(request) for _ in range(60)]
    hands = asyncio.Semaphore(6)

    async def one(question: Envelope) -> Json:
        async with hands:
            return await working.send(question)

    answers = await asyncio.gather(*(one(each) for each in questions))
    assert sorted(each["sequence"] for each in answers) == list(range(2, 62))
    assert [each["command"] for each in answers] == [each.id for each in questions]
    await agree(working)
    assert [str(each.message) for each in recwarn if "handler" in str(each.message)] == []


async def test_twenty_at_once_are_all_answered_once(working: Household) -> None:
    """Temporal takes ten Updates of a run at once; the others wait their turn."""
    request = (await working.send(working.submit()))["stream"]
    questions = [working.ask(request) for _ in range(20)]
    answers = await asyncio.gather(*(working.send(each) for each in questions))
    assert sorted(each["sequence"] for each in answers) == list(range(2, 22))
    assert [each["command"] for each in answers] == [each.id for each in questions]
    assert [each["sequence"] for each in working.entries(request)] == list(range(1, 22))
    await agree(working)


async def test_the_same_command_twenty_times_at_once_happens_once(working: Household) -> None:
    request = (await working.send(working.submit()))["stream"]
    question = working.ask(request)
    answers = await asyncio.gather(
        *(working.send(again(question, seen=1 + n % 2)) for n in range(20))
    )
    assert all(each == answers[0] for each in answers)
    assert working.events(request) == ["Submitted", "QuestionAsked"]
    await agree(working)


async def test_two_workers_share_the_work(household: Household) -> None:
    async with household.worker(), household.worker():
        submissions = [household.submit() for _ in range(6)]
        await asyncio.gather(*(household.send(each) for each in submissions))
        questions = [household.ask(each.stream) for each in submissions for _ in range(4)]
        await asyncio.gather(*(household.send(each) for each in questions))
        for each in submissions:
            assert household.events(each.stream) == ["Submitted"] + ["QuestionAsked"] * 4
        await agree(household)


async def test_a_run_goes_from_one_worker_to_the_next(household: Household) -> None:
    async with household.worker():
        request = (await household.send(household.submit()))["stream"]
    async with household.worker():
        assert (await household.send(household.ask(request)))["sequence"] == 2
        await agree(household)


# ---- the clock ----


async def test_a_request_reminds(working: Household) -> None:
    request = (await working.send(working.submit(remind_in=timedelta(days=14))))["stream"]
    await working.advance(timedelta(days=13))
    await asyncio.sleep(1.2)
    assert working.events(request) == ["Submitted"]
    await working.advance(timedelta(days=2))
    await working.until_happened(request, "Reminded")
    entry = working.entries(request)[-1]
    assert entry["actor"] == "system"
    assert entry["cause"] == working.entries(request)[0]["id"]
    assert entry["authorisation"]["rule"].startswith("HOUSE-")
    await agree(working)


async def test_an_overdue_report_pauses_and_a_grant_expires(working: Household) -> None:
    request, grant = await working.granted(report_in=timedelta(days=100))
    await working.advance(timedelta(days=90))
    await working.until_happened(grant, "DutyReminded")
    await working.advance(timedelta(days=11))
    await working.until_happened(grant, "AccessPaused")
    await working.advance(timedelta(days=300))
    await working.until_happened(grant, "Ended")
    # From here on nothing is due: people close it, and the request closes with it.
    await working.send(working.file_report(grant, 4))
    await working.send(working.accept_report(grant, 5))
    await working.send(working.attest(grant, 6))
    await working.send(working.acknowledge(grant, 7))
    assert await working_.deliver_once(working.accord) == 1
    assert working.events(request)[-1] == "Closed"
    await until_ended(working, grant)
    await until_ended(working, request)
    await agree(working)


async def test_a_restriction_awaits_its_lifting(working: Household) -> None:
    restriction = (await working.send(working.place(timedelta(days=10))))["stream"]
    await working.advance(timedelta(days=11))
    await working.until_happened(restriction, "AwaitingLifting")
    await working.send(working.say_lift(restriction, 2))
    await working.send(working.lift(restriction, 3))
    assert working.events(restriction)[-1] == "Lifted"
    await until_ended(working, restriction)
    await agree(working)


async def test_time_that_passed_while_nobody_worked_is_caught_up(household: Household) -> None:
    async with household.worker():
        restriction = (await household.send(household.place(timedelta(days=10))))["stream"]
    with household.store.write() as connection:
        clock.advance(connection, timedelta(days=11))
    await household.handle(restriction).terminate()
    async with household.worker():
        await working_.sweep_once(household.accord)
        await household.until_happened(restriction, "AwaitingLifting")
        await agree(household)


async def test_a_timer_that_fired_early_is_set_again(working: Household) -> None:
    request = (await working.send(working.submit(remind_in=timedelta(days=5))))["stream"]
    # Temporal's time runs ahead of the service clock.
    await working.accord.dispatcher.fast_forward(working.store, timedelta(days=6))
    for _ in range(100):
        fired = (await kinds_of_events(working, request)).count("timer_fired_event_attributes")
        started = (await kinds_of_events(working, request)).count("timer_started_event_attributes")
        if fired and started > fired:
            break
        await asyncio.sleep(0.05)
    assert fired
    assert started > fired
    assert working.events(request) == ["Submitted"]
    await working.advance(timedelta(days=6))
    await working.until_happened(request, "Reminded")
    assert working.events(request) == ["Submitted", "Reminded"]
    await agree(working)


async def test_a_clock_that_is_refused_asks_again_later(
    quick: pytest.MonkeyPatch, working: Household
) -> None:
    """Not at once, and at once, without end: a history has fifty thousand events at most."""
    request = (await working.send(working.submit(remind_in=timedelta(seconds=2))))["stream"]
    quick.setattr(driver, "CLOCK_REFUSED_FOR", timedelta(minutes=10))
    quick.setattr("services.recorder.SYSTEM_COMMANDS", frozenset())
    await asyncio.sleep(5)
    asked = [
        event
        for event in await kinds_of_events(working, request)
        if event == "timer_fired_event_attributes"
    ]
    assert len(asked) == 1
    assert working.events(request) == ["Submitted"]
    quick.undo()
    # Any command lets it ask again.
    await working.send(working.ask(request))
    await working.until_happened(request, "Reminded")
    await agree(working)


# ---- what changes, and what goes wrong ----


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
    viewer = people.Viewer(question.actor)
    entry = await way.send(viewer, "request.ask", sent, build)
    assert asked_from_the_start == 2
    assert entry["authorisation"]["versions"] == {"rules": 2}
    assert await way.send(viewer, "request.ask", sent, build) == entry
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


async def test_a_recorder_in_trouble_delays_and_loses_nothing(household: Household) -> None:
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
    delivered = await asyncio.gather(*(working_.deliver_once(working.accord) for _ in range(4)))
    assert sum(delivered) >= 1
    assert working.events(grant_of(request)) == ["Issued"]
    assert await working_.deliver_once(working.accord) == 0
    await agree(working)

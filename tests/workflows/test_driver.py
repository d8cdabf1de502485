"""One stream's workflow, on the real server, with a real recorder and a sandboxed worker."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import timedelta

import pytest
from household import (
    Household,
    again,
)
from temporalio.client import WorkflowExecutionStatus
from watching import (
    agree,
    behind,
    database_away,
    kinds_of_events,
    refused,
    status,
    until_ended,
)

from policies.refusals import Code, RefusedError
from policies.types import Envelope
from services import worker as working_
from workflows import driver
from workflows.contracts import (
    MANNER,
    SEQUENCE,
    TASK_QUEUE,
    Json,
    Start,
)

ASKED = "marker_recorded_event_attributes"
ACCEPTED = "workflow_execution_update_accepted_event_attributes"


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


async def test_a_run_that_a_command_started_need_not_load(working: Household) -> None:
    """The recorder's reply to that command says what there is: the one thing asked of it."""
    request = (await working.send(working.submit()))["stream"]
    assert (await kinds_of_events(working, request)).count(ASKED) == 1
    await working.handle(request).terminate()
    assert (await working.send(working.ask(request)))["sequence"] == 2
    # What it had not folded, and the command.
    assert (await kinds_of_events(working, request)).count(ASKED) == 2
    await agree(working)


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
        accepted = (await kinds_of_events(working, request)).count(ACCEPTED)
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


async def test_a_run_whose_first_command_never_came_drives_its_stream(
    quick: pytest.MonkeyPatch, working: Household
) -> None:
    """It waits for the command, and then asks the recorder after all."""
    request = (await working.send(working.submit()))["stream"]
    await working.handle(request).terminate()
    await working.temporal.start_workflow(
        "request", Start(request, manner=MANNER, by_command=True), id=request,
        task_queue=TASK_QUEUE,
    )  # fmt: skip
    await agree(working)
    await working.advance(timedelta(days=30))
    await working.until_happened(request, "Reminded")


async def test_the_sweep_restarts_what_temporal_lacks(working: Household) -> None:
    request = (await working.send(working.submit()))["stream"]
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
    await working.advance(timedelta(days=30))
    await working.until_happened(request, "Reminded")


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


async def test_a_run_that_missed_nothing_of_weight_is_told_by_a_worker_that_starts(
    working: Household,
) -> None:
    """Nothing is due in the one, and until its next command nothing will be; what is due in
    the other might be something else by now."""
    dayless = (await working.send(working.place(None)))["stream"]
    waiting = (await working.send(working.place(timedelta(days=9))))["stream"]
    last = await working_.catch_up_once(working.accord, -1)
    await behind(working, working.say_lift(dayless, 1), working.say_lift(waiting, 1))
    last = await working_.catch_up_once(working.accord, last)
    assert [await working.handle(each).query(SEQUENCE) for each in (dayless, waiting)] == [1, 2]
    assert await working_.catch_up_once(working.accord, -1) == last
    await agree(working)


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

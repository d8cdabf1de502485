"""What the clock does of itself: workflows wait, and the recorder says what is due."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from household import (
    Household,
)
from watching import (
    agree,
    kinds_of_events,
    until_ended,
)

from services import clock, delivering, waiting
from services import worker as working_
from workflows import driver
from workflows.contracts import TASK_QUEUE


async def test_a_request_reminds(working: Household) -> None:
    request = (await working.send(working.submit()))["stream"]
    # Ten working days are more than nine days of any kind, and fewer than a month's.
    await working.advance(timedelta(days=9))
    await asyncio.sleep(1.2)
    assert working.events(request) == ["Submitted"]
    await working.advance(timedelta(days=21))
    await working.until_happened(request, "Reminded")
    entry = working.entries(request)[-1]
    assert entry["actor"] == "system"
    assert entry["cause"] == working.entries(request)[0]["id"]
    assert entry["authorisation"]["rule"].startswith("HOUSE-")
    await agree(working)


async def test_a_timer_stays_while_the_same_instant_is_due(working: Household) -> None:
    request = (await working.send(working.submit()))["stream"]
    for seen in (1, 2, 3):
        await working.send(working.ask(request, seen))
    assert await timers(working, request) == (1, 0)
    await working.advance(timedelta(days=30))
    await working.until_happened(request, "Reminded")
    await agree(working)


async def test_a_timer_is_set_anew_when_something_else_is_due(working: Household) -> None:
    _, grant = await working.granted(report_in=timedelta(days=30))
    # The reminder of the report goes, the end of the grant comes; then that goes as well.
    await working.send(working.file_report(grant, 1))
    await working.send(working.accept_report(grant, 2))
    assert await timers(working, grant) == (2, 1)
    await working.send(working.end_early(grant, 3))
    assert await timers(working, grant) == (2, 2)
    await agree(working)


async def test_a_run_of_the_first_manner_goes_on_in_it(working: Household) -> None:
    """It was started before there was a choice, and would not replay otherwise."""
    place = working.place(timedelta(days=10))
    restriction = place.stream
    await working.temporal.start_workflow(
        "restriction", {"stream": restriction, "sequence": 0}, id=restriction,
        task_queue=TASK_QUEUE,
    )  # fmt: skip
    await working.send(place)
    before = await timers(working, restriction)
    await working.send(working.say_lift(restriction, 1))
    assert await timers(working, restriction) == (before[0] + 1, before[1] + 1)
    await working.advance(timedelta(days=11))
    await working.until_happened(restriction, "AwaitingLifting")
    await agree(working)


async def timers(household: Household, stream: str) -> tuple[int, int]:
    """How many timers the stream's run has set, and how many of them it took back."""
    kinds = await kinds_of_events(household, stream)
    return (
        kinds.count("timer_started_event_attributes"),
        kinds.count("timer_canceled_event_attributes"),
    )


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
    assert await delivering.deliver_once(working.accord) == 1
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
    request = (await working.send(working.submit()))["stream"]
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
    await working.advance(timedelta(days=24))
    await working.until_happened(request, "Reminded")
    assert set(working.events(request)) == {"Submitted", "Reminded"}
    await agree(working)


async def test_what_comes_soon_after_the_clock_was_moved_is_waited_for_once(
    working: Household,
) -> None:
    """Temporal lives through the time by which the service clock was moved after the fact; a
    wait of minutes must not be asked about every few minutes of those weeks."""
    request = (await working.send(working.submit()))["stream"]
    with working.store.read() as connection:
        state = working.stream(request).state
        wake_at = waiting.look(connection, state, working.now()).wake_at
    assert wake_at is not None
    await working.advance(wake_at - working.now() - timedelta(minutes=5))
    fired = (await kinds_of_events(working, request)).count("timer_fired_event_attributes")
    assert fired <= 2
    assert working.events(request) == ["Submitted"]
    await working.advance(timedelta(minutes=6))
    await working.until_happened(request, "Reminded")
    await agree(working)


async def test_a_clock_that_is_refused_asks_again_later(
    quick: pytest.MonkeyPatch, working: Household
) -> None:
    """Not at once, and at once, without end: a history has fifty thousand events at most."""
    restriction = (await working.send(working.place(timedelta(seconds=2))))["stream"]
    quick.setattr(driver, "CLOCK_REFUSED_FOR", timedelta(minutes=10))
    quick.setattr("services.recorder.SYSTEM_COMMANDS", frozenset())
    await asyncio.sleep(5)
    asked = [
        event
        for event in await kinds_of_events(working, restriction)
        if event == "timer_fired_event_attributes"
    ]
    assert len(asked) == 1
    assert working.events(restriction) == ["Placed"]
    quick.undo()
    # Any command lets it ask again.
    await working.send(working.say_lift(restriction, 1))
    await working.until_happened(restriction, "AwaitingLifting")
    await agree(working)

"""Records the golden histories that `test_replay.py` replays:

    .venv-tests/bin/python -P tests/workflows/record_histories.py [NAME …]

Each file in `histories/` is one run's history as Temporal wrote it: of the whole story
(`story-…`), and of what the story does not come to (`house-…`). Runs of the second manner
(`contracts.MANNER`) begin with `second-`; those of the first stay beside them. A NAME records
that file alone again; without one, all are. It takes about two minutes.

`second-made-request-caught-up` was put together by hand from events of such a run: a command and
a catching up that were accepted in one workflow task, which is what a kill can leave, and which
none of these comes to reliably.

A golden history is a promise to whatever run is open somewhere: record one again only when no
deployment can have a run like it any more. Code that must ask for its activities and timers
in another order keeps the old one beside it (`workflow.patched`), and gets new files beside
the old ones.

What is of the machine that recorded (who polled which queue) is taken out. Everybody in these
histories is invented, and their words are not in them.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))

from household import Household, again, grant_of, prepare, settings
from processes import TEMPORAL, TIME_SKIPPING
from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from policies.refusals import RefusedError
from services import bootstrap, delivering, worker
from services.story.play import FIRST
from services.story.stage import Stage
from services.story.steps import Story
from workflows.contracts import RecordCall
from workflows.driver import COMMANDS_A_RUN, MACHINES, kind_of, written_event
from workflows.envelopes import written_envelope

HISTORIES = Path(__file__).resolve().parent / "histories"
Runs = dict[str, tuple[str, str | None]]
"""The name of a file to the workflow's id and, where it is not the newest, its run's."""


def scrubbed(value: Any) -> Any:
    """`value` without what names a machine or a process."""
    if isinstance(value, list):
        return [scrubbed(each) for each in value]
    if not isinstance(value, dict):
        return value
    if value.get("kind") == "TASK_QUEUE_KIND_STICKY":
        value = {**value, "name": "sticky"}
    kept = {key: scrubbed(each) for key, each in value.items() if key != "stackTrace"}
    return {**kept, "identity": "worker"} if "identity" in kept else kept


async def write(client: Client, runs: Runs) -> None:
    """Write these runs' histories."""
    for name, (stream, run) in runs.items():
        if sys.argv[1:] and name not in sys.argv[1:]:
            continue
        history = await client.get_workflow_handle(stream, run_id=run).fetch_history()
        content = scrubbed(json.loads(history.to_json()))
        file = HISTORIES / f"{name}.json"
        lines = ",\n".join(json.dumps(each, ensure_ascii=False) for each in content["events"])
        file.write_text(f'{{"events": [\n{lines}\n]}}\n', "utf-8")
        print(f"{file.name}: {len(content['events'])} events")


async def told() -> None:
    """The whole story, but for the plug, as its last workflows stand at its end."""
    from services.story import endings

    home = Path(tempfile.mkdtemp(prefix="accord-histories-"))
    stage = Stage(home, lambda line: None)
    try:
        await stage.open()
        story = Story(stage)
        steps = [story.first, story.second, story.third, story.fourth, story.fifth, story.sixth]
        for title, step in zip(FIRST, steps, strict=False):
            print(title)
            await step()
        client = await bootstrap.connect(stage.settings)
        await write(client, {"second-story-grant-open": (story.grant, None)})
        await endings.eighth(story)
        await endings.ninth(story)
        async for each in client.list_workflows():
            if each.workflow_type == "restriction":
                await write(client, {"second-story-restriction-lifted": (each.id, None)})
        await write(
            client,
            {
                "second-story-request-closed": (story.request, None),
                "second-story-grant-closed": (story.grant, None),
            },
        )
    finally:
        await stage.close()
        shutil.rmtree(home, ignore_errors=True)


@asynccontextmanager
async def housed() -> AsyncIterator[Household]:
    """A home without a portal, with its worker."""
    folder = Path(tempfile.mkdtemp(prefix="accord-histories-"))
    server = await WorkflowEnvironment.start_local(
        dev_server_existing_path=TEMPORAL,
        dev_server_log_level="error",
        dev_server_extra_args=["--dynamic-config-value", TIME_SKIPPING],
    )
    home = settings(folder, server.client.service_client.config.target_host)
    prepare(home)
    household = Household(home, server.client)
    async with household.worker():
        yield household
    household.store.close()
    await server.shutdown()
    shutil.rmtree(folder, ignore_errors=True)


async def refused(work: Any) -> None:
    try:
        await work
    except RefusedError:
        return
    raise AssertionError("this was to be refused")


async def a_request_that_waits(house: Household) -> Runs:
    """Open; refused in the validator and in the handler; reminded; one timer fired early."""
    first = house.submit()
    await refused(house.send(house.ask(first.stream, 0)))
    request = (await house.send(first))["stream"]
    question = house.ask(request)
    await house.send(question)
    await house.send(again(question, seen=2))
    await refused(house.send(house.ask(request, actor="person-stranger")))
    # Its sender saw more than is there: only the handler may refuse.
    await refused(house.send(house.ask(request, 9, actor="person-stranger")))
    await house.accord.dispatcher.fast_forward(house.store, timedelta(days=20))
    await asyncio.sleep(1.5)
    await house.advance(timedelta(days=20))
    await house.until_happened(request, "Reminded")
    await asyncio.gather(*(house.send(house.ask(request)) for _ in range(5)))
    return {"second-house-request-open": (request, None)}


async def a_request_that_was_nothing(house: Household) -> Runs:
    """Started for a first command that was refused; ended of itself."""
    await refused(house.send(house.ask("request-nothing-came", 0)))
    await asyncio.sleep(25)
    return {"second-house-request-empty": ("request-nothing-came", None)}


async def a_long_request(house: Household) -> Runs:
    """More commands than one run takes."""
    request = (await house.send(house.submit()))["stream"]
    first = (await house.handle(request).describe()).run_id
    for number in range(COMMANDS_A_RUN + 5):
        await house.send(house.ask(request, number + 1))
    return {
        "second-house-request-continued": (request, first),
        "second-house-request-continuation": (request, None),
    }


async def a_request_behind(house: Household) -> Runs:
    """Behind its stream: once brought up to date by the next command, once by the sweep."""
    request = (await house.send(house.submit()))["stream"]
    for missed, by_sweep in ((house.ask(request), False), (house.ask(request, 3), True)):
        stream = house.stream(request)
        decided = MACHINES[kind_of(request)].decide(stream.state, missed)
        events = [written_event(each) for each in decided]
        house.recorder.record(
            RecordCall(request, stream.sequence, written_envelope(missed), events)
        )
        if by_sweep:
            await worker.catch_up_once(house.accord, -1)
        else:
            await house.send(house.ask(request, 2))
    await house.send(house.withdraw(request, 4))
    return {"second-house-request-behind": (request, None)}


async def a_grant(house: Household) -> Runs:
    """Overdue, filed, returned, filed, accepted, ended early, closed; and one left open."""
    request, grant = await house.granted(report_in=timedelta(days=30))
    open_, _ = await house.granted(report_in=timedelta(days=60))
    await house.advance(timedelta(days=20))
    await house.until_happened(grant, "DutyReminded")
    await house.advance(timedelta(days=11))
    await house.until_happened(grant, "AccessPaused")
    await house.send(house.file_report(grant, 3))
    await house.send(house.return_report(grant, 4))
    await house.send(house.file_report(grant, 5))
    await house.send(house.accept_report(grant, 6))
    await house.send(house.end_early(grant, 7))
    await house.send(house.attest(grant, 8))
    await house.send(house.acknowledge(grant, 9))
    while await delivering.deliver_once(house.accord):
        pass
    return {
        "second-house-request-closed": (request, None),
        "second-house-request-accepted": (open_, None),
        "second-house-grant-closed": (grant, None),
        "second-house-grant-open": (grant_of(open_), None),
    }


async def a_restriction(house: Household) -> Runs:
    """One that waits for its day, one without a day, one lifted after it."""
    lifted = (await house.send(house.place(timedelta(days=3))))["stream"]
    await house.advance(timedelta(days=4))
    await house.until_happened(lifted, "AwaitingLifting")
    await house.send(house.say_lift(lifted, 2))
    await house.send(house.lift(lifted, 3))
    waits = (await house.send(house.place()))["stream"]
    dayless = (await house.send(house.place(None)))["stream"]
    return {
        "second-house-restriction-lifted": (lifted, None),
        "second-house-restriction-open": (waits, None),
        "second-house-restriction-without-a-day": (dayless, None),
    }


async def main() -> None:
    HISTORIES.mkdir(exist_ok=True)
    async with housed() as house:
        for case in (
            a_request_that_waits, a_request_that_was_nothing, a_long_request, a_request_behind,
            a_grant, a_restriction,
        ):  # fmt: skip
            await write(house.temporal, await case(house))
    await told()


if __name__ == "__main__":
    asyncio.run(main())

"""Every golden history replays under the code as it is: what is open somewhere goes on.

The sandbox is on, as in a worker. (The SDK's own tests leave a replay out below Python 3.12,
as flaky: there the sandbox imports a workflow's module afresh. Ours pass all but three small
modules through, and none of these has failed on 3.11; one that does, once, is that.)
"""

from __future__ import annotations

import base64
import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer

from policies.refusals import Code, Refused
from services.worker import WORKFLOWS
from workflows import driver
from workflows.contracts import MANNER

HISTORIES = sorted((Path(__file__).resolve().parent / "histories").glob("*.json"))
NAMES = [each.stem for each in HISTORIES]


def golden(name: str) -> dict[str, Any]:
    file = next(each for each in HISTORIES if each.stem == name)
    found: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return found


async def replay(history: dict[str, Any]) -> None:
    """Raises what a worker would have failed its task with."""
    started = history["events"][0]["workflowExecutionStartedEventAttributes"]
    told = WorkflowHistory.from_json(started["workflowId"], history)
    await Replayer(workflows=list(WORKFLOWS)).replay_workflow(told)


def started(name: str) -> dict[str, Any]:
    """What the run was started with. The first had no choice of manner, and name none."""
    said = golden(name)["events"][0]["workflowExecutionStartedEventAttributes"]
    start = json.loads(base64.b64decode(said["input"]["payloads"][0]["data"]))
    return {"manner": 1, **start}


def test_a_name_tells_the_manner() -> None:
    for name in NAMES:
        assert started(name)["manner"] == (2 if name.startswith("second-") else 1)


@pytest.mark.parametrize("manner", range(1, MANNER + 1))
def test_every_kind_is_there_open_and_closed(manner: int) -> None:
    found: dict[str, set[str]] = {}
    for name in (each for each in NAMES if started(each)["manner"] == manner):
        events = golden(name)["events"]
        kind = events[0]["workflowExecutionStartedEventAttributes"]["workflowType"]["name"]
        found.setdefault(kind, set()).add(events[-1]["eventType"].removeprefix("EVENT_TYPE_"))
    ends = {"WORKFLOW_EXECUTION_COMPLETED"}
    assert found.keys() == {"request", "grant", "restriction"}
    assert all(seen & ends and seen - ends for seen in found.values())
    assert "WORKFLOW_EXECUTION_CONTINUED_AS_NEW" in found["request"]


@pytest.mark.parametrize("name", NAMES)
async def test_it_replays(name: str) -> None:
    await replay(golden(name))


@pytest.mark.parametrize("name", NAMES)
def test_it_names_no_machine(name: str) -> None:
    def look(value: Any) -> None:
        if isinstance(value, list):
            for each in value:
                look(each)
        if isinstance(value, dict):
            assert value.get("identity", "worker") == "worker"
            assert "stackTrace" not in value
            look(list(value.values()))

    look(golden(name))


async def test_rules_that_changed_since_change_no_replay(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was decided then stands, whatever would be decided now, and whether or not it can
    be decided at all."""

    def refuses(state: Any, envelope: Any) -> Refused:
        return Refused(Code.NOT_PERMITTED)

    def raises(state: Any, envelope: Any) -> Refused:
        raise LookupError("there is no such command any more")

    for decide in (refuses, raises):
        changed = {
            kind: dataclasses.replace(machine, decide=decide)
            for kind, machine in driver.MACHINES.items()
        }
        monkeypatch.setattr(driver, "MACHINES", changed)
        for name in NAMES:
            await replay(golden(name))


async def test_commands_that_are_read_otherwise_change_no_replay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A command of long ago may lack a field that its kind has now."""

    def unreadable(written: Any) -> Any:
        raise ValueError("a field is missing")

    monkeypatch.setattr(driver, "envelope_of", unreadable)
    for name in NAMES:
        await replay(golden(name))


# ---- and what is not compatible is caught ----


async def test_another_activity_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    drive = driver.StreamDriver.drive

    async def changed(self: driver.StreamDriver, start: Any) -> None:
        await self._load()
        await drive(self, start)

    monkeypatch.setattr(driver.StreamDriver, "drive", changed)
    for name in NAMES:
        with pytest.raises(workflow.NondeterminismError):
            await replay(golden(name))


async def test_another_order_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock asked after the command instead of before."""
    carry = driver.StreamDriver._carry

    async def changed(self: driver.StreamDriver, written: Any) -> Any:
        reply = await carry(self, written)
        await self._load()
        return reply

    monkeypatch.setattr(driver.StreamDriver, "_carry", changed)
    for name in ("house-grant-closed", "second-house-grant-closed"):
        with pytest.raises(workflow.NondeterminismError):
            await replay(golden(name))


async def test_a_timer_that_is_not_set_any_more_is_caught(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    changed = {
        kind: dataclasses.replace(machine, next_due=lambda state: None)
        for kind, machine in driver.MACHINES.items()
    }
    monkeypatch.setattr(driver, "MACHINES", changed)
    for name in ("house-request-open", "house-grant-closed", "house-restriction-open"):
        with pytest.raises(workflow.NondeterminismError):
            await replay(golden(name))


async def test_shorter_runs_are_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "COMMANDS_A_RUN", driver.COMMANDS_A_RUN // 2)
    for name in ("house-request-continued", "second-house-request-continued"):
        with pytest.raises(workflow.NondeterminismError):
            await replay(golden(name))


@pytest.mark.parametrize(
    ("name", "other"), [("house-grant-closed", 2), ("second-house-grant-closed", 1)]
)
async def test_another_manner_is_caught(name: str, other: int) -> None:
    """What a run of one manner did, a run of the other would not have done."""
    history = golden(name)
    start = json.dumps({**started(name), "manner": other}).encode()
    said = history["events"][0]["workflowExecutionStartedEventAttributes"]["input"]
    said["payloads"][0]["data"] = base64.b64encode(start).decode()
    with pytest.raises(workflow.NondeterminismError):
        await replay(history)


async def test_a_history_that_lost_an_event_is_caught() -> None:
    """The other way round: the code as it is, and a history that is not its own."""
    for name in ("house-grant-closed", "story-request-closed"):
        history = golden(name)
        marker = next(each for each in history["events"] if "markerRecordedEventAttributes" in each)
        history["events"].remove(marker)
        for number, each in enumerate(history["events"], 1):
            each["eventId"] = str(number)
        with pytest.raises((workflow.NondeterminismError, RuntimeError)):
            await replay(history)

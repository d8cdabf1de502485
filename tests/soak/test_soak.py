"""The soak, small: four bodies, a dozen requests, something killed; and whether the checker that
judges it would see what it is there to see."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import small_worlds
from hypothesis import Phase
from telling import Json
from town import Town
from verdict import judge

SEED, BODIES, REQUESTS = 1840, 4, 12
POINTS = "design.md's points"


def program() -> ModuleType:
    """The program beside this file, by its path."""
    spec = importlib.util.spec_from_file_location("soak_run", Path(__file__).with_name("run.py"))
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    sys.modules["soak_run"] = found
    spec.loader.exec_module(found)
    return found


class Lived:
    """One small soak that has been lived through."""

    def __init__(self) -> None:
        home = Path(tempfile.mkdtemp(prefix="accord-soak-"))
        self.town = Town(home, f"zz{SEED}zz")
        self.run = program().Run(SEED, BODIES, REQUESTS, at_once=REQUESTS)
        try:
            self.wrong = asyncio.run(self._live())
        finally:
            shutil.rmtree(home, ignore_errors=True)

    async def _live(self) -> list[str]:
        try:
            wrong: list[str] = await self.run.go(self.town, kills=1)
        finally:
            await self.town.close()
        return wrong


@pytest.fixture(scope="module")
def lived() -> Lived:
    return Lived()


def test_all_that_can_be_seen_from_outside_holds(lived: Lived) -> None:
    print(lived.run.table(lived.town))
    assert lived.wrong == []
    assert lived.town.kills
    assert lived.run.verdict.lost == lived.run.verdict.doubled == 0


def test_every_request_came_to_its_end(lived: Lived) -> None:
    assert len(lived.run.lives) == REQUESTS
    assert {life.outcome for life in lived.run.lives} <= {
        "declined", "withdrawn", "closed", "left waiting", "refused at preview"
    }  # fmt: skip
    assert any(life.outcome == "closed" for life in lived.run.lives)


# ---- would the checker see it? ----

Change = Callable[[list[Json]], None]


def first(entries: list[Json], event: str, **data: Any) -> tuple[Json, Json]:
    """The first entry with such an event, and that event's data."""
    for entry in entries:
        for each in entry["events"]:
            there = each["data"]
            if each["type"] == event and all(there.get(k) == v for k, v in data.items()):
                return entry, there
    pytest.skip(f"this soak has no {event} {data}")


def silence_approves(entries: list[Json]) -> None:
    entry, _ = first(entries, "BodyDecided", outcome="approve")
    entry["actor"] = "system"


def a_voice_is_dropped(entries: list[Json]) -> None:
    entry, _ = first(entries, "Accepted")
    for each in entries:
        if each["stream"] == entry["stream"]:
            each["events"] = [e for e in each["events"] if e["type"] != "Spoken"]
            for event in each["events"]:
                if event["type"] == "HuiRecorded":
                    event["data"]["voices"] = {}


def a_body_is_passed_over(entries: list[Json]) -> None:
    entry, _ = first(entries, "Accepted")
    for each in entries:
        if each["stream"] == entry["stream"]:
            each["events"] = [e for e in each["events"] if e["type"] != "BodyDecided"]


def what_was_declined_stays(entries: list[Json]) -> None:
    _, declined = first(entries, "BodyDecided", outcome="decline")
    for entry in entries:
        there = [e for e in entry["events"] if e["data"] is declined]
        if there:
            entry["events"] = there


def somebody_elses_hand(entries: list[Json]) -> None:
    entry, _ = first(entries, "BodyDecided")
    entry["actor"] = "person-somebody-else"


def an_answer_is_another(entries: list[Json]) -> None:
    _, answered = first(entries, "Answered", decision=False, code="other_purpose")
    answered["decision"] = True


def a_yes_shows_more(entries: list[Json]) -> None:
    _, answered = first(entries, "Answered", decision=True)
    answered["slice"]["peoples"] = [*answered["slice"]["peoples"], "people-of-others"]


def a_grant_of_nobody(entries: list[Json]) -> None:
    entry, _ = first(entries, "Accepted")
    entries.remove(entry)


def a_command_is_lost(entries: list[Json]) -> None:
    entry, _ = first(entries, "DutyDone")
    entries.remove(entry)


def a_command_is_doubled(entries: list[Json]) -> None:
    entry, _ = first(entries, "QuestionAsked")
    entries.append(json.loads(json.dumps({**entry, "id": "another"})))


def nobody_knew_the_body(entries: list[Json]) -> None:
    _, settled = first(entries, "Settled", agreed=True)
    for entry in entries:
        entry["events"] = [
            e for e in entry["events"]
            if not (e["type"] == "Said" and e["data"]["proposal"] == settled["proposal"])
        ]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "points"),
    [
        (silence_approves, {1}),
        (a_voice_is_dropped, {1}),
        (a_body_is_passed_over, {1}),
        (what_was_declined_stays, {3}),
        (somebody_elses_hand, {6}),
        (an_answer_is_another, {2}),
        (a_yes_shows_more, {3}),
        (a_grant_of_nobody, {1}),
        (a_command_is_lost, {0}),
        (a_command_is_doubled, {0}),
        (nobody_knew_the_body, {5}),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_the_checker_sees_what_is_wrong(lived: Lived, change: Change, points: set[int]) -> None:
    lines = [json.loads(line) for line in lived.run.export.splitlines()]
    entries = [line["entry"] for line in lines if "entry" in line]
    before = {id(each) for each in entries}
    change(entries)
    kept = [line for line in lines if "entry" not in line or line["entry"] in entries]
    kept += [{"entry": each} for each in entries if id(each) not in before]
    changed = b"".join(json.dumps(each).encode() + b"\n" for each in kept)
    found = judge(changed, lived.town.kept, lived.town.marker)
    # That the ledger itself does not verify any more is seen too; here that does not count.
    said = {point for point, sentence in found.wrong if not sentence.startswith("line ")}
    assert points <= said, found.wrong


def test_words_in_the_ledger_are_seen(lived: Lived) -> None:
    export = lived.run.export + b'{"note": "' + lived.town.marker.encode() + b'"}\n'
    assert 9 in {point for point, _ in judge(export, lived.town.kept, lived.town.marker).wrong}


# ---- small worlds ----


@pytest.fixture(scope="module")
def ground() -> Iterator[small_worlds.Ground]:
    with small_worlds.ground() as here:
        yield here


def test_in_small_worlds_too(ground: small_worlds.Ground) -> None:
    """`python3 tests soak --hypothesis N` looks through as many as one likes."""
    small_worlds.looking(ground.live, 3, derandomize=True, phases=[Phase.generate])

"""What a request must hold to, told one by one where a reader can follow it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from builders import PEOPLES, PERSONS, START
from request_world import (
    APPLICANT,
    NEWCOMERS,
    TEXT,
    World,
    accept,
    all_approve,
    routed,
    small_world,
)

from policies.conditions import Condition
from policies.refusals import Code, Refused
from policies.request import commands as c
from policies.request.state import Status
from policies.slices import Slice
from policies.types import SYSTEM, Outcome, Voice


def test_two_bodies_for_one_people_must_both_approve() -> None:
    told = small_world()
    for name in ("body-river", "body-hill", "body-ethics"):
        told.decide_together(name, Outcome.APPROVE)
    accept(told)
    assert told.told.accepted is None
    told.decide_together("body-elders", Outcome.APPROVE)
    accept(told)
    assert told.told.accepted is not None


@pytest.mark.parametrize("days", [1, 30, 3650])
def test_silence_never_approves(days) -> None:
    told = small_world()
    for name in ("body-river", "body-hill", "body-ethics"):
        told.decide_together(name, Outcome.APPROVE)
    told.now += timedelta(days=days)
    told.send(c.Remind(), SYSTEM)
    accept(told)
    answer = told.send(c.Conclude(told.sitting("body-elders"), Outcome.APPROVE), PERSONS[2])
    assert isinstance(answer, Refused)
    assert answer.code is Code.NOT_YET
    assert told.told.accepted is None
    assert "body-elders" not in told.stream.state.decisions


def test_after_justifying_the_rest_no_earlier_yes_counts() -> None:
    told = small_world()
    for name in ("body-elders", "body-hill", "body-ethics"):
        told.decide_together(name, Outcome.APPROVE)
    told.decide_together("body-river", Outcome.DECLINE)
    told.send(c.Rejustify(TEXT), APPLICANT)
    assert told.stream.state.decisions == {}
    accept(told)
    assert told.told.accepted is None
    # The people that was declined for is out; of those left, each decides afresh.
    assert told.stream.state.bodies() == {"body-hill", "body-ethics"}
    all_approve(told)
    accept(told)
    assert told.told.accepted is not None
    assert told.told.accepted.terms.slice.peoples == {PEOPLES[1]}


def test_a_decline_of_a_whole_item_takes_the_item_and_leaves_the_rest() -> None:
    told = small_world()
    told.decide_together("body-hill", Outcome.DECLINE)
    assert told.stream.state.items == {"survey.sleep"}
    assert told.stream.state.slice.peoples == {PEOPLES[0]}


def test_when_nothing_is_left_the_request_ends() -> None:
    told = small_world()
    told.decide_together("body-ethics", Outcome.DECLINE)
    assert told.stream.state.status is Status.DECLINED
    answer = told.send(c.Rejustify(TEXT), APPLICANT)
    assert isinstance(answer, Refused)
    assert answer.code is Code.ENDED


def test_when_nobody_is_left_who_decides_the_request_ends() -> None:
    told = small_world()
    del told.world["body-ethics"]
    told = restarted(told, newcomers=True)
    for name in ("body-river", "body-hill"):
        told.decide_together(name, Outcome.DECLINE)
    assert told.stream.state.status is Status.DECLINED


def restarted(told: World, newcomers: bool = False) -> World:
    """The same world, with a request of its own."""
    fresh = World()
    fresh.world = told.world
    about = frozenset({*PEOPLES[:2], *({NEWCOMERS} if newcomers else ())})
    fresh.items = {
        "survey.sleep": c.PinnedItem("survey", frozenset({"health"}), about, frozenset())
    }
    fresh.items, route = routed(fresh.world, fresh.items, Slice(about))
    fresh.submit(Slice(about), route, set(), {"use.read"})
    return fresh


def test_a_body_whose_part_has_grown_decides_about_all_of_it_afresh() -> None:
    told = small_world()
    all_approve(told)
    told.world["body-elders"].secretaries = {PERSONS[7]}
    late = c.RecordHui(
        told.sitting("body-elders"), START.date(), "hui", {PERSONS[2]: Voice.APPROVE},
        Outcome.APPROVE, TEXT,
    )  # fmt: skip
    held = told.envelope(late, PERSONS[7])
    told.world["body-elders"].peoples = frozenset(PEOPLES[:2])
    accept(told)
    assert told.told.accepted is None
    assert told.stream.state.waiting_for() == {"body-elders"}
    # A hui about the smaller part does not decide about the larger one.
    answer = told.carry(held)
    assert isinstance(answer, Refused)
    assert answer.code is Code.STALE
    told.decide_together("body-elders", Outcome.APPROVE)
    accept(told)
    assert told.told.accepted is not None


def test_a_part_that_todays_rules_do_not_name_any_more_is_not_dropped() -> None:
    told = restarted(small_world())
    all_approve(told)
    told.world["body-elders"].peoples = frozenset({PEOPLES[1]})
    accept(told)
    entry = next(each for each in told.stream.state.asked() if each.body == "body-elders")
    assert entry.peoples == frozenset(PEOPLES[:2])


@pytest.mark.parametrize("first", ["body-river", "body-hill"])
def test_conditions_that_conflict_keep_a_request_from_being_accepted(first) -> None:
    told = small_world()
    second = {"body-river": "body-hill", "body-hill": "body-river"}[first]
    for name, choice in ((first, "named"), (second, "unnamed")):
        condition = Condition("", "", "attribution", choice=choice)
        member = next(iter(told.world[name].members))
        told.send(c.SetCondition(told.sitting(name), condition), member)
    all_approve(told)
    assert accept(told).code is Code.CONDITIONS_CONFLICT
    _, now = routed(told.world, told.items, told.told.slice)
    shown = c.Accept(frozenset(told.told.conditions), now, START + timedelta(days=100))
    # Either may give way, and what was shown before is not what would be accepted then.
    member = next(iter(told.world[first].members))
    gives_way = Condition("", "", "attribution", choice="unnamed")
    told.send(c.SetCondition(told.sitting(first), gives_way), member)
    assert told.send(shown, APPLICANT).code is Code.CONDITIONS_CHANGED
    accept(told)
    assert told.told.accepted is not None


def test_a_day_that_has_passed_is_no_condition() -> None:
    told = small_world()
    for kind in ("end_date", "report_back"):
        for days in (0, -1, -700):
            condition = Condition("", "", kind, at=START + timedelta(days=days))
            answer = told.send(c.SetCondition(told.sitting("body-river"), condition), PERSONS[1])
            assert isinstance(answer, Refused)
            assert answer.code is Code.INVALID


def test_slices_of_any_people_are_made_explicit_before_they_are_submitted() -> None:
    told = World()
    told.world, told.items = small_world().world, small_world().items
    _, route = routed(told.world, told.items, Slice())
    answer = told.submit(Slice(), route, set(), {"use.read"})
    assert isinstance(answer, Refused)
    assert answer.code is Code.INVALID
    assert told.stream.sequence == 0

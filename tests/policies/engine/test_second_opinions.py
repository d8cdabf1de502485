"""Accord's own rules, by its own model: the enforcer beside stock Casbin, and beside Cedar.

Lines, links and questions are drawn; each is asked of all three. Casbin reads `model.conf` itself;
for Cedar each line is written again as a policy (`in_cedar.py`), slices and times as well.
"""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib import resources

import in_cedar
from builders import PEOPLES, PLACES, slices
from hypothesis import given, settings
from hypothesis import strategies as st
from stock_casbin import Stock

from policies.codec import written
from policies.enforcer import (
    NOTHING,
    Enforcer,
    Question,
    RoutingQuestion,
    part_of_people,
    part_of_place,
)
from policies.rules import ANY_USE, EVERY, Pack, RoleRule, RoutingRule, Rule
from policies.slices import overlap
from policies.types import NOBODY, USE_ACTS, Capacity, Level

MODEL = resources.files("policies").joinpath("model.conf").read_text(encoding="utf-8")
ROUTING = resources.files("policies").joinpath("routing.conf").read_text(encoding="utf-8")
WHY = "Because the test says so."
ROLES = ("role:grantee", "role:applicant", "role:participant", "role:member")
BODIES = ("body-a", "body-b", "body-c")
ACTS = ("use.read", "use.link", "person:draft:write")
PARTS = (*map(part_of_people, PEOPLES), *map(part_of_place, PLACES), NOTHING, "people:nobody")
NOON = datetime(2026, 5, 3, 12, tzinfo=UTC)
USES = [(act, ANY_USE) for act in USE_ACTS]

moments = st.integers(-2, 2).map(lambda days: NOON + timedelta(days=days))


def or_every(*values: str) -> st.SearchStrategy[str]:
    return st.sampled_from([*values, EVERY, EVERY])


some_lines = st.lists(
    st.builds(
        Rule,
        id=st.just("LINE"),
        role=or_every(*ROLES),
        act=or_every("use.read", "use.link", "person:draft:write", ANY_USE),
        collection=or_every("survey", "genomes"),
        item=or_every("survey.sleep", "survey.diet"),
        klass=or_every("health", "child"),
        purpose=or_every("sleep-study", "other-study"),
        level=or_every(*Level),
        slice=st.just(EVERY) | slices().map(lambda each: json.dumps(each.to_json())),
        effect=st.sampled_from(["allow", "allow", "allow", "deny"]),
        because=st.just(WHY),
        since=st.just(EVERY) | moments.map(written),
        until=st.just(EVERY) | moments.map(written),
        adopter=st.just("body-a"),
        reach=or_every(*BODIES),
    ),
    min_size=1,
    max_size=30,
).map(lambda lines: [replace(line, id=f"LINE-{n}") for n, line in enumerate(lines)])
some_roles = st.lists(st.tuples(st.sampled_from(ROLES), st.sampled_from(ROLES)), max_size=3).map(
    # A role that has itself says nothing, and one that another has may not have that one.
    lambda pairs: [
        RoleRule(f"ROLE-{n}", one, more, WHY) for n, (one, more) in enumerate(pairs) if one < more
    ]
)  # fmt: skip
some_speaking = st.lists(
    st.tuples(st.sampled_from(PARTS[:-2]), st.sampled_from(BODIES)), max_size=6, unique=True
)
some_questions = st.lists(
    st.builds(
        Question,
        role=st.sampled_from([*ROLES, "role:secretary"]),
        act=st.sampled_from(ACTS),
        at=moments | moments.map(lambda at: at + timedelta(microseconds=1)),
        whose=st.sampled_from(PARTS),
        collection=st.sampled_from(["survey", "genomes", NOTHING]),
        item=st.sampled_from(["survey.sleep", "survey.diet", NOTHING]),
        klass=st.sampled_from(["health", "child", NOTHING]),
        purpose=st.sampled_from(["sleep-study", "other-study"]),
        level=st.sampled_from([*Level, NOTHING]),
        slice=slices().filter(lambda part: not part.empty),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=100)
@given(some_lines, some_roles, some_speaking, some_questions)
def test_stock_casbin_gives_the_same_answers_from_the_same_model(
    lines, roles, speaking, questions
) -> None:
    enforcer = Enforcer([Pack(tuple(lines), roles=tuple(roles))], (), speaking)
    links = {"g": {(r.role, r.includes) for r in roles}, "g2": set(speaking), "g3": set(USES)}
    stock = Stock(MODEL, [line.row for line in lines], links, {"overlap": overlap})
    for asked in questions:
        answer = enforcer.may(asked)
        values = (
            asked.role, asked.act, asked.whose, asked.collection, asked.item, asked.klass,
            asked.purpose, asked.level, asked.slice, written(asked.at),
        )  # fmt: skip
        assert answer.allowed == stock.allows(values)
        assert {line.id for line in answer.matched} == {
            lines[number].id for number in stock.matching(values)
        }


@settings(max_examples=100)
@given(some_lines, some_roles, some_speaking, some_questions)
def test_cedar_gives_the_same_answers_from_the_same_lines(
    lines, roles, speaking, questions
) -> None:
    enforcer = Enforcer([Pack(tuple(lines), roles=tuple(roles))], (), speaking)
    held, known = in_cedar.policies(lines), in_cedar.entities(roles, speaking)
    for asked in questions:
        answer = enforcer.may(asked)
        allowed, decided = in_cedar.answer(asked, held, known)
        assert answer.allowed == allowed
        denies = {line.id for line in answer.matched if line.effect == "deny"}
        # Cedar names the lines that decided: those that forbid, or else those that allow.
        assert decided == (denies or {line.id for line in answer.matched})


some_routing = st.lists(
    st.builds(
        RoutingRule,
        id=st.just("ROUTE"),
        body=or_every(*BODIES, NOBODY),
        capacity=st.sampled_from([*Capacity]),
        klass=or_every("health", "child"),
        people=or_every(*PEOPLES),
        place=or_every(*PLACES),
        because=st.just(WHY),
    ),
    min_size=1,
    max_size=30,
).map(lambda lines: [replace(line, id=f"ROUTE-{n:02}") for n, line in enumerate(lines)])
some_candidates = st.lists(
    st.builds(
        RoutingQuestion,
        body=st.sampled_from([*BODIES, NOBODY, "body-nobody-knows"]),
        capacity=st.sampled_from([*Capacity]),
        klass=st.sampled_from(["health", "child"]),
        people=st.sampled_from([*PEOPLES, NOTHING]),
        place=st.sampled_from([*PLACES, NOTHING]),
    ),
    min_size=1,
    max_size=6,
)


@settings(max_examples=100)
@given(some_routing, some_candidates)
def test_stock_casbin_routes_to_the_same_bodies(lines, candidates) -> None:
    enforcer = Enforcer([Pack(routing=tuple(lines))])
    stock = Stock(ROUTING, [line.row for line in lines])
    for asked in candidates:
        values = (asked.body, asked.capacity, asked.klass, asked.people, asked.place)
        found = enforcer.must_decide(asked)
        assert (found is not None) == stock.allows(values)
        if found is not None:
            assert found.id in {lines[number].id for number in stock.matching(values)}

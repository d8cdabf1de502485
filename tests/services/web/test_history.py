"""Was this allowed then? As somebody asks who was told yes or no that day."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
import stack as steps
import web_history
from stack import GENOME, SMALL, SURVEY, Json, Stack, ask, command, ok
from web_counting import Portal, counting
from web_steps import PLANTED, RIVER_PEOPLE

from policies.body.commands import DEPLOYMENT
from services import calendar, clock
from services.store.schema import gateways
from services.store.session import Store

PAST = "/v1/history/evaluation"
PURPOSE = "example-history"


@pytest.fixture(scope="module")
def grant(stack: Stack) -> str:
    """A grant over the survey's small part."""
    return steps.granted(stack, purpose=PURPOSE)[1]


@pytest.fixture(scope="module")
def portal(stack: Stack) -> Iterator[Portal]:
    with counting(stack) as made:
        yield made


def asked(stack: Stack, item: str = SURVEY, **context: Any) -> Json:
    """What is asked of the past, but for the time."""
    return steps.question(stack, item, **{"purpose": PURPOSE, **context})


def said(
    stack: Stack, who: str = "researcher", question: Json | None = None, **time: Any
) -> httpx.Response:
    """How `who` is answered who asks how it was at an instant (`at`) or on a day (`on`)."""
    time = {name: x.isoformat() if isinstance(x, date) else x for name, x in time.items()}
    return stack.client(who).post(PAST, json={**(question or asked(stack)), **time})


def then(stack: Stack, who: str = "researcher", **time: Any) -> Json:
    """The answer as it was."""
    found: Json = ok(said(stack, who, **time))
    return found


def moment(stack: Stack) -> datetime:
    """An instant that has passed when this returns."""
    with Store(stack.settings.database).read() as connection:
        return clock.now(connection)


def today(stack: Stack) -> date:
    return calendar.today(moment(stack))


def code(answer: Json) -> str:
    return str(answer["context"].get("code", "allowed"))


# The answer is the one of then.


def test_it_answers_as_it_did_then_whatever_came_after(stack: Stack, grant: str) -> None:
    allowed = moment(stack)
    shown = steps.place(stack, words="Invented: the river rests.")
    rests = moment(stack)
    steps.lift(stack, shown)
    again = moment(stack)

    found = then(stack, at=allowed)
    assert (found["decision"], found["context"]["grant"]) == (True, grant)
    assert found["context"]["obligations"][0]["slice"]["peoples"] == sorted(SMALL)
    found = then(stack, at=rests)
    assert (found["decision"], code(found)) == (False, "restricted")
    assert found["context"]["reason_user"] == {"403": "Invented: the river rests."}
    (line,) = found["context"]["rules"]
    assert (line["rule"], line["body"], line["decided"]) == (shown, stack.bodies["river"], True)
    assert allowed < datetime.fromisoformat(line["in_force_since"]) < rests
    assert then(stack, at=again)["decision"]


def test_a_rule_that_was_withdrawn_since_explains_as_it_did(stack: Stack, grant: str) -> None:
    before = moment(stack)
    ethics = f"/v1/bodies/{stack.bodies['ethics']}"
    secretary = stack.client("ethics-secretary")
    ok(secretary.post(f"{ethics}/pack-withdrawals", json=command(pack="example")))
    without = moment(stack)
    steps.adopt(stack, "ethics-secretary", stack.bodies["ethics"], "example")

    lines = then(stack, at=before)["context"]["rules"]
    theirs = [each for each in lines if each["body"] == stack.bodies["ethics"]]
    assert theirs
    for each in theirs:
        assert each["because"]
        assert each["effect"] == "allow"
        assert datetime.fromisoformat(each["in_force_since"]) < before
    assert code(then(stack, at=without)) == "not_permitted_now"
    now = then(stack, at=moment(stack))["context"]["rules"]
    since = {each["rule"]: each["in_force_since"] for each in now}
    assert all(datetime.fromisoformat(since[each["rule"]]) > without for each in theirs)


def test_what_was_answered_stands_beside_what_held(stack: Stack, grant: str) -> None:
    given = [ask(stack, asked(stack)), ask(stack, asked(stack, purpose="example-other"))]
    found = then(stack, at=moment(stack))["answered"]
    by_entry = {each["entry"]: each for each in found["answers"]}
    yes, no = (by_entry[each["context"]["record"]] for each in given)
    assert (yes["decision"], yes["code"], yes["agrees"]) == (True, "allowed", True)
    assert (no["decision"], no["code"], no["agrees"]) == (False, "other_purpose", True)
    assert (yes["purpose"], no["purpose"]) == (PURPOSE, "example-other")
    assert [each["at"] for each in found["answers"]] == sorted(x["at"] for x in by_entry.values())
    assert not any("alarm" in each for each in found["answers"])
    assert found["more"] is False


def test_a_day_is_told_in_stretches(stack: Stack, grant: str) -> None:
    before = moment(stack)
    placed = steps.place(stack)
    between = moment(stack)
    steps.lift(stack, placed)
    found = then(stack, on=today(stack))
    stretches = found["stretches"]
    for one, next_ in pairwise(stretches):
        assert one["until"] == next_["from"]
        assert one["context"] != next_["context"]

    def at(instant: datetime) -> Json:
        return next(
            each for each in reversed(stretches)
            if datetime.fromisoformat(each["from"]) <= instant
        )  # fmt: skip

    assert code(at(before)) == "allowed"
    assert code(at(between)) == "restricted"
    assert code(stretches[-1]) == "allowed"
    assert found["cut_at"] is None
    # Each stretch is what an instant within it is answered.
    for each in stretches[-6:]:
        instant = then(stack, at=each["from"])
        assert (instant["decision"], instant["context"]) == (each["decision"], each["context"])


# What is hidden stays so.


def test_a_hidden_restriction_then_is_an_ordinary_refusal(
    stack: Stack, grant: str, portal: Portal
) -> None:
    ethics = f"/v1/bodies/{stack.bodies['ethics']}"
    secretary = stack.client("ethics-secretary")
    ok(secretary.post(f"{ethics}/pack-withdrawals", json=command(pack="example-newcomers")))
    ordinary = moment(stack)
    steps.adopt(stack, "ethics-secretary", stack.bodies["ethics"], "example-newcomers")
    placed = steps.place(stack, hidden=True, words="Invented: nobody may know.")
    hidden = moment(stack)
    steps.lift(stack, placed)

    def answered(at: datetime) -> tuple[int, Json]:
        question = {**asked(stack), "at": at.isoformat()}
        count, answer = portal.answered("researcher", "POST", PAST, json=question)
        found: Json = ok(answer)
        return count, {name: each for name, each in found.items() if name not in ("at", "answered")}

    assert answered(hidden) == answered(ordinary)
    assert code(then(stack, at=hidden)) == "not_permitted_now"
    # Its own body's people are told which it was.
    found = then(stack, "river-member-1", at=hidden)
    assert found["context"]["reason_user"] == {"403": "Invented: nobody may know."}
    assert [each["rule"] for each in found["context"]["rules"]] == [placed]
    # Another body's people, about the same people's data, are not.
    assert then(stack, "operator", at=hidden)["context"] == answered(hidden)[1]["context"]


def test_a_hidden_restriction_makes_no_stretch_where_the_answer_was_no_already(
    stack: Stack,
) -> None:
    """Somebody whom nothing is granted learns of no instant at which something came or went."""
    question = asked(stack)
    question["subject"]["id"] = stack.people["outsider"]
    day = today(stack)

    def stretches() -> list[Json]:
        found = ok(said(stack, "outsider", question, on=day))["stretches"]
        return [{k: v for k, v in each.items() if k != "until"} for each in found]

    before = stretches()
    steps.lift(stack, steps.place(stack, hidden=True))
    assert stretches() == before


# Who may ask, and about when.


@pytest.mark.parametrize(
    ("who", "item", "status"),
    [
        ("researcher", GENOME, 200),
        ("river-member-1", GENOME, 200),
        ("river-secretary", GENOME, 200),
        ("operator", GENOME, 200),
        ("hill-kaumatua-1", GENOME, 404),
        ("ethics-member-1", GENOME, 404),
        ("research-assistant", GENOME, 404),
        ("outsider", GENOME, 404),
        ("river-member-1", "example_survey.people.not_there", 404),
        ("operator", "example_survey.people.not_there", 200),
    ],
)
def test_who_may_ask(stack: Stack, who: str, item: str, status: int) -> None:
    answer = said(stack, who, asked(stack, item), at=moment(stack))
    assert answer.status_code == status, answer.text


def test_that_a_story_is_held_is_told_to_whom_it_was_granted(stack: Stack) -> None:
    sent = command(
        body=stack.bodies["river"], items=[PLANTED], classes=["korero"], peoples=[RIVER_PEOPLE]
    )
    ok(stack.client("river-secretary").post("/v1/confirmations", json=sent))
    question = asked(stack, PLANTED)
    for who, status in (("researcher", 404), ("river-member-1", 200), ("operator", 200)):
        assert said(stack, who, question, at=moment(stack)).status_code == status


def test_a_gateways_keeper_asks_about_what_it_serves(stack: Stack, grant: str) -> None:
    """In this version every gateway is the deployment's; the record can say otherwise."""
    ask(stack, asked(stack))
    store = Store(stack.settings.database)
    ethics = stack.bodies["ethics"]
    assert said(stack, "ethics-member-1", at=moment(stack)).status_code == 404
    with store.write() as connection:
        rows = list(connection.execute(sa.select(gateways)))
        served = next(each.id for each in rows if "example_survey" in each.collections)
        connection.execute(sa.update(gateways).where(gateways.c.id == served).values(owner=ethics))
    try:
        found = then(stack, "ethics-member-1", at=moment(stack))
        assert {each["gateway"] for each in found["answered"]["answers"]} == {served}
        elsewhere = asked(stack, "example_survey.people.not_there")
        answer = said(stack, "ethics-member-1", elsewhere, at=moment(stack))
        assert answer.status_code == 404
    finally:
        with store.write() as connection:
            deployment = sa.update(gateways).where(gateways.c.id == served)
            connection.execute(deployment.values(owner=DEPLOYMENT))
        store.close()


def test_what_cannot_be_told_is_refused_in_a_sentence(stack: Stack) -> None:
    now = moment(stack)
    for time, words in (
        ({"at": now + timedelta(hours=1)}, "has not come yet"),
        ({"on": today(stack) + timedelta(days=2)}, "has not come yet"),
        ({"at": now - timedelta(days=4000)}, "The record begins at"),
        ({"on": today(stack) - timedelta(days=4000)}, "The record begins at"),
        ({}, "Say either"),
        ({"at": now, "on": today(stack)}, "Say either"),
    ):
        answer = said(stack, **time)
        assert answer.status_code == 422, answer.text
        assert words in answer.json()["detail"]
        assert len(answer.json()["title"].split()) <= 25


# From the record alone.


@pytest.fixture(params=["sqlite", "postgresql"])
def busy(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """An Accord on either database."""
    if request.param == "sqlite":
        yield request.getfixturevalue("stack")
        return
    url = request.getfixturevalue("postgres_url_factory")(None)
    with Stack(database=url) as running:
        yield running


def test_every_answer_in_the_record_comes_again(busy: Stack, stack: Stack, grant: str) -> None:
    """Asked without a pause while everything changes that an answer can turn on: from the record
    alone comes the same yes or no, code, rule, grant and slice, each at its own instant."""
    request = steps.submit_request(busy, purpose=web_history.PURPOSE)
    for body in ("river", "ethics"):
        steps.hui(busy, request, body)
    issued = steps.accept(busy, request)
    # What a gateway asks with a name in the place of an id is answered, and the name not kept.
    question, *others = web_history.questions(busy)
    codes = [ask(busy, each)["context"].get("code") for each in others]
    assert codes == [
        None, None, "other_slice", "other_slice", "obligation_unsupported", "other_purpose",
        "no_grant", "not_found", "no_grant", "no_rule",
    ]  # fmt: skip
    # So is what cannot be read, among others that can.
    several = {**question, "evaluations": [{}, {"subject": 7}]}
    told = ok(busy.gateway.post("/access/v1/evaluations", json=several))["evaluations"]
    assert [each["context"].get("code") for each in told] == [None, "invalid"]
    with web_history.asking(busy):
        for code in web_history.live(busy, request, issued, alone=busy is not stack):
            assert ask(busy, question)["context"].get("code", "allowed") == code
    every = web_history.every_answer_again(busy.settings.database)
    assert [(recorded, again) for recorded, again in every if not again.agrees] == []
    assert [again.why for _, again in every if again.found is None] == []
    assert len(every) > 30
    assert "Mere" not in "".join(repr(recorded) for recorded, _ in every)

"""Several questions to Accord's decision point at once: each answered and recorded for itself."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest
import stack as steps
from stack import INCOME, SMALL, Json, Stack, ok
from web_counting import Portal, counting

from services.store import streams

EVALUATION, EVALUATIONS = "/access/v1/evaluation", "/access/v1/evaluations"
PURPOSE = "example-evaluations"
NOWHERE = "example_survey.people.not_there"
OTHER = {"context": {"purpose": "example-other", "obligations_supported": ["slice/1"]}}


@pytest.fixture(scope="module")
def grant(stack: Stack) -> str:
    request = steps.submit_request(stack, purpose=PURPOSE)
    for body in ("river", "ethics"):
        steps.hui(stack, request, body)
    return steps.accept(stack, request)


@pytest.fixture
def asked(stack: Stack, grant: str) -> Json:
    """The question that is answered yes."""
    return steps.question(stack, purpose=PURPOSE)


@pytest.fixture
def portal(stack: Stack) -> Iterator[Portal]:
    with counting(stack) as made:
        yield made


def of(item: str) -> Json:
    """About another item."""
    return {"resource": {"type": "item", "id": item}}


def ask(stack: Stack, asked: Json, *several: Any, semantic: str = "execute_all") -> list[Json]:
    options = {"evaluations_semantic": semantic}
    sent = {**asked, "evaluations": list(several), "options": options}
    found: list[Json] = ok(stack.gateway.post(EVALUATIONS, json=sent))["evaluations"]
    return found


def records(portal: Portal, stack: Stack) -> list[Json]:
    """Every record of an answer, in the order of its stream."""
    accord = portal.app.state.accord
    with accord.store.read() as connection:
        gateway = accord.decisions.gateway(stack.gateway_credential)
        return streams.after(connection, f"access-{gateway.id}", 0)


def test_each_is_answered_as_it_would_be_alone(stack: Stack, asked: Json, grant: str) -> None:
    narrower = {"context": {**asked["context"], "slice": {"peoples": ["example-river-people"]}}}
    several = [{}, of(INCOME), OTHER, of(NOWHERE), narrower, {"action": {"name": "use.train"}}]
    told = ask(stack, asked, *several)
    assert [each["context"].get("code", "allowed") for each in told] == [
        "allowed", "no_grant", "other_purpose", "not_found", "allowed", "no_rule",
    ]  # fmt: skip
    for sent, answer in zip(several, told, strict=True):
        alone = ok(stack.gateway.post(EVALUATION, json={**asked, **sent}))
        for each in (answer, alone):
            each["context"].pop("record")
            each["context"].pop("valid_until", None)
        assert answer == alone
    assert told[4]["context"]["obligations"][0]["slice"]["peoples"] == ["example-river-people"]
    assert told[0]["context"]["reasons"] == [{"grant": grant}]
    assert told[0]["context"]["obligations"][0]["slice"]["peoples"] == sorted(SMALL)


def test_each_has_a_record_of_its_own(stack: Stack, portal: Portal, asked: Json) -> None:
    """In the order of the questions; one that cannot be read is recorded without its words."""
    before = len(records(portal, stack))
    told = ask(stack, asked, {}, {"subject": {"type": "person", "id": 7}}, OTHER, of(NOWHERE))
    made = records(portal, stack)[before:]
    assert [each["id"] for each in made] == [each["context"]["record"] for each in told]
    data = [each["events"][0]["data"] for each in made]
    assert [each["code"] for each in data] == ["allowed", "invalid", "other_purpose", "not_found"]
    assert [each["decision"] for each in data] == [each["decision"] for each in told]
    unread = data[1]
    assert {unread[each] for each in ("subject", "act", "item", "purpose")} == {"-"}
    context = told[1]["context"]
    assert context["error"] == {"status": 400, "message": "subject.id: It must be text."}
    assert context["code"] == "invalid"


@pytest.mark.parametrize(
    ("semantic", "count"),
    [("execute_all", 5), ("deny_on_first_deny", 3), ("permit_on_first_permit", 1)],
)
def test_no_more_is_recorded_than_was_answered(
    stack: Stack, portal: Portal, asked: Json, semantic: str, count: int
) -> None:
    before = len(records(portal, stack))
    told = ask(stack, asked, {}, {}, OTHER, {}, of(INCOME), semantic=semantic)
    assert len(told) == count
    made = records(portal, stack)[before:]
    assert [each["id"] for each in made] == [each["context"]["record"] for each in told]


def test_a_restriction_falls_on_what_it_covers(stack: Stack, asked: Json) -> None:
    newcomers = {"context": {**asked["context"], "slice": {"peoples": ["example-newcomer-people"]}}}
    placed = steps.place(stack, words="Not while the river is low.")
    told = ask(stack, asked, {}, newcomers, OTHER)
    steps.lift(stack, placed)
    assert [each["decision"] for each in told] == [False, True, False]
    assert told[0]["context"]["reason_user"] == {"403": "Not while the river is low."}


REFUSED = {
    "for another purpose": OTHER,
    "nothing there": of(NOWHERE),
    "no grant": of(INCOME),
    "no rule": {"action": {"name": "use.train"}},
    "no obligation": {"context": {"purpose": PURPOSE}},
}


@pytest.mark.parametrize("together", [False, True])
def test_a_hidden_restriction_is_an_ordinary_no(
    stack: Stack, portal: Portal, asked: Json, together: bool
) -> None:
    """In the keys of its answer, and in how many statements it took: alone, and among others."""

    def count(part: Json) -> tuple[int, Any]:
        sent = copy.deepcopy({**asked, **part})
        path = EVALUATION
        if together:
            path, sent = EVALUATIONS, {"evaluations": [sent, {**asked, **OTHER}, sent]}
        statements, answer = portal.answered("gateway", "POST", path, json=sent)
        body = ok(answer)
        return statements, body["evaluations"][0] if together else body

    ordinary = {name: count(part) for name, part in REFUSED.items()}
    allowed = count({})
    assert allowed[1]["decision"] is True
    hidden_one = steps.place(stack, hidden=True)
    hidden = count({})
    steps.lift(stack, hidden_one)
    assert (hidden[1]["decision"], hidden[1]["context"]["code"]) == (False, "not_permitted_now")
    for name, (statements, answer) in ordinary.items():
        assert answer["decision"] is False, name
        assert statements == hidden[0], name
        assert answer["context"].keys() == hidden[1]["context"].keys(), name
        assert answer["context"]["reasons"] == hidden[1]["context"]["reasons"] == [], name
    assert allowed[0] == hidden[0]


def test_many_take_as_many_statements_as_one(portal: Portal, asked: Json) -> None:
    """One snapshot, one commit."""
    counts = {
        number: portal.answered(
            "gateway", "POST", EVALUATIONS, json={**asked, "evaluations": [{}] * number}
        )[0]
        for number in (1, 2, 30)
    }
    assert len(set(counts.values())) == 1

"""What the rules say before anybody asks for anything: `POST /v1/rules/try`."""

from collections.abc import Iterator
from typing import Any

import pytest
import stack as steps
from stack import INCOME, SMALL, Json, Stack, command, ok

ITEM = "example_survey.people.clinic_visits"
EXPLAINED = {
    "rule", "effect", "because", "decided", "body", "in_force_since", "from", "until",
    "changed_by",
}  # fmt: skip


def tried(stack: Stack, person: str = "researcher", **asked: Any) -> Json:
    slice_ = {"peoples": sorted(SMALL)}
    sent = {"item": ITEM, "purpose": "example-trying", "slice": slice_, **asked}
    return ok(stack.client(person).post("/v1/rules/try", json=sent))


def test_a_yes_tells_every_line_that_let_it_through_and_who_would_decide(stack: Stack) -> None:
    told = tried(stack)
    assert (told["decision"], told["code"], told["for_a_yes"]) == (True, None, [])
    assert {each["body"] for each in told["lines"]} >= {stack.bodies["river"]}
    for each in told["lines"]:
        assert set(each) == EXPLAINED
        assert each["effect"] == "allow"
        assert each["in_force_since"].endswith("Z")
    deciding = {each["body"] for each in told["must_decide"]}
    assert {stack.bodies["river"], stack.bodies["ethics"]} <= deciding
    assert all(one["because"] for each in told["must_decide"] for one in each["lines"])


def test_a_no_tells_which_line_decided_and_what_would_have_to_change(stack: Stack) -> None:
    told = tried(stack, act="use.train")
    assert (told["decision"], told["code"]) == (False, "not_permitted")
    first = told["lines"][0]
    assert (first["decided"], first["effect"]) == (True, "deny")
    assert {each["what"] for each in told["for_a_yes"]} == {"withdraw", "adopt"}
    assert {each["rule"] for each in told["for_a_yes"]} >= {first["rule"]}


def test_a_shown_restriction_is_told_as_what_would_have_to_be_lifted(stack: Stack) -> None:
    placed = steps.place(stack)
    try:
        told = tried(stack)
        assert told["code"] == "restricted"
        assert told["lines"][0]["rule"] == placed
        (change,) = told["for_a_yes"]
        assert (change["what"], change["rule"]) == ("lift", placed)
    finally:
        steps.lift(stack, placed)


@pytest.fixture
def hidden(stack: Stack) -> Iterator[str]:
    placed = steps.place(stack, hidden=True)
    yield placed
    steps.lift(stack, placed)


def test_what_a_body_hides_is_answered_as_what_no_rule_allows(stack: Stack) -> None:
    """To the last word: the same answer as while the body has no rule that allows it."""
    river = stack.bodies["river"]
    withdrawal = command(pack="example")
    ok(stack.client("river-secretary").post(
        f"/v1/bodies/{river}/pack-withdrawals", json=withdrawal))  # fmt: skip
    ordinary = tried(stack)
    steps.adopt(stack, "river-secretary", river, "example")
    assert tried(stack)["decision"] is True
    placed = steps.place(stack, hidden=True)
    try:
        told = tried(stack)
    finally:
        steps.lift(stack, placed)
    assert told["code"] == "not_permitted_now"
    # Who must decide is another matter: that body's routing lines were withdrawn as well.
    for each in (told, ordinary):
        each.pop("must_decide")
        each.pop("unroutable")
    assert told == ordinary
    assert (told["lines"], told["nearly"]) == ([], [])
    assert [each["what"] for each in told["for_a_yes"]] == ["ask"]


def test_a_bodys_own_people_are_told_which_of_its_restrictions_it_is(
    stack: Stack, hidden: str
) -> None:
    told = tried(stack, person="river-secretary")
    assert (told["code"], told["lines"][0]["rule"]) == ("restricted", hidden)


def test_one_own_line_that_nearly_lets_it_through_is_told(stack: Stack) -> None:
    """For whoever wonders why: a grantee may read this at another level."""
    told = tried(stack, person="river-secretary", slice={"level": "identifiable"})
    assert told["decision"] is False
    own = {each["body"] for each in told["nearly"]}
    assert own <= {stack.bodies["river"]}
    assert tried(stack, slice={"level": "identifiable"})["nearly"] == []


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ({"item": "example_survey.people.not_there"}, 404),
        ({"act": "use.everything"}, 422),
        ({"act": "body:request:ask"}, 422),
        ({"slice": {"level": "fine"}}, 422),
        ({"purpose": "Anything at all"}, 422),
    ],
)
def test_what_cannot_be_asked_is_said_to_be_so(stack: Stack, asked: Json, status: int) -> None:
    sent = {"item": ITEM, **asked}
    answer = stack.client("researcher").post("/v1/rules/try", json=sent)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"


def test_nothing_is_given_and_nothing_recorded(stack: Stack) -> None:
    before = steps.head(stack)["size"]
    tried(stack, item=INCOME)
    assert steps.head(stack)["size"] == before

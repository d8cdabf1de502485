"""Every use beyond reading is asked for one by one and by name, and the answer is no unless the
bodies make it yes: linkage, training a machine, business, keeping it abroad."""

import pytest
import stack as steps
import web_steps as also
from stack import SURVEY, Json, Stack, ask, ok, question

USES = {
    "use.link": "NO-LINKAGE",
    "use.train": "NO-AI",
    "use.commercial": "NO-COMMERCE",
    "use.offshore": "NO-OFFSHORE",
}
"""Each, and the line of the example's pack that refuses it."""


def content(stack: Stack, *acts: str, **named: list[str]) -> Json:
    return {**steps.draft_content(stack, items=[SURVEY], acts=["use.read", *acts]), "named": named}


def test_what_is_not_asked_for_is_not_asked(stack: Stack) -> None:
    plain = content(stack)
    del plain["acts"], plain["named"]
    request = also.submit(stack, "researcher", plain)
    seen = steps.read_request(stack, request, "river-member-1")
    assert (seen["acts"], seen["named"]) == (["use.read"], {})


@pytest.mark.parametrize(("act", "line"), USES.items())
def test_each_is_asked_for_by_name_and_refused_by_its_own_line(
    stack: Stack, act: str, line: str
) -> None:
    seen = also.preview(stack, "researcher", content(stack, act))
    assert f"named.{act}" in seen["missing"]
    assert (
        f"named.{act}"
        in also.preview(stack, "researcher", content(stack, act, **{act: []}))["missing"]
    )
    named = also.preview(stack, "researcher", content(stack, act, **{act: ["example-other"]}))
    assert named["missing"] == []
    assert not named["ready"]
    refused = {(each["act"], each["rule"].partition("@")[0]) for each in named["refused"]}
    assert refused == {(act, line)}
    assert all(each["because"] for each in named["refused"])


def test_all_at_once_are_answered_one_by_one(stack: Stack) -> None:
    everything = content(stack, *USES, **{act: ["example-other"] for act in USES})
    seen = also.preview(stack, "researcher", everything)
    assert {each["act"] for each in seen["refused"]} == set(USES)


def test_a_name_for_a_use_that_is_not_asked_for_opens_nothing(stack: Stack) -> None:
    sent = content(stack, **{"use.train": ["example-model"]})
    seen = also.preview(stack, "researcher", sent)
    assert seen["ready"]
    request = also.submit(stack, "researcher", sent)
    assert steps.read_request(stack, request)["named"] == {}


def test_reading_is_not_linking(stack: Stack) -> None:
    """With a grant to read, every other use is answered no, by whatever name."""
    purpose = "example-by-name"
    steps.granted(stack, items=[SURVEY], purpose=purpose)
    assert ask(stack, question(stack, SURVEY, purpose))["decision"]
    for act in USES:
        for named in (None, "example-other"):
            more = {"named": named} if named else {}
            asked = question(stack, SURVEY, purpose, **more)
            asked["action"]["name"] = act
            told = ask(stack, asked)
            assert (told["decision"], told["context"]["code"]) == (False, "no_rule")


@pytest.mark.parametrize("field", ["use_kind", "area"])
def test_what_it_is_for_is_said_before_anybody_is_asked(stack: Stack, field: str) -> None:
    sent = {**content(stack), field: ""}
    assert field in also.preview(stack, "researcher", sent)["missing"]
    wrong = {**content(stack), field: "everything"}
    assert stack.client("researcher").post("/v1/drafts", json=wrong).status_code == 422
    other = "primary" if field == "use_kind" else "education"
    request = also.submit(stack, "researcher", {**content(stack), field: other})
    assert steps.read_request(stack, request, "river-member-1")[field] == other
    ok(stack.client("researcher").get(f"/v1/requests/{request}"))

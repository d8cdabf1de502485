"""The desk looks whether everything is there, and nothing else: it returns or forwards within
agreed days, cannot decline, and sees nothing of what bodies say."""

import pytest
import stack as steps
import web_steps as also
from stack import GENOME, VOICES, Json, Stack, command, ok
from web_steps import Later

HILL = "hill-kaumatua-1"


@pytest.fixture(scope="module")
def at_desk(stack: Stack) -> list[str]:
    """Requests that the hill body has before it as the desk, to be used up."""
    with also.desk(stack):
        return [steps.submit_request(stack, items=[GENOME]) for _ in range(5)]


def listed(stack: Stack, who: str) -> dict[str, Json]:
    return {each["id"]: each for each in ok(stack.client(who).get("/v1/requests"))}


def forward(stack: Stack, request: str) -> None:
    ok(also.at(stack, HILL, request, "forwarding", body=stack.bodies["hill"]))


def test_there_is_a_desk_once_every_body_has_said_so_and_no_longer_than_that(stack: Stack) -> None:
    hill = stack.bodies["hill"]
    proposal = also.propose(stack, "river", kind="desk", subject=hill, days=7)
    everybody = [*VOICES, *also.others(stack)]
    for body in everybody[:-1]:
        also.say(stack, proposal, body)
    # One has not said anything: that is no yes.
    assert steps.read_request(stack, steps.submit_request(stack, items=[GENOME]))["status"] == (
        "deciding"
    )
    waiting = next(e for e in ok(stack.anonymous.get("/v1/proposals")) if e["id"] == proposal)
    assert len(waiting["waiting_for"]) == 1
    also.say(stack, proposal, everybody[-1])
    request = steps.submit_request(stack, items=[GENOME])
    assert steps.read_request(stack, request)["status"] == "at_desk"
    also.agree(stack, kind="desk")
    assert steps.read_request(stack, steps.submit_request(stack, items=[GENOME]))["status"] == (
        "deciding"
    )


def test_until_it_is_forwarded_no_body_that_will_be_asked_knows_of_it(
    stack: Stack, at_desk: list[str]
) -> None:
    request = at_desk.pop()
    seen = steps.read_request(stack, request)
    # Its waits are for everybody to see who may see the request.
    assert [each["for"] for each in seen["waiting"]] == ["desk"]
    assert listed(stack, HILL)[request]["waiting_for_us"] == [stack.bodies["hill"]]
    river = stack.client("river-secretary")
    export = f"/v1/bodies/{stack.bodies['river']}/ledger"

    def known() -> list[bool]:
        return [
            request in listed(stack, "river-member-1"),
            stack.client("river-member-1").get(f"/v1/requests/{request}").is_success,
            request in river.get(export).text,
        ]

    assert known() == [False, False, False]
    forward(stack, request)
    assert known() == [True, True, True]
    assert request not in listed(stack, HILL)


def test_it_returns_what_is_incomplete_and_gets_it_again(
    stack: Stack,
) -> None:
    with also.desk(stack):
        researcher = stack.client("researcher")
        content = steps.draft_content(stack, items=[GENOME], purpose="example-returned")
        draft = ok(researcher.post("/v1/drafts", json=content))["id"]
        path = f"/v1/drafts/{draft}"
        request = ok(researcher.post(f"{path}/submit", json=command(version=1)))["stream"]
        # What is under way is not written over.
        assert researcher.put(path, json={**content, "version": 1}).status_code == 409
        missing = {"body": stack.bodies["hill"], "missing": "Kōrero of what is missing"}
        ok(also.at(stack, HILL, request, "returns", **missing))
        told = steps.read_request(stack, request)
        assert told["status"] == "returned"
        assert [each["for"] for each in told["waiting"]] == ["applicant"]
        said = [text for event in told["history"] for text in event["texts"].values()]
        assert "Kōrero of what is missing" in said
        content["words"]["summary"] = "Completed."
        ok(researcher.put(path, json={**content, "version": 1}))
        sent = {"draft": draft, "version": 2}
        ok(also.at(stack, "researcher", request, "resubmission", **sent))
        again = steps.read_request(stack, request, HILL)
        assert (again["status"], again["words"]["summary"]) == ("at_desk", "Completed.")
        forward(stack, request)
    shown = steps.read_request(stack, request, "river-member-1")
    assert (shown["status"], shown["words"]["summary"]) == ("deciding", "Completed.")
    steps.approve(stack, request, "river", "ethics")
    steps.accept(stack, request)


def test_it_decides_nothing(stack: Stack, at_desk: list[str]) -> None:
    request, hill = at_desk.pop(), stack.bodies["hill"]
    voices = {stack.people[HILL]: "decline"}
    tries: list[tuple[str, str, Json]] = [
        (HILL, "voices", {"voice": "decline"}),
        (HILL, "conclusions", {"outcome": "decline"}),
        (HILL, "questions", {"question": "Why?"}),
        (HILL, "conditions", {"kind": "no_linkage"}),
        (HILL, "meetings", {"meeting": "wananga"}),
        ("hill-secretary", "hui", {"held_on": "2026-01-15", "voices": voices,
                                   "outcome": "decline", "minutes": "x"}),
    ]  # fmt: skip

    def refused() -> None:
        for who, what, fields in tries:
            answer = also.at(stack, who, request, what, body=hill, **fields)
            assert answer.status_code == 409, (what, answer.text)
        assert steps.read_request(stack, request)["status"] in ("at_desk", "deciding")

    refused()
    forward(stack, request)
    refused()
    answer = also.at(stack, HILL, request, "returns", body=hill, missing="x")
    assert (answer.status_code, answer.json()["code"]) == (409, "wrong_time")


def test_it_sees_nothing_of_what_follows(stack: Stack, at_desk: list[str]) -> None:
    request = at_desk.pop()
    forward(stack, request)
    before = steps.read_request(stack, request, HILL)
    river = stack.bodies["river"]
    asked = command(body=river, seen=2, question="Kōrero of a question")
    ok(stack.client("river-member-1").post(f"/v1/requests/{request}/questions", json=asked))
    ok(also.at(stack, "researcher", request, "answers", question=asked["command_id"], answer="x"))
    ok(also.at(stack, "river-member-1", request, "conditions", body=river, kind="no_linkage"))
    steps.hui(stack, request, "river", "decline")
    # It declined, and nothing was left; to the desk it is as when it went on.
    assert steps.read_request(stack, request)["status"] == "declined"
    after = steps.read_request(stack, request, HILL)
    assert after == before
    assert {each["outcome"] for each in after["bodies"]} == {"not_shown"}
    assert after["waiting"] == []
    assert [each["event"] for each in after["history"]] == ["Submitted", "Forwarded"]


def test_what_it_lets_lie_goes_on_unchecked(stack: Stack, later: Later) -> None:
    """After the days that were agreed, also where the desk was done away with meanwhile."""
    seen = steps.read_request(stack, later.late)
    assert "Forwarded" in {each["event"] for each in seen["history"]}
    assert seen["status"] == "deciding"
    assert {each["body"]: each["outcome"] for each in seen["bodies"]} == {
        stack.bodies["river"]: None, stack.bodies["ethics"]: None,
    }  # fmt: skip
    shown = stack.client("river-member-1").get(f"/v1/requests/{later.late}")
    assert shown.is_success


def test_whoever_asks_is_not_their_own_desk(stack: Stack) -> None:
    with also.desk(stack):
        request = steps.submit_request(stack, "hill-secretary", items=[GENOME])
    hill = stack.bodies["hill"]
    for what, fields in (("forwarding", {}), ("returns", {"missing": "x"})):
        answer = also.at(stack, "hill-secretary", request, what, body=hill, **fields)
        assert (answer.status_code, answer.json()["code"]) == (403, "applicant")
    forward(stack, request)

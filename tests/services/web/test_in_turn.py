"""In what order bodies decide, who must agree where that is a circle, and sitting together."""

from typing import Any

import httpx
import stack as steps
import web_steps as also
from stack import GENOME, Stack, command, ok


def say_yes(stack: Stack, request: str, body: str, **more: Any) -> httpx.Response:
    """The secretary of a body writes down a hui of one mind."""
    voices = dict.fromkeys(also.speakers(stack, body), "approve")
    return also.at(stack, f"{body}-secretary", request, "hui", body=stack.bodies[body],
                   held_on="2026-01-15", voices=voices, outcome="approve", minutes="x",
                   **more)  # fmt: skip


def test_all_decide_at_once_unless_a_bodys_own_rule_says_otherwise(stack: Stack) -> None:
    river, ethics = stack.bodies["river"], stack.bodies["ethics"]
    request = steps.submit_request(stack, items=[GENOME])
    waiting = {each["for"] for each in steps.read_request(stack, request)["waiting"]}
    assert waiting == {river, ethics}
    for after in ([river], ["place"]):
        with also.deciding(stack, "ethics", after=after):
            request = steps.submit_request(stack, items=[GENOME])
        seen = steps.read_request(stack, request)
        assert {each["for"] for each in seen["waiting"]} == {river}
        assert {e["body"]: e["after"] for e in seen["bodies"]} == {ethics: [river], river: []}
        for what, sent in (("voices", {"voice": "approve"}), ("conclusions",
                                                             {"outcome": "approve"})):  # fmt: skip
            early = also.at(stack, "ethics-member-1", request, what, body=ethics, **sent)
            assert (early.status_code, early.json()["code"]) == (409, "not_yet_its_turn")
        early = say_yes(stack, request, "ethics")
        assert (early.status_code, early.json()["facts"]) == (409, {"after": river})
        # It may ask meanwhile.
        ok(also.at(stack, "ethics-member-1", request, "questions", body=ethics, question="x"))
        ok(say_yes(stack, request, "river"))
        seen = steps.read_request(stack, request)
        assert {e["body"]: e["after"] for e in seen["bodies"]} == {ethics: [], river: []}
        ok(say_yes(stack, request, "ethics"))


def test_a_circle_is_answered_before_submission_with_who_must_agree(stack: Stack) -> None:
    river, ethics = stack.bodies["river"], stack.bodies["ethics"]
    content = steps.draft_content(stack, items=[GENOME])
    client = stack.client("researcher")
    with also.deciding(stack, "river", after=["ethics"]):
        assert also.preview(stack, "researcher", content)["ready"]
        with also.deciding(stack, "ethics", after=["people", "place"]):
            seen = also.preview(stack, "researcher", content)
            assert not seen["ready"]
            [circle] = [each for each in seen["refused"] if each["code"] == "order_cycle"]
            assert set(circle["bodies"]) == {river, ethics}
            assert "They must agree who begins" in circle["next"]
            draft = ok(client.post("/v1/drafts", json=content))["id"]
            answer = client.post(f"/v1/drafts/{draft}/submit", json=command(version=1))
            assert (answer.status_code, answer.json()["code"]) == (409, "order_cycle")
    ok(client.post(f"/v1/drafts/{draft}/submit", json=command(version=1)))


def test_bodies_sit_together_only_where_each_of_them_chose_to(stack: Stack) -> None:
    river, ethics = stack.bodies["river"], stack.bodies["ethics"]
    request = steps.submit_request(stack, items=[GENOME])

    def jointly() -> tuple[int, str]:
        answer = say_yes(stack, request, "river", joint_with=[ethics])
        return answer.status_code, answer.json().get("code", "")

    assert jointly() == (409, "not_jointly")
    with also.deciding(stack, "river", joint_with=[ethics]):
        assert jointly() == (409, "not_jointly")
        with also.deciding(stack, "ethics", joint_with=[river]):
            assert jointly()[0] == 201
            # Each records its own part: one voice does not speak for another.
            outcomes = {e["body"]: e["outcome"] for e in
                        steps.read_request(stack, request)["bodies"]}  # fmt: skip
            assert outcomes == {river: "approve", ethics: None}
            ok(say_yes(stack, request, "ethics", joint_with=[river]))
    steps.accept(stack, request)

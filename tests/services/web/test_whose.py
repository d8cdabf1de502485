"""Whose something is: not ours, ours too, a contested mandate, single items struck, and looking
for those who care for something. Nobody settles it but the bodies concerned."""

from collections.abc import Iterator
from contextlib import contextmanager

import stack as steps
import web_steps as also
from stack import GENOME, INCOME, SURVEY, Json, Stack, ask, command, ok, question
from web_steps import BIRTH, RIVER_PEOPLE


def hui(stack: Stack, request: str, body: str, outcome: str, **more: object) -> Json:
    voice = "approve" if outcome == "approve" else "decline"
    voices = dict.fromkeys(also.speakers(stack, body), voice)
    found: Json = ok(also.at(stack, f"{body}-secretary", request, "hui", body=stack.bodies[body],
                             held_on="2026-01-15", voices=voices, outcome=outcome, minutes="x",
                             **more))  # fmt: skip
    return found


def claim(stack: Stack, by: str, subjects: Json, **more: object) -> str:
    sent = command(body=stack.bodies[by], subjects=subjects, statement="Kōrero: ours too.", **more)
    ok(stack.client(f"{by}-secretary").post("/v1/claims", json=sent))
    return str(sent["command_id"])


def about(stack: Stack, by: str, name: str, what: str) -> None:
    sent = command(body=stack.bodies[by])
    ok(stack.client(f"{by}-secretary").post(f"/v1/claims/{name}/{what}", json=sent))


@contextmanager
def claimed(stack: Stack, by: str, subjects: Json, **more: object) -> Iterator[str]:
    """With something claimed, until it is taken back."""
    name = claim(stack, by, subjects, **more)
    try:
        yield name
    finally:
        about(stack, by, name, "withdrawal")


def refusals(stack: Stack, **content: object) -> set[str]:
    seen = also.preview(stack, "researcher", steps.draft_content(stack, **content))
    return {each["code"] for each in seen["refused"]}


def test_not_ours_takes_out_the_part_for_which_nobody_else_speaks(stack: Stack) -> None:
    request = steps.submit_request(stack, items=[SURVEY], purpose="example-not-ours")
    river, ethics = stack.bodies["river"], stack.bodies["ethics"]
    assert hui(stack, request, "river", "not_ours")["events"][-1] == "Narrowed"
    seen = steps.read_request(stack, request)
    assert seen["slice"]["peoples"] == ["example-newcomer-people"]
    assert {each["body"] for each in seen["bodies"]} == {ethics}
    again = also.at(stack, "researcher", request, "justifications", justification="Without.")
    ok(again)
    assert river not in {e["for"] for e in steps.read_request(stack, request)["waiting"]}


def test_not_ours_from_all_leaves_nothing_to_decide(stack: Stack) -> None:
    request = steps.submit_request(stack, items=[GENOME])
    assert hui(stack, request, "river", "not_ours")["events"][-1] == "Declined"
    assert steps.read_request(stack, request)["status"] == "declined"


def test_single_items_are_struck_from_a_yes(stack: Stack) -> None:
    purpose = "example-struck"
    request = steps.submit_request(stack, items=[SURVEY, INCOME], purpose=purpose)
    done = hui(stack, request, "river", "approve", struck=[INCOME])
    assert done["events"] == ["HuiRecorded", "BodyDecided", "Narrowed"]
    seen = steps.read_request(stack, request)
    assert [each["id"] for each in seen["items"]] == [SURVEY]
    # The rest is justified again, and everybody decides afresh.
    assert also.at(stack, "researcher", request, "acceptance", conditions=[]).status_code == 409
    ok(also.at(stack, "researcher", request, "justifications", justification="Without it."))
    steps.approve(stack, request, "river", "ethics")
    steps.accept(stack, request)
    assert ask(stack, question(stack, SURVEY, purpose))["decision"]
    assert not ask(stack, question(stack, INCOME, purpose))["decision"]


def test_ours_too_refuses_use_until_every_body_concerned_has_agreed(stack: Stack) -> None:
    purpose = "example-ours-too"
    steps.granted(stack, items=[BIRTH], purpose=purpose)
    asked = question(stack, BIRTH, purpose)
    assert ask(stack, asked)["decision"]
    name = claim(stack, "hill", {"items": [BIRTH]})
    told = ask(stack, asked)
    assert (told["decision"], told["context"]["code"]) == (False, "contested")
    assert "contested" in refusals(stack, items=[BIRTH])
    # Only that, and nothing beside it.
    assert refusals(stack, items=[SURVEY]) == set()
    [listed] = [e for e in ok(stack.anonymous.get("/v1/claims")) if e["id"] == name]
    concerned = {stack.bodies["river"], stack.bodies["island-a"]}
    assert listed["statement"] == "Kōrero: ours too."
    assert set(listed["waiting_for"]) == concerned
    about(stack, "river", name, "agreement")
    assert not ask(stack, asked)["decision"]
    sent = command(body="body-deployment")
    assert stack.client("operator").post(f"/v1/claims/{name}/agreement", json=sent).status_code in (
        403, 404,
    )  # fmt: skip
    about(stack, "island-a", name, "agreement")
    assert ask(stack, asked)["decision"]
    assert name not in stack.anonymous.get("/v1/claims").text


def test_a_claim_is_taken_back_by_whoever_made_it(stack: Stack) -> None:
    with claimed(stack, "hill", {"items": [BIRTH]}) as name:
        assert "contested" in refusals(stack, items=[BIRTH])
        sent = command(body=stack.bodies["river"])
        path = f"/v1/claims/{name}/withdrawal"
        assert stack.client("river-secretary").post(path, json=sent).status_code == 404
    assert refusals(stack, items=[BIRTH]) == set()


def test_a_contested_mandate_closes_what_it_speaks_for(stack: Stack) -> None:
    request = steps.submit_request(stack, items=[SURVEY], purpose="example-contested")
    steps.approve(stack, request, "river", "ethics")
    river = stack.bodies["river"]
    with claimed(stack, "hill", {"peoples": [RIVER_PEOPLE]}, against=river):
        assert "contested" in refusals(stack, items=[SURVEY])
        # Also where every body has said yes already.
        answer = also.at(stack, "researcher", request, "acceptance", conditions=[])
        assert (answer.status_code, answer.json()["code"]) == (409, "contested")
        steps.until(
            lambda: steps.read_request(stack, request)["status"] == "deciding", "no acceptance"
        )
    steps.accept(stack, request)
    # One contests a mandate in what it says, and nothing else.
    sent = command(body=stack.bodies["hill"], subjects={"items": [BIRTH]}, statement="x",
                   against=river)  # fmt: skip
    assert stack.client("hill-secretary").post("/v1/claims", json=sent).status_code == 422


def test_who_cares_for_something_is_looked_for_by_somebody_named(stack: Stack) -> None:
    river = stack.bodies["river"]
    sent = command(body=river, subjects={"places": ["example-harbour-town"]}, searcher=river,
                   words="Kōrero of a search")  # fmt: skip
    ok(stack.client("river-secretary").post("/v1/searches", json=sent))
    name = sent["command_id"]
    [told] = [each for each in ok(stack.anonymous.get("/v1/searches")) if each["id"] == name]
    assert told == {"id": name, "for": ["example-harbour-town"], "searcher": river,
                    "name": "Example river rōpū", "words": "Kōrero of a search"}  # fmt: skip
    ending = command(body=stack.bodies["hill"], words="x")
    path = f"/v1/searches/{name}/end"
    assert stack.client("hill-secretary").post(path, json=ending).status_code == 403
    assert stack.client("river-member-1").post(path, json=ending).status_code == 404
    ok(stack.client("river-secretary").post(path, json=command(body=river, words="Found.")))
    assert name not in stack.anonymous.get("/v1/searches").text


def test_the_operator_looks_and_settles_nothing(stack: Stack) -> None:
    operator, deployment = stack.client("operator"), "body-deployment"
    sent = command(body=deployment, subjects={"places": ["example-harbour-town"]},
                   searcher=deployment, words="x")  # fmt: skip
    ok(operator.post("/v1/searches", json=sent))
    ended = command(body=deployment, words="x")
    ok(operator.post(f"/v1/searches/{sent['command_id']}/end", json=ended))
    claiming = command(body=deployment, subjects={"items": [BIRTH]}, statement="x")
    answer = operator.post("/v1/claims", json=claiming)
    assert answer.status_code == 403

"""One test a requirement that Accord claims to serve (`docs/coverage.md`), through HTTP.

`switched_off.py` beside this file switches off what serves each, and shows that the test
then fails.
"""

import subprocess
import sys

import pytest
from stack import (
    GENOME,
    INCOME,
    SURVEY,
    Stack,
    accept,
    approve,
    ask,
    command,
    conclude,
    decline,
    draft_content,
    granted,
    lift,
    ok,
    place,
    question,
    read_request,
    speak,
    submit_request,
)

EVERYBODY = (
    "example-river-people", "example-hill-people", "example-island-a-people",
    "example-island-b-people", "example-newcomer-people",
)  # fmt: skip


def preview(stack: Stack, **content: object) -> dict:
    draft = ok(stack.client("researcher").post("/v1/drafts", json=draft_content(stack, **content)))
    return ok(stack.client("researcher").get(f"/v1/drafts/{draft['id']}/preview"))


@pytest.mark.requirement(1)
def test_r1_nothing_is_granted_until_every_body_concerned_has_decided(stack: Stack) -> None:
    request = submit_request(stack, purpose="r1")
    approve(stack, request, "ethics")
    seen = read_request(stack, request)
    sent = command(seen=seen["sequence"], conditions=[])
    answer = stack.client("researcher").post(f"/v1/requests/{request}/acceptance", json=sent)
    assert answer.status_code == 409
    assert not ask(stack, question(stack, purpose="r1"))["decision"]
    approve(stack, request, "river")
    accept(stack, request)
    assert ask(stack, question(stack, purpose="r1"))["decision"]


@pytest.mark.requirement(3)
def test_r3_a_no_is_a_decision_that_takes_the_peoples_records_out(stack: Stack) -> None:
    request = submit_request(stack, purpose="r3", peoples=EVERYBODY)
    decline(stack, request, "hill")
    left = read_request(stack, request)["slice"]["peoples"]
    assert "example-hill-people" not in left
    assert "example-river-people" in left


@pytest.mark.requirement(6)
@pytest.mark.requirement(7)
def test_r6_r7_each_pacific_community_is_asked_and_none_speaks_for_another(stack: Stack) -> None:
    peoples = ("example-island-a-people", "example-island-b-people")
    request = submit_request(stack, purpose="r7", peoples=peoples)
    approve(stack, request, "island-a", "ethics")
    seen = read_request(stack, request)
    outcomes = {each["body"]: each["outcome"] for each in seen["bodies"]}
    assert outcomes[stack.bodies["island-a"]] == "approve"
    assert outcomes[stack.bodies["island-b"]] is None
    sent = command(seen=seen["sequence"], conditions=[])
    answer = stack.client("researcher").post(f"/v1/requests/{request}/acceptance", json=sent)
    assert answer.json()["code"] == "not_yet"
    # Nor does one place a restriction over another's records.
    sent = command(
        body=stack.bodies["island-a"], words="Invented.", authority="Invented.",
        scope={"slice": {"peoples": ["example-island-b-people"]}},
    )  # fmt: skip
    answer = stack.client("island-a-secretary").post("/v1/restrictions", json=sent)
    assert answer.json()["code"] == "not_within"


@pytest.mark.requirement(9)
def test_r9_who_approves_is_visible_before_asking_and_on_the_grant(stack: Stack) -> None:
    seen = preview(stack, purpose="r9")
    assert {each["name"] for each in seen["must_decide"]} == {
        "Example river rōpū", "Example ethics committee",
    }  # fmt: skip
    assert all(each["because"] for each in seen["must_decide"])
    _, grant = granted(stack, purpose="r9")
    shown = next(
        each for each in ok(stack.client("outsider").get("/v1/grants")) if each["id"] == grant
    )
    assert {each["name"] for each in shown["decided_by"]} == {
        "Example river rōpū", "Example ethics committee",
    }  # fmt: skip


@pytest.mark.requirement(12)
def test_r12_each_body_decides_in_its_own_way(stack: Stack) -> None:
    request = submit_request(stack, purpose="r12", peoples=EVERYBODY)
    # By consensus one objection stands in the way …
    speak(stack, request, "river", voices=2)
    seen = read_request(stack, request, "river-secretary")["sequence"]
    sent = command(seen=seen, body=stack.bodies["river"], voice="decline")
    ok(stack.client("river-member-3").post(f"/v1/requests/{request}/voices", json=sent))
    sent = command(seen=seen, body=stack.bodies["river"], outcome="approve")
    answer = stack.client("river-secretary").post(f"/v1/requests/{request}/conclusions", json=sent)
    assert answer.json()["code"] == "outcome_differs"
    # … by majority it does not …
    speak(stack, request, "island-b", voices=2)
    sent = command(seen=seen, body=stack.bodies["island-b"], voice="decline")
    ok(stack.client("island-b-member-3").post(f"/v1/requests/{request}/voices", json=sent))
    conclude(stack, request, "island-b")
    # … and where kaumātua are named, others' voices do not take their place.
    sent = command(seen=seen, body=stack.bodies["hill"], voice="approve")
    ok(stack.client("hill-kaumatua-1").post(f"/v1/requests/{request}/voices", json=sent))
    sent = command(seen=seen, body=stack.bodies["hill"], outcome="approve")
    answer = stack.client("hill-secretary").post(f"/v1/requests/{request}/conclusions", json=sent)
    assert answer.json()["code"] == "not_yet"


@pytest.mark.requirement(15)
@pytest.mark.requirement(18)
def test_r15_r18_why_and_why_each_item_must_be_said(stack: Stack) -> None:
    content = draft_content(stack, purpose="r15")
    content["words"]["purpose"] = ""
    content["items"] = {SURVEY: "", INCOME: "To see who is left out."}
    draft = ok(stack.client("researcher").post("/v1/drafts", json=content))
    seen = ok(stack.client("researcher").get(f"/v1/drafts/{draft['id']}/preview"))
    assert {"words.purpose", f"items.{SURVEY}"} <= set(seen["missing"])
    answer = stack.client("researcher").post(
        f"/v1/drafts/{draft['id']}/submit", json=command(version=1)
    )
    assert answer.status_code == 422


@pytest.mark.requirement(20)
def test_r20_data_is_not_joined_up_unless_a_rule_was_made_for_it(stack: Stack) -> None:
    seen = preview(stack, purpose="r20", acts=("use.read", "use.link"))
    assert any(
        each["act"] == "use.link" and each["rule"].startswith("NO-LINKAGE")
        for each in seen["refused"]
    )


@pytest.mark.requirement(24)
@pytest.mark.requirement(41)
def test_r24_r41_a_grant_serves_its_own_purpose_and_no_other(stack: Stack) -> None:
    granted(stack, purpose="r41")
    assert ask(stack, question(stack, purpose="r41"))["decision"]
    answer = ask(stack, question(stack, purpose="r41-and-more"))
    assert not answer["decision"]
    assert answer["context"]["code"] == "other_purpose"


@pytest.mark.requirement(42)
def test_r42_people_are_not_shown_one_by_one_in_health_data(stack: Stack) -> None:
    seen = preview(stack, purpose="r42", level="identifiable")
    assert any(str(each["rule"]).startswith("NO-NAMES-HEALTH") for each in seen["refused"])


@pytest.mark.requirement(47)
def test_r47_a_restriction_binds_at_once_and_its_own_body_lifts_it(stack: Stack) -> None:
    granted(stack, purpose="r47")
    assert ask(stack, question(stack, purpose="r47"))["decision"]
    restriction = place(stack, words="Invented: leave the river be.")
    try:
        answer = ask(stack, question(stack, purpose="r47"))
        assert not answer["decision"]
        assert answer["context"]["reason_user"]["403"] == "Invented: leave the river be."
        sent = command(outcome="approve")
        others = stack.client("hill-secretary").post(
            f"/v1/restrictions/{restriction}/conclusions", json=sent
        )
        assert others.status_code == 404
    finally:
        lift(stack, restriction)
    assert ask(stack, question(stack, purpose="r47"))["decision"]


@pytest.mark.requirement(65)
def test_r65_what_was_decided_at_a_hui_is_written_up_by_the_secretary(stack: Stack) -> None:
    request = submit_request(stack, purpose="r65", peoples=("example-hill-people",))
    seen = read_request(stack, request, "hill-secretary")
    sent = command(
        seen=seen["sequence"], body=stack.bodies["hill"], held_on="2026-01-05", method="paper",
        voices={stack.people["hill-kaumatua-1"]: "approve",
                stack.people["hill-kaumatua-2"]: "approve"},
        outcome="approve", minutes="Invented minutes.",
    )  # fmt: skip
    ok(stack.client("hill-secretary").post(f"/v1/requests/{request}/hui", json=sent))
    shown = read_request(stack, request)
    outcomes = {each["body"]: each["outcome"] for each in shown["bodies"]}
    assert outcomes[stack.bodies["hill"]] == "approve"


@pytest.mark.requirement(70)
def test_r70_the_decision_point_speaks_authzen(stack: Stack) -> None:
    told = ok(stack.anonymous.get("/.well-known/authzen-configuration"))
    asked = stack.gateway.post(
        told["access_evaluation_endpoint"], json=question(stack), headers={"X-Request-ID": "r70"}
    )
    assert asked.status_code == 200
    assert asked.headers["X-Request-ID"] == "r70"
    assert isinstance(asked.json()["decision"], bool)


@pytest.mark.requirement(71)
def test_r71_a_collections_history_stands_beside_the_request(stack: Stack) -> None:
    request = submit_request(stack, purpose="r71", items=(GENOME,))
    shown = read_request(stack, request, "river-member-1")
    held = ok(stack.anonymous.get("/v1/collections"))
    history = next(each["history"] for each in held if each["id"] == "example_genome")
    assert history
    assert shown["collections"][0]["history"] == history


@pytest.mark.requirement(11)
@pytest.mark.requirement(13)
@pytest.mark.requirement(39)
@pytest.mark.requirement(56)
@pytest.mark.requirement(57)
@pytest.mark.requirement(58)
def test_r11_r13_r39_r56_r57_r58_what_was_promised_is_followed_to_its_end() -> None:
    """The story, by the command line: a report overdue pauses access; it is filed, returned,
    accepted with replies that anyone reads; the end, disposal, its acknowledgement. Each of
    these stops the story when it is not so, and is counted again from the ledger."""
    told = subprocess.run(
        [sys.executable, "-P", "-m", "services.cli", "story"],
        capture_output=True, text=True, timeout=280, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stdout + told.stderr
    lines = told.stdout.splitlines()
    assert lines[-1].startswith('{"story": "complete", "steps": 16,')
    assert told.stderr == ""

"""An iwi asks for its own people's data: its body endorses as itself, only others' interests are
checked, the holder answers with a lawful reason or a yes, and its silence goes to a reviewer."""

import stack as steps
import web_steps as also
from stack import SURVEY, Json, Stack, ok
from web_steps import Later

MEMBER = "river-member-4"


def endorse(stack: Stack, request: str, *speaking: str) -> None:
    """The river body's members say yes, and it is written down."""
    river = stack.bodies["river"]
    for who in speaking or ("river-member-1", "river-member-2", "river-member-3"):
        ok(also.at(stack, who, request, "voices", body=river, voice="approve"))
    ok(also.at(stack, "river-secretary", request, "conclusions", body=river, outcome="approve"))


def answer(stack: Stack, later: Later, request: str, voice: str, **more: object) -> Json:
    """What the agency's secretary is answered who records what its officer says."""
    ok(also.at(stack, "agency-officer", request, "voices", body=later.agency, voice=voice))
    found: Json = also.at(stack, "agency-secretary", request, "conclusions", body=later.agency,
                          outcome=voice, **more).json()  # fmt: skip
    return found


def test_only_its_own_body_and_the_holder_are_asked(stack: Stack, later: Later) -> None:
    seen = also.preview(stack, MEMBER, also.own_people(stack))
    asked = {(each["body"], each["capacity"]) for each in seen["must_decide"]}
    assert asked == {(stack.bodies["river"], "people"), (later.agency, "holder")}
    # Others' interests are checked as in any request: their bodies, and ethics.
    wider = also.own_people(stack)
    wider["items"] = {SURVEY: "x"}
    wider["slice"] = {"peoples": [also.RIVER_PEOPLE, "example-hill-people"]}
    seen = also.preview(stack, MEMBER, wider)
    assert {each["code"] for each in seen["refused"]} == {"no_holder"}


def test_nobody_asks_in_the_name_of_a_body_that_they_are_not_of(stack: Stack) -> None:
    for who in ("hill-kaumatua-1", "researcher"):
        seen = also.preview(stack, who, also.own_people(stack, who))
        assert "for_body" in seen["missing"]
        assert not seen["ready"]


def test_whoever_speaks_for_a_member_does_not_ask_in_the_bodys_name(stack: Stack) -> None:
    given = steps.command(person=stack.people["river-member-2"], to=stack.people["outsider"],
                          until=also.instant(stack, seconds=5))  # fmt: skip
    path = f"/v1/bodies/{stack.bodies['river']}/delegations"
    ok(stack.client("river-member-2").post(path, json=given))
    assert (
        "for_body" in also.preview(stack, "outsider", also.own_people(stack, "outsider"))["missing"]
    )
    ended = steps.command(delegation=given["command_id"])
    ok(stack.client("river-member-2").post(f"{path}/ended", json=ended))


def test_only_she_who_asks_stands_aside(stack: Stack, later: Later) -> None:
    """Whoever is of her people, and would use the data with her, has a voice all the same."""
    content = also.own_people(stack)
    content["people"][stack.people["river-member-1"]] = "asks with her"
    request = also.submit(stack, MEMBER, content)
    river = stack.bodies["river"]
    hers = also.at(stack, MEMBER, request, "voices", body=river, voice="approve")
    assert (hers.status_code, hers.json()["code"]) == (403, "applicant")
    endorse(stack, request)
    seen = steps.read_request(stack, request, MEMBER)
    assert {each["body"]: each["outcome"] for each in seen["bodies"]} == {
        river: "approve", later.agency: None,
    }  # fmt: skip
    assert seen["for_body"] == river


def test_the_holder_says_yes_or_gives_its_lawful_reason(stack: Stack, later: Later) -> None:
    request = also.submit(stack, MEMBER, also.own_people(stack, purpose="example-declined"))
    endorse(stack, request)
    assert answer(stack, later, request, "decline")["code"] == "lawful_reason"
    assert steps.read_request(stack, request, MEMBER)["status"] == "deciding"
    said = "Kōrero of a lawful reason"
    assert answer(stack, later, request, "decline", reasons=said)["events"][-1] == "Declined"
    seen = steps.read_request(stack, request, MEMBER)
    assert said in [text for event in seen["history"] for text in event["texts"].values()]


def test_its_silence_is_shown_counted_and_referred(stack: Stack, later: Later) -> None:
    seen = steps.read_request(stack, later.referred, MEMBER)
    assert seen["status"] == "deciding"
    [wait] = [each for each in seen["waiting"] if each["for"] == later.agency]
    assert wait["referred_to_reviewer"]
    assert wait["working_days"] >= 20
    assert "working days" in wait["reason"]
    # However long: silence is no yes.
    accepting = also.at(stack, MEMBER, later.referred, "acceptance", conditions=[])
    assert (accepting.status_code, accepting.json()["code"]) == (409, "not_yet")


def test_the_reviewer_sees_what_was_referred_and_nothing_else(stack: Stack, later: Later) -> None:
    reviewer = stack.client("reviewer")
    assert [each["id"] for each in ok(reviewer.get("/v1/requests"))] == [later.referred]
    seen = steps.read_request(stack, later.referred, "reviewer")
    river = stack.bodies["river"]
    assert {each["body"]: each["outcome"] for each in seen["bodies"]} == {
        river: "not_shown", later.agency: None,
    }  # fmt: skip
    assert [each["for"] for each in seen["waiting"]] == [later.agency]
    assert (seen["voices"], seen["conditions"], seen["disputes"], seen["grant"]) == (
        {}, [], [], None,
    )  # fmt: skip
    kinds = {each["event"] for each in seen["history"]}
    assert kinds <= {"Submitted", "Forwarded", "Escalated", "ReviewRecorded"}
    assert seen["words"]["title"]
    # Nobody of the river body is named in it but whoever asks.
    members = [f"river-member-{n}" for n in (1, 2, 3)]
    assert not [who for who in members if stack.people[who] in str(seen)]


def test_what_was_not_referred_does_not_exist_for_the_reviewer(stack: Stack, later: Later) -> None:
    request = also.submit(stack, MEMBER, also.own_people(stack, purpose="example-not-referred"))
    assert stack.client("reviewer").get(f"/v1/requests/{request}").status_code == 404
    finding = steps.command(finding="x")
    path = f"/v1/requests/{request}/review"
    assert stack.client("reviewer").post(path, json=finding).status_code == 404


def test_the_finding_is_read_by_both_sides_and_decides_nothing(stack: Stack, later: Later) -> None:
    finding = steps.command(finding="Kōrero of a finding")
    path = f"/v1/requests/{later.referred}/review"
    for who in (MEMBER, "agency-secretary", "river-secretary", "operator"):
        assert stack.client(who).post(path, json=finding).status_code == 404
    ok(stack.client("reviewer").post(path, json=finding))
    for who in (MEMBER, "agency-officer", "river-member-1", "reviewer"):
        seen = steps.read_request(stack, later.referred, who)
        assert "Kōrero of a finding" in str(seen["history"])
        assert seen["status"] == "deciding"
    accepting = also.at(stack, MEMBER, later.referred, "acceptance", conditions=[])
    assert accepting.status_code == 409


def test_what_the_holder_says_at_last_is_the_reviewers_to_read(stack: Stack, later: Later) -> None:
    path = f"/v1/requests/{later.referred}/review"
    answer(stack, later, later.referred, "approve")
    finding = steps.command(finding="Kōrero of a late yes")
    ok(stack.client("reviewer").post(path, json=finding))
    seen = steps.read_request(stack, later.referred, "reviewer")
    outcomes = {each["body"]: each["outcome"] for each in seen["bodies"]}
    assert outcomes[later.agency] == "approve"
    assert "Kōrero of a late yes" in str(seen["history"])
    ok(also.at(stack, MEMBER, later.referred, "acceptance", conditions=[]))
    assert steps.read_request(stack, later.referred, "reviewer")["status"] == "accepted"

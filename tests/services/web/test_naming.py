"""Who is named in a request has no voice in it, so naming somebody must not be a way to
take their voice from them."""

from stack import Stack, command, draft_content, ok, submit_request


def test_a_member_of_a_body_that_decides_is_not_named_by_somebody_else(stack: Stack) -> None:
    content = draft_content(stack, purpose="naming", people=("researcher", "river-member-1"))
    client = stack.client("researcher")
    draft = ok(client.post("/v1/drafts", json=content))["id"]
    named = f"people.{stack.people['river-member-1']}"
    assert named in ok(client.get(f"/v1/drafts/{draft}/preview"))["missing"]
    answer = client.post(f"/v1/drafts/{draft}/submit", json=command(version=1))
    assert answer.status_code == 422
    assert answer.json()["facts"]["field"] == "people"


def test_a_member_may_ask_for_themselves_and_then_has_no_voice(stack: Stack) -> None:
    request = submit_request(stack, "river-member-1", purpose="naming-oneself")
    sent = command(seen=1, body=stack.bodies["river"], voice="approve")
    answer = stack.client("river-member-1").post(f"/v1/requests/{request}/voices", json=sent)
    assert answer.status_code == 403
    assert answer.json()["code"] == "applicant"

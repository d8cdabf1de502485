"""A body's own ways and times: kōrero before any request, face to face, a subcommittee first, days
of its own, pauses, and who speaks for whom."""

from datetime import timedelta

import pytest
import stack as steps
import web_steps as also
from stack import GENOME, Json, Stack, command, ok

ASKING = "agency-officer"
"""Whoever asks here: nobody has met them, and no other test lets anybody."""
MEMBERS = ("river-member-1", "river-member-2", "river-member-3")


def refused(stack: Stack, who: str, request: str, what: str, code: str, **fields: object) -> None:
    answer = also.at(stack, who, request, what, **fields)
    assert answer.json()["code"] == code, answer.text
    assert answer.status_code in (403, 409)


def speak(stack: Stack, request: str, who: str, body: str = "river") -> None:
    ok(also.at(stack, who, request, "voices", body=stack.bodies[body], voice="approve"))


def hui(stack: Stack, body: str = "river") -> Json:
    return {"body": stack.bodies[body], "held_on": "2026-01-15", "outcome": "approve",
            "voices": dict.fromkeys(also.speakers(stack, body), "approve"),
            "minutes": "x"}  # fmt: skip


def test_where_korero_comes_first_one_can_only_introduce_oneself(stack: Stack) -> None:
    river, asking = stack.bodies["river"], stack.client(ASKING)
    content = steps.draft_content(stack, items=[GENOME], people=[ASKING])
    with also.deciding(stack, "river", korero_first=True):
        seen = also.preview(stack, ASKING, content)
        first = [each for each in seen["refused"] if each["code"] == "korero_first"]
        assert [each["bodies"] for each in first] == [[river]]
        assert "Introduce yourself" in first[0]["next"]
        draft = ok(asking.post("/v1/drafts", json=content))["id"]
        path = f"/v1/drafts/{draft}/submit"
        assert asking.post(path, json=command(version=1)).json()["code"] == "korero_first"
        # Introducing oneself is no request, and is done once.
        introduction = command(introduction="Kōrero of an introduction")
        ok(asking.post(f"/v1/bodies/{river}/introductions", json=introduction))
        again = asking.post(f"/v1/bodies/{river}/introductions", json=command(introduction="x"))
        assert (again.status_code, again.json()["code"]) == (409, "already_done")
        assert asking.post(path, json=command(version=1)).json()["code"] == "korero_first"
        person = stack.people[ASKING]
        own = ok(stack.client("river-member-4").get(f"/v1/bodies/{river}"))
        [told] = [each for each in own["introductions"] if each["person"] == person]
        assert told["words"] == "Kōrero of an introduction"
        for who in (ASKING, "hill-secretary", "operator"):
            assert stack.client(who).get(f"/v1/bodies/{river}").status_code == 404
        # The body meets her; she does not say so herself.
        met = command(person=person, held_on="2026-01-15")
        assert asking.post(f"/v1/bodies/{river}/korero", json=met).status_code == 404
        ok(stack.client("river-member-4").post(f"/v1/bodies/{river}/korero", json=met))
        assert also.preview(stack, ASKING, content)["ready"]
        ok(asking.post(path, json=command(version=1)))


def test_who_decides_face_to_face_decides_at_a_hui(stack: Stack) -> None:
    with also.deciding(stack, "river", in_person=True):
        request = steps.submit_request(stack, items=[GENOME])
        for who in MEMBERS:
            speak(stack, request, who)
        approve = {"body": stack.bodies["river"], "outcome": "approve"}
        refused(stack, "river-secretary", request, "conclusions", "in_person", **approve)
        for method in ("phone", "paper"):
            by = hui(stack) | {"method": method}
            refused(stack, "river-secretary", request, "hui", "in_person", **by)
        ok(also.at(stack, "river-secretary", request, "hui", **hui(stack)))


def test_a_subcommittee_looks_first_and_decides_nothing(stack: Stack) -> None:
    first = {"members": [stack.people["ethics-member-1"]], "rule": "consensus"}
    ethics = {"body": stack.bodies["ethics"]}
    with also.deciding(stack, "ethics", first=first):
        request = steps.submit_request(stack, items=[GENOME])
        refused(stack, "ethics-member-2", request, "voices", "subcommittee_first", **ethics,
                voice="approve")  # fmt: skip
        speak(stack, request, "ethics-member-1", "ethics")
        done = ok(also.at(stack, "ethics-secretary", request, "conclusions", **ethics,
                          outcome="approve"))  # fmt: skip
        assert done["events"] == ["Advised"]
        outcomes = {e["body"]: e["outcome"] for e in steps.read_request(stack, request)["bodies"]}
        assert outcomes[stack.bodies["ethics"]] is None
        # Its advice is within the body.
        for who in ("researcher", "river-member-1"):
            seen = steps.read_request(stack, request, who)
            assert "Advised" not in {each["event"] for each in seen["history"]}
        # What was said within it was advice: the body speaks afresh.
        refused(stack, "ethics-secretary", request, "conclusions", "not_yet", **ethics,
                outcome="approve")  # fmt: skip
        steps.approve(stack, request, "ethics")


def test_a_body_gives_itself_days_and_asks_to_meet(stack: Stack) -> None:
    river = {"body": stack.bodies["river"]}
    with also.deciding(stack, "river", delay_days=2):
        request = steps.submit_request(stack, items=[GENOME])
        refused(stack, "river-secretary", request, "hui", "too_soon", **hui(stack))
    request = steps.submit_request(stack, items=[GENOME])
    ok(also.at(stack, "river-member-1", request, "meetings", **river, meeting="wananga"))
    refused(stack, "river-secretary", request, "hui", "meeting_first", **hui(stack))
    refused(stack, "river-member-1", request, "meetings", "already_done", **river,
            meeting="wananga")  # fmt: skip
    [wait] = [each for each in steps.read_request(stack, request)["waiting"]
              if each["for"] == stack.bodies["river"]]  # fmt: skip
    assert "meeting" in wait["stands"]
    ok(also.at(stack, "river-member-1", request, "meetings/held", **river, held_on="2026-01-15"))
    ok(also.at(stack, "river-secretary", request, "hui", **hui(stack)))


@pytest.mark.parametrize("days_ago", [0, 2])
def test_in_a_pause_a_body_decides_nothing_and_no_clock_runs_against_it(
    stack: Stack, days_ago: int
) -> None:
    river = stack.bodies["river"]
    request = steps.submit_request(stack, items=[GENOME])
    path, member = f"/v1/bodies/{river}/pauses", stack.client("river-member-1")
    first = also.now(stack).date() - timedelta(days_ago)
    pause = command(kind="mourning", first=first.isoformat())
    ok(member.post(path, json=pause))
    try:
        refused(stack, "river-secretary", request, "hui", "paused", **hui(stack))
        [wait] = [each for each in steps.read_request(stack, request)["waiting"]
                  if each["for"] == river]  # fmt: skip
        assert "pause" in wait["stands"]
        # Why it pauses is its own: neither the kind nor a name is told.
        assert "mourning" not in str(steps.read_request(stack, request))
    finally:
        ok(member.post(f"{path}/ended", json=command(pause=pause["command_id"])))
    again = member.post(f"{path}/ended", json=command(pause=pause["command_id"]))
    assert again.status_code == 409
    ok(also.at(stack, "river-secretary", request, "hui", **hui(stack)))


@pytest.mark.parametrize(("first", "last"), [("2199-01-01", "2199-01-02"), ("2199-01-01", None)])
def test_a_pause_that_is_ended_before_it_begins_was_none(
    stack: Stack, first: str, last: str | None
) -> None:
    request = steps.submit_request(stack, items=[GENOME])
    path = f"/v1/bodies/{stack.bodies['river']}/pauses"
    secretary = stack.client("river-secretary")
    pause = command(kind="seasonal", first=first, last=last)
    ok(secretary.post(path, json=pause))
    assert {each["stands"] for each in steps.read_request(stack, request)["waiting"]} == {None}
    ok(secretary.post(f"{path}/ended", json=command(pause=pause["command_id"])))
    waiting = steps.read_request(stack, request)["waiting"]
    assert all(each["told_next_on"] for each in waiting)


def test_a_body_may_be_closed_for_longer_than_anybody_plans(stack: Stack) -> None:
    request = steps.submit_request(stack, items=[GENOME])
    path = f"/v1/bodies/{stack.bodies['river']}/calendar"
    secretary = stack.client("river-secretary")
    every_day = {"first": "2026-01-01", "last": "2026-12-31", "yearly": True}
    for closure in (every_day, {"first": "2026-01-01", "last": "2190-01-01"}):
        ok(secretary.post(path, json=command(closures=[closure])))
        waiting = steps.read_request(stack, request)["waiting"]
        told = {each["for"]: each["told_next_on"] for each in waiting}
        assert told[stack.bodies["river"]] is None
        assert told[stack.bodies["ethics"]]
    ok(secretary.post(path, json=command(closures=[])))


def test_whoever_speaks_for_a_member_speaks_and_does_nothing_else(stack: Stack) -> None:
    river, delegate = stack.bodies["river"], "island-b-member-1"
    request = steps.submit_request(stack, items=[GENOME])
    assert stack.client(delegate).get(f"/v1/requests/{request}").status_code == 404
    path = f"/v1/bodies/{river}/delegations"
    until = (also.now(stack) + timedelta(days=1)).isoformat()
    given = command(person=stack.people["river-member-3"], to=stack.people[delegate], until=until)
    # One gives one's own voice, or the secretary writes it down; nobody gives another's.
    assert stack.client("river-member-1").post(path, json=given).status_code == 403
    given = command(**{k: given[k] for k in ("person", "to", "until")})
    ok(stack.client("river-member-3").post(path, json=given))
    for who in ("river-member-1", "river-member-2", delegate):
        speak(stack, request, who)
    for what, fields in (("questions", {"question": "x"}), ("conclusions", {"outcome": "approve"}),
                         ("conditions", {"kind": "no_linkage"})):  # fmt: skip
        refused(stack, delegate, request, what, "not_a_member", body=river, **fields)
    client = stack.client(delegate)
    for what, sent in (
        ("pauses", command(kind="seasonal", first="2026-01-15")),
        ("korero", command(person=stack.people[delegate], held_on="2026-01-15")),
        ("delegations", given | command()),
        ("members", command(member={"person": stack.people[delegate], "roles": ["secretary"]})),
    ):
        assert client.post(f"/v1/bodies/{river}/{what}", json=sent).status_code == 403, what
    # With the voice of the one who is away, all three were heard.
    ok(also.at(stack, "river-member-1", request, "conclusions", body=river, outcome="approve"))
    ended = command(delegation=given["command_id"])
    ok(stack.client("river-member-3").post(f"{path}/ended", json=ended))
    assert client.get(f"/v1/requests/{request}").status_code == 404


def test_a_voice_that_was_given_until_a_moment_is_back_after_it(stack: Stack) -> None:
    river, delegate = stack.bodies["river"], "island-b-member-1"
    path = f"/v1/bodies/{river}/delegations"
    given = command(person=stack.people["river-member-4"], to=stack.people[delegate],
                    until=also.instant(stack, seconds=4))  # fmt: skip
    ok(stack.client("river-member-4").post(path, json=given))
    assert stack.client(delegate).get(f"/v1/bodies/{river}").is_success
    steps.until(
        lambda: stack.client(delegate).get(f"/v1/bodies/{river}").status_code == 404,
        "the end of the delegation",
    )

"""What is another's is in no list, total, error or number of statements: another body's request,
what it says within itself, a restriction that it hides, whether an address is known."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import stack as steps
import web_steps as also
from stack import GENOME, SURVEY, Json, Stack, command, ok
from web_counting import Portal, counting
from web_scene import Scene
from web_steps import Later


@pytest.fixture(scope="module")
def portal(stack: Stack) -> Iterator[Portal]:
    with counting(stack) as made:
        yield made


@pytest.fixture(scope="module")
def scene(stack: Stack, later: Later) -> Iterator[Scene]:
    made = Scene(stack, later)
    yield made
    made.put_back()


def reads(scene: Scene) -> list[tuple[str, str]]:
    """Who reads what, of all that a hidden restriction of the river body could show in."""
    request, draft = scene.deciding, scene.draft
    return [
        *((who, path) for who in ("", "outsider", "hill-kaumatua-1", "ethics-member-1")
          for path in ("/v1/restrictions", "/v1/claims", "/v1/searches", "/v1/proposals",
                       "/v1/bodies", "/v1/reports", "/v1/collections", "/v1/names")),
        ("outsider", "/v1/grants"),
        ("outsider", "/v1/items?words=clinic"),
        ("outsider", f"/v1/items/{SURVEY}/history"),
        ("outsider", "/v1/requests"),
        ("researcher", "/v1/requests"),
        ("researcher", f"/v1/requests/{request}"),
        ("ethics-member-1", f"/v1/requests/{request}"),
        ("ethics-member-1", "/v1/requests"),
        ("researcher", f"/v1/drafts/{draft}/preview"),
    ]  # fmt: skip


def test_a_hidden_restriction_shows_in_nothing_that_others_read(
    stack: Stack, scene: Scene, portal: Portal
) -> None:
    def all_read() -> dict[tuple[str, str], tuple[int, Any]]:
        found = {}
        for who, path in reads(scene):
            count, answer = portal.answered(who, "GET", path)
            assert answer.status_code in (200, 401), (path, answer.text)
            found[who, path] = (count, answer.json())
        return found

    before = all_read()
    # Over the use that nobody asks for: nothing that is asked is touched by it.
    hidden = steps.place(stack, acts=["use.offshore"], hidden=True)
    assert all_read() == before
    for who in ("", "outsider", "researcher", "hill-kaumatua-1", "operator"):
        there = portal.answered(who, "GET", f"/v1/restrictions/{hidden}")
        nothing = portal.answered(who, "GET", f"/v1/restrictions/restriction-{uuid.uuid4()}")
        assert there[0] == nothing[0]
        assert (there[1].status_code, there[1].json()) == (404, nothing[1].json())
    steps.lift(stack, hidden)
    assert all_read() == before


def test_a_hidden_restriction_is_answered_at_the_gateway_like_any_no(
    stack: Stack, portal: Portal
) -> None:
    """By words, code and count: as where no rule allows the use."""
    steps.granted(stack, purpose="example-not-told")

    def asked(**parts: Any) -> tuple[int, Json]:
        question = steps.question(stack, purpose="example-not-told", **parts)
        count, answer = portal.answered("gateway", "POST", "/access/v1/evaluation", json=question)
        told: Json = ok(answer)
        told["context"].pop("record")
        return count, told

    allowed = asked()
    assert allowed[1]["decision"] is True
    hidden = steps.place(stack, hidden=True)
    refused = asked()
    assert refused[1]["decision"] is False
    assert refused[1]["context"]["code"] == "not_permitted_now"
    assert refused[1]["context"]["reasons"] == []
    # A yes takes no fewer statements than this no.
    assert refused[0] == allowed[0]
    assert hidden not in str(refused[1])
    steps.lift(stack, hidden)
    assert asked()[0] == allowed[0]


def test_a_clock_under_a_hidden_restriction_reads_as_a_pause(stack: Stack) -> None:
    request = steps.submit_request(stack, items=[SURVEY], purpose="example-paused")

    def waits() -> dict[str, Json]:
        seen = steps.read_request(stack, request)["waiting"]
        return {each["for"]: each for each in seen}

    river = stack.bodies["river"]
    assert waits()[river]["stands"] is None
    hidden = steps.place(stack, hidden=True)
    told = waits()[river]
    assert told["stands"] is not None
    assert "pause" in told["stands"]
    assert "restriction" not in str(told)
    # Word for word what is told while the body keeps a real pause.
    steps.lift(stack, hidden)
    secretary, at = stack.client("river-secretary"), f"/v1/bodies/{river}/pauses"
    pause = command(kind="seasonal", first=also.now(stack).date().isoformat())
    ok(secretary.post(at, json=pause))
    paused = waits()[river]
    ok(secretary.post(f"{at}/ended", json=command(pause=pause["command_id"])))
    assert {**paused, "since": ""} == {**told, "since": ""}
    shown = steps.place(stack)
    assert "restriction" in waits()[river]["stands"]
    steps.lift(stack, shown)


def test_anothers_request_is_no_request(stack: Stack, portal: Portal) -> None:
    """To read, and in whatever is tried with it: the same words, and as many statements."""
    before = portal.answered("hill-secretary", "GET", "/v1/requests")
    theirs = steps.submit_request(stack, items=[GENOME])
    steps.hui(stack, theirs, "river")
    assert portal.answered("hill-secretary", "GET", "/v1/requests")[0] == before[0]
    assert theirs not in portal.answered("hill-secretary", "GET", "/v1/requests")[1].text
    nobodys = f"request-{uuid.uuid4()}"
    hill, river = stack.bodies["hill"], stack.bodies["river"]
    voices = {stack.people["hill-kaumatua-1"]: "approve"}
    tries: list[tuple[str, str, Json]] = [
        ("GET", "", {}),
        ("GET", f"/letters/{river}", {}),
        ("POST", "/questions", {"body": hill, "question": "x"}),
        ("POST", "/voices", {"body": hill, "voice": "approve"}),
        ("POST", "/forwarding", {"body": hill}),
        ("POST", "/returns", {"body": hill, "missing": "x"}),
        ("POST", "/read-backs", {"body": hill, "entry": "x"}),
        ("POST", "/hui", {"body": hill, "held_on": "2026-01-15", "voices": voices,
                          "outcome": "approve", "minutes": "x", "seen": 10_000}),
        ("POST", "/dispute-answers", {"body": hill, "dispute": "x", "stands": True,
                                      "answer": "x"}),
        ("POST", "/withdrawal", {}),
        ("POST", "/acceptance", {"conditions": []}),
        ("POST", "/review", {"finding": "x"}),
    ]  # fmt: skip
    for who in ("hill-secretary", "outsider", "operator", "reviewer"):
        for method, path, fields in tries:
            sent: Json = {} if method == "GET" else {"json": command(**fields)}
            one = portal.answered(who, method, f"/v1/requests/{theirs}{path}", **sent)
            none = portal.answered(who, method, f"/v1/requests/{nobodys}{path}", **sent)
            assert one[0] == none[0], (who, path)
            assert (one[1].status_code, one[1].json()) == (404, none[1].json()), (who, path)


def test_what_is_said_within_a_body_moves_no_list(stack: Stack) -> None:
    """Neither the researcher's nor another body's, not even by the time that it shows."""
    request = steps.submit_request(stack, items=[GENOME])

    def listed(who: str) -> Json:
        found = ok(stack.client(who).get("/v1/requests"))
        return next(each for each in found if each["id"] == request)

    others = ("researcher", "research-assistant", "ethics-member-1")
    before = {who: listed(who) for who in others}
    seen = {who: steps.read_request(stack, request, who) for who in others}
    steps.speak(stack, request, "river", voices=2)
    aside = stack.client("river-member-3")
    sent = command(body=stack.bodies["river"], seen=1)
    ok(aside.post(f"/v1/requests/{request}/stand-aside", json=sent))
    assert {who: listed(who) for who in others} == before
    after = {who: steps.read_request(stack, request, who) for who in others}
    for who in others:
        assert {**seen[who], "sequence": 0} == {**after[who], "sequence": 0}


def test_how_another_body_decided_shows_in_no_wait(stack: Stack) -> None:
    """Another that waits no more, or whose turn has come, would tell that somebody said yes."""
    request = steps.submit_request(stack, items=[SURVEY])
    ethics, river = stack.bodies["ethics"], stack.bodies["river"]

    def seen() -> Json:
        found = steps.read_request(stack, request, "ethics-member-1")
        return {each: found[each] for each in ("waiting", "bodies", "conditions", "history")}

    before = seen()
    assert [each["for"] for each in before["waiting"]] == [ethics]
    ok(also.at(stack, "river-secretary", request, "meetings", body=river, meeting="wananga",
               words="Kōrero of a meeting"))  # fmt: skip
    assert seen() == before
    ok(also.at(stack, "river-secretary", request, "meetings/held", body=river,
               held_on="2026-01-15"))  # fmt: skip
    steps.hui(stack, request, "river")
    assert seen() == before
    # Whoever asks is told, in the body's own words.
    told = steps.read_request(stack, request)
    said = [text for event in told["history"] for text in event["texts"].values()]
    assert "Kōrero of a meeting" in said
    assert {each["body"]: each["outcome"] for each in told["bodies"]} == {
        river: "approve", ethics: None,
    }  # fmt: skip


def test_a_bodys_export_tells_nothing_of_what_happened_within_another(
    stack: Stack, later: Later, scene: Scene
) -> None:
    """Neither that somebody disputes its record, nor that it was told how long it is waited for."""
    request, _ = scene.disputed

    def events(body: str) -> list[tuple[str, str, Json]]:
        path = f"/v1/bodies/{stack.bodies[body]}/ledger"
        lines = stack.client(f"{body}-secretary").get(path).text.splitlines()
        entries = [json.loads(line)["entry"] for line in lines if '"entry"' in line]
        return [(each["stream"], event["type"], event["data"])
                for each in entries for event in each["events"]]  # fmt: skip

    own, others = events("river"), events("ethics")
    kinds = {each[1] for each in own if each[0] == request}
    assert {"Disputed", "HuiRecorded", "Submitted"} <= kinds
    assert {each[1] for each in others if each[0] == request} == {"Submitted"}
    # Both were waited for, and told: neither export says so of the other.
    assert later.late in {each[0] for each in own} & {each[0] for each in others}
    for mine, exported in (("river", own), ("ethics", others)):
        told = {body for _, kind, data in exported if kind == "Reminded"
                for body in data["bodies"] if body.startswith("body-")}  # fmt: skip
        assert told <= {stack.bodies[mine]}


def test_whether_an_address_is_known_shows_in_nothing(stack: Stack, portal: Portal) -> None:
    known = f"known-{uuid.uuid4().hex}@example.org"
    river = stack.bodies["river"]
    path = f"/v1/bodies/{river}/people"
    new = command(name="Example known person", email=known)
    ok(stack.client("river-secretary").post(path, json=new))

    def link(address: str) -> tuple[int, int, str]:
        count, answer = portal.answered("", "POST", "/sign-in/email", data={"email": address})
        return count, answer.status_code, answer.headers["location"]

    def written_down(address: Any) -> tuple[int, int]:
        count, answer = portal.answered(
            "river-secretary", "POST", path,
            make=lambda: {"json": command(name="Somebody", email=address())},
        )  # fmt: skip
        return count, answer.status_code

    assert link(known) == link(f"{uuid.uuid4().hex}@example.org")
    theirs = written_down(lambda: known)
    assert theirs == written_down(lambda: f"{uuid.uuid4().hex}@example.org")
    assert theirs[1] == 201


def test_a_body_that_nobody_knows_learns_no_names_by_addresses(stack: Stack) -> None:
    """Anybody can enter a body; by an address they would learn the name of whoever has it."""
    own = also.enter(stack, "outsider")
    path = f"/v1/bodies/{own}/people"
    sent = command(name="Whoever", email="somebody@example.org")
    answer = stack.client("outsider").post(path, json=sent)
    assert (answer.status_code, answer.json()["code"]) == (403, "not_welcome_yet")
    ok(stack.client("outsider").post(path, json=command(name="Example new person")))


def test_who_is_proposed_is_read_by_those_who_decide(stack: Stack) -> None:
    person = stack.people["research-assistant"]
    proposal = also.propose(stack, "river", kind="reviewer", subject=person)

    def subject(client: Any) -> str | None:
        found = ok(client.get("/v1/proposals"))
        return next(each["change"]["subject"] for each in found if each["id"] == proposal)

    for who in ("outsider", "researcher"):
        assert subject(stack.client(who)) is None
    assert subject(stack.anonymous) is None
    for who in ("river-member-1", "hill-secretary", "agency-officer"):
        assert subject(stack.client(who)) == person
    also.say(stack, proposal, "hill", "decline", minutes="Kōrero of a proposal")
    assert "Kōrero of a proposal" not in stack.client("river-secretary").get("/v1/proposals").text

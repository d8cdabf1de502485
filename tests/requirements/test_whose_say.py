"""More of `docs/coverage.md`, one test a requirement: whose say it is, and how it is had."""

from __future__ import annotations

import pytest
from stack import (
    GENOME,
    INCOME,
    Stack,
    accept,
    adopt,
    approve,
    ask,
    command,
    draft_content,
    ok,
    question,
    read_request,
    submit_request,
)

RIVER = "example-river-people"


def preview(stack: Stack, person: str = "researcher", **content: object) -> dict:
    """What a draft of these parts would come to."""
    fields = {key: content.pop(key) for key in list(content) if key in _PLAIN}
    draft = {**draft_content(stack, **content), **fields}
    saved = ok(stack.client(person).post("/v1/drafts", json=draft))
    return {"id": saved["id"], **ok(stack.client(person).get(f"/v1/drafts/{saved['id']}/preview"))}


_PLAIN = {"area", "use_kind", "named", "words_said", "for_body"}


def codes(seen: dict) -> set[str]:
    return {each["code"] for each in seen["refused"]}


def proposed(stack: Stack, **change: object) -> str:
    sent = command(body=stack.bodies["river"], why="Invented.", **change)
    ok(stack.client("river-secretary").post("/v1/proposals", json=sent))
    return sent["command_id"]


def word(stack: Stack, body: str, proposal: str, outcome: str = "approve") -> None:
    speakers = {"hill": ("kaumatua-1", "kaumatua-2")}.get(
        body, tuple(f"member-{n}" for n in (1, 2, 3))
    )
    voices = {stack.people[f"{body}-{who}"]: outcome for who in speakers}
    if body == "island-a":
        voices[stack.people["island-a-member-4"]] = outcome
    sent = command(
        body=stack.bodies[body], outcome=outcome, voices=voices, held_on="2026-01-15",
        minutes="Invented.",
    )  # fmt: skip
    ok(stack.client(f"{body}-secretary").post(f"/v1/proposals/{proposal}/words", json=sent))


@pytest.mark.requirement(2)
@pytest.mark.requirement(10)
def test_r2_r10_the_bodies_name_who_watches_over_the_processes(stack: Stack) -> None:
    """Reviewer, operator, desk: none of them changes but by every body's recorded word."""
    reviewer = stack.people["outsider"]
    sent = command(body=stack.bodies["river"], kind="reviewer", subject=reviewer, why="Invented.")
    by_operator = stack.client("operator").post(
        "/v1/proposals", json={**sent, "body": "body-deployment"}
    )
    assert by_operator.status_code in (403, 404)
    proposal = proposed(stack, kind="reviewer", subject=reviewer)
    for body in ("river", "hill", "island-a", "island-b"):
        word(stack, body, proposal)
    found = {each["id"]: each for each in ok(stack.anonymous.get("/v1/proposals"))}
    assert found[proposal]["agreed"] is None
    assert found[proposal]["waiting_for"] == [stack.bodies["ethics"]]
    word(stack, "ethics", proposal)
    found = {each["id"]: each for each in ok(stack.anonymous.get("/v1/proposals"))}
    assert found[proposal]["agreed"] is True


@pytest.mark.requirement(14)
@pytest.mark.requirement(27)
def test_r14_r27_where_korero_comes_first_nothing_is_sent_before_it(stack: Stack) -> None:
    hill = stack.bodies["hill"]
    secretary = stack.client("hill-secretary")
    kawa = ok(secretary.get(f"/v1/bodies/{hill}"))["kawa"]
    first = {**kawa, "korero_first": True}
    ok(secretary.post(f"/v1/bodies/{hill}/kawa", json=command(kawa=first)))
    try:
        hill_people = ["example-hill-people"]
        seen = preview(stack, purpose="r14", peoples=hill_people)
        assert "korero_first" in codes(seen)
        sent = command(version=1)
        answer = stack.client("researcher").post(f"/v1/drafts/{seen['id']}/submit", json=sent)
        assert answer.status_code == 409
        introduction = command(introduction="Invented: I would like to meet you.")
        ok(stack.client("researcher").post(f"/v1/bodies/{hill}/introductions", json=introduction))
        assert "korero_first" in codes(preview(stack, purpose="r14", peoples=hill_people))
        met = command(person=stack.people["researcher"], held_on="2026-02-01")
        ok(secretary.post(f"/v1/bodies/{hill}/korero", json=met))
        assert preview(stack, purpose="r14", peoples=hill_people)["ready"]
    finally:
        ok(secretary.post(f"/v1/bodies/{hill}/kawa", json=command(kawa=kawa)))


@pytest.mark.requirement(16)
def test_r16_a_purpose_that_could_be_anything_is_refused_with_help(stack: Stack) -> None:
    seen = preview(stack, purpose="r16", words="Whatever future research may need.")
    broad = [each for each in seen["refused"] if each["code"] == "too_broad"]
    assert broad
    assert all(each["help"] and each["rule"] for each in broad)


@pytest.mark.requirement(19)
def test_r19_no_use_for_immigration_policing_or_debt(stack: Stack) -> None:
    river = stack.bodies["river"]
    secretary = stack.client("river-secretary")
    for area in ("immigration", "policing", "debt"):
        assert preview(stack, purpose="r19", area=area, peoples=[RIVER])["ready"]
    adopt(stack, "river-secretary", river, "draft")
    try:
        for area in ("immigration", "policing", "debt"):
            seen = preview(stack, purpose="r19", area=area, peoples=[RIVER])
            assert any(str(each["rule"]).startswith("DRAFT-NO-") for each in seen["refused"])
        assert preview(stack, purpose="r19", area="health", peoples=[RIVER])["ready"]
    finally:
        ok(secretary.post(f"/v1/bodies/{river}/pack-withdrawals", json=command(pack="draft")))


@pytest.mark.requirement(23)
def test_r23_primary_and_secondary_use_are_asked_apart(stack: Stack) -> None:
    seen = preview(stack, purpose="r23", use_kind="")
    assert "use_kind" in seen["missing"]
    request = submit_request(stack, purpose="r23")
    assert read_request(stack, request)["use_kind"] == "secondary"


@pytest.mark.requirement(43)
@pytest.mark.requirement(30)
def test_r30_r43_what_somebody_is_said_to_have_said_can_be_disputed(stack: Stack) -> None:
    """What was said aloud is written down and read back; its code suspends what rests on it."""
    request = submit_request(stack, purpose="r43", items=[GENOME])
    seen = read_request(stack, request, "river-secretary")
    voices = {stack.people[f"river-member-{n}"]: "approve" for n in (1, 2, 3)}
    hui = command(
        seen=seen["sequence"], body=stack.bodies["river"], held_on="2026-01-05", method="phone",
        voices=voices, outcome="approve", minutes="Invented.",
    )  # fmt: skip
    entry = ok(stack.client("river-secretary").post(f"/v1/requests/{request}/hui", json=hui))
    approve(stack, request, "ethics")
    accept(stack, request)
    asked = question(stack, purpose="r43", item=GENOME)
    assert ask(stack, asked)["decision"]
    printed = ok(
        stack.client("river-secretary").post(
            f"/v1/requests/{request}/read-backs",
            json=command(body=stack.bodies["river"], entry=entry["entry"]),
        )
    )
    mine = next(each for each in printed if each["person"] == stack.people["river-member-1"])
    assert mine["code"] in mine["text"].replace(" ", "")
    disputed = command(code=mine["code"], words="Invented: I did not say that.")
    ok(stack.anonymous.post("/v1/disputes", json=disputed))
    no = ask(stack, asked)
    assert (no["decision"], no["context"]["code"]) == (False, "disputed")
    answered = command(
        body=stack.bodies["river"], dispute=disputed["command_id"], stands=True,
        answer="Invented: we have asked again, and it stands.",
    )  # fmt: skip
    ok(
        stack.client("river-member-2").post(
            f"/v1/requests/{request}/dispute-answers", json=answered
        )
    )
    assert ask(stack, asked)["decision"]


@pytest.mark.requirement(44)
@pytest.mark.requirement(45)
@pytest.mark.requirement(48)
def test_r44_r45_r48_a_story_takes_its_own_path(stack: Stack) -> None:
    """Asked for alone, not listed among data, and its teller's wishes travel with its use."""
    river = stack.bodies["river"]
    secretary = stack.client("river-secretary")
    before = ok(secretary.get(f"/v1/items/{INCOME}/history"))[0]["classification"]
    story = {"items": [INCOME], "classes": ["korero"], "peoples": [RIVER]}
    ok(secretary.post("/v1/confirmations", json=command(body=river, **story)))
    try:
        listed = ok(stack.client("researcher").get("/v1/items", params={"words": "income band"}))
        assert INCOME not in {each["id"] for each in listed}
        wished = command(
            body=river, wishes="Invented: tell it whole.", context="Invented: told once."
        )
        ok(secretary.post(f"/v1/items/{INCOME}/wishes", json=wished))
        both = preview(stack, purpose="r44", items=[INCOME, GENOME])
        assert "one_at_a_time" in codes(both)
    finally:
        again = command(
            body=river, items=[INCOME], classes=before["classes"], peoples=before["peoples"],
            places=before["places"],
        )  # fmt: skip
        ok(secretary.post("/v1/confirmations", json=again))


@pytest.mark.requirement(67)
def test_r67_what_was_written_once_is_not_written_again(stack: Stack) -> None:
    first = preview(stack, purpose="r67", words="Whatever future research may need.")
    revised = ok(stack.client("researcher").post(f"/v1/drafts/{first['id']}/revision"))
    assert revised["revises"] == first["id"]
    shown = ok(stack.client("researcher").get(f"/v1/drafts/{revised['id']}"))
    assert shown["purpose"] == "r67"
    told = ok(stack.client("researcher").get(f"/v1/drafts/{revised['id']}/changes"))
    assert told["changes"] == []


@pytest.mark.requirement(61)
def test_r61_an_iwi_asks_for_its_own_peoples_data_by_a_light_path(stack: Stack) -> None:
    """Without a holder it is refused; with one, `accord story` plays it to its end."""
    seen = preview(
        stack, "river-member-4", purpose="r61", for_body=stack.bodies["river"], peoples=[RIVER],
        items=["example_register.gardens.kept_by"], people=["river-member-4"],
    )  # fmt: skip
    assert codes(seen) == {"no_holder"}

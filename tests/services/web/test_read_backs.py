"""A record is read back to whoever is named in it, on paper, with a code to dispute it by. What
rests on a disputed record waits until its body has answered."""

import re
import sqlite3

import pytest
import stack as steps
import web_steps as also
from stack import GENOME, Json, Stack, ask, command, ok, question
from web_scene import Scene
from web_steps import Later

TITLE = "Ngā tātai o te rākau ʻohana"


@pytest.fixture
def scene(stack: Stack, later: Later) -> Scene:
    return Scene(stack, later)


def submitted(stack: Stack, purpose: str) -> str:
    content = steps.draft_content(stack, items=[GENOME], purpose=purpose)
    content["words"]["title"] = TITLE
    return also.submit(stack, "researcher", content)


def recorded(stack: Stack, purpose: str = "example-read-back") -> tuple[str, str]:
    """A request, and the entry of the river body's record in it."""
    request = submitted(stack, purpose)
    return request, str(steps.hui(stack, request, "river")["entry"])


def dispute(stack: Stack, code: str, words: str = "It was otherwise.") -> str:
    """By the code, without signing in; returns the dispute's id."""
    sent = command(code=code, words=words)
    entry = ok(stack.anonymous.post("/v1/disputes", json=sent))
    assert entry["events"] == ["Disputed"]
    return str(sent["command_id"])


def answer(stack: Stack, request: str, named: str, *, stands: bool) -> Json:
    """By somebody who neither wrote the record nor is named in it."""
    sent = {"dispute": named, "stands": stands, "answer": "Kōrero of an answer"}
    body = stack.bodies["river"]
    found: Json = ok(also.at(stack, "river-member-4", request, "dispute-answers", body=body,
                             **sent))  # fmt: skip
    return found


def test_everybody_named_gets_a_page_and_a_code_of_their_own(stack: Stack, scene: Scene) -> None:
    request, entry = recorded(stack)
    pages = scene.read_back(request, entry)
    assert {each["person"] for each in pages} == set(also.speakers(stack, "river"))
    codes = {each["code"] for each in pages}
    assert len(codes) == len(pages) == 3
    for page in pages:
        assert re.fullmatch("[BCDFGHJKLMNPQRSTVWXZ]{16}", page["code"])
        text = page["text"]
        spaced = " ".join(re.findall("....", page["code"]))
        for part in (page["name"], "Example river rōpū", TITLE, "you said yes", spaced, entry,
                     "The body said yes."):  # fmt: skip
            assert part in text
        assert "at a hui on " in text
    with sqlite3.connect(f"file:{stack.home / 'accord.db'}?mode=ro", uri=True) as connection:
        kept = str(connection.execute("SELECT * FROM read_backs").fetchall())
    assert not any(code in kept for code in codes)


def test_a_code_suspends_what_rests_on_the_record_and_the_answer_restores_it(
    stack: Stack, scene: Scene
) -> None:
    purpose = "example-read-back-stands"
    request, entry = recorded(stack, purpose)
    steps.hui(stack, request, "ethics")
    steps.accept(stack, request)
    assert ask(stack, question(stack, GENOME, purpose))["decision"]
    # Typed from paper, as people type.
    code = scene.read_back(request, entry)[0]["code"]
    typed = f" {code[:4].lower()}-{code[4:8]} {code[8:].lower()}. "
    named = dispute(stack, typed, "Kōrero of a dispute")
    told = ask(stack, question(stack, GENOME, purpose))
    assert (told["decision"], told["context"]["code"]) == (False, "disputed")
    assert steps.read_request(stack, request)["disputes"][0]["open"]
    answer(stack, request, named, stands=True)
    assert ask(stack, question(stack, GENOME, purpose))["decision"]
    assert not steps.read_request(stack, request)["disputes"][0]["open"]


def test_what_does_not_stand_ends_what_rested_on_it(stack: Stack, scene: Scene) -> None:
    purpose = "example-read-back-falls"
    request, entry = recorded(stack, purpose)
    steps.hui(stack, request, "ethics")
    grant = steps.accept(stack, request)
    named = dispute(stack, scene.read_back(request, entry)[1]["code"])
    answer(stack, request, named, stands=False)
    steps.until(
        lambda: ok(stack.client("researcher").get(f"/v1/grants/{grant}"))["status"] == "ended",
        "the end of the grant",
    )
    told = ask(stack, question(stack, GENOME, purpose))
    # Grants for other purposes may be in force; this one is not.
    assert told["decision"] is False
    assert told["context"]["code"] in ("no_grant", "other_purpose")


def test_nothing_is_accepted_on_a_disputed_record_and_the_body_decides_afresh(
    stack: Stack, scene: Scene
) -> None:
    request, entry = recorded(stack, "example-read-back-early")
    steps.hui(stack, request, "ethics")
    named = dispute(stack, scene.read_back(request, entry)[2]["code"])
    accepting = also.at(stack, "researcher", request, "acceptance", conditions=[])
    assert (accepting.status_code, accepting.json()["code"]) == (409, "not_yet")
    answer(stack, request, named, stands=False)
    river = stack.bodies["river"]
    seen = steps.read_request(stack, request)
    assert {each["body"]: each["outcome"] for each in seen["bodies"]}[river] is None
    assert river in {each["for"] for each in seen["waiting"]}
    accepting = also.at(stack, "researcher", request, "acceptance", conditions=[])
    assert accepting.status_code == 409
    steps.hui(stack, request, "river")
    steps.accept(stack, request)


def test_printing_again_makes_new_codes_and_the_old_ones_open_nothing(
    stack: Stack, scene: Scene
) -> None:
    request, entry = recorded(stack)
    before, after = scene.read_back(request, entry), scene.read_back(request, entry)
    assert not {each["code"] for each in before} & {each["code"] for each in after}
    for each in before:
        sent = command(code=each["code"], words="x")
        assert stack.anonymous.post("/v1/disputes", json=sent).status_code == 404
    dispute(stack, after[0]["code"])
    again = stack.anonymous.post("/v1/disputes", json=command(code=after[0]["code"], words="x"))
    assert (again.status_code, again.json()["code"]) == (409, "already_done")
    # What one person disputes, another named in it may dispute too.
    dispute(stack, after[1]["code"])


def test_what_is_disputed_is_read_within_the_body_alone(stack: Stack, scene: Scene) -> None:
    request, entry = recorded(stack)
    person = scene.read_back(request, entry)[0]
    named = dispute(stack, person["code"], "Kōrero of a dispute")
    answer(stack, request, named, stands=True)
    words = {"Kōrero of a dispute", "Kōrero of an answer"}

    def said(who: str) -> set[str]:
        history = steps.read_request(stack, request, who)["history"]
        return words & {text for event in history for text in event["texts"].values()}

    assert said("river-member-4") == words
    for who in ("researcher", "research-assistant", "ethics-member-1"):
        assert said(who) == set()
        assert person["person"] not in str(steps.read_request(stack, request, who))
    assert steps.read_request(stack, request, "ethics-member-1")["disputes"] == []
    # Whoever asks sees that it was disputed, and that it stands.
    kinds = [each["event"] for each in steps.read_request(stack, request)["history"]]
    assert kinds.count("Disputed") == kinds.count("DisputeAnswered") == 1


def test_codes_are_printed_for_whoever_has_just_signed_in_as_secretary(
    stack: Stack, scene: Scene
) -> None:
    request, entry = recorded(stack)
    sent = command(body=stack.bodies["river"], entry=entry)
    path = f"/v1/requests/{request}/read-backs"
    for who, status in (("river-member-1", 403), ("ethics-secretary", 404), ("researcher", 404)):
        assert stack.client(who).post(path, json=sent).status_code == status

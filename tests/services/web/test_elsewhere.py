"""Decisions made in a body's own system, with its letter and until when it holds; and a yes in
principle, which opens nothing and prints as a letter."""

import base64
import hashlib
import time

import pytest
import stack as steps
import web_steps as also
from stack import GENOME, Json, Stack, ask, command, ok, question

PDF = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3 Invented: the committee agrees.\n%%EOF\n"
TITLE = "Ngā rākau ʻo e motu"


def letter(content: bytes = PDF, media_type: str = "application/pdf") -> Json:
    return {"media_type": media_type, "content": base64.b64encode(content).decode()}


def record(
    stack: Stack, request: str, seconds: float | None = None, outcome: str = "approve"
) -> Json:
    """The river body's secretary writes down what it decided in its own system, to hold for so
    many seconds."""
    until = also.instant(stack, seconds=seconds) if seconds else None
    found: Json = ok(
        also.at(stack, "river-secretary", request, "letters", body=stack.bodies["river"],
                outcome=outcome, reference="2026/17", letter=letter(), decided_on="2026-01-15",
                expires_at=until)
    )  # fmt: skip
    return found


def submitted(stack: Stack, purpose: str) -> str:
    content = steps.draft_content(stack, items=[GENOME], purpose=purpose)
    content["words"]["title"] = TITLE
    return also.submit(stack, "researcher", content)


def test_the_letter_is_kept_as_it_came_and_its_hash_in_the_record(stack: Stack) -> None:
    request = submitted(stack, "example-letter")
    entry = record(stack, request)
    assert entry["events"] == ["DecidedElsewhere", "BodyDecided"]
    path = f"/v1/requests/{request}/letters/{stack.bodies['river']}"
    for who in ("researcher", "research-assistant", "river-member-4"):
        answer = stack.client(who).get(path)
        assert answer.content == PDF
        assert answer.headers["content-type"] == "application/pdf"
        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.headers["x-content-type-options"] == "nosniff"
        [told] = [e for e in steps.read_request(stack, request, who)["history"]
                  if e["event"] == "DecidedElsewhere"]  # fmt: skip
        assert told["letter_sha256"] == hashlib.sha256(PDF).hexdigest()
        assert "2026/17" in told["texts"].values()
    assert stack.anonymous.get(path).status_code == 401
    for who in ("ethics-member-1", "hill-secretary", "outsider", "operator"):
        assert stack.client(who).get(path).status_code == 404
    ethics = f"/v1/requests/{request}/letters/{stack.bodies['ethics']}"
    assert stack.client("researcher").get(ethics).status_code == 404
    # To another body the request reads on, and says nothing of it.
    assert "2026/17" not in str(steps.read_request(stack, request, "ethics-member-1"))


def test_a_no_from_elsewhere_is_a_no(stack: Stack) -> None:
    request = submitted(stack, "example-letter-no")
    assert record(stack, request, outcome="decline")["events"][-1] == "Declined"
    assert steps.read_request(stack, request)["status"] == "declined"


def test_whoever_decides_here_has_no_letters(stack: Stack) -> None:
    request = submitted(stack, "example-letter-here")
    answer = also.at(stack, "ethics-secretary", request, "letters",
                     body=stack.bodies["ethics"], outcome="approve", reference="1",
                     letter=letter(), decided_on="2026-01-15")  # fmt: skip
    assert (answer.status_code, answer.json()["code"]) == (409, "not_elsewhere")


def test_what_has_lapsed_before_it_was_accepted_is_not_accepted(stack: Stack) -> None:
    request = submitted(stack, "example-lapsed-early")
    steps.hui(stack, request, "ethics")
    record(stack, request, seconds=3)
    time.sleep(3.2)
    answer = also.at(stack, "researcher", request, "acceptance", conditions=[])
    assert (answer.status_code, answer.json()["code"]) == (409, "lapsed")


def test_a_lapse_suspends_and_a_renewal_restores(stack: Stack) -> None:
    purpose = "example-lapse"
    request = submitted(stack, purpose)
    steps.hui(stack, request, "ethics")
    record(stack, request, seconds=8)
    grant = steps.accept(stack, request)
    asked = question(stack, GENOME, purpose)
    first = ask(stack, asked)
    assert first["decision"], first

    def lapsed() -> bool:
        told = ask(stack, asked)
        return bool(told["context"].get("code") == "lapsed")

    steps.until(lapsed, "the lapse")
    sent = command(body=stack.bodies["river"], reference="2026/18",
                   letter=letter(b"K\xc5\x8drero.", "text/plain"),
                   expires_at=also.instant(stack, days=30))  # fmt: skip
    path = f"/v1/grants/{grant}/renewals"
    for who in ("ethics-secretary", "river-member-1", "researcher", "outsider"):
        assert stack.client(who).post(path, json=sent).status_code in (403, 404)
    # Only a decision that lapses is renewed.
    other = {**sent, **command(body=stack.bodies["ethics"])}
    assert stack.client("ethics-secretary").post(path, json=other).status_code == 409
    ok(stack.client("river-secretary").post(path, json=sent))
    assert ask(stack, asked)["decision"]
    newest = stack.client("researcher").get(
        f"/v1/requests/{request}/letters/{stack.bodies['river']}"
    )
    assert (newest.text, newest.headers["content-type"]) == (
        "Kōrero.", "text/plain; charset=utf-8",
    )  # fmt: skip


@pytest.fixture(scope="module")
def in_principle(stack: Stack) -> str:
    """A request to which the river body says yes, if two other things come to be."""
    request = submitted(stack, "example-in-principle")
    voices = dict.fromkeys(also.speakers(stack, "river"), "approve")
    yes_if = {"outcome": "in_principle", "depends_on": ["funding", stack.bodies["ethics"]]}
    ok(also.at(stack, "river-secretary", request, "hui", body=stack.bodies["river"],
               held_on="2026-01-15", voices=voices, minutes="x", reasons="Kōrero of reasons",
               **yes_if))  # fmt: skip
    return request


def test_a_yes_in_principle_opens_nothing(stack: Stack, in_principle: str) -> None:
    seen = steps.read_request(stack, in_principle)
    river, ethics = stack.bodies["river"], stack.bodies["ethics"]
    [told] = [each for each in seen["bodies"] if each["body"] == river]
    assert (told["outcome"], told["in_principle"]) == (None, [ethics, "funding"])
    assert river in {each["for"] for each in seen["waiting"]}
    answer = also.at(stack, "researcher", in_principle, "acceptance", conditions=[])
    assert (answer.status_code, answer.json()["code"]) == (409, "not_yet")
    assert not ask(stack, question(stack, GENOME, "example-in-principle"))["decision"]
    # To the body that it depends on, it is not told.
    theirs = steps.read_request(stack, in_principle, "ethics-member-1")
    assert {each["in_principle"] for each in theirs["bodies"] if each["body"] == river} == {None}


def test_it_prints_as_a_letter_with_every_name_right(stack: Stack, in_principle: str) -> None:
    path = f"/v1/requests/{in_principle}/letters/{stack.bodies['river']}"
    answer = stack.client("researcher").get(path)
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    for part in (
        "Example river rōpū agrees to this in principle", TITLE, "funding for it",
        "the yes of Example ethics committee", "Kōrero of reasons", "This letter opens nothing.",
        in_principle,
    ):  # fmt: skip
        assert part in answer.text
    assert max(map(len, answer.text.splitlines())) <= 100
    assert stack.client("river-member-4").get(path).text == answer.text
    for who in ("ethics-member-1", "outsider", "reviewer"):
        assert stack.client(who).get(path).status_code == 404


def test_the_letter_goes_once_the_body_has_decided(stack: Stack, in_principle: str) -> None:
    steps.hui(stack, in_principle, "river")
    path = f"/v1/requests/{in_principle}/letters/{stack.bodies['river']}"
    assert stack.client("researcher").get(path).status_code == 404
    steps.hui(stack, in_principle, "ethics")
    steps.accept(stack, in_principle)

"""What is well formed and cannot be meant, in what bodies do: ids of nothing and of others, days
that have passed or have not come, letters that are none."""

import base64
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import web_steps as also
from stack import GENOME, SURVEY, Json, Stack, command, ok
from web_bad import PLANTED
from web_refusals import kept, refusal
from web_scene import Scene
from web_steps import RIVER_PEOPLE, Later

from services.web.letter_shapes import LARGEST

NOBODY = f"person-{uuid.UUID(int=0)}"
NO_BODY = f"body-{uuid.UUID(int=0)}"
NOTHING = "example.not.there"
PAST, FUTURE = "2020-01-01T00:00:00Z", "2199-01-01T00:00:00Z"


@pytest.fixture(scope="module")
def scene(stack: Stack, later: Later) -> Iterator[Scene]:
    """States, each made before the test in which it is needed."""
    made = Scene(stack, later)
    for state in ("deciding", "recorded", "disputed", "returned", "lapsing", "meeting", "story",
                  "proposal", "search", "pause", "claim_of_hill", "draft"):  # fmt: skip
        getattr(made, state)
    yield made
    made.put_back()


@pytest.fixture(autouse=True)
def _nothing_changes(scene: Scene, request: pytest.FixtureRequest) -> Iterator[None]:
    if request.node.get_closest_marker("changes"):
        yield
        return
    before = kept(scene.stack)
    yield
    assert kept(scene.stack) == before


Case = tuple[str, str, Json, int]
"""Who, where (without ``/v1/``), what is sent, and how it is answered."""


def tried(scene: Scene, *cases: Case) -> None:
    """Each is refused as it should be."""
    for who, path, fields, status in cases:
        sent = command(**fields)
        try:
            refusal(scene.stack.client(who).post(f"/v1/{path}", json=sent), status)
        except AssertionError as error:
            raise AssertionError(f"{path} {str(fields)[:200]}: {error}") from error


def test_ids_of_nothing_in_what_a_body_says_of_itself(scene: Scene) -> None:
    at, secretary = f"bodies/{scene.river}", "river-secretary"
    member = scene.stack.people["river-member-1"]
    until = also.instant(scene.stack, days=3)
    mandate = {"capacities": ["people", "place"], "peoples": [RIVER_PEOPLE],
               "places": ["example-river-valley"]}  # fmt: skip
    tried(
        scene,
        (secretary, f"{at}/delegations", {"person": member, "to": NOBODY, "until": until}, 422),
        (secretary, f"{at}/delegations", {"person": NOBODY, "to": member, "until": until}, 403),
        (secretary, f"{at}/delegations", {"person": member, "to": member, "until": until}, 422),
        (secretary, f"{at}/delegations/ended", {"delegation": str(uuid.uuid4())}, 404),
        (secretary, f"{at}/pauses/ended", {"pause": str(uuid.uuid4())}, 404),
        (secretary, f"{at}/reminders", {"days": [10], "then": NOBODY}, 422),
        (secretary, f"{at}/reminders", {"days": [20, 10]}, 422),
        (secretary, f"{at}/reminders", {"days": [10, 40], "then_after": 30}, 422),
        (secretary, f"{at}/korero", {"person": NOBODY, "held_on": "2026-01-15"}, 422),
        (secretary, f"{at}/calendar", {"region": "PLANTED"}, 422),
        (secretary, f"{at}/mandate", {"mandate": {**mandate, "peoples": [RIVER_PEOPLE, "x"]},
                                      "document": "x"}, 422),
        (secretary, f"{at}/mandate", {"mandate": {**mandate, "items": [NOTHING]},
                                      "document": "x"}, 422),
        (secretary, f"{at}/mandate", {"mandate": {**mandate, "challengers": [NO_BODY]},
                                      "document": "x"}, 422),
    )  # fmt: skip
    for kawa in (
        {"rule": "named_assent", "named": [{"person": NOBODY}]},
        {"rule": "whanau", "named": [{"person": member}], "delegate": NOBODY},
        {"rule": "consensus", "present": [NOBODY]},
        {"rule": "consensus", "named": [{"person": member}]},
        {"rule": "majority", "first": {"members": [NOBODY]}},
        {"rule": "majority", "first": {"members": [member], "quorum": 2}},
        {"rule": "majority", "after": [NO_BODY]},
        {"rule": "majority", "after": ["everybody"]},
        {"rule": "majority", "joint_with": [NO_BODY]},
    ):
        tried(scene, (secretary, f"{at}/kawa", {"kawa": kawa}, 422))


def test_ids_of_nothing_in_what_a_body_says_of_a_request(scene: Scene) -> None:
    deciding = f"requests/{scene.deciding}"
    hui = {**scene.hui(body=scene.river, seen=scene.seen(scene.deciding))}
    del hui["command_id"]
    request, entry = scene.recorded
    about = {"body": scene.river, "seen": scene.seen(scene.deciding)}
    yes_if = {**about, "outcome": "in_principle"}
    tried(
        scene,
        ("river-secretary", f"{deciding}/hui", {**hui, "struck": [SURVEY]}, 422),
        ("river-secretary", f"{deciding}/hui", {**hui, "joint_with": [NO_BODY]}, 404),
        ("river-secretary", f"{deciding}/hui",
         {**hui, "joint_with": [scene.stack.bodies["ethics"]]}, 409),
        ("river-secretary", f"{deciding}/conclusions", {**yes_if, "depends_on": []}, 422),
        ("river-secretary", f"{deciding}/conclusions", {**yes_if, "depends_on": [NO_BODY]}, 422),
        ("river-secretary", f"{deciding}/conclusions",
         {**yes_if, "depends_on": [scene.river]}, 422),
        ("river-secretary", f"requests/{request}/read-backs",
         {"body": scene.river, "entry": str(uuid.uuid4())}, 404),
        ("ethics-secretary", f"requests/{request}/read-backs",
         {"body": scene.stack.bodies["ethics"], "entry": entry}, 404),
        ("river-secretary", f"requests/{scene.deciding}/read-backs",
         {"body": scene.river, "entry": entry}, 404),
        ("river-member-1", f"requests/{scene.disputed[0]}/dispute-answers",
         {"body": scene.river, "dispute": str(uuid.uuid4()), "stands": True, "answer": "x"}, 404),
        ("ethics-secretary", f"requests/{scene.disputed[0]}/dispute-answers",
         {"body": scene.stack.bodies["ethics"], "dispute": scene.disputed[1], "stands": True,
          "answer": "x"}, 404),
        ("researcher", f"requests/{scene.returned[0]}/resubmission",
         {"draft": scene.draft, "version": 1}, 404),
        ("research-assistant", f"requests/{scene.returned[0]}/resubmission",
         {"draft": scene.returned[1], "version": 1}, 404),
        ("reviewer", f"requests/{scene.deciding}/review", {"finding": "x"}, 404),
    )  # fmt: skip


@pytest.mark.parametrize("code", ["BCDF GHJK LMNP QRST", PLANTED, "0", "x" * 200])
def test_a_code_that_is_nobodys(scene: Scene, code: str) -> None:
    sent = command(code=code, words="It was otherwise.")
    refusal(scene.stack.anonymous.post("/v1/disputes", json=sent), 404)


def test_ids_of_nothing_in_what_is_shared_and_claimed(scene: Scene) -> None:
    river, people = scene.river, scene.stack.people
    voices = dict.fromkeys(also.speakers(scene.stack, "river"), "approve")
    word = {"body": river, "outcome": "approve", "voices": voices, "held_on": "2026-01-15",
            "minutes": "x"}  # fmt: skip
    statement = {"body": river, "statement": "x"}
    searching = {"body": river, "searcher": river, "words": "x"}
    to = f"proposals/{scene.proposal}/words"
    tried(
        scene,
        ("river-secretary", "proposals",
         {"body": river, "kind": "reviewer", "subject": NOBODY, "why": "x"}, 422),
        ("river-secretary", "proposals",
         {"body": river, "kind": "welcome", "subject": NO_BODY, "why": "x"}, 422),
        ("river-secretary", "proposals",
         {"body": river, "kind": "welcome", "subject": river, "why": "x"}, 409),
        ("river-secretary", "proposals",
         {"body": river, "kind": "desk", "subject": river, "why": "x"}, 422),
        ("river-secretary", "proposals",
         {"body": river, "kind": "desk", "subject": "body-deployment", "days": 3, "why": "x"}, 422),
        ("river-secretary", f"proposals/{uuid.uuid4()}/words", word, 404),
        ("river-secretary", to, {**word, "voices": {NOBODY: "approve"}}, 403),
        ("river-secretary", to, {**word, "voices": {people["hill-delegate"]: "approve"}}, 403),
        ("river-secretary", "claims", {**statement, "subjects": {"items": [NOTHING]}}, 422),
        ("river-secretary", "claims", {**statement, "subjects": {}}, 422),
        # Nobody else speaks for it, so there is nothing to settle.
        ("river-secretary", "claims", {**statement, "subjects": {"items": [GENOME]}}, 422),
        ("river-secretary", "claims", {**statement, "subjects": {"peoples": [RIVER_PEOPLE]},
                                       "against": NO_BODY}, 404),
        ("river-secretary", "claims", {**statement, "subjects": {"peoples": [RIVER_PEOPLE]},
                                       "against": river}, 422),
        ("river-secretary", f"claims/{uuid.uuid4()}/withdrawal", {"body": river}, 404),
        ("river-secretary", f"claims/{scene.claim_of_hill}/withdrawal", {"body": river}, 404),
        ("hill-secretary", f"claims/{scene.claim_of_hill}/agreement",
         {"body": scene.stack.bodies["hill"]}, 404),
        ("ethics-secretary", f"claims/{scene.claim_of_hill}/agreement",
         {"body": scene.stack.bodies["ethics"]}, 404),
        ("river-secretary", "searches", {**searching, "subjects": {"places": ["x"]}}, 422),
        ("river-secretary", "searches", {**searching, "subjects": {}}, 422),
        ("river-secretary", "searches", {**searching, "searcher": NO_BODY,
                                         "subjects": {"places": ["example-harbour-town"]}}, 422),
        ("ethics-secretary", f"searches/{scene.search}/end",
         {"body": scene.stack.bodies["ethics"], "words": "x"}, 403),
        ("river-secretary", f"items/{GENOME}/wishes",
         {"body": river, "wishes": "x", "context": "x"}, 422),
        ("river-secretary", f"items/{SURVEY.replace('visits', 'x')}/wishes",
         {"body": river, "wishes": "x", "context": "x"}, 404),
        ("island-a-secretary", f"items/{scene.story}/wishes",
         {"body": scene.stack.bodies["island-a"], "wishes": "x", "context": "x"}, 404),
    )  # fmt: skip


def test_days_that_have_passed_or_have_not_come(scene: Scene) -> None:
    at, river = f"bodies/{scene.river}", scene.river
    member, other = (scene.stack.people[f"river-member-{n}"] for n in (1, 2))
    delegating = {"person": member, "to": other}
    letters = f"requests/{scene.deciding}/letters"
    letter = scene.elsewhere(scene.deciding)
    del letter["command_id"]
    voices = dict.fromkeys(also.speakers(scene.stack, "river"), "approve")
    word = {"body": river, "outcome": "approve", "voices": voices, "minutes": "x"}
    renewal = {key: letter[key] for key in ("body", "reference", "letter")}
    far = also.instant(scene.stack, days=200)
    tried(
        scene,
        ("river-secretary", f"{at}/delegations", {**delegating, "until": PAST}, 422),
        ("river-secretary", f"{at}/delegations", {**delegating, "until": far}, 422),
        ("river-secretary", f"{at}/pauses",
         {"kind": "mourning", "first": "2026-02-02", "last": "2026-02-01"}, 422),
        ("river-secretary", f"{at}/calendar",
         {"closures": [{"first": "2026-02-02", "last": "2026-02-01"}]}, 422),
        ("river-secretary", f"{at}/calendar",
         {"closures": [{"first": "2026-02-02", "last": "2028-02-01", "yearly": True}]}, 422),
        ("river-secretary", f"{at}/korero", {"person": member, "held_on": "2199-01-01"}, 422),
        ("river-secretary", f"requests/{scene.meeting}/meetings/held",
         {"body": river, "held_on": "2199-01-01"}, 422),
        ("river-secretary", f"proposals/{scene.proposal}/words",
         {**word, "held_on": "2199-01-01"}, 422),
        ("river-secretary", letters, {**letter, "decided_on": "2199-01-01"}, 422),
        ("river-secretary", letters, {**letter, "expires_at": PAST}, 422),
        # Renewed for less than it held already.
        ("river-secretary", f"grants/{scene.lapsing}/renewals", {**renewal, "expires_at": PAST},
         422),
        ("river-secretary", f"grants/{scene.lapsing}/renewals",
         {**renewal, "expires_at": also.instant(scene.stack, days=9)}, 422),
    )  # fmt: skip


def letter(content: bytes | str, media_type: str = "application/pdf") -> Json:
    """A letter as it is sent."""
    text = content if isinstance(content, str) else base64.b64encode(content).decode()
    return {"media_type": media_type, "content": text}


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (letter(""), 422),
        (letter("JVBERi0"), 422),
        (letter("JVBE Ri0x"), 422),
        (letter("JVBERi0x\n"), 422),
        (letter("JVBERi0x===="), 422),
        (letter("====" + "JVBERi0x"), 422),
        (letter(PLANTED), 422),
        (letter("JVBERi0_"), 422),
        (letter(b"A letter."), 422),
        (letter(b"%PDF-1.7 in a picture's clothes", "image/png"), 422),
        (letter(b"<html>", "image/jpeg"), 422),
        (letter(b"K\xff not in UTF-8", "text/plain"), 422),
        (letter(b"%PDF-1.7", "text/html"), 422),
        (letter(b"%PDF-1.7", "application/x-pdf"), 422),
        ({"content": "JVBERi0x"}, 422),
        ({"media_type": "application/pdf"}, 422),
        ({**letter(b"%PDF-1.7"), "name": PLANTED}, 422),
        (letter(b"%PDF-" + b"x" * LARGEST), 422),
        (letter(b"%PDF-" + b"x" * 2 * LARGEST), 413),
    ],
    ids=lambda value: "" if isinstance(value, dict) else str(value),
)
def test_a_letter_that_is_none(scene: Scene, sent: Json, status: int) -> None:
    good = scene.elsewhere(scene.deciding)
    secretary = scene.stack.client("river-secretary")
    path = f"/v1/requests/{scene.deciding}/letters"
    said = refusal(secretary.post(path, json={**good, "letter": sent}), status)
    assert status == 413 or said["fields"][0]["field"].startswith("letter")


def test_what_has_changed_since_it_was_seen(scene: Scene) -> None:
    def later_than_it_is(path: str, request: str, **fields: Any) -> Case:
        return ("river-secretary", f"requests/{request}/{path}",
                {"seen": 10_000, "body": scene.river, **fields}, 409)  # fmt: skip

    written = scene.elsewhere(scene.deciding)
    tried(
        scene,
        later_than_it_is("meetings", scene.deciding, meeting="wananga"),
        later_than_it_is("letters", scene.deciding,
                         **{k: written[k] for k in ("outcome", "reference", "letter",
                                                    "decided_on")}),
        later_than_it_is("dispute-answers", scene.disputed[0], dispute=scene.disputed[1],
                         stands=True, answer="x"),
        ("researcher", f"requests/{scene.returned[0]}/resubmission",
         {"draft": scene.returned[1], "version": 7}, 409),
    )  # fmt: skip


@pytest.mark.changes
def test_a_draft_that_revises_what_is_not_ones_own(scene: Scene) -> None:
    """Whatever it says that it revises, nothing of another's draft comes out of it."""
    outsider = scene.stack.client("outsider")
    content = also.own_people(scene.stack, "outsider", revises=scene.draft)
    draft = ok(outsider.post("/v1/drafts", json=content))["id"]
    refusal(outsider.get(f"/v1/drafts/{draft}/changes"), 404)
    refusal(outsider.post(f"/v1/drafts/{scene.draft}/revision"), 404)
    seen = ok(outsider.get(f"/v1/drafts/{draft}/preview"))
    assert "for_body" in seen["missing"]

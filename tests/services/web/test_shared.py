"""What all share changes only by all: who is welcome, who operates, who reviews. The operator
settles none of it, and a body's mandate does not grow by its own word."""

from collections.abc import Iterator

import pytest
import stack as steps
import web_steps as also
from stack import GENOME, SURVEY, VOICES, Json, Stack, command, ok

TOWN = "example-market-town"
SECRETARY, SPEAKING = "agency-officer", "island-a-member-5"
MANDATE = {"capacities": ["place"], "places": [TOWN]}


@pytest.fixture(scope="module")
def town(stack: Stack) -> str:
    """A body that has entered, and that the others do not know yet."""
    also.name_place(stack, TOWN)
    return also.enter(stack, SECRETARY, SPEAKING, mandate=MANDATE,
                      name="Example town panel", document="Kōrero of a mandate")  # fmt: skip


def post(stack: Stack, who: str, path: str, **fields: object) -> tuple[int, str]:
    answer = stack.client(who).post(f"/v1/{path}", json=command(**fields))
    return answer.status_code, answer.json().get("code", "")


def listed(stack: Stack, body: str) -> Json:
    """As a member of another body reads it."""
    there = ok(stack.client("hill-secretary").get("/v1/bodies"))
    found: Json = next(each for each in there if each["id"] == body)
    return found


def test_a_body_is_read_by_those_who_are_to_welcome_it(stack: Stack, town: str) -> None:
    told = listed(stack, town)
    assert told["welcome"] is False
    assert told["document"] == "Kōrero of a mandate"
    assert told["mandate"]["places"] == [TOWN]
    assert stack.people[SECRETARY] not in str(told)
    # It is nobody else's to read before it is known.
    assert town not in {each["id"] for each in ok(stack.anonymous.get("/v1/bodies"))}


def test_until_it_is_welcome_it_speaks_for_nobody(stack: Stack, town: str) -> None:
    who, about = SECRETARY, {"body": town}
    scope = {"slice": {"places": [TOWN]}}
    searching = {"searcher": town, "words": "x", "subjects": {"places": [TOWN]}}
    for path, fields in (
        (f"bodies/{town}/adoptions", {"pack": "example", **steps.NEVER_SHOWN}),
        ("confirmations", {**about, "items": [SURVEY], "classes": ["open"], "places": [TOWN]}),
        ("claims", {**about, "subjects": {"items": [SURVEY]}, "statement": "x"}),
        ("searches", {**about, **searching}),
        ("restrictions", {**about, "scope": scope, "words": "x", "authority": "x"}),
        (f"items/{SURVEY}/wishes", {**about, "wishes": "x", "context": "x"}),
    ):
        assert post(stack, who, path, **fields) == (403, "not_welcome_yet"), path
    for change in ({"kind": "desk"}, {"kind": "reviewer", "subject": stack.people["outsider"]}):
        assert post(stack, who, "proposals", **about, why="x", **change)[0] == 403
    # In what the others decide it has no word.
    proposal = also.propose(stack, "river", kind="desk", subject=stack.bodies["river"], days=59)
    word = {**about, "outcome": "approve", "held_on": "2026-01-15", "minutes": "x",
            "voices": {stack.people[SPEAKING]: "approve"}}  # fmt: skip
    assert post(stack, who, f"proposals/{proposal}/words", **word) == (409, "not_asked")
    # It may propose that it be welcome itself.
    assert post(stack, who, "proposals", **about, why="x", kind="welcome", subject=town)[0] == 201


def test_one_no_ends_a_proposal_and_silence_is_no_yes(stack: Stack, town: str) -> None:
    [proposal] = [each["id"] for each in ok(stack.anonymous.get("/v1/proposals"))
                  if each["change"]["subject"] == town]  # fmt: skip
    everybody = (*VOICES, *also.others(stack))
    for body in everybody[:-1]:
        also.say(stack, proposal, body)
    assert listed(stack, town)["welcome"] is False
    assert post(stack, "river-member-1", f"proposals/{proposal}/words", body=stack.bodies["river"],
                outcome="approve", voices={stack.people["river-member-1"]: "approve"},
                held_on="2026-01-15", minutes="x")[0] == 403  # fmt: skip
    also.say(stack, proposal, everybody[-1], "decline")
    [told] = [e for e in ok(stack.anonymous.get("/v1/proposals")) if e["id"] == proposal]
    assert told["agreed"] is False
    assert listed(stack, town)["welcome"] is False


def test_it_speaks_once_every_body_has_said_that_it_knows_it(stack: Stack, town: str) -> None:
    also.welcome(stack, town, SECRETARY, SPEAKING)
    steps.adopt(stack, SECRETARY, town, "example")
    assert post(stack, "hill-secretary", "proposals", body=stack.bodies["hill"], why="x",
                kind="welcome", subject=town) == (409, "already_done")  # fmt: skip


def test_no_mandate_grows_by_its_own_word(stack: Stack, town: str, later: object) -> None:
    agency = next(iter(also.others(stack)))
    held = {"capacities": ["holder"], "items": ["example_register.gardens.kept_by"]}
    tries = (
        # No items would mean all of them.
        ("agency-secretary", agency, {"capacities": ["holder"]}),
        ("agency-secretary", agency, {**held, "items": [GENOME]}),
        ("agency-secretary", agency, {**held, "capacities": ["holder", "ethics"]}),
        # Nor does it say alone who may contest it.
        ("agency-secretary", agency, {**held, "challengers": [agency]}),
        (SECRETARY, town, {**MANDATE, "places": [TOWN, "example-river-valley"]}),
        (SECRETARY, town, {"capacities": ["people"], "peoples": ["example-river-people"]}),
    )
    for who, body, mandate in tries:
        wider = post(stack, who, f"bodies/{body}/mandate", mandate=mandate, document="x")
        assert wider == (422, "not_within"), mandate
    ok(stack.client("agency-secretary").post(
        f"/v1/bodies/{agency}/mandate", json=command(mandate=held, document="Kōrero, anew.")
    ))  # fmt: skip
    assert listed(stack, agency)["document"] == "Kōrero, anew."


@pytest.fixture
def changed_operator(stack: Stack) -> Iterator[str]:
    """With another operator, whom all the bodies named; and the first again afterwards."""
    also.agree(stack, kind="operator", subject=stack.people["research-assistant"])
    yield "research-assistant"
    also.agree(stack, kind="operator", subject=stack.people["operator"])


def test_the_operator_is_whom_the_bodies_name(stack: Stack, changed_operator: str) -> None:
    for who, status in (("operator", 404), (changed_operator, 200)):
        assert stack.client(who).get("/v1/ledger/export").status_code == status
    assert post(stack, "operator", "gateways", collections=["example_genome"])[0] == 404


def test_the_operator_changes_nothing_that_is_shared(stack: Stack) -> None:
    at = "bodies/body-deployment"
    member = {"person": stack.people["outsider"], "roles": ["secretary"]}
    for path, fields in (
        (f"{at}/members", {"member": member}),
        (f"{at}/departures", {"person": stack.people["operator"]}),
        (f"{at}/kawa", {"kawa": {"rule": "majority"}}),
        (f"{at}/calendar", {"region": "AUK"}),
        (f"{at}/reminders", {"days": [1]}),
        (f"{at}/pauses", {"kind": "seasonal", "first": "2026-01-15"}),
        (f"{at}/korero", {"person": stack.people["outsider"], "held_on": "2026-01-15"}),
        (f"{at}/mandate", {"mandate": {"capacities": ["people"]}, "document": "x"}),
        # That for some people nobody decides is not the operator's to say.
        (f"{at}/adoptions", {"pack": "example-newcomers", **steps.NEVER_SHOWN}),
        (f"{at}/adoptions", {"pack": "example", **steps.NEVER_SHOWN}),
        (f"{at}/pack-withdrawals", {"pack": "house"}),
        ("proposals", {"body": "body-deployment", "kind": "desk", "why": "x"}),
    ):
        assert post(stack, "operator", path, **fields) == (403, "not_permitted"), path
    request = steps.submit_request(stack, items=[GENOME])
    assert stack.client("operator").get(f"/v1/requests/{request}").status_code == 404

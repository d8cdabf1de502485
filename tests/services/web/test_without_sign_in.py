"""A body of whose people nobody but the secretary has a computer completes everything: she writes
it down, each person named gets a page, and a code on it does what a sign-in would."""

from dataclasses import dataclass

import pytest
import stack as steps
import web_steps as also
from stack import Json, Stack, ask, command, ok, question
from web_scene import REPORT

TOWN = "example-landing-place"
ITEM = "dia_clean.births.dia_bir_parent1_tribe_text"
SECRETARY = "island-b-member-3"
PURPOSE = "example-town-study"


@dataclass(frozen=True)
class Town:
    """The body, and the people of it, none of whom can sign in."""

    body: str
    people: list[str]


@pytest.fixture(scope="module")
def town(stack: Stack) -> Town:
    """Entered, welcomed and set up by its secretary alone."""
    also.name_place(stack, TOWN)
    writing = stack.client("river-secretary")
    people = []
    for name in ("Mere Ōtene", "Tāvita ʻOfa", "Hana Wī"):
        sent = command(name=name)
        path = f"/v1/bodies/{stack.bodies['river']}/people"
        people.append(ok(writing.post(path, json=sent))["person"])
        # The same command again is the same person.
        assert ok(writing.post(path, json=sent))["person"] == people[-1]
    members = [{"person": stack.people[SECRETARY], "roles": ["secretary"]}]
    members += [{"person": each, "roles": ["member"]} for each in people]
    body = also.enter(
        stack, SECRETARY, name="Example harbour rōpū", members=members,
        mandate={"capacities": ["place"], "places": [TOWN]},
        kawa={"rule": "consensus", "quorum": 2, "present": [people[0]]},
    )  # fmt: skip
    also.welcome(stack, body, SECRETARY)
    also.others(stack)[body] = (SECRETARY, people)
    made = Town(body, people)
    steps.adopt(stack, SECRETARY, body, "example")
    post(stack, "/v1/confirmations", body=body, items=[ITEM], classes=["deidentified"],
         places=[TOWN])  # fmt: skip
    return made


def post(stack: Stack, path: str, **fields: object) -> Json:
    found: Json = ok(stack.client(SECRETARY).post(path, json=command(**fields)))
    return found


def about(stack: Stack, request: str, what: str, town: Town, **fields: object) -> Json:
    found: Json = ok(also.at(stack, SECRETARY, request, what, body=town.body, **fields))
    return found


def hui(town: Town, outcome: str = "approve", method: str = "hui", **more: object) -> Json:
    return {"held_on": "2026-01-15", "method": method, "minutes": "Kōrero.", "outcome": outcome,
            "voices": dict.fromkeys(town.people, outcome), **more}  # fmt: skip


def submitted(stack: Stack) -> str:
    content = steps.draft_content(stack, items=[ITEM], purpose=PURPOSE)
    seen = also.preview(stack, "researcher", content)
    assert {each["name"] for each in seen["must_decide"]} >= {"Example harbour rōpū"}
    return also.submit(stack, "researcher", content)


def test_nobody_of_it_but_the_secretary_has_an_address(stack: Stack, town: Town) -> None:
    own = ok(stack.client(SECRETARY).get(f"/v1/bodies/{town.body}"))
    names = {each["person"]: each["name"] for each in own["members"]}
    assert [names[each] for each in town.people] == ["Mere Ōtene", "Tāvita ʻOfa", "Hana Wī"]


def test_from_a_request_to_a_report_by_the_secretarys_hand(stack: Stack, town: Town) -> None:
    request = submitted(stack)
    asked = about(stack, request, "questions", town, question="Which years?")
    ok(also.at(stack, "researcher", request, "answers", question=asked["command"], answer="All."))
    about(stack, request, "conditions", town, kind="no_linkage")
    # She writes down; she has no voice, and decides nothing.
    hers = {"voice": "approve", "body": town.body}
    assert also.at(stack, SECRETARY, request, "voices", **hers).status_code == 403
    alone = hui(town) | {"voices": {stack.people[SECRETARY]: "approve"}}
    refused = also.at(stack, SECRETARY, request, "hui", body=town.body, **alone)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_a_member")
    # By its own kawa one of them must have been there.
    without = hui(town) | {"voices": dict.fromkeys(town.people[1:], "approve")}
    refused = also.at(stack, SECRETARY, request, "hui", body=town.body, **without)
    assert (refused.status_code, refused.json()["code"]) == (409, "not_yet")
    entry = about(stack, request, "hui", town, **hui(town, method="phone"))["entry"]
    pages = about(stack, request, "read-backs", town, entry=entry)
    assert {each["name"] for each in pages} == {"Mere Ōtene", "Tāvita ʻOfa", "Hana Wī"}
    assert all("on the telephone" in each["text"] for each in pages)
    assert all("Example harbour rōpū" in each["text"] for each in pages)
    steps.hui(stack, request, "ethics")
    grant = steps.accept(stack, request)
    gateway = ok(stack.client("operator").post(
        "/v1/gateways", json=command(collections=["dia_clean"])
    ))  # fmt: skip
    client = stack._with(gateway["credential"])
    using = question(stack, ITEM, PURPOSE)
    assert ask(stack, using, client)["decision"]
    # What one of them disputes from paper suspends it, until she has written down the answer.
    disputed = command(code=pages[1]["code"], words="I was not there.")
    ok(stack.anonymous.post("/v1/disputes", json=disputed))
    assert ask(stack, using, client)["context"]["code"] == "disputed"
    # Not by her alone, who wrote the record: they meet about it, and she writes that down.
    answer = {"body": town.body, "dispute": disputed["command_id"], "stands": True,
              "answer": "He was on the telephone, and said so again."}  # fmt: skip
    refused = also.at(stack, SECRETARY, request, "dispute-answers", **answer)
    assert (refused.status_code, refused.json()["code"]) == (403, "not_permitted")
    said = dict.fromkeys(town.people, "approve") | {town.people[1]: "abstain"}
    met = {"held_on": also.now(stack).date().isoformat(), "method": "hui", "voices": said}
    answered = ok(also.at(stack, SECRETARY, request, "dispute-answers", **answer, met=met))
    assert answered["events"] == ["HuiRecorded", "DisputeAnswered"]
    assert ask(stack, using, client)["decision"]
    # Each of them has a page of that too, with a code that would suspend it again.
    pages = about(stack, request, "read-backs", town, entry=answered["entry"])
    texts = {each["person"]: each["text"] for each in pages}
    assert all("The body said that its record stands." in each for each in texts.values())
    assert "that the body's record of 15 January 2026 is right" in texts[town.people[0]]
    again = command(code=pages[0]["code"], words="I was not asked.")
    ok(stack.anonymous.post("/v1/disputes", json=again))
    assert ask(stack, using, client)["context"]["code"] == "disputed"
    answer |= {"dispute": again["command_id"], "answer": "Asked again, by all of us."}
    ok(also.at(stack, SECRETARY, request, "dispute-answers", **answer, met=met))
    assert ask(stack, using, client)["decision"]
    # What was learnt comes back, and is taken or sent back by her hand.
    sent = command(duty="duty-1", words=dict.fromkeys(REPORT, "Invented."))
    ok(stack.client("researcher").post(f"/v1/grants/{grant}/reports", json=sent))
    post(stack, f"/v1/grants/{grant}/report-returns", body=town.body, duty="duty-1", question="x")
    sent = command(duty="duty-1", words=dict.fromkeys(REPORT, "Again."))
    ok(stack.client("researcher").post(f"/v1/grants/{grant}/reports", json=sent))
    post(stack, f"/v1/grants/{grant}/report-acceptances", body=town.body, duty="duty-1",
         reply="Ka pai.")  # fmt: skip
    # And a restriction is placed, and lifted by the body's own kawa, on paper.
    scope = {"slice": {"places": [TOWN]}}
    placed = post(stack, "/v1/restrictions", body=town.body, scope=scope, words="Not for now.",
                  authority="Kōrero.", held_on="2026-01-15", method="paper")["stream"]  # fmt: skip
    assert ask(stack, using, client)["context"]["code"] == "restricted"
    lifted = hui(town, method="paper")
    assert post(stack, f"/v1/restrictions/{placed}/hui", **lifted)["events"][-1] == "Lifted"
    assert ask(stack, using, client)["decision"]
    client.close()


def test_several_requests_are_written_down_one_after_the_other(stack: Stack, town: Town) -> None:
    """As from one form: each record stands by itself."""
    requests = [submitted(stack) for _ in range(3)]
    listed = {each["id"]: each for each in ok(stack.client(SECRETARY).get("/v1/requests"))}
    assert all(listed[each]["waiting_for_us"] == [town.body] for each in requests)
    for request, outcome in zip(requests, ("approve", "decline", "approve"), strict=True):
        about(stack, request, "hui", town, **hui(town, outcome, "paper"))
    outcomes = [
        {each["body"]: each["outcome"] for each in steps.read_request(stack, r)["bodies"]}
        for r in (requests[0], requests[2])
    ]
    assert [each[town.body] for each in outcomes] == ["approve", "approve"]
    assert steps.read_request(stack, requests[1])["status"] == "declined"

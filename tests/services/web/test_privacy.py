"""What is somebody's own stays theirs: drafts, voices, minutes, words, names.

One request is carried from draft to disposal with words that can be known again planted in
everything that takes words; then every place where they must not be is searched.
"""

import json
import re
import uuid
from dataclasses import dataclass, field
from typing import Any

import pytest
import stack as steps
from stack import SURVEY, Json, Stack, command, ok
from web_acts import BODY_NAMES
from web_scene import REPORT

PURPOSE = "example-privacy"
ID = re.compile(
    r"(person|body|request|grant|restriction|gateway|text)-"
    r"[0-9a-f]{8}-[0-9a-f]{4}-[45][0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"
)


@dataclass
class Told:
    """One request's whole life, and the words that were said in it, by what they were."""

    draft: str = ""
    request: str = ""
    grant: str = ""
    restriction: str = ""
    hidden: str = ""
    before: dict[str, Json] = field(default_factory=dict)
    """The request as each person saw it while the ethics committee was still deciding."""
    words: dict[str, str] = field(default_factory=dict)

    def say(self, what: str) -> str:
        """Words that nobody else says."""
        return self.words.setdefault(what, f"Kōrero {what} {uuid.uuid4().hex}")


@pytest.fixture(scope="module")
def told(stack: Stack) -> Told:
    """A request, from draft to disposal."""
    told = Told()
    researcher, secretary = stack.client("researcher"), stack.client("river-secretary")
    river = stack.bodies["river"]
    content = steps.draft_content(stack, purpose=PURPOSE)
    content["words"] = {name: told.say(name) for name in steps.WORDS}
    content["items"] = {SURVEY: told.say("why")}
    told.draft = ok(researcher.post("/v1/drafts", json=content))["id"]
    sent = command(version=1)
    told.request = ok(researcher.post(f"/v1/drafts/{told.draft}/submit", json=sent))["stream"]
    at = f"/v1/requests/{told.request}"

    def seen() -> int:
        return int(steps.read_request(stack, told.request)["sequence"])

    asked = command(body=river, seen=seen(), question=told.say("question"))
    ok(secretary.post(f"{at}/questions", json=asked))
    answer = command(question=asked["command_id"], answer=told.say("answer"))
    ok(researcher.post(f"{at}/answers", json=answer))
    own = command(body=river, seen=seen(), kind="own_words", words=told.say("condition"))
    ok(secretary.post(f"{at}/conditions", json=own))
    steps.hui(stack, told.request, "river", minutes=told.say("minutes"))
    steps.speak(stack, told.request, "ethics", voices=1)
    for person in ("researcher", "research-assistant", "river-member-1", "ethics-member-1"):
        told.before[person] = steps.read_request(stack, told.request, person)
    steps.speak(stack, told.request, "ethics")
    steps.conclude(stack, told.request, "ethics")
    told.grant = steps.accept(stack, told.request)
    told.restriction = steps.place(stack, words=told.say("restriction"), acts=["use.offshore"])
    told.hidden = steps.place(
        stack, words=told.say("hidden restriction"), acts=["use.offshore"], hidden=True
    )
    _give_back(stack, told)
    return told


def _give_back(stack: Stack, told: Told) -> None:
    researcher, secretary = stack.client("researcher"), stack.client("river-secretary")
    river, ethics = stack.bodies["river"], stack.bodies["ethics"]
    at = f"/v1/grants/{told.grant}"
    report = {name: told.say(name) for name in REPORT}
    for _ in range(2):
        ok(researcher.post(f"{at}/reports", json=command(duty="duty-1", words=report)))
        returned = command(body=river, duty="duty-1", question=told.say("returned"))
        ok(secretary.post(f"{at}/report-returns", json=returned))
    ok(researcher.post(f"{at}/reports", json=command(duty="duty-1", words=report)))
    for body in ok(secretary.get(at))["duties"][0]["owed_to"]:
        keeper = secretary if body == river else stack.client("ethics-secretary")
        assert body in (river, ethics)
        reply = command(body=body, duty="duty-1", reply=told.say("reply"))
        ok(keeper.post(f"{at}/report-acceptances", json=reply))
    ok(researcher.post(f"{at}/end", json=command()))
    ok(researcher.post(f"{at}/disposal", json=command(attestation=told.say("attestation"))))


def text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def everybody(stack: Stack) -> list[str]:
    return list(stack.people)


# ---- drafts ----


def test_a_draft_is_its_authors_alone(stack: Stack) -> None:
    secret = f"Kōrero draft {uuid.uuid4().hex}"
    content = steps.draft_content(stack, words=secret)
    draft = ok(stack.client("researcher").post("/v1/drafts", json=content))["id"]
    at = f"/v1/drafts/{draft}"
    for person in everybody(stack):
        if person == "researcher":
            continue
        client = stack.client(person)
        answers = [
            client.get(at),
            client.get(f"{at}/preview"),
            client.put(at, json={**content, "version": 1}),
            client.post(f"{at}/submit", json=command(version=1)),
        ]
        assert [each.status_code for each in answers] == [404] * 4
        lists = [client.get("/v1/drafts"), client.get("/v1/requests")]
        assert all(secret not in each.text for each in (*answers, *lists))
    mine = ok(stack.client("researcher").get(at))
    assert (mine["version"], mine["words"]["title"]) == (1, secret)


def test_a_draft_that_was_submitted_is_still_its_authors_alone(stack: Stack, told: Told) -> None:
    at = f"/v1/drafts/{told.draft}"
    content = {**steps.draft_content(stack), "version": 1}
    for person in ("outsider", "research-assistant", "river-secretary", "operator"):
        client = stack.client(person)
        answers = [
            client.get(at),
            client.get(f"{at}/preview"),
            client.put(at, json=content),
            client.post(f"{at}/submit", json=command(version=1)),
        ]
        assert [each.status_code for each in answers] == [404] * 4
        assert all(told.request not in each.text for each in answers)


# ---- who sees what of a request ----


def test_to_everybody_else_a_request_does_not_exist(stack: Stack, told: Told) -> None:
    parties = {"researcher", "research-assistant"}
    for person in everybody(stack):
        if person in parties or person.partition("-")[0] in ("river", "ethics"):
            continue
        client = stack.client(person)
        for path in (f"/v1/requests/{told.request}", f"/v1/grants/{told.grant}"):
            assert client.get(path).status_code == 404
        listed = client.get("/v1/requests").text
        assert told.request not in listed
        assert told.words["title"] not in listed


def test_a_member_sees_nothing_of_how_another_body_decides(stack: Stack, told: Told) -> None:
    seen = told.before["ethics-member-1"]
    outcomes = {each["body"]: each["outcome"] for each in seen["bodies"]}
    assert outcomes == {stack.bodies["river"]: "not_shown", stack.bodies["ethics"]: None}
    assert set(seen["voices"]) == {stack.bodies["ethics"]}
    assert seen["conditions"] == []
    whole = text(seen)
    for hidden in ("minutes", "condition"):
        assert told.words[hidden] not in whole
    for member in ("member-1", "member-2", "member-3", "secretary"):
        assert stack.people[f"river-{member}"] not in whole
    kinds = {each["event"] for each in seen["history"]}
    assert kinds == {"Submitted", "QuestionAsked", "QuestionAnswered", "Spoken"}
    # What every party was asked is everybody's to see.
    for shown in ("question", "answer", "title", "why"):
        assert told.words[shown] in whole
    ours = told.before["river-member-1"]
    assert set(ours["voices"]) == {stack.bodies["river"]}
    assert stack.people["ethics-member-1"] not in text(ours)
    assert told.words["minutes"] in text(ours)


def test_whoever_asks_sees_what_was_decided_and_never_who_said_what(
    stack: Stack, told: Told
) -> None:
    after = {
        person: [
            steps.read_request(stack, told.request, person),
            ok(stack.client(person).get(f"/v1/grants/{told.grant}")),
        ]
        for person in ("researcher", "research-assistant")
    }
    members = [each for key, each in stack.people.items() if key.startswith(("river-", "ethics-"))]
    for person in after:
        whole = text([told.before[person], after[person]])
        assert told.words["minutes"] not in whole
        assert told.words["condition"] in whole
        assert not [each for each in members if each in whole]
        assert told.before[person]["voices"] == {}
        outcomes = {each["body"]: each["outcome"] for each in told.before[person]["bodies"]}
        assert outcomes == {stack.bodies["river"]: "approve", stack.bodies["ethics"]: None}
        kinds = {each["event"] for each in after[person][0]["history"]}
        assert not kinds & {"Spoken", "StoodAside", "HuiRecorded"}


def test_whose_no_it_was_is_not_told_to_the_others(stack: Stack) -> None:
    request = steps.submit_request(stack, purpose=PURPOSE)
    steps.hui(stack, request, "river", "decline", minutes="Kōrero of a no")
    for person, told in (("ethics-member-1", None), ("researcher", stack.bodies["river"])):
        seen = steps.read_request(stack, request, person)
        [narrowed] = [each for each in seen["history"] if each["event"] == "Narrowed"]
        assert narrowed["body"] == told
        assert "Kōrero of a no" not in text(seen)


# ---- what anyone may read ----


def test_what_anyone_may_read_names_no_person(stack: Stack, told: Told) -> None:
    paths = ("", "v1/reports", "v1/restrictions", "v1/bodies", "v1/names",
             "v1/collections", "v1/claims", "v1/searches", "v1/proposals", "v1/ledger/head",
             f"v1/restrictions/{told.restriction}")  # fmt: skip
    answers = {path: stack.anonymous.get(f"/{path}") for path in paths}
    answers["v1/grants"] = stack.client("outsider").get("/v1/grants")
    paths = (*paths, "v1/grants")
    assert {path: each.status_code for path, each in answers.items()} == dict.fromkeys(paths, 200)
    public = {"restriction", "reply", *REPORT}
    for path, answer in answers.items():
        assert not [key for key, person in stack.people.items() if person in answer.text], path
        said = {what for what, words in told.words.items() if words in answer.text}
        assert said <= public, path
    assert told.words["findings"] in answers["v1/reports"].text
    assert told.words["restriction"] in answers["v1/restrictions"].text


def test_a_hidden_restriction_is_its_bodys_alone(stack: Stack, told: Told) -> None:
    for person in everybody(stack):
        client = stack.client(person)
        found = client.get(f"/v1/restrictions/{told.hidden}")
        listed = client.get("/v1/restrictions").text
        own = person.startswith("river-")
        assert (found.status_code == 200) is own
        assert (told.hidden in listed) is own
        assert (told.words["hidden restriction"] in listed + found.text) is own
    nothing = f"/v1/restrictions/restriction-{uuid.uuid4()}"
    there = stack.anonymous.get(f"/v1/restrictions/{told.hidden}")
    assert there.content == stack.anonymous.get(nothing).content


# ---- where words and names must not be ----


def unspeakable(stack: Stack, told: Told) -> list[bytes]:
    """What must be in no record: planted words, and the names of people and bodies."""
    names = [f"Example {key.replace('-', ' ')}" for key in stack.people if key != "operator"]
    return [each.encode() for each in (*told.words.values(), *names, *BODY_NAMES)]


def found_in(content: bytes, unspeakable: list[bytes]) -> list[bytes]:
    """Which of them are in `content`, plain or as JSON escapes them."""
    forms = ((each, json.dumps(each.decode())[1:-1].encode()) for each in unspeakable)
    return [plain for plain, escaped in forms if plain in content or escaped in content]


def test_the_ledger_holds_no_words_and_no_names(stack: Stack, told: Told) -> None:
    secretary = stack.client("river-secretary")
    whole = steps.export(stack)
    own = secretary.get(f"/v1/bodies/{stack.bodies['river']}/ledger").content
    for content in (whole, own):
        assert told.request.encode() in content
        assert found_in(content, unspeakable(stack, told)) == []


def test_a_bodys_own_export_holds_nothing_of_anothers(stack: Stack, told: Told) -> None:
    lines = stack.client("river-secretary").get(f"/v1/bodies/{stack.bodies['river']}/ledger")
    others = {body for name, body in stack.bodies.items() if name != "river"}
    entries = [json.loads(line)["entry"] for line in lines.text.splitlines() if '"entry"' in line]
    assert entries
    assert not [each for each in entries if each["owner"] in others]
    events = [event for each in entries for event in each["events"]]
    spoken = [
        event for event in events if event["type"] in ("Spoken", "HuiRecorded", "BodyDecided")
    ]
    assert {event["data"].get("body", stack.bodies["river"]) for event in spoken} <= {
        stack.bodies["river"]
    }


def test_temporal_holds_no_words_and_no_names(stack: Stack, told: Told) -> None:
    """Neither what its API gives of the workflows' histories, nor what it keeps on disk."""

    async def histories() -> list[str]:
        client = await stack.temporal()
        found = []
        for workflow in (told.request, told.grant, told.restriction, told.hidden):
            history = await client.get_workflow_handle(workflow).fetch_history()
            found.append("".join(str(event) for event in history.events))
        return found

    kept = stack.run(histories())
    assert all(len(each) > 1000 for each in kept)
    assert told.request in kept[0]
    content = "".join(kept).encode()
    assert found_in(content, unspeakable(stack, told)) == []
    for file in stack.home.glob("temporal.db*"):
        assert found_in(file.read_bytes(), unspeakable(stack, told)) == [], file.name


def test_the_logs_hold_no_words_no_names_and_no_credentials(stack: Stack, told: Told) -> None:
    secrets = [stack.gateway_credential, stack.token("researcher")]
    secrets += [stack.client(each).headers["Authorization"] for each in ("operator", "researcher")]
    unspoken = [*unspeakable(stack, told), *(each.encode() for each in secrets)]
    logs = dict(stack.logs())
    assert {"portal.log", "worker.log", "temporal.log"} <= set(logs)
    for name, content in logs.items():
        assert found_in(content, unspoken) == [], name
    # Nothing above was a surprise to Accord itself.
    assert b"unknown trouble" not in logs["portal.log"]
    assert b"Traceback" not in logs["portal.log"] + logs["worker.log"]


def test_what_a_gateway_says_is_kept_only_where_it_is_an_id(stack: Stack) -> None:
    """A gateway that sends a name where an id belongs is answered no, and the name is not kept."""
    planted = f"Kōrero gateway {uuid.uuid4().hex}"
    for place in ("subject", "resource", "action", "context"):
        asked = steps.question(stack)
        asked[place] |= dict.fromkeys(("id", "name", "purpose"), planted)
        assert steps.ask(stack, asked)["decision"] is False
    assert planted.encode() not in steps.export(stack)
    assert json.dumps(planted)[1:-1].encode() not in steps.export(stack)


def test_a_role_is_no_place_for_a_name(stack: Stack) -> None:
    """What somebody does in a project is recorded for good, beside their id."""
    content = steps.draft_content(stack)
    for role in ("Example somebody", "researcher (somebody)", "researcher\n", "x" * 61, ""):
        people = dict.fromkeys(content["people"], role)
        answer = stack.client("researcher").post("/v1/drafts", json={**content, "people": people})
        assert answer.status_code == 422
    people = dict.fromkeys(content["people"], "kairangahau mātāmua")
    ok(stack.client("researcher").post("/v1/drafts", json={**content, "people": people}))


def test_ids_are_no_names(stack: Stack, told: Told) -> None:
    ids = [*stack.people.values(), *stack.bodies.values(), told.request, told.grant,
           told.restriction, told.hidden]  # fmt: skip
    assert not [each for each in ids if not ID.fullmatch(each)]
    # A person's id follows from nothing: version 4 is made at random.
    assert {each[len("person-") + 14] for each in stack.people.values()} == {"4"}
    assert len(set(ids)) == len(ids)

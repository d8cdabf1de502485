"""The certification scenario of AuthZEN's Authorization API 1.0: levels Basic, Batch, Discovery.

By its own numbers. The fixture is a pack (`samples/authzen`), asked through the very router that
serves Accord; what depends on no decision is asked of Accord itself as well.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from pack_point import CREDENTIAL, Entrance, served
from stack import Json, Stack

EVALUATION, EVALUATIONS = "/access/v1/evaluation", "/access/v1/evaluations"
CONFIGURATION = "/.well-known/authzen-configuration"
FOLDER = Path(__file__).resolve().parent / "samples" / "authzen"


@dataclass(frozen=True)
class Pdp:
    """A decision point, as a gateway reaches it."""

    client: httpx.Client
    address: str

    def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        return self.client.post(path, json=body, headers=headers)


@pytest.fixture(scope="module")
def pack() -> Iterator[Entrance]:
    with served(FOLDER) as entrance:
        yield entrance


@pytest.fixture(scope="module")
def fixture(pack: Entrance) -> Iterator[Pdp]:
    """The fixture of section 1."""
    headers = {"Authorization": f"Bearer {CREDENTIAL}"}
    with httpx.Client(base_url=pack.address, headers=headers, timeout=60) as client:
        yield Pdp(client, pack.address)


@pytest.fixture(params=["fixture", "accord"])
def pdp(request: pytest.FixtureRequest) -> Pdp:
    """The fixture, and Accord."""
    if request.param == "fixture":
        found: Pdp = request.getfixturevalue("fixture")
        return found
    stack: Stack = request.getfixturevalue("stack")
    return Pdp(stack.gateway, stack.settings.address)


def asked(subject: Any, action: Any, resource: Any = "record-1", **more: Any) -> Json:
    """A question; each may be an id alone, or a whole entity."""
    return {"subject": user(subject), "action": act(action), "resource": record(resource), **more}


def user(who: Any) -> Any:
    return {"type": "user", "id": who} if isinstance(who, str) else who


def act(name: Any) -> Any:
    return {"name": name} if isinstance(name, str) else name


def record(which: Any, status: str | None = None) -> Any:
    if not isinstance(which, str):
        return which
    properties = {"properties": {"status": status}} if status else {}
    return {"type": "record", "id": which, **properties}


ADMIN = {"type": "user", "id": "bob", "properties": {"role": "admin"}}
SOFT = {"name": "delete", "properties": {"soft": True}}
HARD = {"name": "delete", "properties": {"soft": False}}
ARCHIVED = record("record-2", "archived")
OLD = record("record-1", "archived")
ALICE = {"type": "user", "id": "alice"}
READ = asked("alice", "read")
CONTEXT = {"time": "2025-06-27T18:03-07:00", "ip": "192.168.1.1"}
MORE = asked(
    {**ALICE, "properties": {"department": "Sales", "role": "manager"}},
    {"name": "read", "properties": {"method": "GET"}},
    {**record("record-1"), "properties": {"status": "active", "owner": "bob"}},
)


def decided(answer: httpx.Response) -> bool:
    """2.3: HTTP 200, JSON, a decision that is a boolean; a context, if any, is an object."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert isinstance(body, dict)
    return one(body)


def one(body: Json) -> bool:
    assert type(body["decision"]) is bool
    assert isinstance(body.get("context", {}), dict)
    assert set(body) <= {"decision", "context"}
    decision: bool = body["decision"]
    return decision


def several(answer: httpx.Response) -> list[bool]:
    """3.3: an array of decisions in place of one."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/json"
    body = answer.json()
    assert set(body) == {"evaluations"}
    return [one(each) for each in body["evaluations"]]


def an_error(answer: httpx.Response, status: int) -> None:
    assert answer.status_code == status, answer.text
    assert "decision" not in answer.json()


@pytest.mark.parametrize(
    ("question", "decision"),
    [
        pytest.param(READ, True, id="2.2.1, rule 1"),
        pytest.param(asked("bob", "write"), False, id="2.2.2, rule 4"),
        pytest.param(asked("alice", "read", context=CONTEXT), True, id="2.2.3"),
        pytest.param(asked("alice", "write", ARCHIVED), False, id="2.2.4, rule 5"),
        pytest.param(asked(ADMIN, "write", ARCHIVED), True, id="2.2.5, rule 6"),
        pytest.param(asked("alice", SOFT), True, id="2.2.6, rule 7"),
        pytest.param(asked("alice", HARD), False, id="2.2.7, rule 8"),
        pytest.param(MORE, True, id="2.2.8"),
        pytest.param({**READ, "foo": "bar", "futureField": {"nested": True}}, True, id="2.2.9"),
        pytest.param(asked("alice", "write"), True, id="rule 2"),
        pytest.param(asked("bob", "read"), True, id="rule 3"),
        pytest.param(
            asked("alice", "write", record("record-1", "archived")), False, id="rule 5 of"
        ),
        pytest.param(asked("nobody", "read"), False, id="nobody"),
        pytest.param(asked("alice", "delete"), False, id="neither soft nor hard"),
        pytest.param(asked("*", "read"), False, id="a star is nobody"),
    ],
)
def test_the_fixtures_decisions(fixture: Pdp, question: Json, decision: bool) -> None:
    assert decided(fixture.post(EVALUATION, question)) is decision
    # 1.6: whether or not there is a context.
    assert decided(fixture.post(EVALUATION, {**question, "context": {"any": [1]}})) is decision


@pytest.mark.parametrize("question", [READ, {**READ, "context": CONTEXT}, MORE, {**MORE, "x": 1}])
def test_what_is_accepted_everywhere(pdp: Pdp, question: Json) -> None:
    decided(pdp.post(EVALUATION, question))


def without(question: Json, place: str) -> Json:
    changed: Json = json.loads(json.dumps(question))
    *outer, last = place.split(".")
    inner = changed
    for part in outer:
        inner = inner[part]
    del inner[last]
    return changed


@pytest.mark.parametrize("path", [EVALUATION, EVALUATIONS])
@pytest.mark.parametrize(
    "place",
    ["subject", "action", "resource", "subject.type", "subject.id", "action.name",
     "resource.type", "resource.id"],
)  # fmt: skip
def test_2_4_1_and_2_4_2_what_must_be_there(pdp: Pdp, path: str, place: str) -> None:
    an_error(pdp.post(path, without(READ, place)), 400)


@pytest.mark.parametrize("path", [EVALUATION, EVALUATIONS])
@pytest.mark.parametrize(
    "kind", ["text/plain", "", "application/x-www-form-urlencoded", "application/xml",
             "application/jsonx", "application/vnd.api+json"],
)  # fmt: skip
def test_2_4_3_another_kind_of_content(pdp: Pdp, path: str, kind: str) -> None:
    content = json.dumps(READ).encode()
    an_error(pdp.client.post(path, content=content, headers={"Content-Type": kind}), 400)


@pytest.mark.parametrize("kind", ["application/json; charset=utf-8", "Application/JSON"])
def test_2_4_3_the_same_kind_of_content(pdp: Pdp, kind: str) -> None:
    content = json.dumps(READ).encode()
    decided(pdp.client.post(EVALUATION, content=content, headers={"Content-Type": kind}))


@pytest.mark.parametrize("path", [EVALUATION, EVALUATIONS])
@pytest.mark.parametrize("content", [b'{"subject":', b"{", b"nothing", b"", b"[]", b"null", b"7"])
def test_2_4_4_and_2_4_5_what_is_no_json(pdp: Pdp, path: str, content: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    an_error(pdp.client.post(path, content=content, headers=headers), 400)


@pytest.mark.parametrize("path", [EVALUATION, EVALUATIONS])
@pytest.mark.parametrize(
    "question",
    [asked({"type": 1, "id": "alice"}, "read"), asked(ALICE, {"name": 123}), asked(ALICE, [""]),
     {**READ, "subject": "alice"}, {**READ, "resource": None}, {**READ, "context": "noon"},
     asked({**ALICE, "properties": "all"}, "read"), asked({**ALICE, "id": None}, "read"),
     asked(ALICE, "read", {"type": "record", "id": ["record-1"]})],
)  # fmt: skip
def test_2_4_6_what_is_of_another_type(pdp: Pdp, path: str, question: Json) -> None:
    an_error(pdp.post(path, question), 400)


@pytest.mark.parametrize("path", [EVALUATION, EVALUATIONS])
def test_2_5_the_name_of_a_question(pdp: Pdp, path: str) -> None:
    """Whatever is answered, and to whomever."""
    name = {"X-Request-ID": "bfe9eb29-ab87-4ca3-be83-a1d5d8305716"}
    nobody = {**name, "Authorization": "Bearer nobody"}
    answers = [
        pdp.post(path, READ, **name),
        pdp.post(path, {}, **name),
        pdp.client.post(path, content=b"{", headers=name),
        pdp.client.get(path, headers=name),
        pdp.client.get(path + "/nothing", headers=name),
        pdp.client.get(CONFIGURATION, headers=name),
        pdp.client.post(path, content=b" " * 2_000_001, headers=name),
        pdp.client.post(path, json=READ, headers=nobody),
    ]
    assert [each.status_code for each in answers] == [200, 400, 400, 405, 404, 200, 413, 401]
    for each in answers:
        assert each.headers["x-request-id"] == name["X-Request-ID"]
    decided(pdp.post(EVALUATION, READ))


def test_2_6_the_same_question_again(fixture: Pdp) -> None:
    for question, decision in ((READ, True), (asked("bob", "write"), False)):
        for _ in range(10):
            assert decided(fixture.post(EVALUATION, question)) is decision


R1, R2 = {"resource": record("record-1")}, {"resource": record("record-2")}
ALICE_READS = {"subject": user("alice"), "action": act("read")}


@pytest.mark.parametrize(
    ("question", "decisions"),
    [
        pytest.param({**ALICE_READS, "evaluations": [R1, R2]}, [True, True], id="3.2.1"),
        pytest.param(
            {"subject": user("bob"), "resource": record("record-1"),
             "evaluations": [{"action": act("read")}, {"action": act("write")}]},
            [True, False], id="3.2.2",
        ),
        pytest.param(
            {"subject": user("alice"), "action": act("write"),
             "evaluations": [{"resource": record("record-1", "active")}, {"resource": ARCHIVED}]},
            [True, False], id="3.2.3",
        ),
        pytest.param(
            {"action": act("write"), "resource": ARCHIVED,
             "evaluations": [{"subject": user("alice")}, {"subject": ADMIN}]},
            [False, True], id="3.2.4",
        ),
        pytest.param({"evaluations": [READ, asked("bob", "write")]}, [True, False], id="3.2.5"),
        pytest.param(
            {**ALICE_READS, "context": CONTEXT, "evaluations": [R1, {**R2, "context": {"s": "b"}}]},
            [True, True], id="3.2.6",
        ),
        pytest.param(
            {"subject": user("alice"), "action": act("write"), "resource": {"type": "record"},
             "evaluations": [
                 {"resource": {"id": "record-1", "properties": {"status": "active"}}},
                 {"resource": ARCHIVED}]},
            [True, False], id="3.2.7",
        ),
        pytest.param({**ALICE_READS, "evaluations": [R1, {}]}, [True, False], id="3.4.1"),
        pytest.param(
            {"subject": user("alice"), "action": SOFT, "resource": record("record-1"),
             "evaluations": [{}, {"action": {"properties": {"soft": False}}}, {"action": {}}]},
            [True, False, False], id="properties are never mixed",
        ),
        pytest.param(
            {"subject": ADMIN, "action": act("write"), "resource": ARCHIVED,
             "evaluations": [{"subject": {"id": "bob"}}, {"subject": {}}, {}]},
            [False, False, True], id="nor inherited beside an entity",
        ),
        pytest.param(
            {**READ, "evaluations": [{"subject": None}, {"subject": "a"}, "alice", None, [], {}]},
            [False, False, False, False, False, True], id="each that cannot be read is a no",
        ),
    ],
)  # fmt: skip
def test_3_2_several_at_once(fixture: Pdp, question: Json, decisions: list[bool]) -> None:
    answer = fixture.post(EVALUATIONS, question)
    assert several(answer) == decisions
    for options in ({}, {"evaluations_semantic": "execute_all"}, {"another_option": "value"}):
        again = fixture.post(EVALUATIONS, {**question, "options": options})
        assert again.json() == answer.json()


@pytest.mark.parametrize("more", [{}, {"evaluations": []}, {"evaluations": None}, {"options": {}}])
def test_3_4_2_and_3_4_3_without_evaluations_it_is_a_single_one(fixture: Pdp, more: Json) -> None:
    assert decided(fixture.post(EVALUATIONS, {**READ, **more})) is True
    assert decided(fixture.post(EVALUATIONS, {**asked("bob", "write"), **more})) is False
    an_error(fixture.post(EVALUATIONS, {**ALICE_READS, **more}), 400)


YES, NO, BAD = READ, asked("bob", "write"), {"subject": "alice"}


@pytest.mark.parametrize(
    ("semantic", "asked_for", "decisions"),
    [
        ("execute_all", [NO, YES, BAD, YES], [False, True, False, True]),
        ("deny_on_first_deny", [YES, NO, YES, NO], [True, False]),
        ("deny_on_first_deny", [YES, YES], [True, True]),
        ("deny_on_first_deny", [YES, BAD, YES], [True, False]),
        ("permit_on_first_permit", [NO, BAD, YES, NO, YES], [False, False, True]),
        ("permit_on_first_permit", [NO, NO], [False, False]),
    ],
)
def test_three_semantics(
    fixture: Pdp, pack: Entrance, semantic: str, asked_for: list[Json], decisions: list[bool]
) -> None:
    """The first no, or yes, is the last answer; what follows is not even looked at."""
    before = pack.point.looked_at
    options = {"evaluations_semantic": semantic}
    answer = fixture.post(EVALUATIONS, {"evaluations": asked_for, "options": options})
    assert several(answer) == decisions
    assert pack.point.looked_at == before + len(decisions)


@pytest.mark.parametrize(
    "bad",
    [{"evaluations": {}}, {"evaluations": "all"}, {"options": "all"}, {"options": []},
     {"options": {"evaluations_semantic": "whatever"}}, {"options": {"evaluations_semantic": 1}},
     {"evaluations": [READ] * 101}, {"subject": "alice"}, {"context": []}],
)  # fmt: skip
def test_what_concerns_all_of_them_is_an_error(pdp: Pdp, bad: Json) -> None:
    good = {"evaluations": [READ, READ]}
    several(pdp.post(EVALUATIONS, good))
    an_error(pdp.post(EVALUATIONS, {**good, **bad}), 400)


def test_a_hundred_are_answered(pdp: Pdp) -> None:
    assert len(several(pdp.post(EVALUATIONS, {"evaluations": [READ] * 100}))) == 100


def test_why_one_cannot_be_read_is_said_without_what_was_sent(pdp: Pdp) -> None:
    planted = "Planted 9f3c"
    bad = [
        {"action": {"name": 7}},
        {"resource": {"id": planted, "type": 1}},
        planted,
        {"subject": 1},
    ]
    answer = pdp.post(EVALUATIONS, {**READ, "evaluations": bad})
    assert several(answer) == [False] * 4
    errors = [each["context"]["error"] for each in answer.json()["evaluations"]]
    assert [each["status"] for each in errors] == [400] * 4
    assert [each["message"] for each in errors] == [
        "action.name: It must be text.",
        "resource.type: It must be text.",
        "It must be an object.",
        "subject: It must be an object.",
    ]
    assert planted not in answer.text


@pytest.mark.parametrize("path", [EVALUATION, EVALUATIONS])
@pytest.mark.parametrize("headers", [{"Authorization": ""}, {"Authorization": "Bearer nobody"},
                                     {"Authorization": "Basic YTpi"}])  # fmt: skip
def test_whose_credential_is_nobodys(pdp: Pdp, path: str, headers: dict[str, str]) -> None:
    answer = pdp.client.post(path, json=READ, headers=headers)
    an_error(answer, 401)
    assert answer.headers["www-authenticate"] == "Bearer"


def test_6_where_it_is(pdp: Pdp) -> None:
    """All that is served is named, and nothing that is not."""
    answer = httpx.get(pdp.address + CONFIGURATION)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json() == {
        "policy_decision_point": pdp.address,
        "access_evaluation_endpoint": pdp.address + EVALUATION,
        "access_evaluations_endpoint": pdp.address + EVALUATIONS,
    }
    for name in ("subject", "resource", "action"):
        assert pdp.client.post(f"/access/v1/search/{name}", json=READ).status_code == 404


def test_unknown_trouble_is_a_bare_500(
    fixture: Pdp, pack: Entrance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*values: str) -> bool:
        raise ZeroDivisionError("Planted 9f3c")

    monkeypatch.setattr(pack.point, "_decide", fail)
    answer = fixture.post(EVALUATION, READ, **{"X-Request-ID": "a-1"})
    an_error(answer, 500)
    assert answer.json()["instance"].startswith("urn:uuid:")
    assert "Planted" not in answer.text
    assert answer.headers["x-request-id"] == "a-1"

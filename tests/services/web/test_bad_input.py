"""Whatever is sent that cannot be meant: one clear sentence, and nothing has changed."""

import http.client
import json
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import stack as steps
from stack import GENOME, INCOME, SURVEY, Json, Stack, command, ok
from web_act import ANYBODY, Act, client
from web_acts import ACTS, openapi
from web_bad import EXTRA, PLANTED, described, spoilt
from web_refusals import kept, refusal
from web_scene import Scene
from web_steps import Later

from services.settings import HOST

JSON = {"Content-Type": "application/json"}
TAKING = [act for act in ACTS if described(act.endpoint) is not None]
ADDRESSED = [act for act in ACTS if "{" in act.endpoint]


@pytest.fixture(scope="module")
def scene(stack: Stack, later: Later) -> Iterator[Scene]:
    """Every state that an endpoint is called in, made before anything bad is sent."""
    made = Scene(stack, later)
    for act in ACTS:
        act.call(made)
    yield made
    made.put_back()


@pytest.fixture(autouse=True)
def _nothing_changes(scene: Scene, request: pytest.FixtureRequest) -> Iterator[None]:
    """After every test the ledger, the drafts and the catalogue are what they were before."""
    if request.node.get_closest_marker("changes"):
        yield
        return
    before = kept(scene.stack)
    yield
    assert kept(scene.stack) == before


@pytest.mark.parametrize("act", TAKING, ids=lambda act: act.name)
def test_every_field_is_refused_when_it_cannot_be_read(scene: Scene, act: Act) -> None:
    path, good = act.call(scene)
    schema = described(act.endpoint)
    assert schema is not None
    sender = client(scene.stack, act.by)
    tried = 0
    for what, bad in spoilt(act.endpoint, schema, good):
        content = json.dumps(bad).encode()
        answer = sender.request(act.method, path, content=content, headers=JSON)
        try:
            refusal(answer, 422 if act.by != "gateway" else 400)
        except AssertionError as error:
            raise AssertionError(f"{what}: {error}") from error
        tried += 1
    assert tried > 5


@pytest.mark.parametrize(
    ("what", "content", "headers", "status"),
    [
        ("nothing", b"", JSON, 422),
        ("no JSON", b"{", JSON, 400),
        ("words", PLANTED.encode(), JSON, 400),
        ("no UTF-8", b'{"person": "\xff\xfe"}', JSON, 400),
        ("another coding", '{"person": "é"}'.encode("latin-1"), JSON, 400),
        ("a list", b"[]", JSON, 422),
        ("a number", b"1", JSON, 422),
        ("deeply nested", b"[" * 100_000 + b"]" * 100_000, JSON, 400),
        ("deeply nested objects", b'{"a":' * 50_000 + b"1" + b"}" * 50_000, JSON, 400),
        ("a huge number", b'{"person": ' + b"9" * 5000 + b"}", JSON, 400),
        ("not a number", b'{"person": NaN}', JSON, 422),
        ("no kind of content", b'{"person": "outsider"}', {"Content-Type": ""}, 415),
        ("plain text", b'{"person": "outsider"}', {"Content-Type": "text/plain"}, 415),
        ("a form", b"person=outsider", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
        ("too much", b" " * 2_000_001, JSON, 413),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize(
    "address", ["/v1/example/tokens", "/access/v1/evaluation", "/access/v1/evaluations"]
)
def test_what_is_no_json(
    scene: Scene, address: str, what: str, content: bytes, headers: dict[str, str], status: int
) -> None:
    if status in (415, 422) and address.startswith("/access"):
        status = 400
    refusal(scene.stack.gateway.post(address, content=content, headers=headers), status)


def test_more_announced_than_is_taken(scene: Scene) -> None:
    """It is refused before any of it is read."""
    connection = http.client.HTTPConnection(HOST, scene.stack.settings.web_port, timeout=10)
    connection.putrequest("POST", "/v1/example/tokens")
    connection.putheader("Content-Length", "2000001")
    connection.endheaders()
    answer = connection.getresponse()
    assert answer.status == 413
    assert json.loads(answer.read())["code"] == "too_large"
    connection.close()


def test_a_body_without_a_length_is_cut_off_as_well(scene: Scene) -> None:
    def parts() -> Iterator[bytes]:
        for _ in range(300):
            yield b" " * 10_000

    answer = scene.stack.anonymous.post("/v1/example/tokens", content=parts(), headers=JSON)
    refusal(answer, 413)


@pytest.mark.parametrize("act", ADDRESSED, ids=lambda act: act.name)
def test_what_is_nobodys_id_is_not_found(scene: Scene, act: Act) -> None:
    """Ids of nothing, of another kind, and of no possible shape."""
    parts, good = act.make(scene)
    sender = client(scene.stack, act.by)
    for kind, own in parts.items():
        of_other_kinds = (scene.deciding, scene.granted, scene.draft, scene.river, scene.restricted)
        others = (
            f"{kind}-{uuid.uuid4()}", "x", "x" * 701, "%00", "a%0Ab", "%ED%A0%80", "%FF",
            f"{kind}-", f"{own}%20", f"{own}%0A", PLANTED,
            # A number has no other way of being written.
            *({own.upper()} - {own}),
            *(each for each in of_other_kinds if not each.startswith(f"{kind}-")),
        )  # fmt: skip
        for other in others:
            address = act.address({**parts, kind: other})
            refusal(sender.request(act.method, address, json=good), 404)


@pytest.mark.parametrize("act", ADDRESSED, ids=lambda act: act.name)
def test_anothers_id_is_not_found_either(scene: Scene, act: Act) -> None:
    """To somebody who is party to nothing an id that is there looks like one that is not."""
    if act.by == ANYBODY:
        return
    parts, good = act.make(scene)
    kind = next(iter(parts))
    nothing = {**parts, kind: f"{parts[kind].partition('-')[0]}-0"}
    outsider = scene.stack.client("outsider")
    theirs = refusal(outsider.request(act.method, act.address(parts), json=good), 404)
    nobodys = refusal(outsider.request(act.method, act.address(nothing), json=good), 404)
    assert theirs == nobodys


@pytest.mark.parametrize(
    "query",
    ["limit=0", "limit=201", "limit=x", "limit=1e3", "words=%00", "words=" + "x" * 201,
     "collection=" + "x" * 201, "after=" + "x" * 701, "collection=%1B", "after=%C2%85",
     "words=" + "+".join("abcdefghijklmnopqrstu"), f"limit={PLANTED}"],
)  # fmt: skip
def test_a_query_that_cannot_be_read(scene: Scene, query: str) -> None:
    refusal(scene.stack.client("outsider").get(f"/v1/items?{query}"), 422, 413)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/nothing", 404),
        ("GET", f"/{PLANTED}", 404),
        ("GET", "/v1/../etc/passwd", 404),
        ("DELETE", "/v1/drafts", 405),
        ("PATCH", "/v1/grants", 405),
        ("GET", "/access/v1/evaluation", 405),
    ],
)
def test_an_address_that_is_not_there(scene: Scene, method: str, path: str, status: int) -> None:
    refusal(scene.stack.anonymous.request(method, path), status)


@pytest.mark.parametrize(
    "token",
    ["Bearer", "Basic YTpi", f"Bearer {PLANTED}", "Bearer a.b.c", "Bearer " + "x" * 5000,
     "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0."],
)  # fmt: skip
def test_a_token_that_is_nobodys(scene: Scene, token: str) -> None:
    headers = {"Authorization": token}
    answer = scene.stack.anonymous.get("/v1/me", headers=headers)
    refusal(answer, 401)
    assert answer.headers["www-authenticate"] == "Bearer"


def post(scene: Scene, person: str, path: str, /, **fields: Any) -> httpx.Response:
    return scene.stack.client(person).post(path, json=command(**fields))


def test_a_body_that_is_not_there_or_not_ones_own(scene: Scene) -> None:
    voices = f"/v1/requests/{scene.deciding}/voices"
    seen = scene.seen(scene.deciding)
    for body in (
        f"body-{uuid.uuid4()}", scene.stack.bodies["hill"], scene.deciding, "body-deployment", "x"
    ):  # fmt: skip
        answer = post(scene, "river-member-1", voices, seen=seen, body=body, voice="approve")
        assert refusal(answer, 404)["code"] == "not_found"


def test_ids_inside_a_command_that_are_nothings(scene: Scene) -> None:
    nobody, nothing = f"person-{uuid.uuid4()}", "example.not.there"
    river, people = scene.river, scene.stack.people
    request, question = scene.questioned
    grant = scene.granted
    cases: list[tuple[str, str, Json, tuple[int, ...]]] = [
        ("researcher", f"/v1/requests/{scene.deciding}/answers",
         {"question": question, "answer": "x"}, (404,)),
        ("researcher", f"/v1/requests/{request}/answers",
         {"question": str(uuid.uuid4()), "answer": "x"}, (404,)),
        ("researcher", f"/v1/requests/{scene.agreed}/acceptance",
         {"seen": scene.seen(scene.agreed), "conditions": [str(uuid.uuid4())]}, (409,)),
        ("river-secretary", f"/v1/requests/{scene.deciding}/hui",
         {"seen": scene.seen(scene.deciding), "body": river, "held_on": "2026-01-15",
          "voices": {nobody: "approve"}, "outcome": "approve", "minutes": "x"}, (403,)),
        ("river-secretary", f"/v1/requests/{scene.deciding}/hui",
         {"seen": scene.seen(scene.deciding), "body": river, "held_on": "2026-01-15",
          "voices": {people["hill-kaumatua-1"]: "approve"}, "outcome": "approve",
          "minutes": "x"}, (403,)),
        ("researcher", f"/v1/grants/{grant}/reports",
         {"duty": "duty-9", "words": dict.fromkeys(("findings", "benefits", "harms",
                                                    "next_steps"), "x")}, (404,)),
        ("river-member-1", f"/v1/grants/{grant}/report-returns",
         {"body": river, "duty": "duty-9", "question": "x"}, (404,)),
        ("river-secretary", f"/v1/bodies/{river}/departures", {"person": nobody}, (404,)),
        ("river-secretary", f"/v1/bodies/{river}/adoptions",
         {"pack": "no-such-pack", **steps.NEVER_SHOWN}, (404,)),
        ("river-secretary", f"/v1/bodies/{river}/pack-withdrawals",
         {"pack": "no-such-pack"}, (404,)),
        ("river-secretary", "/v1/confirmations",
         {"body": river, "items": [nothing], "classes": ["health"], "peoples": "any"}, (404,)),
        ("river-secretary", "/v1/confirmations",
         {"body": river, "items": [GENOME], "classes": ["no-such-class"],
          "peoples": ["example-river-people"]}, (422,)),
        ("river-secretary", "/v1/confirmations",
         {"body": river, "items": [GENOME], "classes": ["genomic"],
          "peoples": ["no-such-people", "example-river-people"]}, (422,)),
        ("river-secretary", "/v1/collections/no_such_collection/history",
         {"body": river, "history": "x"}, (404,)),
        ("river-secretary", "/v1/restrictions",
         {"body": river, "scope": {"slice": {"peoples": ["example-river-people"]},
                                   "items": [nothing]},
          "words": "x", "authority": "x"}, (422,)),
        ("river-secretary", "/v1/restrictions",
         {"body": river, "scope": {"slice": {"peoples": ["example-hill-people"]}},
          "words": "x", "authority": "x"}, (422,)),
        ("river-secretary", "/v1/confirmations",
         {"body": river, "items": ["a " * 40 + "b"], "classes": ["health"], "peoples": "any"},
         (404,)),
        ("operator", "/v1/names", {"peoples": {PLANTED: "x"}}, (422,)),
        ("operator", "/v1/names", {"peoples": {"any": "x"}}, (422,)),
        ("operator", "/v1/names", {"places": {"example-river-people": "x"}}, (422,)),
    ]  # fmt: skip
    for person, path, fields, statuses in cases:
        try:
            refusal(post(scene, person, path, **fields), *statuses)
        except AssertionError as error:
            raise AssertionError(f"{path} {fields}: {error}") from error


@pytest.mark.changes
def test_a_member_who_is_nobody(scene: Scene) -> None:
    path = f"/v1/bodies/{scene.river}/members"
    member = {"person": f"person-{uuid.uuid4()}", "roles": ["member"]}
    refusal(post(scene, "river-secretary", path, member=member), 404, 422)


@pytest.mark.changes
def test_a_body_for_people_whom_nothing_knows(scene: Scene) -> None:
    members = [{"person": scene.stack.people["outsider"], "roles": ["secretary"]}]
    answer = post(
        scene, "operator", "/v1/bodies", name="Example other body", document="x",
        mandate={"capacities": ["people"], "peoples": ["no-such-people"]},
        kawa={"rule": "majority"}, members=members,
    )  # fmt: skip
    refusal(answer, 404, 422)


@pytest.mark.changes
def test_a_gateway_for_a_collection_that_is_not_there(scene: Scene) -> None:
    refusal(post(scene, "operator", "/v1/gateways", collections=["no_such_collection"]), 404, 422)


@pytest.mark.changes
def test_a_condition_whose_day_has_passed(scene: Scene) -> None:
    request = steps.submit_request(scene.stack, items=[GENOME])
    path = f"/v1/requests/{request}/conditions"
    for kind in ("end_date", "report_back"):
        sent = scene.for_river(request, kind=kind, at="2020-01-01T00:00:00Z")
        refusal(scene.stack.client("river-member-1").post(path, json=sent), 422)


@pytest.mark.parametrize(
    "spoil",
    [
        {"people": {f"person-{uuid.UUID(int=0)}": "researcher"}},
        {"items": {"example.not.there": "why"}},
        {"ends_on": "2020-01-01"},
        {"purpose": ""},
        {"items": {}},
        {"people": {}},
        {"words": {}},
        {"items": {SURVEY: " "}},
    ],
    ids=lambda spoil: next(iter(spoil)),
)
@pytest.mark.changes
def test_what_a_preview_lists_cannot_be_submitted(scene: Scene, spoil: Json) -> None:
    before = kept(scene.stack)
    researcher = scene.stack.client("researcher")
    content = {**steps.draft_content(scene.stack, items=[GENOME]), **spoil}
    draft = ok(researcher.post("/v1/drafts", json=content))["id"]
    seen = ok(researcher.get(f"/v1/drafts/{draft}/preview"))
    assert not seen["ready"]
    refusal(researcher.post(f"/v1/drafts/{draft}/submit", json=command(version=1)), 404, 409, 422)
    after = kept(scene.stack)
    assert {**before, "drafts": None} == {**after, "drafts": None}
    assert ok(researcher.get(f"/v1/drafts/{draft}"))["version"] == 1


def test_stale_versions_say_what_changed(scene: Scene) -> None:
    researcher = scene.stack.client("researcher")
    path, content = f"/v1/drafts/{scene.draft}", steps.draft_content(scene.stack, items=[INCOME])
    version = ok(researcher.get(path))["version"]
    for wrong in (version + 1, 2**31 - 1):
        said = refusal(researcher.put(path, json={**content, "version": wrong}), 409)
        assert said["code"] == "stale"
        assert said["facts"]["version"] == str(version)
        assert "items" in said["facts"]["differs"].split(",")
    refusal(researcher.put(path, json={**content, "version": 0}), 422)
    said = refusal(researcher.post(f"{path}/submit", json=command(version=version + 1)), 409)
    assert (said["code"], said["facts"]["version"]) == ("stale", str(version))


def test_a_sequence_that_is_not_there_yet(scene: Scene) -> None:
    present = scene.seen(scene.deciding)
    said = refusal(
        post(scene, "river-member-1", f"/v1/requests/{scene.deciding}/voices",
             seen=present + 1, body=scene.river, voice="approve"), 409,
    )  # fmt: skip
    assert said["code"] == "stale"
    assert said["facts"] == {"seen": str(present + 1), "present": str(present)}


@pytest.mark.changes
def test_who_has_not_seen_the_change_does_not_decide(scene: Scene) -> None:
    """After a decline the request is another: what was said of the old one is refused."""
    request = steps.submit_request(scene.stack, items=[SURVEY])
    before = scene.seen(request)
    steps.hui(scene.stack, request, "river", "decline")
    again = command(seen=scene.seen(request), justification="Again.")
    researcher = scene.stack.client("researcher")
    ok(researcher.post(f"/v1/requests/{request}/justifications", json=again))
    entries = kept(scene.stack)["entries"]
    answer = post(
        scene, "ethics-member-1", f"/v1/requests/{request}/voices",
        seen=before, body=scene.stack.bodies["ethics"], voice="approve",
    )  # fmt: skip
    said = refusal(answer, 409)
    assert said["code"] == "stale"
    assert int(said["facts"]["changed_at"]) > before
    assert kept(scene.stack)["entries"] == entries


@pytest.mark.changes
def test_a_command_sent_twice_is_done_once_and_its_id_serves_for_nothing_else(
    scene: Scene,
) -> None:
    request = steps.submit_request(scene.stack, items=[GENOME])
    path = f"/v1/requests/{request}/questions"
    sent = scene.for_river(request, question="Why?")
    member = scene.stack.client("river-member-1")
    first = ok(member.post(path, json=sent))
    assert ok(member.post(path, json=sent)) == first
    other = refusal(member.post(path, json={**sent, "question": "How?"}), 409)
    assert other["code"] == "command_reused"
    by_another = scene.stack.client("river-member-2").post(path, json=sent)
    assert refusal(by_another, 409)["code"] == "command_reused"
    elsewhere = command(command_id=sent["command_id"], seen=0)
    answer = scene.stack.client("researcher").post(
        f"/v1/requests/{request}/withdrawal", json=elsewhere
    )
    assert refusal(answer, 409)["code"] == "command_reused"
    assert scene.seen(request) == first["sequence"]


def test_days_that_have_passed_or_have_not_come(scene: Scene) -> None:
    deciding = scene.deciding
    later = "2199-01-01"
    hui = scene.hui(body=scene.river, seen=scene.seen(deciding))
    secretary = scene.stack.client("river-secretary")
    answer = secretary.post(f"/v1/requests/{deciding}/hui", json={**hui, "held_on": later})
    refusal(answer, 422)
    lifting = {**scene.hui(), "held_on": later}
    refusal(secretary.post(f"/v1/restrictions/{scene.restricted}/hui", json=lifting), 422)
    placing = {
        "body": scene.river,
        "scope": {"slice": {"peoples": ["example-river-people"]}},
        "words": "x",
        "authority": "x",
    }
    for wrong in ({"review_on": "2020-01-01"}, {"held_on": later}):
        refusal(post(scene, "river-secretary", "/v1/restrictions", **placing, **wrong), 422)


def test_a_condition_is_given_exactly_what_it_takes(scene: Scene) -> None:
    path = f"/v1/requests/{scene.deciding}/conditions"
    for wrong in (
        {"kind": "end_date"},
        {"kind": "no_linkage", "choice": "x"},
        {"kind": "no_linkage", "at": "2027-01-01T00:00:00Z"},
        {"kind": "level_at_most", "choice": PLANTED},
        {"kind": "attribution", "choice": "either"},
        {"kind": "own_words"},
        {"kind": "own_words", "words": " \n "},
        {"kind": "own_words", "at": "2027-01-01T00:00:00Z", "words": "x"},
    ):
        refusal(
            post(scene, "river-member-1", path, body=scene.river,
                 seen=scene.seen(scene.deciding), **wrong), 422,
        )  # fmt: skip


def test_the_generator_reaches_every_endpoint_that_takes_anything() -> None:
    taking = {
        f"{method.upper()} {path}"
        for path, methods in openapi()["paths"].items()
        for method, described_ in methods.items()
        if "requestBody" in described_
    }
    assert taking == {act.endpoint for act in TAKING}
    assert EXTRA not in json.dumps(openapi())

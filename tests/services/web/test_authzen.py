"""The decision point, as a custodian's gateway sees it (AuthZEN Authorization API 1.0)."""

import copy
import json
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from time import monotonic, sleep
from typing import Any

import httpx
import pytest
import stack as steps
from stack import GENOME, INCOME, SMALL, Json, Stack, ask, command, ok

from policies.refusals import Code
from policies.rules import Rule
from policies.use import UseAnswer
from services import decisions
from services.web import decision

EVALUATION = "/access/v1/evaluation"
EVALUATIONS = "/access/v1/evaluations"
PURPOSE = "example-authzen"
RIVER = ["example-river-people"]
BIRTH = "example_survey.people.birth_year"
LANGUAGE = "example_survey.people.language_at_home"


@pytest.fixture(scope="module")
def grant(stack: Stack) -> str:
    """A grant over a small part of the survey; how it came to be is asked elsewhere."""
    request = steps.submit_request(stack, purpose=PURPOSE)
    for body in ("river", "ethics"):
        steps.hui(stack, request, body)
    return steps.accept(stack, request)


@pytest.fixture
def asked(stack: Stack, grant: str) -> Json:
    """The question that is answered yes."""
    return steps.question(stack, purpose=PURPOSE)


def put(question: Json, place: str, value: Any) -> Json:
    """`question` with another value at `place`; None leaves it out."""
    changed = copy.deepcopy(question)
    *outer, last = place.split(".")
    inner = changed
    for part in outer:
        inner = inner[part]
    if value is None:
        del inner[last]
    else:
        inner[last] = value
    return changed


def without_record(answer: Json) -> Json:
    context = {k: v for k, v in answer["context"].items() if k != "record"}
    return {**answer, "context": context}


def refused(stack: Stack, question: Json, code: str, client: httpx.Client | None = None) -> Json:
    """The answer is no, for this reason, in one clear sentence and with what to do next."""
    answer = ask(stack, question, client)
    context = answer["context"]
    assert (answer["decision"], context["code"]) == (False, code)
    assert set(context) == {
        "code", "reason_user", "next", "reasons", "lines", "for_a_yes", "record",
    }  # fmt: skip
    for sentence in (context["reason_user"]["403"], context["next"]):
        assert 0 < len(sentence.split()) <= 25
    return answer


def test_a_yes_carries_the_slice_and_until_when(stack: Stack, asked: Json, grant: str) -> None:
    answer = ask(stack, asked)
    assert answer["decision"] is True
    context = answer["context"]
    assert set(context) == {
        "obligations", "valid_until", "reason_user", "reasons", "lines", "for_a_yes", "record",
    }  # fmt: skip
    assert {each["effect"] for each in context["lines"]} == {"allow"}
    assert {each["body"] for each in context["lines"]} >= {stack.bodies["river"]}
    slice_ = {"peoples": sorted(SMALL), "places": "any", "years": "any", "level": "aggregate"}
    assert context["obligations"] == [{"id": "slice/1", "slice": slice_}]
    assert context["reasons"] == [{"grant": grant}]
    until = datetime.fromisoformat(context["valid_until"])
    # By the service clock, which other tests may have moved; a busy machine takes its time.
    assert until <= service_now(stack) + timedelta(seconds=5.5)


def service_now(stack: Stack) -> datetime:
    """The service clock, as a token that lasts an hour tells it (in whole seconds)."""
    told = ok(stack.anonymous.post("/v1/example/tokens", json={"person": "outsider"}))
    return datetime.fromisoformat(told["expires_at"]) - timedelta(hours=1)


def test_where_the_decision_point_is(stack: Stack) -> None:
    found = ok(stack.anonymous.get("/.well-known/authzen-configuration"))
    assert found == {
        "policy_decision_point": stack.settings.url,
        "access_evaluation_endpoint": stack.settings.url + EVALUATION,
        "access_evaluations_endpoint": stack.settings.url + EVALUATIONS,
    }


@pytest.mark.parametrize(
    ("place", "value", "code"),
    [
        ("context.purpose", "example-other", "other_purpose"),
        ("context.purpose", None, "other_purpose"),
        ("context.purpose", "Not A Purpose", "other_purpose"),
        ("resource.id", INCOME, "no_grant"),
        ("resource.id", "example_survey.people.not_there", "not_found"),
        ("resource.id", "*", "not_found"),
        ("resource.type", "collection", "not_found"),
        ("subject.id", "person-00000000-0000-0000-0000-000000000000", "no_grant"),
        ("subject.id", "*", "no_grant"),
        ("subject.id", "role:grantee", "no_grant"),
        ("subject.type", "group", "not_found"),
        ("action.name", "use.train", "no_rule"),
        ("action.name", "use.everything", "no_rule"),
        ("action.name", "*", "no_rule"),
        ("context.obligations_supported", [], "obligation_unsupported"),
        ("context.obligations_supported", None, "obligation_unsupported"),
        ("context.obligations_supported", ["slice/2"], "obligation_unsupported"),
        ("context.slice", {"peoples": [*SMALL, "example-hill-people"]}, "other_slice"),
        ("context.slice", {"peoples": "any"}, "other_slice"),
        ("context.slice", {}, "other_slice"),
        ("context.slice", {"peoples": []}, "other_slice"),
        ("context.slice", {"peoples": RIVER, "level": "identifiable"}, "other_slice"),
    ],
)
def test_every_no_has_its_reason(
    stack: Stack, asked: Json, place: str, value: Any, code: str
) -> None:
    refused(stack, put(asked, place, value), code)


def test_somebody_who_is_not_in_the_grant(stack: Stack, asked: Json) -> None:
    for person in ("outsider", "river-secretary", "operator"):
        refused(stack, put(asked, "subject.id", stack.people[person]), "no_grant")


def test_a_narrower_slice_may_be_asked(stack: Stack, asked: Json) -> None:
    for narrower in (
        {"peoples": RIVER, "places": "any", "years": "any", "level": "aggregate"},
        {"peoples": sorted(SMALL), "places": ["example-harbour-town"], "years": [2019],
         "level": "aggregate"},
    ):  # fmt: skip
        answer = ask(stack, put(asked, "context.slice", narrower))
        assert answer["context"]["obligations"] == [{"id": "slice/1", "slice": narrower}]


def test_time_runs_out_by_the_service_clock(stack: Stack) -> None:
    """An overdue report pauses access, and an end ends it, whether or not a timer fired yet."""
    soon = service_now(stack) + timedelta(seconds=25)
    ends = {"paused": ("report_back", BIRTH), "ended": ("end_date", LANGUAGE)}
    for name, (kind, item) in ends.items():
        request = steps.submit_request(stack, items=[item], purpose=f"example-{name}")
        seen = steps.read_request(stack, request)["sequence"]
        condition = command(body=stack.bodies["river"], seen=seen, kind=kind, at=soon.isoformat())
        secretary = stack.client("river-secretary")
        ok(secretary.post(f"/v1/requests/{request}/conditions", json=condition))
        for body in ("river", "ethics"):
            steps.hui(stack, request, body)
        steps.accept(stack, request)
        answer = ask(stack, steps.question(stack, item, f"example-{name}"))
        assert answer["decision"] is True
        assert datetime.fromisoformat(answer["context"]["valid_until"]) <= soon
    while service_now(stack) <= soon:
        sleep(0.5)
    refused(stack, steps.question(stack, BIRTH, "example-paused"), "duty_overdue")
    refused(stack, steps.question(stack, LANGUAGE, "example-ended"), "no_grant")


def test_access_that_was_given_back(stack: Stack) -> None:
    request = steps.submit_request(stack, items=[LANGUAGE], purpose="example-given-back")
    for body in ("river", "ethics"):
        steps.hui(stack, request, body)
    grant = steps.accept(stack, request)
    asked = steps.question(stack, LANGUAGE, "example-given-back")
    assert ask(stack, asked)["decision"] is True
    ok(stack.client("researcher").post(f"/v1/grants/{grant}/end", json=command()))
    refused(stack, asked, "no_grant")


@pytest.mark.parametrize(
    "place",
    ["subject", "action", "resource", "subject.type", "subject.id", "action.name",
     "resource.type", "resource.id"],
)  # fmt: skip
def test_what_must_be_there(stack: Stack, asked: Json, place: str) -> None:
    """AuthZEN: a question without a required field is a bad request, never a no."""
    answer = stack.gateway.post(EVALUATION, json=put(asked, place, None))
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert {"field": place, "sentence": "It is missing."} in answer.json()["fields"]


def test_what_is_not_known_is_ignored(stack: Stack, asked: Json) -> None:
    more = copy.deepcopy(asked)
    for inner in (more, more["subject"], more["action"], more["resource"], more["context"]):
        inner |= {"more": {"of": ["anything"]}, "properties": {"clearance": "all"}}
    assert ask(stack, more)["decision"] is True
    refused(stack, put(more, "context.purpose", "example-other"), "other_purpose")


@pytest.mark.parametrize("time", ["1999-01-01T00:00:00Z", "2099-01-01T00:00:00Z", 7, "noon"])
def test_nobody_else_says_what_time_it_is(stack: Stack, asked: Json, time: object) -> None:
    answer = ask(stack, put(asked, "context.time", time))
    assert answer["decision"] is True
    until = datetime.fromisoformat(answer["context"]["valid_until"])
    assert abs(until - service_now(stack)) < timedelta(minutes=1)


def test_the_name_of_a_question_comes_back(stack: Stack, asked: Json) -> None:
    def named(name: str, question: Json, client: httpx.Client = stack.gateway) -> httpx.Response:
        return client.post(EVALUATION, json=question, headers={"X-Request-ID": name})

    for answer, status in (
        (named("a-1 (b)", asked), 200),
        (named("a-1 (b)", put(asked, "context.purpose", "example-other")), 200),
        (named("a-1 (b)", {}), 400),
        (named("a-1 (b)", asked, stack.anonymous), 401),
    ):
        assert answer.status_code == status
        assert answer.headers["x-request-id"] == "a-1 (b)"
    assert named("x" * 2000, asked).headers["x-request-id"] == "x" * 2000
    assert "x-request-id" not in named("x" * 4097, asked).headers
    assert "x-request-id" not in stack.gateway.post(EVALUATION, json=asked).headers


def test_whose_credential_is_whose(stack: Stack, asked: Json) -> None:
    """A person's token asks nothing, a gateway's credential signs nobody in."""
    before = answers(stack)
    for client in (stack.anonymous, stack.client("researcher"), stack.client("operator")):
        assert client.post(EVALUATION, json=asked).status_code == 401
    for headers in ({"Authorization": "Bearer x"}, {"Authorization": stack.gateway_credential}):
        answer = stack.anonymous.post(EVALUATION, json=asked, headers=headers)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"] == "Bearer"
    for path in ("/v1/me", "/v1/requests", "/v1/ledger/export"):
        assert stack.gateway.get(path).status_code == 401
    assert answers(stack) == before


def test_another_gateway_learns_nothing_of_what_it_does_not_serve(
    stack: Stack, asked: Json
) -> None:
    made = command(collections=["example_genome"])
    credential = ok(stack.client("operator").post("/v1/gateways", json=made))["credential"]
    headers = {"Authorization": f"Bearer {credential}"}
    with httpx.Client(base_url=stack.settings.url, headers=headers, timeout=60) as other:
        there = refused(stack, asked, "not_found", other)
        nothing = put(asked, "resource.id", "example_survey.people.not_there")
        assert without_record(there) == without_record(refused(stack, nothing, "not_found", other))
        # Nor is it told apart by a person who holds no grant, or by a restriction.
        nobody = put(asked, "subject.id", stack.people["outsider"])
        assert without_record(there) == without_record(refused(stack, nobody, "not_found", other))
        refused(stack, put(nobody, "resource.id", GENOME), "no_grant", other)


def test_a_credential_is_shown_once(stack: Stack) -> None:
    made = command(collections=["example_genome"])
    operator = stack.client("operator")
    ok(operator.post("/v1/gateways", json=made))
    again = operator.post("/v1/gateways", json=made)
    assert again.status_code == 409
    assert "credential" not in again.json()


@pytest.fixture
def restriction(stack: Stack, grant: str, request: pytest.FixtureRequest) -> Iterator[str]:
    """A restriction of the river body, lifted again."""
    placed = steps.place(stack, words="Not while the river is low.", hidden=request.param)
    yield placed
    steps.lift(stack, placed)


@pytest.mark.parametrize("restriction", [False], indirect=True)
def test_a_restriction_is_named_in_the_bodys_own_words(
    stack: Stack, asked: Json, restriction: str
) -> None:
    context = refused(stack, asked, "restricted")["context"]
    assert context["reason_user"] == {"403": "Not while the river is low."}
    river = {"restriction": restriction, "body": stack.bodies["river"], "status": "open"}
    assert context["reasons"] == [river]
    (line,) = [each for each in context["lines"] if each["decided"]]
    assert (line["rule"], line["effect"], line["body"]) == (
        restriction, "deny", stack.bodies["river"],
    )  # fmt: skip
    assert [each["what"] for each in context["for_a_yes"]] == ["lift"]
    # It covers the river people's records, and nobody else's.
    newcomers = put(asked, "context.slice", {"peoples": ["example-newcomer-people"]})
    assert ask(stack, newcomers)["decision"] is True
    refused(stack, put(asked, "context.slice", {"peoples": RIVER}), "restricted")


@pytest.mark.parametrize("restriction", [True], indirect=True)
def test_a_hidden_restriction_looks_like_an_ordinary_no(
    stack: Stack, asked: Json, restriction: str
) -> None:
    hidden = refused(stack, asked, "not_permitted_now")
    ordinary = refused(stack, put(asked, "context.purpose", "example-other"), "other_purpose")
    assert shape(hidden) == shape(ordinary)
    assert hidden["context"]["reasons"] == ordinary["context"]["reasons"] == []
    text = json.dumps(without_record(hidden))
    assert restriction not in text
    assert stack.bodies["river"] not in text
    # One answer, one record: how many there are tells nothing either.
    before = answers(stack)
    ask(stack, asked)
    ask(stack, put(asked, "context.purpose", "example-other"))
    assert len(answers(stack)) == len(before) + 2


def test_what_is_hidden_changes_no_answer_that_is_there_without_it(
    stack: Stack, asked: Json
) -> None:
    """Whoever sees a shown restriction, and was answered otherwise, would know of another."""
    shown = steps.place(stack, words="Not while the river is low.")
    without = without_record(refused(stack, asked, "restricted"))
    hidden = [steps.place(stack, hidden=True) for _ in range(6)]
    assert without_record(refused(stack, asked, "restricted")) == without
    for each in (shown, *hidden):
        steps.lift(stack, each)
    assert ask(stack, asked)["decision"] is True


def test_after_lifting_the_answer_is_yes_again(stack: Stack, asked: Json) -> None:
    for hidden in (False, True):
        placed = steps.place(stack, hidden=hidden)
        assert ask(stack, asked)["decision"] is False
        steps.lift(stack, placed)
        assert ask(stack, asked)["decision"] is True


def test_a_hidden_restriction_equals_the_other_cause_of_its_code() -> None:
    """A grant that has not begun gives the same answer, to the last byte."""
    everything = dict.fromkeys(("collection", "item", "klass", "purpose", "level", "slice"), "*")
    line = Rule(
        id="restriction-1#0.use.read", role="*", act="use.read", **everything, effect="deny",
        because="A body's restriction covers this.", adopter="body-1",
        restriction="restriction-1", hidden=True,
    )  # fmt: skip
    hidden = UseAnswer(False, Code.NOT_PERMITTED_NOW, line, "grant-1")
    not_begun = UseAnswer(False, Code.NOT_PERMITTED_NOW)
    connection: Any = None
    said = [decision._context(decisions.tell(connection, each)) for each in (hidden, not_begun)]
    assert json.dumps(said[0]) == json.dumps(said[1])


def shape(value: Any) -> Any:
    """The keys and types of an answer."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in sorted(value.items())}
    return [shape(inner) for inner in value] if isinstance(value, list) else type(value)


def answers(stack: Stack) -> dict[str, Json]:
    """Every answer in the exported ledger: the id of its record to what it says."""
    found = {}
    for line in steps.export(stack).splitlines():
        entry = json.loads(line).get("entry")
        if entry and entry["stream"].startswith("access-"):
            found[entry["id"]] = entry["events"][0]["data"]
    return found


def test_every_answer_is_in_the_ledger(stack: Stack, asked: Json) -> None:
    before = answers(stack)
    questions = [
        asked,
        put(asked, "context.purpose", "example-other"),
        put(asked, "subject.id", stack.people["outsider"]),
        put(asked, "resource.id", INCOME),
        put(asked, "context.slice", {"peoples": RIVER}),
    ]
    given = [ask(stack, each) for each in questions]
    made = {k: v for k, v in answers(stack).items() if k not in before}
    assert list(made) == [each["context"]["record"] for each in given]
    for question, answer, record in zip(questions, given, made.values(), strict=True):
        assert record["subject"] == question["subject"]["id"]
        assert record["item"] == question["resource"]["id"]
        assert record["purpose"] == question["context"]["purpose"]
        assert record["decision"] is answer["decision"]
        assert record["code"] == answer["context"].get("code", "allowed")


def test_the_record_is_there_before_the_answer_is(stack: Stack, asked: Json) -> None:
    """Many at once: as each answer arrives, its record can be read by another process."""

    def asking(number: int) -> bool:
        with httpx.Client(base_url=stack.settings.url, timeout=60) as client:
            answer = ask_with(client, stack, asked)
        with sqlite3.connect(f"file:{stack.home / 'accord.db'}?mode=ro", uri=True) as found:
            query = "SELECT count(*) FROM entries WHERE id = ?"
            return bool(found.execute(query, [answer["context"]["record"]]).fetchone()[0])

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(asking, range(24)))


def ask_with(client: httpx.Client, stack: Stack, question: Json) -> Json:
    client.headers["Authorization"] = f"Bearer {stack.gateway_credential}"
    return ask(stack, question, client)


def test_a_restriction_reaches_the_next_answer(stack: Stack, asked: Json) -> None:
    """From the moment that placing it returns, no answer is from before it."""
    began = monotonic()
    placed = steps.place(stack)
    took = monotonic() - began
    refused(stack, asked, "restricted")
    steps.lift(stack, placed)
    assert took < 5

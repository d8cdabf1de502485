"""Stories, and what touches a person's tapu, take a path of their own: confirmed alone, asked for
alone, in no list or count, and used only with how whoever told them wishes them to be treated."""

from collections.abc import Iterator

import pytest
import stack as steps
import web_steps as also
from stack import SURVEY, Json, Stack, ask, command, ok, question
from web_scene import Scene
from web_steps import PLANTED, RIVER_PEOPLE, Later

from policies.rules import Pack, Rule
from services.example import REGISTER
from services.packs import put_in_force
from services.store import versions
from services.store.session import Store

PURPOSE = "example-story"
WISHES = "Kia kōrerotia katoatia; tell it whole."
CONTEXT = "Told by the river, ʻi he ʻaho ko ia."
OBLIGATIONS = ["slice/1", "story/1"]


@pytest.fixture(scope="module")
def scene(stack: Stack, later: Later) -> Scene:
    """With a story that a body has confirmed."""
    made = Scene(stack, later)
    assert made.story == PLANTED
    return made


@pytest.fixture(scope="module")
def rule(stack: Stack) -> Iterator[None]:
    """With a rule of the river body's own by which stories may be read: no pack that comes with
    Accord has one."""
    because = "The river people let their stories be read by whoever they know."
    line = Rule("READ-KORERO", "role:grantee", "use.read", "*", "*", "korero", "*", "*", "*",
                "allow", because)  # fmt: skip
    store = Store(stack.settings.database)
    owner = stack.bodies["river"]

    def put(pack: Pack) -> None:
        with store.write() as connection:
            put_in_force(connection, "river-own", owner, pack)
            versions.raise_(connection, versions.RULES)

    put(Pack(rules=(line,)).adopted_by(owner))
    yield
    put(Pack())
    store.close()


def content(stack: Stack, *items: str) -> Json:
    return steps.draft_content(
        stack, items=items or (PLANTED,), peoples=[RIVER_PEOPLE], purpose=PURPOSE
    )


def test_what_is_sensitive_is_confirmed_one_by_one(stack: Stack, scene: Scene) -> None:
    sent = command(body=stack.bodies["river"], items=[PLANTED, REGISTER], classes=["korero"],
                   peoples=[RIVER_PEOPLE])  # fmt: skip
    secretary = stack.client("river-secretary")
    answer = secretary.post("/v1/confirmations", json=sent)
    assert (answer.status_code, answer.json()["code"]) == (409, "one_at_a_time")
    # Nor is it made less so among others.
    sent = {**sent, **command(classes=["open"])}
    assert secretary.post("/v1/confirmations", json=sent).json()["code"] == "one_at_a_time"
    printed = ok(secretary.post("/v1/confirmations/list", json=sent))["text"]
    assert "For Example river rōpū" in printed
    history = ok(stack.client("researcher").get(f"/v1/items/{PLANTED}/history"))
    assert history[-1]["classification"]["classes"] == ["korero"]


def test_a_story_is_in_no_list_and_missing_from_no_page(stack: Stack, scene: Scene) -> None:
    client = stack.client("researcher")

    def found(**query: object) -> list[str]:
        return [each["id"] for each in ok(client.get("/v1/items", params=query))]

    assert found(words="planted year") == []
    assert found(words="gardens") == [REGISTER]
    # A page that came short would tell of one.
    every, after = [], ""
    while page := found(collection="example_register", limit=1, after=after):
        every += page
        after = page[-1]
    assert every == [REGISTER]
    assert len(found(words="example", limit=5)) == 5
    # Whoever knows of it asks for it by its own id.
    assert found(words=PLANTED) == [PLANTED]
    assert len(found(words=PLANTED, limit=1)) == 1


def test_a_story_is_named_in_nothing_public(stack: Stack, scene: Scene) -> None:
    sent = command(body=stack.bodies["hill"], subjects={"items": [PLANTED, REGISTER]},
                   statement="x")  # fmt: skip
    searching = command(body=stack.bodies["river"], subjects={"items": [PLANTED]},
                        searcher=stack.bodies["river"], words="x")  # fmt: skip
    ok(stack.client("hill-secretary").post("/v1/claims", json=sent))
    ok(stack.client("river-secretary").post("/v1/searches", json=searching))
    for client in (stack.anonymous, stack.client("outsider"), stack.client("ethics-member-1")):
        for path in ("/v1/claims", "/v1/searches", "/v1/collections"):
            assert PLANTED not in client.get(path).text
    assert REGISTER in stack.anonymous.get("/v1/claims").text
    for who in ("hill-secretary", "river-member-1"):
        assert PLANTED in stack.client(who).get("/v1/claims").text
    back = command(body=stack.bodies["hill"])
    path = f"/v1/claims/{sent['command_id']}/withdrawal"
    ok(stack.client("hill-secretary").post(path, json=back))
    ended = command(body=stack.bodies["river"], words="x")
    path = f"/v1/searches/{searching['command_id']}/end"
    ok(stack.client("river-secretary").post(path, json=ended))


def test_a_story_is_asked_for_alone_and_by_a_rule_of_its_own(stack: Stack, scene: Scene) -> None:
    seen = also.preview(stack, "researcher", content(stack, PLANTED, SURVEY))
    assert (PLANTED, "one_at_a_time") in {(e["item"], e["code"]) for e in seen["refused"]}
    alone = also.preview(stack, "researcher", content(stack))
    assert {each["code"] for each in alone["refused"]} == {"not_permitted_now"}


def test_its_tellers_wishes_and_context_travel_with_every_use(
    stack: Stack, scene: Scene, rule: None
) -> None:
    river, secretary = stack.bodies["river"], stack.client("river-secretary")
    first = command(body=river, wishes="Not yet written well.", context="x")
    ok(secretary.post(f"/v1/items/{PLANTED}/wishes", json=first))
    request = also.submit(stack, "researcher", content(stack))
    steps.approve(stack, request, "river", "ethics")
    grant = steps.accept(stack, request)
    sent = command(collections=["example_register"])
    credential = ok(stack.client("operator").post("/v1/gateways", json=sent))["credential"]
    gateway = stack._with(credential)
    said = command(body=river, wishes=WISHES, context=CONTEXT)
    ok(secretary.post(f"/v1/items/{PLANTED}/wishes", json=said))

    def asked(supported: list[str]) -> Json:
        return ask(stack, question(stack, PLANTED, PURPOSE, obligations_supported=supported),
                   gateway)  # fmt: skip

    told = asked(["slice/1"])
    assert (told["decision"], told["context"]["code"]) == (False, "obligation_unsupported")
    told = asked(OBLIGATIONS)
    assert told["decision"], told
    [story] = [each for each in told["context"]["obligations"] if each["id"] == "story/1"]
    assert story["wishes"] == [{"body": river, "wishes": WISHES, "context": CONTEXT}]
    # Another gateway, which does not serve the collection, is told nothing of it.
    elsewhere = ask(stack, question(stack, PLANTED, PURPOSE, obligations_supported=OBLIGATIONS))
    assert elsewhere["decision"] is False
    assert WISHES not in str(elsewhere)
    # In the list of grants it is named to nobody, to the grant's own parties it is.
    for who in ("outsider", "researcher", "river-member-1"):
        [listed] = [e for e in ok(stack.client(who).get("/v1/grants")) if e["id"] == grant]
        assert listed["items"] == []
    assert ok(stack.client("researcher").get(f"/v1/grants/{grant}"))["items"] == [PLANTED]
    gateway.close()


def test_wishes_are_written_by_a_body_that_said_what_it_is(stack: Stack, scene: Scene) -> None:
    sent = command(body=stack.bodies["hill"], wishes="x", context="x")
    path = f"/v1/items/{PLANTED}/wishes"
    assert stack.client("hill-secretary").post(path, json=sent).status_code == 404
    sent = command(body=stack.bodies["river"], wishes="x", context="x")
    assert stack.client("river-member-1").post(path, json=sent).status_code == 403

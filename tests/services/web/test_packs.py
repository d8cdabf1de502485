"""Packs over HTTP, as secretaries would: forked, edited, exported, looked at before, adopted,
withdrawn from. Every pack here denies uses for invented purposes alone, so nobody else's answers
change; each test withdraws from what it adopted."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import json
import uuid
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import httpx
import pytest
import stack as steps
from stack import Json, Stack, ask, command, ok, question, until

from policies.faults import MOST_FAULTS
from policies.rules import ROUTING_COLUMNS, RULE_COLUMNS
from services import pack_preview, supposing
from services.adopting import Wanted
from services.dispatcher import Dispatcher
from services.path import Path
from services.people import Viewer
from services.recorder import Recorder
from services.rulebook import Rulebook
from services.store.session import Store

RIVER, HILL, MEMBER = "river-secretary", "hill-secretary", "river-member-1"
HEAD = ",".join(RULE_COLUMNS) + "\n"
ROUTING_HEAD = ",".join(ROUTING_COLUMNS) + "\n"
LINE = "{},role:grantee,use.read,*,*,*,{},*,*,*,*,deny,This invented purpose is not ours.\n"
NEVER = "invented-nothing"


def rules(*lines: str, purpose: str = NEVER) -> dict[str, str]:
    """A pack's files: one line an id, each a no to an invented purpose."""
    return {"rules.csv": HEAD + "".join(LINE.format(each, purpose) for each in lines)}


def fork(stack: Stack, who: str = RIVER, pack: str = "draft", **more: object) -> str:
    body = stack.bodies[who.partition("-")[0]]
    sent = command(body=body, name="Ngā tikanga o te awa", pack=pack, **more)
    return str(ok(stack.client(who).post("/v1/packs", json=sent))["stream"])


def edit(
    stack: Stack, pack: str, based_on: int, files: dict[str, str], who: str = RIVER
) -> httpx.Response:
    sent = command(based_on=based_on, files=files)
    return stack.client(who).post(f"/v1/packs/{pack}/versions", json=sent)


def read(stack: Stack, pack: str, who: str = RIVER) -> Json:
    found: Json = ok(stack.client(who).get(f"/v1/packs/{pack}"))
    return found


def preview(stack: Stack, pack: str, who: str = RIVER, **query: object) -> httpx.Response:
    body = stack.bodies[who.partition("-")[0]]
    address = f"/v1/bodies/{body}/adoption-preview/{pack}"
    return stack.client(who).get(address, params=query)


def adopt(stack: Stack, sent: Json, who: str = RIVER) -> httpx.Response:
    body = stack.bodies[who.partition("-")[0]]
    return stack.client(who).post(f"/v1/bodies/{body}/adoptions", json=command(**sent))


def withdraw(stack: Stack, pack: str, who: str = RIVER) -> httpx.Response:
    body = stack.bodies[who.partition("-")[0]]
    sent = command(pack=pack)
    return stack.client(who).post(f"/v1/bodies/{body}/pack-withdrawals", json=sent)


def refused(answer: httpx.Response, status: int, code: str) -> Json:
    found: Json = answer.json()
    assert (answer.status_code, found["code"]) == (status, code), found
    assert len(found["title"].split()) <= 25
    return found


@pytest.fixture
def own(stack: Stack) -> Iterator[str]:
    """A pack of the river body's own with one line, in force nowhere; and afterwards again."""
    pack = fork(stack)
    ok(edit(stack, pack, 1, rules("MINE-1")))
    yield pack
    withdraw(stack, pack)


def test_what_comes_with_accord_is_a_draft_that_anybody_may_read(stack: Stack) -> None:
    shipped = {each["id"]: each for each in ok(stack.anonymous.get("/v1/packs"))}
    assert {"draft", "example", "house"} <= set(shipped)
    assert shipped["draft"]["owner"] is None
    assert shipped["draft"]["shipped"]
    version = shipped["draft"]["newest"]
    found = ok(stack.anonymous.get(f"/v1/packs/draft/versions/{version}"))
    assert "DRAFT-NO-POLICING" in found["files"]["rules.csv"]
    assert found["sha256"] == shipped["draft"]["sha256"]


def test_a_fork_says_from_where_and_is_its_own_bodys_alone(stack: Stack, own: str) -> None:
    found = read(stack, own, MEMBER)
    assert found["owner"] == stack.bodies["river"]
    assert found["name"] == "Ngā tikanga o te awa"
    assert found["source"]["pack"] == "draft"
    first, second = found["versions"]
    assert (first["based_on"], second["based_on"]) == (None, 1)
    assert second["by"]["person"] == stack.people[RIVER]
    assert own in {each["id"] for each in ok(stack.client(MEMBER).get("/v1/packs"))}
    for who in (HILL, "outsider", "operator"):
        client = stack.client(who)
        assert own not in {each["id"] for each in ok(client.get("/v1/packs"))}
        for path in ("", "/versions/1", "/versions/2", "/versions/2/export"):
            refused(client.get(f"/v1/packs/{own}{path}"), 404, "not_found")
        refused(edit(stack, own, 2, rules("THEIRS-1"), who), 404, "not_found")
    sent = command(body=stack.bodies["hill"], name="Theirs", pack=own)
    refused(stack.client(HILL).post("/v1/packs", json=sent), 404, "not_found")
    refused(preview(stack, own, HILL), 404, "not_found")


def test_a_member_reads_and_the_secretary_writes(stack: Stack, own: str) -> None:
    refused(edit(stack, own, 2, rules("MINE-2"), MEMBER), 403, "not_permitted")
    sent = command(body=stack.bodies["river"], name="Mine", pack="draft")
    refused(stack.client(MEMBER).post("/v1/packs", json=sent), 403, "not_permitted")
    refused(adopt(stack, ok(preview(stack, own, MEMBER))["confirm"], MEMBER), 403, "not_permitted")


@pytest.fixture
def two_secretaries(stack: Stack) -> Iterator[tuple[str, str]]:
    """The river body has another secretary for a while."""
    address = f"/v1/bodies/{stack.bodies['river']}/members"
    person = stack.people["river-member-4"]

    def be(*roles: str) -> None:
        sent = command(member={"person": person, "roles": list(roles)})
        ok(stack.client(RIVER).post(address, json=sent))

    be("member", "secretary")
    yield RIVER, "river-member-4"
    be("member")


def test_of_two_secretaries_who_edit_at_once_one_is_told(
    stack: Stack, own: str, two_secretaries: tuple[str, str]
) -> None:
    for who in two_secretaries:
        stack.client(who)
    for number in range(2, 6):
        with ThreadPoolExecutor(2) as both:
            answers = list(
                both.map(
                    lambda who, number=number: edit(
                        stack, own, number, rules(f"MINE-{number}", who.upper()), who
                    ),
                    two_secretaries,
                )
            )
        done = [each for each in answers if each.status_code == 201]
        [late] = [each for each in answers if each.status_code != 201]
        assert len(done) == 1
        told = refused(late, 409, "stale")
        assert told["facts"] == {"based_on": str(number), "newest": str(number + 1)}
        assert "newest" in told["next"]
    found = read(stack, own)
    assert [each["version"] for each in found["versions"]] == [1, 2, 3, 4, 5, 6]


def test_the_same_command_again_is_one_version(stack: Stack, own: str) -> None:
    sent = command(based_on=2, files=rules("MINE-1", "MINE-2"))
    client = stack.client(RIVER)
    first = ok(client.post(f"/v1/packs/{own}/versions", json=sent))
    assert ok(client.post(f"/v1/packs/{own}/versions", json=sent)) == first
    assert read(stack, own)["newest"] == 3


def test_an_id_that_was_taken_out_comes_back_for_no_other_line(stack: Stack, own: str) -> None:
    ok(edit(stack, own, 2, rules("MINE-1", "MINE-2")))
    ok(edit(stack, own, 3, rules("MINE-1")))
    other = rules("MINE-1", "MINE-2")
    other["rules.csv"] = other["rules.csv"].replace("use.read", "use.link")
    told = refused(edit(stack, own, 4, other), 422, "invalid")
    assert (told["facts"]["line"], told["facts"]["version"]) == ("MINE-2", "3")
    assert read(stack, own)["newest"] == 4
    # The line itself may come back, and one that is there may say something else.
    ok(edit(stack, own, 4, rules("MINE-1", "MINE-2")))
    ok(edit(stack, own, 5, other))


def test_with_a_fault_in_one_line_nothing_is_taken(stack: Stack, own: str) -> None:
    before = read(stack, own)
    files = rules("MINE-1", "MINE-2")
    files["rules.csv"] = files["rules.csv"].replace("MINE-2", "mine 2", 1)
    files["rules.csv"] += LINE.format("MINE-3", NEVER).replace(",deny,", ",Deny,")
    answer = edit(stack, own, 2, files)
    told = refused(answer, 422, "invalid")
    assert answer.headers["content-type"] == "application/problem+json"
    places = [(each["file"], each["line"], each["column"]) for each in told["faults"]]
    assert places == [("rules.csv", 3, "id"), ("rules.csv", 4, "effect")]
    assert all(each["sentence"] for each in told["faults"])
    assert read(stack, own) == before


@pytest.mark.parametrize(
    ("files", "place"),
    [
        (
            {"rules.csv": HEAD + LINE.format("MINE-1", NEVER).replace("use.read", "*")},
            ("rules.csv", 2, "act"),
        ),
        (
            {
                "rules.csv": HEAD
                + LINE.format("MINE-1", NEVER)
                + LINE.format("MINE-2", NEVER).replace("use.read", "body:pack:adopt")
            },
            ("rules.csv", 3, "purpose"),
        ),
        (
            {"routing.csv": ROUTING_HEAD + "R-1,none,people,*,*,*,Nobody decides at all.\n"},
            ("routing.csv", 2, "people"),
        ),
        (
            {"roles.csv": "id,role,includes,because\nX-1,role:member,role:secretary,Because so.\n"},
            ("roles.csv", 2, "role"),
        ),
        ({"rules.csv": ""}, ("rules.csv", 1, "header")),
        ({"rules.csv": HEAD + '"'}, ("rules.csv", 2, "columns")),
    ],
)
def test_what_is_not_for_a_bodys_pack_is_told_by_its_place(
    stack: Stack, own: str, files: dict[str, str], place: tuple[str, int, str]
) -> None:
    told = refused(edit(stack, own, 2, files), 422, "invalid")
    assert place in [(each["file"], each["line"], each["column"]) for each in told["faults"]]
    assert read(stack, own)["newest"] == 2


def test_many_faults_are_counted_and_the_first_are_told(stack: Stack, own: str) -> None:
    files = {"rules.csv": HEAD + "".join(LINE.format("x", NEVER) for _ in range(900))}
    told = refused(edit(stack, own, 2, files), 422, "invalid")
    assert len(told["faults"]) == MOST_FAULTS
    assert int(told["facts"]["faults"]) >= 900


@pytest.mark.parametrize(
    "files",
    [{}, {"names.csv": HEAD}, {"../rules.csv": HEAD}, {"rules.csv": 7}],
)
def test_what_is_no_pack_is_no_pack(stack: Stack, own: str, files: dict[str, str]) -> None:
    refused(edit(stack, own, 2, files), 422, "invalid")


def test_half_a_character_is_no_text(stack: Stack, own: str) -> None:
    sent = json.dumps(command(based_on=2, files={"rules.csv": "\ud800"}))
    answer = stack.client(RIVER).post(
        f"/v1/packs/{own}/versions", content=sent, headers={"content-type": "application/json"}
    )
    refused(answer, 422, "invalid")


def test_a_pack_larger_than_a_command_is_taken(stack: Stack, own: str) -> None:
    """And no more than that: anything else of that size is refused as before."""
    files = rules(*(f"MINE-{number}" for number in range(12_000)))
    because = "This invented purpose is not ours; " + "and that is so, " * 6 + "as we said."
    files["rules.csv"] = files["rules.csv"].replace("This invented purpose is not ours.", because)
    files["rules.csv"] = files["rules.csv"].replace(because, f'"{because}"')
    assert len(files["rules.csv"]) > 2_000_000
    ok(edit(stack, own, 2, files))
    refused(
        stack.client(RIVER).post("/v1/packs", json=command(name=files["rules.csv"])),
        413, "too_large",
    )  # fmt: skip


def test_a_shipped_pack_is_not_edited_nor_a_hidden_one_named(stack: Stack) -> None:
    told = refused(edit(stack, "draft", 1, rules("MINE-1")), 403, "not_permitted")
    assert "Fork" in told["next"]
    for nothing in ("no-such-pack", f"pack-{uuid.uuid4()}", "pack-draft"):
        for path in ("", "/versions/1", "/versions/1/export"):
            refused(stack.client(RIVER).get(f"/v1/packs/{nothing}{path}"), 404, "not_found")
        refused(edit(stack, nothing, 1, rules("MINE-1")), 404, "not_found")
        refused(preview(stack, nothing), 404, "not_found")
        refused(withdraw(stack, nothing), 404, "not_found")
    for number in (0, 99, -1):
        refused(stack.anonymous.get(f"/v1/packs/draft/versions/{number}"), 404, "not_found")


def test_nothing_is_adopted_but_what_was_shown(stack: Stack, own: str) -> None:
    shown = ok(preview(stack, own))
    assert shown["in_force"] is None
    body = stack.bodies["river"]
    short = {"pack": own, "version": 2}
    answer = stack.client(RIVER).post(f"/v1/bodies/{body}/adoptions", json=command(**short))
    refused(answer, 422, "invalid")
    for other in ({"sha256": "0" * 64}, {"in_force": "0" * 64}, {"version": 1}):
        refused(adopt(stack, {**shown["confirm"], **other}), 409, "stale")
    ok(adopt(stack, shown["confirm"]))
    # The preview is of then: somebody adopted it meanwhile, and there is a newer version.
    ok(edit(stack, own, 2, rules("MINE-1", "MINE-2")))
    newer = ok(preview(stack, own))
    refused(adopt(stack, {**newer["confirm"], "in_force": None}), 409, "stale")
    ok(adopt(stack, newer["confirm"]))
    refused(adopt(stack, newer["confirm"]), 409, "stale")
    again = ok(preview(stack, own))
    assert not any(each["added"] or each["changed"] for each in again["changes"].values())
    refused(adopt(stack, again["confirm"]), 409, "already_done")


def test_the_preview_shows_old_and_new_side_by_side(stack: Stack, own: str) -> None:
    ok(adopt(stack, ok(preview(stack, own))["confirm"]))
    files = rules("MINE-2") | {
        "routing.csv": ROUTING_HEAD + "R-1,self,people,open,*,*,We decide about the open too.\n"
    }
    changed = LINE.format("MINE-1", "invented-other").replace("is not ours", "was never ours")
    files["rules.csv"] += changed
    ok(edit(stack, own, 2, files))
    found = ok(preview(stack, own))
    assert found["changes"]["rules.csv"]["counts"] == {
        "added": 1, "removed": 0, "changed": 1, "unchanged": 0,
    }  # fmt: skip
    [told] = found["changes"]["rules.csv"]["changed"]
    assert (told["id"], told["columns"]) == ("MINE-1", ["purpose", "because"])
    assert told["old"]["because"] == "This invented purpose is not ours."
    assert told["new"]["because"] == "This invented purpose was never ours."
    [added] = found["changes"]["routing.csv"]["added"]
    assert added["because"] == "We decide about the open too."
    assert found["cut"] is False
    export = stack.client(RIVER).get(f"/v1/packs/{own}/versions/3/export")
    assert found["sha256"] == hashlib.sha256(export.content).hexdigest()


def test_what_binds_others_is_in_the_open_and_what_is_written_since_is_not(
    stack: Stack, own: str
) -> None:
    ok(adopt(stack, ok(preview(stack, own))["confirm"]))
    ok(edit(stack, own, 2, rules("MINE-1", "SECRET-1")))
    for client in (stack.anonymous, stack.client(HILL), stack.client("outsider")):
        seen = ok(client.get(f"/v1/packs/{own}"))
        assert [each["version"] for each in seen["versions"]] == [2]
        assert (seen["newest"], seen["sequence"]) == (2, None)
        assert seen["adopted"][0]["body"] == stack.bodies["river"]
        assert seen["adopted"][0]["by"] is None
        # That something newer is being written is the body's own.
        assert seen["adopted"][0]["newer"] is False
        assert "MINE-1" in ok(client.get(f"/v1/packs/{own}/versions/2"))["files"]["rules.csv"]
        for number in (1, 3):
            refused(client.get(f"/v1/packs/{own}/versions/{number}"), 404, "not_found")
            answer = client.get(f"/v1/packs/{own}/versions/{number}/export")
            refused(answer, 404, "not_found")
    assert read(stack, own)["adopted"][0]["newer"]
    ok(withdraw(stack, own))
    # It was in force, and can be read for that.
    assert ok(stack.anonymous.get(f"/v1/packs/{own}"))["adopted"] == []
    ok(stack.anonymous.get(f"/v1/packs/{own}/versions/2"))


def test_a_fork_of_a_fork(stack: Stack, own: str) -> None:
    ok(adopt(stack, ok(preview(stack, own))["confirm"]))
    told = refused(preview(stack, own, HILL), 403, "not_permitted")
    assert "Fork" in told["next"]
    theirs = fork(stack, HILL, own)
    found = read(stack, theirs, HILL)
    assert found["source"] == {
        "pack": own, "version": 2, "sha256": read(stack, own)["sha256"]
    }  # fmt: skip
    assert found["sha256"] == read(stack, own)["sha256"]
    again = fork(stack, HILL, theirs, version=1)
    assert read(stack, again, HILL)["source"]["pack"] == theirs
    ok(edit(stack, again, 1, rules("HILL-1"), HILL))
    ok(adopt(stack, ok(preview(stack, again, HILL))["confirm"], HILL))
    # One's edits and adoptions are nothing of the other's.
    assert read(stack, own)["newest"] == 2
    assert list({each["body"] for each in read(stack, again)["adopted"]}) == [stack.bodies["hill"]]
    ok(withdraw(stack, again, HILL))


def test_withdrawn_from_and_adopted_again(stack: Stack, own: str) -> None:
    shown = ok(preview(stack, own))["confirm"]
    ok(adopt(stack, shown))
    ok(withdraw(stack, own))
    refused(withdraw(stack, own), 404, "not_found")
    ok(adopt(stack, shown))
    ok(edit(stack, own, 2, rules("MINE-1", "MINE-2")))
    ok(adopt(stack, ok(preview(stack, own))["confirm"]))
    # And an older version, which the preview shows as what it is.
    back = ok(preview(stack, own, version=2))
    assert [each["id"] for each in back["changes"]["rules.csv"]["removed"]] == ["MINE-2"]
    ok(adopt(stack, back["confirm"]))
    body = stack.bodies["river"]
    told = [
        each
        for each in ok(stack.anonymous.get(f"/v1/bodies/{body}/adoptions"))
        if each["pack"] == own
    ]
    assert [each["version"] for each in told] == [2, 2, 3, 2]
    assert [each["until"] is None for each in told] == [False, False, False, True]
    between = datetime.fromisoformat(told[2]["since"])
    then = ok(
        stack.anonymous.get(f"/v1/bodies/{body}/adoptions", params={"at": between.isoformat()})
    )
    assert [each["version"] for each in then if each["pack"] == own] == [3]
    before = (between - timedelta(days=9)).isoformat()
    then = ok(stack.anonymous.get(f"/v1/bodies/{body}/adoptions", params={"at": before}))
    assert own not in {each["pack"] for each in then}


def test_exported_and_brought_in_again(stack: Stack, own: str) -> None:
    files = rules("MINE-1") | {
        "routing.csv": ROUTING_HEAD + "R-1,self,people,open,*,*,ʻO mātou nei te kōrero.\n"
    }
    ok(edit(stack, own, 2, files))
    client = stack.client(RIVER)
    answer = client.get(f"/v1/packs/{own}/versions/3/export")
    assert answer.headers["content-type"] == "application/zip"
    assert client.get(f"/v1/packs/{own}/versions/3/export").content == answer.content
    digest = hashlib.sha256(answer.content)
    assert digest.hexdigest() == read(stack, own)["sha256"]
    told = answer.headers["repr-digest"].removeprefix("sha-256=:").removesuffix(":")
    assert base64.b64decode(told) == digest.digest()
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        brought = {name: archive.read(name).decode() for name in archive.namelist()}
    assert brought == files
    other = fork(stack)
    ok(edit(stack, other, 1, brought))
    assert read(stack, other)["sha256"] == digest.hexdigest()
    # As JSON likewise.
    found = ok(client.get(f"/v1/packs/{own}/versions/3"))
    third = fork(stack)
    ok(edit(stack, third, 1, found["files"]))
    assert read(stack, third)["sha256"] == found["sha256"]


def test_how_many_grants_would_be_answered_otherwise(stack: Stack, own: str) -> None:
    """With the very function that answers; and it comes to be as it was shown."""
    purpose = f"example-{uuid.uuid4()}"
    steps.granted(stack, purpose=purpose)
    asked = question(stack, purpose=purpose)
    ok(edit(stack, own, 2, rules("MINE-1", purpose=purpose)))
    shown = ok(preview(stack, own))
    assert ask(stack, asked)["decision"] is True
    assert (shown["grants"]["to_no"], shown["grants"]["to_yes"]) == (1, 0)
    assert shown["grants"]["looked_at"] >= 1
    assert shown["grants"]["cut"] is False
    ok(adopt(stack, shown["confirm"]))
    assert ask(stack, asked)["decision"] is False
    ok(edit(stack, own, 3, rules("MINE-1")))
    back = ok(preview(stack, own))
    assert (back["grants"]["to_no"], back["grants"]["to_yes"]) == (0, 1)
    ok(adopt(stack, back["confirm"]))
    assert ask(stack, asked)["decision"] is True
    # What is another body's no is not turned by this one's.
    hill = fork(stack, HILL)
    ok(edit(stack, hill, 1, rules("HILL-1", purpose=purpose), HILL))
    assert ok(preview(stack, hill, HILL))["grants"]["to_no"] == 0


@pytest.mark.parametrize("bound", ["MOST_GRANTS", "MOST_ASKED"])
def test_what_is_not_looked_at_is_said(
    stack: Stack, own: str, bound: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By the same code on the same database, with a bound that one grant is over."""
    steps.granted(stack, purpose=f"example-{uuid.uuid4()}")
    store, rulebook = Store(stack.settings.database), Rulebook()
    path = Path(store, rulebook, Dispatcher(None, Recorder(store, rulebook)))
    secretary = Viewer(stack.people[RIVER])

    def counted() -> Json:
        found: Json = asyncio.run(
            path.look(
                lambda sight: pack_preview.preview(
                    sight, secretary, stack.bodies["river"], Wanted(own)
                )
            )
        )["grants"]
        return found

    try:
        whole = counted()
        assert whole["cut"] is False
        assert whole["looked_at"] > 0
        monkeypatch.setattr(supposing, bound, 0)
        assert counted() == {"looked_at": 0, "to_no": 0, "to_yes": 0, "cut": True}
    finally:
        store.close()


def test_two_bodies_adopt_one_reading_at_once(stack: Stack) -> None:
    """It is kept once, as one version, and is in force for both."""
    both = (RIVER, HILL)
    shown = {who: ok(preview(stack, "draft", who))["confirm"] for who in both}
    with ThreadPoolExecutor(2) as at_once:
        list(at_once.map(lambda who: ok(adopt(stack, shown[who], who)), both))
    try:
        found = ok(stack.anonymous.get("/v1/packs/draft"))
        assert len({each["sha256"] for each in found["versions"]}) == len(found["versions"])
        adopted = {each["body"]: each["version"] for each in found["adopted"]}
        assert adopted == {stack.bodies[who.partition("-")[0]]: found["newest"] for who in both}
    finally:
        for who in both:
            ok(withdraw(stack, "draft", who))


def test_one_pack_in_the_place_of_another(stack: Stack, own: str) -> None:
    ok(adopt(stack, ok(preview(stack, own))["confirm"]))
    other = fork(stack, pack=own)
    told = refused(preview(stack, other), 422, "invalid")
    assert told["facts"]["taken_by"] == own
    shown = ok(preview(stack, other, instead_of=own))
    assert shown["instead_of"]["version"] == 2
    ok(adopt(stack, shown["confirm"]))
    until(lambda: not read(stack, own)["adopted"], "the end of the other adoption")
    assert [each["body"] for each in read(stack, other)["adopted"]] == [stack.bodies["river"]]
    ok(withdraw(stack, other))

"""Whoever speaks in a body's name has shown within ten minutes that it is them."""

import asyncio
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from portal import Browser, Portal, Sink

from policies.refusals import Code, RefusedError
from policies.rules import ACTS
from policies.stepping_up import STEP_UP_ACTS
from policies.types import Kawa, KawaRule
from services.path import Sent
from services.people import Viewer
from services.store import schema

ADDRESS = "person@example.org"


@pytest.fixture
def portal(
    tmp_path: Path, sink: Sink, sqlite_url_factory: Callable[[bool | None], str]
) -> Iterator[Portal]:
    made = Portal(tmp_path, sqlite_url_factory(True), smtp=sink.smtp()).start()
    yield made
    made.stop()


def by_link(portal: Portal, sink: Sink, browser: Browser, address: str = ADDRESS) -> None:
    """Sign in (again) by a link."""
    browser.post("/sign-in/email", email=address)
    portal.accord.mailer.send_due()
    browser.post("/sign-in/link", token=sink.link().rpartition("/")[2])
    assert browser.person() is not None


def set_kawa(browser: Browser, body: str, number: int) -> httpx.Response:
    sent = {
        "command_id": f"00000000-0000-4000-8000-{number:012}",
        "kawa": {"rule": "majority", "quorum": number},
    }
    return browser.api("POST", f"/v1/bodies/{body}/kawa", json=sent)


def test_a_fresh_sign_in_is_needed_and_enough(portal: Portal, sink: Sink) -> None:
    person = portal.somebody("Example person", ADDRESS)
    body, browser = portal.body(person), portal.browser()
    by_link(portal, sink, browser)
    assert set_kawa(browser, body, 1).status_code == 201
    portal.advance(minutes=11)
    entries = portal.rows(schema.entries)
    answer = set_kawa(browser, body, 2)
    assert answer.status_code == 401
    said = answer.json()
    assert said["code"] == "step_up"
    assert said["next"] == "Sign in again, and do it within ten minutes."
    assert answer.headers["www-authenticate"] == (
        'Bearer error="insufficient_user_authentication", max_age=600'
    )
    assert portal.rows(schema.entries) == entries
    # They are signed in all the same, and what asks for no more goes on.
    assert browser.api("GET", f"/v1/bodies/{body}").status_code == 200
    assert browser.api("POST", "/v1/drafts", json={"version": 0}).status_code == 201
    by_link(portal, sink, browser)
    assert set_kawa(browser, body, 2).status_code == 201


def test_it_is_the_same_for_everybody(portal: Portal, sink: Sink) -> None:
    """Whether somebody is of a body at all is not told before they have shown who they are."""
    portal.somebody("Example person", ADDRESS)
    body = portal.body(portal.somebody("Other", "other@example.org"))
    browser = portal.browser()
    by_link(portal, sink, browser)
    portal.advance(minutes=11)
    nothing = "body-00000000-0000-4000-8000-000000000000"
    answers = [set_kawa(browser, each, 3) for each in (body, nothing)]
    assert [each.status_code for each in answers] == [401, 401]
    assert answers[0].content == answers[1].content
    by_link(portal, sink, browser)
    assert [set_kawa(browser, each, 3).status_code for each in (body, nothing)] == [404, 404]


def test_writing_people_down_needs_it_as_well(portal: Portal, sink: Sink) -> None:
    body, browser = portal.body(portal.somebody("Example person", ADDRESS)), portal.browser()
    new = {
        "command_id": str(uuid.uuid4()),
        "name": "Example tōkana ʻO",
        "email": "tokana@example.org",
    }
    by_link(portal, sink, browser)

    def write(email: str = new["email"], name: str = new["name"]) -> httpx.Response:
        sent = {"command_id": str(uuid.uuid4()), "name": name, "email": email}
        return browser.api("POST", f"/v1/bodies/{body}/people", json=sent)

    first = write()
    assert first.status_code == 201
    # Again, and in another spelling: the same person, and the same kind of answer.
    again = write(new["email"].upper(), "Another name")
    assert (again.status_code, again.json()) == (201, first.json())
    member = {"person": first.json()["person"], "roles": ["member"]}
    sent = {"command_id": "00000000-0000-4000-8000-000000000009", "member": member}
    assert browser.api("POST", f"/v1/bodies/{body}/members", json=sent).status_code == 201
    theirs = portal.browser()
    by_link(portal, sink, theirs, new["email"])
    me = theirs.api("GET", "/v1/me").json()
    assert (me["person"], me["name"]) == (first.json()["person"], "Example tōkana ʻO")
    assert [each["id"] for each in me["bodies"]] == [body]
    # A member is no secretary, and a stranger's body is none.
    assert theirs.api("POST", f"/v1/bodies/{body}/people", json=new).status_code == 403
    portal.advance(minutes=11)
    assert write("third@example.org").status_code == 401
    by_link(portal, sink, browser)
    other = portal.body(portal.somebody("Other", "other@example.org"))
    answer = browser.api("POST", f"/v1/bodies/{other}/people", json=new)
    assert answer.status_code == 404


def test_every_act_is_one_that_there_is() -> None:
    assert STEP_UP_ACTS <= ACTS
    for act in ("body:request:conclude", "body:restriction:place", "body:body:set_kawa"):
        assert act in STEP_UP_ACTS
    for act in (
        "person:draft:write",
        "person:request:submit",
        "body:request:ask",
        "person:catalogue:search",
    ):
        assert act not in STEP_UP_ACTS


def test_nobody_of_whom_nothing_is_known_counts_as_fresh(portal: Portal) -> None:
    person = portal.somebody("Example person", ADDRESS)
    body = portal.body(person)
    kawa = Kawa(KawaRule.MAJORITY)
    with pytest.raises(RefusedError) as raised:
        asyncio.run(portal.accord.bodies.set_kawa(Viewer(person), body, Sent("command-1"), kawa))
    assert raised.value.refused.code is Code.STEP_UP
    asyncio.run(portal.accord.bodies.set_kawa(Viewer.inside(person), body, Sent("command-1"), kawa))

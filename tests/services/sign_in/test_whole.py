"""A whole running Accord: somebody whom a body's secretary wrote down is sent a link by the
worker, signs in with it, and speaks in her body's name."""

from collections.abc import Iterator

import pytest
import stack as steps
from portal import Browser, Sink, until
from stack import GENOME, Stack, command, ok

ADDRESS = "mere@example.org"


@pytest.fixture
def running(sink: Sink) -> Iterator[Stack]:
    """An Accord of its own, that sends mail."""
    with Stack(smtp=sink.smtp()) as made:
        yield made


def by_link(browser: Browser, sink: Sink) -> None:
    before = len(sink.got)
    assert browser.post("/sign-in/email", email=ADDRESS).status_code == 303
    until(lambda: len(sink.got) > before)
    browser.get(sink.link())
    browser.post("/sign-in/link", token=sink.link().rpartition("/")[2])


def test_from_an_address_to_a_voice(running: Stack, sink: Sink) -> None:
    river = running.bodies["river"]
    secretary = running.client("river-secretary")
    new = command(name="Example pērehona ʻŌ", email=ADDRESS)
    person = ok(secretary.post(f"/v1/bodies/{river}/people", json=new))["person"]
    member = command(member={"person": person, "roles": ["member"]})
    ok(secretary.post(f"/v1/bodies/{river}/members", json=member))
    browser = Browser(running.settings)
    by_link(browser, sink)
    assert browser.person() == person
    request = steps.submit_request(running, items=[GENOME])

    def speak() -> tuple[int, str]:
        seen = browser.api("GET", f"/v1/requests/{request}").json()["sequence"]
        sent = command(seen=seen, body=river, voice="approve")
        answer = browser.api("POST", f"/v1/requests/{request}/voices", json=sent)
        return answer.status_code, answer.json().get("code", "")

    running.advance(11 / 24 / 60)
    assert speak() == (401, "step_up")
    # The mail server is away meanwhile; the link comes when it is back.
    sink.stop()
    assert browser.post("/sign-in/email", email=ADDRESS).status_code == 303
    sink.start()
    until(lambda: len(sink.got) == 2)
    assert browser.post("/sign-in/link", token=sink.link().rpartition("/")[2]).status_code == 303
    assert speak() == (201, "")
    voices = ok(secretary.get(f"/v1/requests/{request}"))["voices"]
    assert person in voices[river]
    secrets = [ADDRESS, "pērehona", sink.link().rpartition("/")[2], *browser.http.cookies.values()]
    for name, content in running.logs():
        assert not [each for each in secrets if each.encode() in content], name
    assert ADDRESS.encode() not in steps.export(running)

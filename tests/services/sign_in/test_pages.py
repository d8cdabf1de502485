"""The pages of sign-in: for every reader, and for no other page to frame, cache or script."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from portal import PAGES, Portal, Sink, text_of

OPEN = ("/", "/sign-in", "/sign-in/email", "/sign-in/email/sent", "/sign-in/link/x", "/sessions")


@pytest.fixture
def portal(
    tmp_path: Path, sink: Sink, sqlite_url_factory: Callable[[bool | None], str]
) -> Iterator[Portal]:
    made = Portal(tmp_path, sqlite_url_factory(True), smtp=sink.smtp())
    made.load_example("hana")
    made.start()
    yield made
    made.stop()


def test_every_page_is_for_every_reader(portal: Portal) -> None:
    signed_in = portal.browser()
    signed_in.post("/sign-in/example", person="hana")
    signed_in.post("/sign-in/email", email="nobody@example.org")
    pages = [signed_in.get(path) for path in OPEN]
    pages += [
        signed_in.post("/sign-in/email", email="x"),
        signed_in.post("/sign-in/link", token="x"),
        portal.browser().get("/sign-in/link/x"),
        portal.browser().get("/sign-in/provider"),
        portal.browser().get("/sign-in/provider/callback?state=x"),
        portal.browser().post("/sign-out", origin="https://elsewhere.example"),
    ]
    for page in pages:
        assert page.headers["content-type"] == "text/html; charset=utf-8", page.url
        assert '<html lang="en">' in page.text
        assert page.text.count("<h1>") == 1
        assert "width=device-width" in page.text
        assert "<script" not in page.text
        for field in re.findall(r'<(?:input|select) id="(\w+)"', page.text):
            assert f'<label for="{field}">' in page.text
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert page.headers["x-content-type-options"] == "nosniff"
        if page.url.path != "/":
            assert page.headers["cache-control"] == "no-store"


def test_only_ways_that_are_there_are_shown(
    tmp_path: Path, sqlite_url_factory: Callable[[bool | None], str]
) -> None:
    bare = Portal(tmp_path, sqlite_url_factory(True)).start()
    try:
        browser = bare.browser()
        assert "No way of signing in has been set up here yet." in text_of(browser.get("/sign-in"))
        for path in ("/sign-in/provider", "/sign-in/email", "/sign-in/provider/callback"):
            assert browser.get(path).status_code == 404
        assert browser.post("/sign-in/email", email="a@example.org").status_code == 404
    finally:
        bare.stop()


def test_at_another_address_one_is_told_the_right_one(portal: Portal) -> None:
    port = portal.settings.web_port
    answer = portal.browser().post("/sign-out", origin=f"http://localhost:{port}")
    assert answer.status_code == 403
    assert f'href="{portal.settings.address}/sign-in"' in answer.text


def test_what_is_no_form_is_no_form(portal: Portal) -> None:
    browser = portal.browser()
    ours = PAGES | {"Origin": browser.address}
    kind = {"Content-Type": "application/x-www-form-urlencoded"}
    for content, more in (
        (b"person=hana", {"Content-Type": "text/plain"}),
        (b'{"person": "hana"}', {"Content-Type": "application/json"}),
        (b"person=%ff%fe", kind),
        (b"\xff\xfe", kind),
        (b"&".join(b"a%d=1" % n for n in range(50)), kind),
        (b"person", kind),
        (b"person=hana%00", kind),
        (b"person=hana%ed%a0%80", kind),
        (b"", {}),
    ):
        answer = browser.http.post("/sign-in/example", content=content, headers=ours | more)
        assert answer.status_code in (404, 422), content
        assert browser.person() is None

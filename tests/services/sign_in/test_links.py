"""Links by e-mail: used once, in minutes, in the browser that asked, and told to nobody else."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from portal import Browser, Portal, Sink, text_of

from policies.refusals import Code, RefusedError
from services import clock
from services.sign_in import known, links
from services.sign_in.keys import DeploymentKey
from services.store.schema import messages, signin_links
from services.store.schema import sessions as kept_sessions
from services.store.session import Store

SPENT = "This link was used before, is too old, or was asked for in another browser."
ADDRESS = "Pērehona.ʻŌ@example.org"


@pytest.fixture
def portal(
    tmp_path: Path, sink: Sink, sqlite_url_factory: Callable[[bool | None], str]
) -> Iterator[Portal]:
    """A portal whose people sign in by links."""
    made = Portal(tmp_path, sqlite_url_factory(True), smtp=sink.smtp()).start()
    yield made
    made.stop()


def asked(portal: Portal, sink: Sink, address: str = ADDRESS) -> tuple[Browser, str]:
    """A browser that has asked for a link, and the link."""
    browser = portal.browser()
    assert browser.post("/sign-in/email", email=address).status_code == 303
    assert portal.accord.mailer.send_due() >= 1
    return browser, sink.link()


def press(browser: Browser, link: str, **more: Any) -> httpx.Response:
    """Press the button on the page that the link opens."""
    return browser.post("/sign-in/link", token=link.rpartition("/")[2], **more)


def spent(answer: httpx.Response) -> bool:
    return answer.status_code == 403 and text_of(answer).startswith(SPENT)


# ---- what is right ----


def test_the_whole_way(portal: Portal, sink: Sink) -> None:
    person = portal.somebody("Example pērehona", ADDRESS)
    browser, link = asked(portal, sink, "  pērehona.ʻō@EXAMPLE.org ")
    assert sink.envelopes[-1].rcpt_tos == [ADDRESS]
    assert text_of(browser.get("/sign-in/email/sent")).startswith("Look at your mail")
    page = browser.get(link)
    assert page.status_code == 200
    assert 'method="post" action="/sign-in/link"' in page.text
    assert page.headers["referrer-policy"] == "same-origin"
    assert browser.person() is None
    answer = press(browser, link)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sessions")
    assert browser.person() == person
    assert "You have just shown that it is you" in browser.get("/sessions").text


def test_scanners_of_mail_use_nothing_up(portal: Portal, sink: Sink) -> None:
    person = portal.somebody("Example person", ADDRESS)
    browser, link = asked(portal, sink)
    scanner = portal.browser()
    for _ in range(3):
        assert spent(scanner.get(link))
        assert browser.get(link).status_code == 200
        assert scanner.http.head(link).status_code in (403, 405)
    press(browser, link)
    assert browser.person() == person


# ---- what is not ----


def test_a_link_works_once(portal: Portal, sink: Sink) -> None:
    portal.somebody("Example person", ADDRESS)
    browser, link = asked(portal, sink)
    press(browser, link)
    browser.post("/sign-out")
    assert spent(press(browser, link))
    assert browser.person() is None


def test_of_many_at_once_one_uses_it(portal: Portal, sink: Sink) -> None:
    portal.somebody("Example person", ADDRESS)
    browser, link = asked(portal, sink)
    copies = [portal.browser() for _ in range(8)]
    for each in copies:
        each.http.cookies.update(browser.http.cookies)
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda each: press(each, link), copies))
    assert sorted(each.status_code for each in answers) == [303] + [403] * 7
    assert len(portal.rows(kept_sessions)) == 1


def test_another_browser_cannot_use_it_nor_use_it_up(portal: Portal, sink: Sink) -> None:
    person = portal.somebody("Example person", ADDRESS)
    browser, link = asked(portal, sink)
    stranger = portal.browser()
    assert spent(press(stranger, link))
    # Nor one that has asked for a link of its own.
    stranger.post("/sign-in/email", email="nobody@example.org")
    assert spent(press(stranger, link))
    assert stranger.person() is None
    press(browser, link)
    assert browser.person() == person


def test_it_is_too_old_after_a_quarter_of_an_hour(portal: Portal, sink: Sink) -> None:
    portal.somebody("Example person", ADDRESS)
    browser, link = asked(portal, sink)
    portal.advance(minutes=15)
    assert spent(press(browser, link))
    assert browser.person() is None


def test_almost_a_quarter_of_an_hour_is_not_too_old(portal: Portal, sink: Sink) -> None:
    person = portal.somebody("Example person", ADDRESS)
    browser, link = asked(portal, sink)
    portal.advance(minutes=14)
    press(browser, link)
    assert browser.person() == person


def test_two_links_of_one_browser_both_work(portal: Portal, sink: Sink) -> None:
    person = portal.somebody("Example person", ADDRESS)
    browser, first = asked(portal, sink)
    browser.post("/sign-in/email", email=ADDRESS)
    portal.accord.mailer.send_due()
    assert sink.link() != first
    press(browser, first)
    assert browser.person() == person


def test_what_is_no_link(portal: Portal, sink: Sink) -> None:
    portal.somebody("Example person", ADDRESS)
    browser, _ = asked(portal, sink)
    for token in ("", "x", "x" * 5000, "%00", "../..", "Ō", "😀"):
        assert spent(press(browser, "/" + token.replace("/", "."))), token
        # A page with a button says nothing of whether there is such a link.
        assert browser.get(f"/sign-in/link/{token}").status_code < 500, token
    assert browser.person() is None


def test_another_site_cannot_press_the_button(portal: Portal, sink: Sink) -> None:
    """Nor have links sent: a page elsewhere that a browser has open."""
    person = portal.somebody("Example person", ADDRESS)
    browser, link = asked(portal, sink)
    before = len(portal.rows(signin_links))
    for origin in ("https://elsewhere.example", "null", portal.settings.address + ".example", None):
        answer = press(browser, link, origin=origin)
        assert (answer.status_code, browser.person()) == (403, None)
        assert "somewhere other than Accord's own pages" in text_of(answer)
        answer = browser.post("/sign-in/email", origin=origin, email=ADDRESS)
        assert answer.status_code == 403
    assert len(portal.rows(signin_links)) == before
    press(browser, link)
    assert browser.person() == person


# ---- nobody learns who is known ----


def test_the_answer_is_the_same_for_everybody(portal: Portal, sink: Sink) -> None:
    portal.somebody("Example person", ADDRESS)
    answers = []
    for address in (ADDRESS, "nobody@example.org"):
        answer = portal.browser().post("/sign-in/email", email=address)
        cookie = re.sub(r"accord-asked=[^;]+", "", answer.headers.pop("set-cookie"))
        answer.headers.pop("date")
        answers.append((answer.status_code, dict(answer.headers), cookie, answer.content))
    assert answers[0] == answers[1]
    portal.accord.mailer.send_due()
    assert [each["To"] for each in sink.got] == [ADDRESS]
    assert {row.outcome for row in portal.rows(messages)} == {"sent", "dropped"}


def test_the_work_before_the_answer_is_the_same(store: Store, tmp_path: Path) -> None:
    key, statements = DeploymentKey(tmp_path), []
    with store.write() as connection:
        now = clock.now(connection)
        known.of_address(connection, key, "Example person", ADDRESS, now)
    sa.event.listen(
        store.engine, "before_cursor_execute", lambda *args: statements[-1].append(args[2])
    )
    for address in (ADDRESS, "nobody@example.org"):
        statements.append([])
        with store.write() as connection:
            links.ask(connection, key, address, "browser", now)
    assert statements[0] == statements[1]
    assert len(statements[0]) >= 4


def test_too_many_for_one_address(portal: Portal, sink: Sink) -> None:
    portal.somebody("Example person", ADDRESS)
    told = []
    for address in (ADDRESS, "nobody@example.org"):
        for _ in range(links.FOR_AN_ADDRESS):
            assert portal.browser().post("/sign-in/email", email=address).status_code == 303
        answer = portal.browser().post("/sign-in/email", email=address.upper())
        told.append((answer.status_code, answer.content))
    assert told[0] == told[1]
    assert told[0][0] == 429
    assert b"Too many sign-in links were asked for" in told[0][1]
    portal.advance(hours=1)
    assert portal.browser().post("/sign-in/email", email=ADDRESS).status_code == 303


def test_too_many_at_once(store: Store, tmp_path: Path, together: Callable[..., list[Any]]) -> None:
    key = DeploymentKey(tmp_path)
    key.derived("made before, so that none waits for it")

    def ask() -> bool:
        try:
            with store.write() as connection:
                links.ask(connection, key, ADDRESS, "browser", clock.now(connection))
        except RefusedError:
            return False
        return True

    assert together(*[ask] * 12).count(True) == links.FOR_AN_ADDRESS


def test_too_many_for_the_deployment(store: Store, tmp_path: Path) -> None:
    key = DeploymentKey(tmp_path)

    def ask(number: int) -> None:
        with store.write() as connection:
            links.ask(connection, key, f"{number}@example.org", "browser", clock.now(connection))

    for number in range(links.FOR_THE_DEPLOYMENT):
        ask(number)
    with pytest.raises(RefusedError) as raised:
        ask(links.FOR_THE_DEPLOYMENT)
    assert raised.value.refused.code is Code.TOO_MANY


def test_what_is_no_address(portal: Portal) -> None:
    for address in (
        "", "someone", "@example.org", "someone@", "a@b@c", "a b@example.org", "a@b\r\nBcc: c@d",
        "a@b,c@d", "<a@b>", "a@" + "x" * 300, "a\x00@example.org",
    ):  # fmt: skip
        answer = portal.browser().post("/sign-in/email", email=address)
        assert answer.status_code == 422, address
        assert "That is no whole e-mail address." in answer.text or not address.isprintable()
    assert portal.rows(signin_links) == []


# ---- what is kept ----


def test_neither_token_nor_address_is_in_the_database(portal: Portal, sink: Sink) -> None:
    portal.somebody("Example person", ADDRESS)
    browser, link = asked(portal, sink)
    token, secret = link.rpartition("/")[2], browser.http.cookies["accord-asked"]
    everything = " ".join(str(portal.rows(each)) for each in (signin_links, messages))
    assert token not in everything
    assert secret not in everything
    assert "example.org" not in everything.lower()
    # The whole file: the address is there once, as its owner's own words.
    content = (Path(portal.settings.database.removeprefix("sqlite:///"))).read_bytes()
    assert token.encode() not in content
    assert secret.encode() not in content


def test_the_key_is_its_owners_alone_and_everything_hangs_on_it(
    store: Store, tmp_path: Path
) -> None:
    key = DeploymentKey(tmp_path)
    with store.write() as connection:
        now = clock.now(connection)
        person = known.of_address(connection, key, "Example person", ADDRESS, now)
        assert known.of_address(connection, key, "Other", ADDRESS.upper(), now) == person
    file = tmp_path / "deployment.key"
    assert (file.stat().st_mode & 0o777, len(file.read_bytes())) == (0o600, 48)
    file.unlink()
    anew = DeploymentKey(tmp_path)
    with store.write() as connection:
        assert known.rekey(connection, anew) == 1
        assert known.rekey(connection, anew) == 0
        assert known.of_address(connection, anew, "Other", ADDRESS, now) == person
        assert known.address_of(connection, person) == ADDRESS
    assert list(tmp_path.iterdir()) == [file]


def test_an_address_is_one_persons(store: Store, tmp_path: Path) -> None:
    key = DeploymentKey(tmp_path)
    with store.write() as connection:
        now = clock.now(connection)
        someone = known.of_address(connection, key, "Example person", ADDRESS, now)
        other = known.of_address(connection, key, "Other", "other@example.org", now)
        known.set_address(connection, key, someone, "new@example.org", now)
        assert known.address_of(connection, someone) == "new@example.org"
    with pytest.raises(RefusedError), store.write() as connection:
        known.set_address(connection, key, someone, "OTHER@example.org", now)
    with store.read() as connection:
        assert known.address_of(connection, someone) == "new@example.org"
        assert known.address_of(connection, other) == "other@example.org"


def test_an_address_written_down_by_two_at_once(
    store: Store, tmp_path: Path, together: Callable[..., list[Any]]
) -> None:
    key = DeploymentKey(tmp_path)

    def write() -> str:
        with store.write() as connection:
            return known.of_address(
                connection, key, "Example person", ADDRESS, clock.now(connection)
            )

    found = together(*[write] * 4)
    assert len(set(found)) == 1
    assert str(found[0]).startswith("person-")


def test_what_is_old_is_forgotten(store: Store, tmp_path: Path) -> None:
    key = DeploymentKey(tmp_path)
    with store.write() as connection:
        now = clock.now(connection)
        links.ask(connection, key, ADDRESS, "browser", now)
        assert links.sweep(connection, now + links.KEPT_FOR / 2) == 0
        assert links.sweep(connection, now + links.KEPT_FOR * 2) == 1

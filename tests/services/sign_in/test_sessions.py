"""Sessions: seen, listed, ended; what another site's page may not do with one."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from portal import Browser, Portal, text_of

from services import clock, credentials
from services.people import Viewer
from services.sign_in import sessions
from services.store.schema import sessions as kept_sessions
from services.store.session import Store
from services.web.signin import SessionSignIn

PEOPLE = ("someone", "tavita")


@pytest.fixture
def portal(tmp_path: Path, sqlite_url_factory: Callable[[bool | None], str]) -> Iterator[Portal]:
    """A portal of the example, where one signs in as whom one likes."""
    made = Portal(tmp_path, sqlite_url_factory(True))
    made.load_example(*PEOPLE)
    made.start()
    yield made
    made.stop()


def signed_in(portal: Portal, person: str = "someone") -> Browser:
    browser = portal.browser()
    assert browser.post("/sign-in/example", person=person).status_code == 303
    return browser


def listed(browser: Browser) -> list[dict[str, object]]:
    answer = browser.api("GET", "/v1/sessions")
    assert answer.status_code == 200, answer.text
    found: list[dict[str, object]] = answer.json()
    return found


# ---- in the database, on both ----


@pytest.fixture
def now(store: Store) -> datetime:
    with store.read() as connection:
        return clock.now(connection)


def test_a_session_is_found_by_its_secret_alone(store: Store, now: datetime) -> None:
    with store.write() as connection:
        secret = sessions.begin(connection, "person-a", "email", now, now)
        [row] = connection.execute(sa.select(kept_sessions))
    assert secret not in str(row)
    assert row.secret == credentials.hashed(secret)
    assert len(secret) >= 43
    with store.read() as connection:
        assert sessions.find(connection, secret, now) is not None
        for wrong in ("", row.id, row.secret, secret[:-1]):
            assert sessions.find(connection, wrong, now) is None
        assert SessionSignIn().viewer(connection, secret) == Viewer("person-a", stepped_up=True)
        assert SessionSignIn().viewer(connection, "another") is None


def test_it_ends_when_it_is_not_seen(store: Store, now: datetime) -> None:
    with store.write() as connection:
        secret = sessions.begin(connection, "person-a", "email", now, now)
        almost = now + sessions.IDLE - timedelta(seconds=1)
        found = sessions.find(connection, secret, almost)
        assert found is not None
        assert sessions.find(connection, secret, now + sessions.IDLE) is None
        sessions.seen(connection, found, almost)
        assert sessions.find(connection, secret, now + sessions.IDLE) is not None


def test_it_ends_after_a_week_however_often_it_is_seen(store: Store, now: datetime) -> None:
    with store.write() as connection:
        secret, at = sessions.begin(connection, "person-a", "email", now, now), now
        while (found := sessions.find(connection, secret, at)) is not None:
            sessions.seen(connection, found, at)
            at += timedelta(hours=6)
    assert at - now == sessions.LONGEST


def test_showing_that_it_is_you_counts_for_ten_minutes(store: Store, now: datetime) -> None:
    hour, minute = timedelta(hours=1), timedelta(minutes=1)
    with store.write() as connection:
        for shown, at, fresh in (
            (now, now + 10 * minute - timedelta(seconds=1), True),
            (now, now + 10 * minute, False),
            (now - hour, now, False),
            (None, now, False),
            # A provider's clock that is ahead buys no time.
            (now + minute, now + 10 * minute, False),
        ):
            secret = sessions.begin(connection, "person-a", "email", now, shown)
            found = sessions.find(connection, secret, at)
            assert found is not None
            assert found.stepped_up is fresh


def test_only_ones_own_are_listed_and_ended(store: Store, now: datetime) -> None:
    with store.write() as connection:
        mine = [sessions.begin(connection, "person-a", "email", now, now) for _ in range(2)]
        theirs = sessions.begin(connection, "person-b", "email", now, now)
        assert len(sessions.of(connection, "person-a", now)) == 2
        [other] = sessions.of(connection, "person-b", now)
        assert not sessions.end(connection, "person-a", other.id, now)
        first = sessions.find(connection, mine[0], now)
        assert first is not None
        assert sessions.end(connection, "person-a", first.id, now)
        assert not sessions.end(connection, "person-a", first.id, now)
        # What has ended is not seen again.
        sessions.seen(connection, first, now + timedelta(hours=1))
        assert sessions.find(connection, mine[0], now) is None
        assert sessions.find(connection, mine[1], now) is not None
        assert sessions.find(connection, theirs, now) is not None


def test_what_ended_long_ago_is_forgotten(store: Store, now: datetime) -> None:
    with store.write() as connection:
        sessions.begin(connection, "person-a", "email", now, now)
        assert sessions.sweep(connection, now + sessions.KEPT_AFTER) == 0
        later = now + sessions.KEPT_AFTER + sessions.IDLE + timedelta(seconds=1)
        assert sessions.sweep(connection, later) == 1


# ---- over HTTP ----


def test_sessions_are_listed_and_ended(portal: Portal) -> None:
    here, elsewhere = signed_in(portal), signed_in(portal)
    found = listed(here)
    assert [each["current"] for each in found].count(True) == 1
    assert {each["way"] for each in found} == {"example"}
    [other] = [each for each in found if not each["current"]]
    for stranger in (signed_in(portal, "tavita"), portal.browser()):
        answer = stranger.api("DELETE", f"/v1/sessions/{other['id']}")
        assert answer.status_code in (401, 404)
    assert elsewhere.person() is not None
    assert here.api("DELETE", f"/v1/sessions/{other['id']}").status_code == 204
    assert elsewhere.person() is None
    assert here.api("DELETE", f"/v1/sessions/{other['id']}").status_code == 404
    # The id of a session opens nothing.
    thief = portal.browser()
    thief.http.cookies.set("accord-session", str(found[0]["id"]))
    assert thief.person() is None


def test_signing_out_ends_the_session_itself(portal: Portal) -> None:
    browser = signed_in(portal)
    kept = browser.http.cookies["accord-session"]
    answer = browser.api("POST", "/v1/sign-out")
    assert answer.status_code == 204
    assert 'accord-session=""' in answer.headers["set-cookie"]
    browser.http.cookies.set("accord-session", kept)
    assert browser.person() is None
    assert browser.api("POST", "/v1/sign-out").status_code == 401


def test_the_page_of_sessions(portal: Portal) -> None:
    here, elsewhere = signed_in(portal), signed_in(portal)
    page = here.get("/sessions")
    assert text_of(page).count("Another browser") == 1
    assert page.headers["cache-control"] == "no-store"
    [other] = [each for each in listed(here) if not each["current"]]
    stranger = signed_in(portal, "tavita")
    assert stranger.post("/sessions/end", session=str(other["id"])).status_code == 303
    assert elsewhere.person() is not None
    here.post("/sessions/end", session=str(other["id"]))
    assert elsewhere.person() is None
    assert here.post("/sign-out").headers["location"] == "/"
    assert here.person() is None


def test_a_new_sign_in_is_a_new_session(portal: Portal) -> None:
    """Whoever put a session into a browser has none there after somebody signs in."""
    browser = signed_in(portal)
    planted = browser.http.cookies["accord-session"]
    browser.post("/sign-in/example", person="tavita")
    assert browser.http.cookies["accord-session"] != planted
    thief = portal.browser()
    thief.http.cookies.set("accord-session", planted)
    assert thief.person() is None


def test_when_it_was_seen_is_kept_in_steps(portal: Portal) -> None:
    browser = signed_in(portal)
    first = listed(browser)[0]["seen_at"]
    portal.advance(minutes=9)
    assert listed(browser)[0]["seen_at"] == first
    portal.advance(minutes=1)
    listed(browser)
    assert str(listed(browser)[0]["seen_at"]) > str(first)
    for _ in range(3):
        portal.advance(hours=11)
        assert browser.person() is not None
    portal.advance(hours=12)
    assert browser.person() is None


def test_without_the_example_nobody_is_invented(portal: Portal) -> None:
    browser = signed_in(portal)
    with portal.accord.store.write() as connection:
        connection.execute(sa.text("UPDATE deployment SET example = false"))
    assert browser.person() is None
    assert browser.post("/sign-in/example", person="someone").status_code == 403
    assert "invented" not in text_of(browser.get("/sign-in")).lower()


def test_a_cookie_that_has_ended_is_no_hindrance_where_nobody_need_sign_in(portal: Portal) -> None:
    browser = portal.browser()
    browser.http.cookies.set("accord-session", "long gone")
    assert browser.api("GET", "/v1/restrictions").status_code == 200
    assert browser.api("GET", "/v1/me").status_code == 401


# ---- another site's page ----

ELSEWHERE = (
    {"Origin": "https://elsewhere.example"},
    {"Origin": "null"},
    {},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "none"},
)


@pytest.mark.parametrize("sent", ELSEWHERE, ids=str)
def test_a_page_elsewhere_changes_nothing(portal: Portal, sent: dict[str, str]) -> None:
    browser = signed_in(portal)
    [session] = [str(each["id"]) for each in listed(browser)]
    draft = {"version": 0}
    for method, path, more in (
        ("DELETE", f"/v1/sessions/{session}", {}),
        ("POST", "/v1/sign-out", {}),
        ("POST", "/v1/drafts", {"json": draft}),
    ):
        answer = browser.http.request(method, path, headers=sent, **more)
        assert (answer.status_code, answer.json()["code"]) == (403, "other_site"), path
    for path in ("/sign-out", "/sessions/end", "/sign-in/example"):
        answer = browser.http.post(path, data={"session": session}, headers=sent)
        assert (answer.status_code, answer.json()["code"]) == (403, "other_site"), path
    assert browser.person() is not None
    assert listed(browser)
    # To read is no harm: no page elsewhere gets to see the answer.
    assert browser.http.get("/v1/me", headers=sent).status_code == 200


@pytest.mark.parametrize("sent", [{"Sec-Fetch-Site": "same-origin"}, {"Origin": ""}], ids=str)
def test_a_page_of_ours_does(portal: Portal, sent: dict[str, str]) -> None:
    browser = signed_in(portal)
    headers = {name: value or browser.address for name, value in sent.items()}
    answer = browser.http.post("/v1/drafts", json={"version": 0}, headers=headers)
    assert answer.status_code == 201, answer.text
    lying = headers | {"Origin": browser.address, "Sec-Fetch-Site": "cross-site"}
    assert browser.http.post("/v1/sign-out", headers=lying).status_code == 403


def test_a_token_in_a_header_needs_no_origin(portal: Portal) -> None:
    """No page elsewhere can make a browser send one."""
    browser = portal.browser()
    token = browser.http.post("/v1/example/tokens", json={"person": "someone"}).json()["token"]
    answer = browser.http.post(
        "/v1/drafts", json={"version": 0}, headers={"Authorization": f"Bearer {token}"}
    )
    assert answer.status_code == 201
    # A session's secret is for cookies alone.
    secret = signed_in(portal).http.cookies["accord-session"]
    answer = browser.http.get("/v1/me", headers={"Authorization": f"Bearer {secret}"})
    assert answer.status_code == 401


def test_behind_a_proxy_cookies_are_the_hosts_alone(
    tmp_path: Path, sqlite_url_factory: Callable[[bool | None], str]
) -> None:
    portal = Portal(tmp_path, sqlite_url_factory(True), public="https://accord.example")
    portal.load_example("someone")
    portal.start()
    try:
        browser = portal.browser()
        answer = browser.post("/sign-in/example", person="someone")
        [cookie] = answer.headers.get_list("set-cookie")
        assert cookie.startswith("__Host-accord-session=")
        assert "; Secure" in cookie
        assert "; Path=/" in cookie
        assert "domain=" not in cookie.lower()
        inside = browser.post("/sign-in/example", portal.settings.url, person="someone")
        assert inside.status_code == 403
        # The same secret under the name that any page of a neighbouring host could set.
        secret = cookie.partition("=")[2].partition(";")[0]
        browser.http.cookies.clear()
        assert browser.http.get("/v1/me", headers={"Cookie": f"accord-session={secret}"}).is_error
        found = browser.http.get("/v1/me", headers={"Cookie": f"__Host-accord-session={secret}"})
        assert found.is_success
        known = browser.http.get("/.well-known/authzen-configuration").json()
        assert known["policy_decision_point"] == "https://accord.example"
    finally:
        portal.stop()

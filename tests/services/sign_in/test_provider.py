"""Signing in at a provider, all of it over HTTP: what is right is taken, whatever is wrong is not.

The provider is one of our own that can be wrong in one way at a time; `test_real_provider.py`
does the same with somebody else's.
"""

import logging
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from joserfc.jwk import KeySet, RSAKey
from own_provider import CLIENT, OwnProvider
from portal import Browser, Portal, here, text_of

from services.sign_in import known, metadata
from services.sign_in.provider import LEEWAY
from services.store import texts
from services.store.schema import identities, persons
from services.store.schema import sessions as kept_sessions

FAILED = "This sign-in was not completed, and nobody was signed in."
AWAY = "Your sign-in provider does not answer."
SKEW = LEEWAY.total_seconds()
LASTS = 300


@pytest.fixture(autouse=True)
def _right(own: OwnProvider, portal: Portal) -> None:
    """Whatever a test let the provider do wrong, it does no more; nor is it remembered."""
    own.start()
    own.be_right(portal.ahead)
    own.keys_shown = KeySet([own.key])
    own.asked.clear()
    own.fetched.clear()
    portal.forget_provider()


def kept(portal: Portal) -> list[int]:
    """How much there is of what a sign-in makes."""
    return [len(portal.rows(each)) for each in (identities, persons, kept_sessions)]


def refused(portal: Portal, sentence: str = FAILED, status: int = 400) -> Browser:
    """Try to sign in: a page says no, nothing is made, and nobody is signed in."""
    before, browser = kept(portal), portal.browser()
    answer = browser.through_own_provider()
    assert (answer.status_code, text_of(answer)[: len(sentence)]) == (status, sentence)
    assert kept(portal) == before
    assert browser.person() is None
    return browser


def taken(portal: Portal) -> str:
    """Sign in, successfully; returns who it is."""
    browser = portal.browser()
    answer = browser.through_own_provider()
    assert answer.status_code == 303, answer.text
    person = browser.person()
    assert person is not None
    return person


# ---- what is right ----


def test_the_first_time_makes_a_person_and_the_next_finds_them(
    portal: Portal, own: OwnProvider
) -> None:
    own.subject = "first-time"
    browser = portal.browser()
    answer = browser.through_own_provider("/sign-in/provider?then=/v1/me")
    assert (answer.status_code, answer.headers["location"]) == (303, "/v1/me")
    me = browser.get("/v1/me").json()
    assert me["name"] == own.claims["name"]
    assert (me["bodies"], me["person"][:7]) == ([], "person-")
    assert own.subject not in me["person"]
    assert taken(portal) == me["person"]
    own.subject = "somebody-else"
    assert taken(portal) != me["person"]


def test_what_the_provider_is_asked(portal: Portal, own: OwnProvider) -> None:
    for _ in range(2):
        taken(portal)
    first, second = own.asked
    assert first["response_type"] == "code"
    assert first["scope"] == "openid profile"
    assert first["redirect_uri"] == f"{portal.settings.address}/sign-in/provider/callback"
    assert first["code_challenge_method"] == "S256"
    assert "prompt" not in first
    for each in ("state", "nonce", "code_challenge"):
        assert len(first[each]) >= 43
        assert first[each] != second[each]
    # Asked once, however many sign in.
    assert (own.fetched["/.well-known/openid-configuration"], own.fetched["/keys"]) == (1, 1)


def test_cookies_are_for_browsers_alone(portal: Portal, own: OwnProvider) -> None:
    browser = portal.browser()
    sent = browser.get("/sign-in/provider")
    back = browser.get(here(httpx.get(sent.headers["location"], verify=False)))
    for answer, name in ((sent, "accord-under-way"), (back, "accord-session")):
        cookie = next(c for c in answer.headers.get_list("set-cookie") if c.startswith(name))
        assert "; HttpOnly" in cookie
        assert "; SameSite=lax" in cookie
        assert "; Path=/" in cookie
        assert "domain" not in cookie.lower()
        assert answer.headers["cache-control"] == "no-store"
    assert not browser.http.cookies.get("accord-under-way")
    # Nothing of what the cookies hold is in the database.
    secret = browser.http.cookies["accord-session"]
    assert all(secret not in str(row) for row in portal.rows(kept_sessions))


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": CLIENT},
        {"aud": [CLIENT]},
        {"aud": [CLIENT], "azp": CLIENT},
        {"aud": ["another", CLIENT], "azp": CLIENT},
        {"aud": CLIENT, "azp": CLIENT},
    ],
    ids=str,
)
def test_audiences_that_are_ours(portal: Portal, own: OwnProvider, claims: Any) -> None:
    own.claims |= claims
    taken(portal)


@pytest.mark.parametrize("says", ["basic", "post", "none"])
def test_ways_of_saying_who_accord_is(portal: Portal, own: OwnProvider, says: str) -> None:
    own.client_says = says
    own.metadata["token_endpoint_auth_methods_supported"] = [f"client_secret_{says}"]
    portal.forget_provider(**({"secret_file": None} if says == "none" else {}))
    taken(portal)


def test_a_secret_that_cannot_be_read_is_no_way_in(portal: Portal, own: OwnProvider) -> None:
    portal.forget_provider(secret_file=portal.settings.home / "gone")
    answer = portal.browser().get("/sign-in/provider")
    assert (answer.status_code, "cannot answer just now" in answer.text) == (503, True)


def test_a_name_that_the_provider_tells_apart(portal: Portal, own: OwnProvider) -> None:
    cases: list[tuple[str, dict[str, Any], str]] = [
        ("told", {"sub": "told", "name": "Māui ʻOfa"}, "Māui ʻOfa"),
        ("of another", {"sub": "another", "name": "Somebody else"}, known.UNNAMED),
        ("nothing", {"sub": "nothing"}, known.UNNAMED),
        ("no name", {"sub": "no name", "name": ["x"]}, known.UNNAMED),
    ]
    own.claims["name"] = None
    for subject, said, name in cases:
        own.subject, own.userinfo = subject, said
        browser = portal.browser()
        assert browser.through_own_provider().status_code == 303
        assert browser.get("/v1/me").json()["name"] == name


def test_a_name_cannot_write_over_what_stands_around_it(portal: Portal, own: OwnProvider) -> None:
    own.subject = "backwards"
    own.claims["name"] = "  Pēre\u202e\x00\n\u200b ʻŌna" + "x" * 400
    person = taken(portal)
    with portal.accord.store.read() as connection:
        row = next(row for row in portal.rows(persons) if row.id == person)
        name = texts.read(connection, [row.name])[row.name]
    assert name.startswith("Pēre ʻŌnax")
    assert len(name) == known.LONGEST_NAME


def test_two_first_times_at_once_are_one_person(portal: Portal, own: OwnProvider) -> None:
    own.subject = "two tabs"
    browsers = [portal.browser() for _ in range(6)]
    places = [each.from_own_provider() for each in browsers]
    with ThreadPoolExecutor(6) as threads:
        list(threads.map(lambda pair: pair[0].get(pair[1]), zip(browsers, places, strict=True)))
    assert len({each.person() for each in browsers}) == 1
    made = [row for row in portal.rows(identities) if row.subject == "two tabs"]
    assert len(made) == 1


# ---- clocks that differ ----


@pytest.mark.parametrize("ahead", [SKEW - 10, -(LASTS + SKEW - 10)])
def test_a_clock_that_differs_a_little(portal: Portal, own: OwnProvider, ahead: float) -> None:
    own.skew += ahead
    taken(portal)


@pytest.mark.parametrize("ahead", [SKEW + 10, -(LASTS + SKEW + 10)])
def test_a_clock_that_differs_too_much(portal: Portal, own: OwnProvider, ahead: float) -> None:
    own.skew += ahead
    refused(portal)


# ---- keys ----


def test_a_key_that_changed_is_fetched_once(portal: Portal, own: OwnProvider) -> None:
    taken(portal)
    own.rotate()
    taken(portal)
    taken(portal)
    assert own.fetched["/keys"] == 2


def test_a_key_that_changed_without_a_new_name(portal: Portal, own: OwnProvider) -> None:
    own.rotate(kid="the same")
    taken(portal)
    own.rotate(kid="the same")
    taken(portal)


def test_keys_that_nobody_knows_do_not_hammer_the_provider(
    portal: Portal, own: OwnProvider
) -> None:
    shown = own.key
    taken(portal)
    for _ in range(5):
        own.rotate(show=False)
        refused(portal)
    assert own.fetched["/keys"] == 2
    # Whoever comes with a good one meanwhile is let in.
    own.key = shown
    taken(portal)


def test_a_signature_by_another_key(portal: Portal, own: OwnProvider) -> None:
    own.rotate(kid="the same")
    own.rotate(kid="the same", show=False)
    refused(portal)


@pytest.mark.parametrize("alg", ["none", "HS256"])
def test_what_anybody_could_sign(portal: Portal, own: OwnProvider, alg: str) -> None:
    own.metadata["id_token_signing_alg_values_supported"] = ["RS256", "HS256", "none"]
    own.alg = alg
    refused(portal)


def test_a_key_of_no_use_among_the_others(portal: Portal, own: OwnProvider) -> None:
    other = RSAKey.generate_key(2048, {"kid": "other", "use": "enc"})
    own.keys_shown = KeySet([other, own.key])
    taken(portal)


# ---- what is wrong with a token ----


@pytest.mark.parametrize(
    "claims",
    [
        {"aud": "another"},
        {"aud": ["another"]},
        {"aud": ["another", CLIENT]},
        {"aud": ["another", CLIENT], "azp": "another"},
        {"aud": CLIENT, "azp": "another"},
        {"aud": []},
        {"aud": None},
        {"aud": {"a": CLIENT}},
        {"iss": "http://127.0.0.1:1"},
        {"iss": None},
        {"nonce": "another"},
        {"nonce": None},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "x" * 256},
        {"sub": "a\x00b"},
        {"sub": "ā"},
        {"exp": None},
        {"exp": "later"},
        {"iat": None},
        {"auth_time": "now"},
        {"auth_time": 2**40},
        {"at_hash": "another"},
    ],
    ids=str,
)
def test_a_token_that_is_not_right(portal: Portal, own: OwnProvider, claims: Any) -> None:
    own.claims |= claims
    refused(portal)


# ---- what is wrong with the way back ----


def test_another_state(portal: Portal, own: OwnProvider) -> None:
    for state in ("another", "", None):
        own.answer = {"state": state}
        refused(portal)


def test_another_browser_comes_back(portal: Portal, own: OwnProvider) -> None:
    """Whoever is lured to the end of somebody else's sign-in is not signed in as them."""
    place = portal.browser().from_own_provider()
    before, lured = kept(portal), portal.browser()
    assert lured.get(place).status_code == 400
    lured.get("/sign-in/provider")
    assert lured.get(place).status_code == 400
    assert (kept(portal), lured.person()) == (before, None)


def test_the_way_back_is_gone_once(portal: Portal, own: OwnProvider) -> None:
    own.checks_reuse = False
    browser = portal.browser()
    place = browser.from_own_provider()
    assert browser.get(place).status_code == 303
    before = kept(portal)
    assert browser.get(place).status_code == 400
    assert kept(portal) == before


def test_a_code_that_was_used(portal: Portal, own: OwnProvider) -> None:
    browser = portal.browser()
    place = browser.from_own_provider()
    cookies = dict(browser.http.cookies)
    assert browser.get(place).status_code == 303
    before, again = kept(portal), portal.browser()
    again.http.cookies.update(cookies)
    assert again.get(place).status_code == 400
    assert kept(portal) == before


def test_a_code_of_no_possible_shape(portal: Portal, own: OwnProvider) -> None:
    for code in ("é\x00 %zz", "&code=x", "x" * 5000, "\n"):
        own.answer = {"code": code}
        refused(portal)


def test_a_stolen_code_is_of_no_use(portal: Portal, own: OwnProvider) -> None:
    """Put into another sign-in, it lacks the verifier that only the first browser's has."""
    own.checks_reuse = False
    stolen = httpx.URL(portal.browser().from_own_provider()).params["code"]
    own.answer = {"code": stolen}
    refused(portal)


def test_a_provider_that_gets_no_challenge_gives_nothing(own: OwnProvider) -> None:
    """The provider of these tests does insist on PKCE, so what passes here has it."""
    asked = {"state": "s", "nonce": "n", "redirect_uri": "http://127.0.0.1:1/"}
    answer = httpx.get(f"{own.issuer}/authorize", params=asked, verify=False)
    assert "error=invalid_request" in answer.headers["location"]


@pytest.mark.parametrize("named", [None, "http://127.0.0.1:1"])
def test_another_provider_sends_the_browser_back(
    portal: Portal, own: OwnProvider, named: str | None
) -> None:
    own.metadata["authorization_response_iss_parameter_supported"] = True
    own.answer = {"iss": own.issuer}
    taken(portal)
    own.answer = {"iss": named}
    refused(portal)


def test_whoever_changed_their_mind(portal: Portal, own: OwnProvider) -> None:
    own.answer = {"code": None, "error": "access_denied"}
    refused(portal)
    own.answer["error"] = "temporarily_unavailable"
    refused(portal, AWAY, 503)


def test_what_is_under_way_for_too_long(portal: Portal, own: OwnProvider) -> None:
    browser = portal.browser()
    place = browser.from_own_provider()
    portal.advance(minutes=10)
    own.skew = portal.ahead
    assert browser.get(place).status_code == 400
    assert browser.person() is None


def test_a_cookie_that_accord_did_not_write(portal: Portal, own: OwnProvider) -> None:
    browser = portal.browser()
    place = browser.from_own_provider()
    head, content, code = browser.http.cookies["accord-under-way"].split(".")
    for forged in (f"{head}.{content}.{code[:-4]}AAAA", f"{head}.{content}.", "x", ""):
        browser.http.cookies.clear()
        browser.http.cookies.set("accord-under-way", forged)
        assert browser.get(place).status_code == 400


@pytest.mark.parametrize(
    "then",
    ["//elsewhere.example", "https://elsewhere.example", "/\\elsewhere.example", "/a//b",
     "javascript:alert(1)", "/%2f/elsewhere.example", "/a\r\nSet-Cookie: x=y"],
)  # fmt: skip
def test_nobody_is_sent_elsewhere_afterwards(portal: Portal, own: OwnProvider, then: str) -> None:
    browser = portal.browser()
    start = str(httpx.URL("/sign-in/provider", params={"then": then}))
    answer = browser.through_own_provider(start)
    assert answer.headers["location"] == "/sessions"


# ---- a provider that is away ----


def away(portal: Portal, answer: httpx.Response, before: list[int]) -> None:
    assert (answer.status_code, text_of(answer)[: len(AWAY)]) == (503, AWAY)
    assert "Try again in a minute." in answer.text
    assert kept(portal) == before


def test_a_provider_that_is_away_from_the_start(
    portal: Portal, own: OwnProvider, caplog: pytest.LogCaptureFixture
) -> None:
    own.stop()
    browser, before = portal.browser(), kept(portal)
    with caplog.at_level(logging.WARNING):
        away(portal, browser.get("/sign-in/provider"), before)
    assert "unknown trouble" not in caplog.text
    said = browser.api("GET", "/sign-in/provider")
    assert (said.status_code, said.json()["code"]) == (503, "sign_in_away")
    # Everything else works on.
    assert browser.get("/").status_code == 200
    own.start()
    portal.forget_provider()
    taken(portal)


def test_nobody_waits_for_others_at_a_provider_that_hangs(
    portal: Portal, own: OwnProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metadata, "TIMEOUT_SECONDS", 1.0)
    own.delay = 2.0
    browsers, began = [portal.browser() for _ in range(6)], time.monotonic()
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda each: each.get("/sign-in/provider"), browsers))
    assert {each.status_code for each in answers} == {503}
    assert time.monotonic() - began < 4
    assert own.fetched["/.well-known/openid-configuration"] == 1


def test_a_provider_that_goes_away_in_between(portal: Portal, own: OwnProvider) -> None:
    browser = portal.browser()
    place = browser.from_own_provider()
    before = kept(portal)
    own.stop()
    away(portal, browser.get(place), before)
    own.start()
    assert browser.through_own_provider().status_code == 303


def test_a_provider_whose_keys_cannot_be_had(portal: Portal, own: OwnProvider) -> None:
    own.keys_shown = KeySet([])
    refused(portal)
    portal.forget_provider()
    own.metadata["jwks_uri"] = f"{own.issuer}/nowhere"
    refused(portal, AWAY, 503)


def test_a_provider_that_is_in_trouble(portal: Portal, own: OwnProvider) -> None:
    browser = portal.browser()
    place = browser.from_own_provider()
    before = kept(portal)
    own.status = 500
    away(portal, browser.get(place), before)
    portal.forget_provider()
    away(portal, browser.get("/sign-in/provider"), before)


@pytest.mark.parametrize(
    "said",
    [
        {"issuer": "http://127.0.0.1:1"},
        {"issuer": None},
        {"token_endpoint": "http://elsewhere.example/token"},
        {"token_endpoint": None},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"jwks_uri": "http://["},
        {"code_challenge_methods_supported": ["plain"]},
    ],
    ids=str,
)
def test_a_provider_that_says_what_cannot_be(portal: Portal, own: OwnProvider, said: Any) -> None:
    own.metadata |= said
    before = kept(portal)
    away(portal, portal.browser().get("/sign-in/provider"), before)


# ---- showing again that it is you ----


def stepped_up(browser: Browser) -> bool:
    [current] = [each for each in browser.api("GET", "/v1/sessions").json() if each["current"]]
    return bool(current["stepped_up"])


def test_a_session_of_the_providers_own_is_not_fresh(portal: Portal, own: OwnProvider) -> None:
    own.subject, own.signed_in_before = "in one browser", 3600
    browser = portal.browser()
    browser.through_own_provider()
    assert not stepped_up(browser)
    assert "prompt" not in own.asked[-1]
    before = browser.http.cookies["accord-session"]
    assert browser.through_own_provider().status_code == 303
    assert (own.asked[-1]["prompt"], own.asked[-1]["max_age"]) == ("login", "0")
    assert stepped_up(browser)
    # The session is another one, and the one before has ended.
    assert browser.http.cookies["accord-session"] != before
    assert len(browser.api("GET", "/v1/sessions").json()) == 1


def test_a_provider_that_does_not_ask_again(portal: Portal, own: OwnProvider) -> None:
    own.signed_in_before, own.reauthenticates = 3600, False
    browser = portal.browser()
    browser.through_own_provider()
    answer = browser.through_own_provider()
    assert text_of(answer).startswith(FAILED)
    # They are signed in as before, and no more than that.
    assert browser.person() is not None
    assert not stepped_up(browser)


def test_a_provider_that_does_not_say_when(portal: Portal, own: OwnProvider) -> None:
    own.claims["auth_time"] = None
    browser = portal.browser()
    assert browser.through_own_provider().status_code == 303
    assert not stepped_up(browser)
    assert text_of(browser.through_own_provider()).startswith(FAILED)
    assert not stepped_up(browser)


def test_a_provider_that_says_later_than_now(portal: Portal, own: OwnProvider) -> None:
    own.claims["auth_time"] = int(time.time() + portal.ahead + SKEW + 60)
    refused(portal)
    own.claims["auth_time"] = int(time.time() + portal.ahead + SKEW - 10)
    taken(portal)


def test_the_logs_name_nobody(
    portal: Portal, own: OwnProvider, caplog: pytest.LogCaptureFixture
) -> None:
    own.subject = "subject-in-a-log"
    with caplog.at_level(logging.DEBUG, "accord"):
        taken(portal)
        own.claims["nonce"] = "nonce-in-a-log"
        refused(portal)
    assert "a sign-in failed" in caplog.text
    assert "in-a-log" not in caplog.text
    assert own.claims["name"] not in caplog.text

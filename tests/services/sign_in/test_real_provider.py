"""The whole way through a provider that others wrote, as a process of its own on loopback: its
key changes when it starts anew, and it goes away.

It writes `aud` as a list, does not look at PKCE, and its keys have no names in its tokens; the
provider of `test_provider.py` does all of these the other way.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from portal import Browser, Portal, here, text_of, until

from services.settings import Oidc
from services.store.schema import identities
from services.story.stage import free_ports

SUBJECT = "rangi@example.org"


class RealProvider:
    """`oidc-provider-mock`, which asks only who one would like to be."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.issuer = f"http://127.0.0.1:{port}"

    def start(self) -> None:
        """Start it, with a new key, and wait until it answers."""
        command = [sys.executable, "-P", "-W", "ignore", "-m", "oidc_provider_mock"]
        self._process = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(self.port)],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=os.environ | {"PYTHONDONTWRITEBYTECODE": "1"},
        )  # fmt: skip
        until(self._answers, 60)
        claims = {"name": "Rangi Māhaki ʻOfa", "email": SUBJECT, "email_verified": False}
        httpx.put(f"{self.issuer}/users/{SUBJECT}", json=claims, verify=False).raise_for_status()

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.issuer}/jwks", verify=False).is_success
        except httpx.HTTPError:
            return False

    def stop(self) -> None:
        """Kill it."""
        self._process.kill()
        self._process.wait()


@pytest.fixture(scope="module")
def real() -> Iterator[RealProvider]:
    """The provider."""
    made = RealProvider(free_ports(1)[0])
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def real_portal(
    real: RealProvider,
    tmp_path_factory: pytest.TempPathFactory,
    sqlite_url_factory: Callable[[bool | None], str],
) -> Iterator[Portal]:
    """A portal whose people sign in there."""
    home: Path = tmp_path_factory.mktemp("home")
    secret = home / "client-secret"
    secret.write_text("any will do there", encoding="utf-8")
    oidc = Oidc(real.issuer, "accord", secret)
    made = Portal(home, sqlite_url_factory(True), oidc=oidc).start()
    yield made
    made.stop()


def there(browser: Browser) -> str:
    """Sign in on the provider's own page; returns the address that it sends the browser to."""
    sent = browser.get("/sign-in/provider")
    assert sent.status_code == 303, sent.text
    page = httpx.get(sent.headers["location"], verify=False)
    assert page.status_code == 200
    return here(httpx.post(sent.headers["location"], data={"sub": SUBJECT}, verify=False))


def test_the_whole_way(real_portal: Portal) -> None:
    browser = real_portal.browser()
    assert browser.get("/sessions").headers["location"] == "/sign-in"
    assert 'href="/sign-in/provider' in browser.get("/sign-in").text
    assert browser.get(there(browser)).headers["location"] == "/sessions"
    shown = text_of(browser.get("/sessions"))
    assert "You are signed in as Rangi Māhaki ʻOfa." in shown
    assert "with your organisation" in shown
    [row] = real_portal.rows(identities)
    assert (row.subject, row.person) == (SUBJECT, browser.person())
    other = real_portal.browser()
    other.get(there(other))
    assert other.person() == browser.person()
    assert browser.post("/sign-out").status_code == 303
    assert browser.person() is None
    assert other.person() is not None


def test_an_address_that_a_provider_states_makes_nobody_of_anybody(real_portal: Portal) -> None:
    known = real_portal.somebody("Example member", SUBJECT)
    browser = real_portal.browser()
    browser.get(there(browser))
    assert browser.person() not in (None, known)


def test_its_key_changes_and_it_goes_away(real: RealProvider, real_portal: Portal) -> None:
    browser = real_portal.browser()
    place = there(browser)
    real.stop()
    answer = browser.get(place)
    assert answer.status_code == 503
    assert text_of(answer).startswith("Your sign-in provider does not answer. Try again in a min")
    assert browser.person() is None
    # Its addresses are remembered, so a browser is still sent there; nobody is signed in.
    assert browser.get("/sign-in/provider").status_code == 303
    real.start()
    browser.get(there(browser))
    assert browser.person() is not None

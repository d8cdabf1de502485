"""What the tests of sign-in and mail have in common: portals, providers, a mail server."""

import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

sys.path.append(str(Path(__file__).resolve().parent / "kit"))

from own_provider import CLIENT, SECRET, OwnProvider
from portal import Portal, Sink

from services.settings import Oidc
from services.story.stage import free_ports


@pytest.fixture
def sink() -> Iterator[Sink]:
    """A mail server that is there."""
    made = Sink().start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnProvider]:
    """A provider of our own, the same for a file of tests; each test puts it right again."""
    made = OwnProvider(free_ports(1)[0]).start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def portal(
    own: OwnProvider,
    tmp_path_factory: pytest.TempPathFactory,
    sqlite_url_factory: Callable[[bool | None], str],
) -> Iterator[Portal]:
    """A portal whose people sign in at our own provider."""
    home = tmp_path_factory.mktemp("home")
    secret = home / "client-secret"
    secret.write_text(SECRET + "\n", encoding="utf-8")
    oidc = Oidc(own.issuer, CLIENT, secret)
    made = Portal(home, sqlite_url_factory(True), oidc=oidc).start()
    yield made
    made.stop()


@pytest.fixture
def together() -> Callable[..., list[Any]]:
    """Runs all of these at once; returns their results."""

    def run(*works: Callable[[], Any]) -> list[Any]:
        barrier = threading.Barrier(len(works))

        def begun(work: Callable[[], Any]) -> Any:
            barrier.wait(10)
            return work()

        with ThreadPoolExecutor(len(works)) as threads:
            return list(threads.map(begun, works))

    return run

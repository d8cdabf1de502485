"""The portal alone, over real HTTP, without Temporal; browsers for it; a mail server that keeps
what it is given."""

from __future__ import annotations

import asyncio
import email
import html
import re
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import httpx
import sqlalchemy as sa
import uvicorn
from aiosmtpd.controller import Controller
from stack import settings_on_free_ports

from policies.body import commands as b
from policies.types import Capacity, Kawa, KawaRule
from services import bootstrap, clock, founding
from services.path import Sent
from services.people import Viewer
from services.settings import Oidc, Settings, Smtp
from services.sign_in import known
from services.sign_in.provider import Provider
from services.store import migrate
from services.story.stage import free_ports
from services.web import app

Json = dict[str, Any]
PAGES = {"Accept": "text/html"}
FROM = "accord@example.org"


class Portal:
    """A portal of its own, on a database of its own."""

    def __init__(
        self,
        home: Path,
        database: str,
        *,
        oidc: Oidc | None = None,
        smtp: Smtp | None = None,
        public: str | None = None,
    ) -> None:
        plain = settings_on_free_ports(home, database)
        fields = {**vars(plain), "oidc": oidc, "smtp": smtp, "public": public}
        self.settings = Settings(**fields)
        migrate.upgrade(database, temporary=True)
        self.accord = bootstrap.build(self.settings, None)
        self.operator = founding.found(self.accord.store, self.accord.recorder)
        self.app = app.create(self.settings)
        self.ahead = 0.0
        """How many seconds the service clock is ahead of the wall's."""

    def start(self) -> Portal:
        """Serve, and wait until it does."""
        config = uvicorn.Config(
            self.app, host="127.0.0.1", port=self.settings.web_port,
            log_level="warning", access_log=False,
        )  # fmt: skip
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        until(lambda: self._server.started)
        return self

    def stop(self) -> None:
        """Serve no more."""
        self._server.should_exit = True
        self._thread.join(20)
        self.accord.store.close()

    def browser(self) -> Browser:
        """A browser that has never been here."""
        return Browser(self.settings)

    def body(self, person: str) -> str:
        """A body whose secretary and only member that person is."""
        members = (b.Member(person, frozenset({"secretary", "member"})),)
        entry = asyncio.run(
            self.accord.bodies.enter(
                Viewer.inside(self.operator), Sent(f"command-{time.monotonic_ns()}"),
                "Example river rōpū", b.Mandate(frozenset({Capacity.ETHICS})), "Invented.",
                Kawa(KawaRule.CONSENSUS), members,
            )
        )  # fmt: skip
        return str(entry["stream"])

    def somebody(self, name: str, address: str) -> str:
        """A person with an e-mail address."""
        with self.accord.store.write() as connection:
            now = clock.now(connection)
            return known.of_address(connection, self.accord.key, name, address, now)

    def advance(self, **by: float) -> None:
        """Move the clock of everything but the provider's."""
        with self.accord.store.write() as connection:
            clock.advance(connection, timedelta(**by))
        self.ahead += timedelta(**by).total_seconds()

    def forget_provider(self, **other: Any) -> None:
        """Know nothing of the provider, as after a start; `other` settings may be given."""
        assert self.settings.oidc is not None
        oidc = replace(self.settings.oidc, **other)
        anew = Provider(oidc, self.settings.address + bootstrap.CALLBACK)
        self.app.state.accord = replace(self.app.state.accord, provider=anew)

    def rows(self, table: sa.Table) -> list[Any]:
        """All rows of a table."""
        with self.accord.store.read() as connection:
            return list(connection.execute(sa.select(table)))

    def load_example(self, *people: str) -> None:
        """Let this be a home of the example, with these invented people."""
        for each in people:
            founding.add_person(self.accord.store, f"Example {each}", each)
        with self.accord.store.write() as connection:
            connection.execute(sa.text("UPDATE deployment SET example = true"))


class Browser:
    """Goes where it is sent, keeps cookies, and says of forms that they come from Accord."""

    def __init__(self, settings: Settings) -> None:
        self.address = settings.address
        self.http = httpx.Client(base_url=settings.url, timeout=60, verify=False)

    def get(self, path: str, **more: Any) -> httpx.Response:
        """Open a page."""
        return self.http.get(path, headers=PAGES, **more)

    def post(self, path: str, origin: str | None = "", **fields: str) -> httpx.Response:
        """Send a form of a page of ours, or of the page of another `origin`."""
        sender = {} if origin is None else {"Origin": origin or self.address}
        return self.http.post(path, data=fields, headers=PAGES | sender)

    def api(self, method: str, path: str, origin: str | None = "", **more: Any) -> httpx.Response:
        """Call the API with the cookies that are there."""
        sender = {} if origin is None else {"Origin": origin or self.address}
        return self.http.request(method, path, headers=sender, **more)

    def through_own_provider(self, start: str = "/sign-in/provider") -> httpx.Response:
        """Sign in at our own provider, which asks nothing; returns the last answer of ours."""
        return self.get(self.from_own_provider(start))

    def from_own_provider(self, start: str = "/sign-in/provider") -> str:
        """As far as our own provider sends the browser; returns the address to go back to."""
        sent = self.get(start)
        assert sent.status_code == 303, sent.text
        back = httpx.get(sent.headers["location"], verify=False)
        return here(back)

    def person(self) -> str | None:
        """Who is signed in here."""
        answer = self.http.get("/v1/me")
        return str(answer.json()["person"]) if answer.is_success else None


def here(answer: httpx.Response) -> str:
    """The part of where one is sent that is on our own host."""
    place = httpx.URL(answer.headers["location"])
    return place.raw_path.decode()


def text_of(page: httpx.Response) -> str:
    """What a page says, without its marks."""
    inner = page.text.partition("<main>")[2].partition("</main>")[0]
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", inner))).strip()


class Sink:
    """A mail server on loopback. It can go away and come back at the same port."""

    def __init__(self, port: int = 0, **options: Any) -> None:
        self.port = port or free_ports(1)[0]
        self.options = options
        self.got: list[EmailMessage] = []
        self.envelopes: list[Any] = []
        self.refuse: Callable[[str], str | None] = lambda address: None
        self.after_data: Callable[[], str] = lambda: "250 OK"
        self._controller: Controller | None = None

    def smtp(self, **more: Any) -> Smtp:
        """Settings that give mail to this server."""
        fields = {"host": "127.0.0.1", "port": self.port, "security": "none", "sender": FROM}
        return Smtp(**{**fields, **more})

    async def handle_RCPT(  # noqa: N802  aiosmtpd's name for it
        self, server: Any, session: Any, envelope: Any, address: str, *_: Any
    ) -> str:
        if (no := self.refuse(address)) is not None:
            return no
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # noqa: N802  aiosmtpd's name for it
        self, server: Any, session: Any, envelope: Any
    ) -> str:
        said = self.after_data()
        if said.startswith("250"):
            found = email.message_from_bytes(envelope.content, policy=default)
            assert isinstance(found, EmailMessage)
            self.got.append(found)
            self.envelopes.append(envelope)
        return said

    def start(self) -> Sink:
        """Be there."""
        self._controller = Controller(
            self, hostname="127.0.0.1", port=self.port, **{"enable_SMTPUTF8": True, **self.options}
        )
        self._controller.start()
        return self

    def stop(self) -> None:
        """Be away: connections are refused."""
        if self._controller is not None:
            self._controller.stop()
            self._controller = None

    def link(self) -> str:
        """The link in the message that came last, as an address of ours."""
        content = self.got[-1].get_content()
        found = re.search(r"https?://[^/\s]+(/sign-in/link/\S+)", content)
        assert found, content
        return found.group(1)


def until(true: Callable[[], Any], within: float = 20.0) -> Any:
    """Wait for it, or fail."""
    deadline = time.monotonic() + within
    while not (found := true()):
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.01)
    return found

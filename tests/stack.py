"""A whole Accord in a temporary home, on free ports: real Temporal, worker, portal and example.

`tests/conftest.py` loads this file by its path, and has the fixture `stack`, since
`tests/` itself must not be on the import path. Everything is done as a client would, over HTTP;
the functions at the end are the few steps that most scenarios begin with.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
import threading
import time
import uuid
from collections.abc import Coroutine, Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import httpx
from temporalio.client import Client

from services import running
from services.example import CREDENTIAL_FILE, MEMBERS, NAMES, OTHERS
from services.settings import Settings
from services.story.stage import free_ports
from services.supervisor import CannotRunError, Supervisor

T = TypeVar("T")
Json = dict[str, Any]

TRIES = 3
"""A port that was free may be taken before it is used."""

WITHIN = 30.0
"""Seconds for what follows of itself (a grant after its acceptance) to be there."""


class Stack:
    """One Accord. `start` it, and `stop` it in the end, or use it in a `with` statement."""

    def __init__(
        self,
        home: Path | None = None,
        *,
        gateway: bool = False,
        database: str | None = None,
        **settings: Any,
    ) -> None:
        """Without `home` a folder of its own is made, and is gone after `stop`.

        Args:
            home: a folder to keep everything in; it stays.
            gateway: whether the example gateway runs as well, and Temporal's own page.
            database: a SQLAlchemy URL; a SQLite file in the home by default.
            settings: further fields of `Settings`.
        """
        self._more = settings
        self._own = home is None
        self.home = home or Path(tempfile.mkdtemp(prefix="accord-stack-"))
        self._database = database or f"sqlite:///{self.home / 'accord.db'}"
        self._gateway = gateway
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="stack", daemon=True)
        self._clients: dict[str, httpx.Client] = {}
        self._advances = 0
        self.ahead = 0.0
        """How many days this home's clock is ahead of the wall's."""
        self.said: list[str] = []

    def start(self) -> Stack:
        """Start everything and wait until all of it answers."""
        self._thread.start()
        for left in reversed(range(TRIES)):
            plain = settings_on_free_ports(self.home, self._database)
            self.settings = replace(plain, **self._more)
            self.supervisor = Supervisor(
                self.settings, example=self._gateway, temporary=True, say=self.said.append
            )
            try:
                self.run(self._up())
                break
            except CannotRunError:
                self.run(self.supervisor.stop())
                if not left:
                    self.stop()
                    raise
        self.anonymous = self._with()
        self.gateway_credential = (self.home / CREDENTIAL_FILE).read_text(encoding="utf-8")
        self.gateway = self._with(self.gateway_credential)
        self.people = {key: self._person(key) for key in people_of_the_example()}
        """Example key to the person's id."""
        found = {each["name"]: each["id"] for each in self.anonymous.get("/v1/bodies").json()}
        self.bodies = {short: found[name] for short, name in NAMES.items()}
        """``river``, ``ethics``, … to the body's id."""
        return self

    async def _up(self) -> None:
        self.supervisor.check()
        # Temporal starts while the example is loaded, which needs none.
        await asyncio.gather(
            running.prepare(self.settings, with_example=True, temporary=True, say=self.said.append),
            self.supervisor.start("temporal"),
        )
        await self.supervisor.start("worker", "portal")
        await self.supervisor.healthy()
        gateway = self.supervisor.children.get("gateway")
        if gateway is not None:
            credential = (self.home / CREDENTIAL_FILE).read_text(encoding="utf-8")
            gateway.environment = {"ACCORD_GATEWAY_CREDENTIAL": credential}
            await self.supervisor.start("gateway")

    def stop(self) -> None:
        """Stop everything. What lies in a folder of its own is gone then."""
        for each in self._clients.values():
            each.close()
        with contextlib.suppress(AttributeError):
            self.anonymous.close()
            self.gateway.close()
        with contextlib.suppress(AttributeError):
            self.run(self.supervisor.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(20)
        self._loop.close()
        if self._own:
            shutil.rmtree(self.home, ignore_errors=True)

    def __enter__(self) -> Stack:
        return self.start()

    def __exit__(self, *trouble: object) -> None:
        self.stop()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work` on the stack's own loop, and wait for it."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(180)

    def client(self, person: str) -> httpx.Client:
        """Signed in as the example person of that key; a token that time outran is renewed."""
        name = f"{person} {self._advances}"
        if name not in self._clients:
            self._clients[name] = self._with(self.token(person))
        return self._clients[name]

    def token(self, person: str) -> str:
        """A fresh token of the example person of that key."""
        answer = self.anonymous.post("/v1/example/tokens", json={"person": person})
        token: str = ok(answer)["token"]
        return token

    def advance(self, days: float) -> None:
        """Move time forward for everything in this home, Temporal's timers included."""
        ok(self.client("operator").post("/v1/example/clock", json={"days": days}))
        self._advances += 1
        self.ahead += days

    def kill(self, *names: str) -> None:
        """Kill -9 these processes, or all; the supervisor starts them again."""
        self.supervisor.kill(*names)

    def healthy(self) -> None:
        """Wait until everything answers (again)."""
        self.run(self.supervisor.healthy())

    async def temporal(self) -> Client:
        """A client of this stack's Temporal; use it within `run`."""
        return await Client.connect(
            self.settings.temporal_address, namespace=self.settings.namespace
        )

    def logs(self) -> Iterator[tuple[str, bytes]]:
        """Every log file of this home, by name."""
        for each in sorted((self.home / "logs").glob("*.log")):
            yield each.name, each.read_bytes()

    def _with(self, token: str = "") -> httpx.Client:
        return httpx.Client(
            base_url=self.settings.url,
            timeout=60,
            headers={"Authorization": f"Bearer {token}"} if token else {},
            # Loopback speaks plain HTTP; reading every certificate authority takes a while.
            verify=False,
        )

    def _person(self, key: str) -> str:
        person: str = ok(self.client(key).get("/v1/me"))["person"]
        return person


def settings_on_free_ports(home: Path, database: str) -> Settings:
    """Settings of a stack of its own: ports that nothing listens on at this moment."""
    temporal, page, web, gateway = free_ports(4)
    return Settings(home, database, None, temporal, page, web, gateway, "default", None)


def people_of_the_example() -> list[str]:
    """The keys of everybody whom one can sign in as."""
    return [
        "operator", *OTHERS, *(f"{body}-{who}" for body, each in MEMBERS.items() for who in each)
    ]  # fmt: skip


def ok(answer: httpx.Response) -> Any:
    """The answer's JSON, if it is a success; otherwise fail with what it says."""
    assert answer.is_success, (
        f"{answer.request.method} {answer.request.url.path}: {answer.status_code} {answer.text}"
    )
    return answer.json()


def command(**fields: Any) -> Json:
    """A command's JSON with an id of its own."""
    return {"command_id": str(uuid.uuid4()), **fields}


def adoption(stack: Stack, who: str, body: str, pack: str, **query: Any) -> Json:
    """The command by which `body` adopts a pack as its preview shows it to the person of that
    key; `query` are the version and the pack that it takes the place of."""
    address = f"/v1/bodies/{body}/adoption-preview/{pack}"
    return command(**ok(stack.client(who).get(address, params=query))["confirm"])


def adopt(stack: Stack, who: str, body: str, pack: str, **query: Any) -> Json:
    """`body` adopts a pack as its preview shows it."""
    sent = adoption(stack, who, body, pack, **query)
    found: Json = ok(stack.client(who).post(f"/v1/bodies/{body}/adoptions", json=sent))
    return found


NEVER_SHOWN = {"version": 1, "sha256": "0" * 64, "in_force": None}
"""What an adoption carries that no preview gave."""


def until(found: Any, what: str, within: float = WITHIN) -> Any:
    """Call `found` until it returns something; fail when it does not."""
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        value = found()
        if value:
            return value
        time.sleep(0.05)
    raise AssertionError(f"{what} did not come within {within:.0f} s")


# ---- steps that most scenarios begin with ----

GENOME = "example_genome.assembly.sequence"
SURVEY = "example_survey.people.clinic_visits"
INCOME = "example_survey.people.income_band"
SMALL = ("example-river-people", "example-newcomer-people")
"""Peoples for whom the river body and the ethics committee decide, and nobody else."""

WORDS = ("title", "purpose", "summary", "benefits", "harms", "giving_back", "storage")
VOICES = {"river": 3, "hill": 2, "island-a": 4, "island-b": 2, "ethics": 2}
"""How many of a body's members must speak before it has decided."""
SPEAKERS = {"hill": ("kaumatua-1", "kaumatua-2")}
"""Who speaks, where it is not member 1, member 2 and so on."""


def draft_content(
    stack: Stack,
    *,
    items: Iterable[str] = (SURVEY,),
    peoples: Iterable[str] = SMALL,
    purpose: str = "example-study",
    people: Iterable[str] = ("researcher", "research-assistant"),
    acts: Iterable[str] = ("use.read",),
    level: str = "aggregate",
    ends_on: str = "",
    words: str = "Invented words.",
    **slice_parts: Any,
) -> Json:
    """A complete draft; `people` are keys of the example's people."""
    return {
        "version": 0,
        "purpose": purpose,
        "people": {stack.people[each]: "researcher" for each in people},
        "items": {each: words for each in items},
        "slice": {"peoples": list(peoples), "level": level, **slice_parts},
        "ends_on": ends_on or _in_days(stack, 300),
        "acts": list(acts),
        "named": {act: ["example-other"] for act in acts if act != "use.read"},
        "area": "health",
        "use_kind": "secondary",
        "words": dict.fromkeys(WORDS, words),
    }


def _in_days(stack: Stack, days: int) -> str:
    """The day that comes `days` after today, by the stack's own clock."""
    wall = datetime.now(UTC) + timedelta(days=stack.ahead)
    return (wall + timedelta(days=days)).date().isoformat()


def submit_request(stack: Stack, by: str = "researcher", **content: Any) -> str:
    """Draft and submit a request (arguments as of `draft_content`); returns its id."""
    client = stack.client(by)
    content = {"people": (by, "research-assistant"), **content}
    draft = ok(client.post("/v1/drafts", json=draft_content(stack, **content)))
    sent = command(version=draft["version"])
    return str(ok(client.post(f"/v1/drafts/{draft['id']}/submit", json=sent))["stream"])


def read_request(stack: Stack, request: str, person: str = "researcher") -> Json:
    """The request as that person sees it."""
    found: Json = ok(stack.client(person).get(f"/v1/requests/{request}"))
    return found


def speak(
    stack: Stack, request: str, body: str, voice: str = "approve", voices: int | None = None
) -> None:
    """As many members of `body` speak as it needs to decide."""
    who = SPEAKERS.get(body, tuple(f"member-{n}" for n in range(1, 6)))
    seen = read_request(stack, request, f"{body}-secretary")["sequence"]
    for each in who[: VOICES[body] if voices is None else voices]:
        sent = command(seen=seen, body=stack.bodies[body], voice=voice)
        ok(stack.client(f"{body}-{each}").post(f"/v1/requests/{request}/voices", json=sent))


def conclude(stack: Stack, request: str, body: str, outcome: str = "approve") -> Json:
    """The secretary of `body` records what its voices came to."""
    secretary = stack.client(f"{body}-secretary")
    seen = ok(secretary.get(f"/v1/requests/{request}"))["sequence"]
    sent = command(seen=seen, body=stack.bodies[body], outcome=outcome)
    found: Json = ok(secretary.post(f"/v1/requests/{request}/conclusions", json=sent))
    return found


def approve(stack: Stack, request: str, *bodies: str) -> None:
    """Each of `bodies` decides yes."""
    for body in bodies:
        speak(stack, request, body)
        conclude(stack, request, body)


def hui(
    stack: Stack, request: str, body: str, outcome: str = "approve", minutes: str = "Invented."
) -> Json:
    """The secretary of `body` records a hui of one mind: its decision in a single command."""
    secretary = stack.client(f"{body}-secretary")
    sent = command(
        seen=ok(secretary.get(f"/v1/requests/{request}"))["sequence"],
        body=stack.bodies[body],
        held_on=_in_days(stack, 0),
        voices=dict.fromkeys(speakers(stack, body), outcome),
        outcome=outcome,
        minutes=minutes,
    )
    found: Json = ok(secretary.post(f"/v1/requests/{request}/hui", json=sent))
    return found


def speakers(stack: Stack, body: str) -> list[str]:
    """The ids of as many members of `body` as it needs to decide."""
    who = SPEAKERS.get(body, tuple(f"member-{n}" for n in range(1, 6)))[: VOICES[body]]
    return [stack.people[f"{body}-{each}"] for each in who]


def decline(stack: Stack, request: str, body: str) -> None:
    """`body` decides no."""
    speak(stack, request, body, "decline")
    conclude(stack, request, body, "decline")


def accept(stack: Stack, request: str, by: str = "researcher") -> str:
    """The researcher accepts every condition; returns the grant, once it is issued."""
    seen = read_request(stack, request, by)
    sent = command(seen=seen["sequence"], conditions=[each["id"] for each in seen["conditions"]])
    ok(stack.client(by).post(f"/v1/requests/{request}/acceptance", json=sent))
    grant: str = read_request(stack, request, by)["grant"]
    until(
        lambda: stack.client(by).get(f"/v1/grants/{grant}").is_success,
        "the grant of an accepted request",
    )
    return grant


def granted(
    stack: Stack,
    bodies: Iterable[str] = ("river", "ethics"),
    by: str = "researcher",
    **content: Any,
) -> tuple[str, str]:
    """A request that every body in `bodies` approved and its grant; arguments as of
    `draft_content`."""
    request = submit_request(stack, by, **content)
    approve(stack, request, *bodies)
    return request, accept(stack, request, by)


def place(
    stack: Stack,
    body: str = "river",
    *,
    words: str = "Invented: not for now.",
    hidden: bool = False,
    **scope: Any,
) -> str:
    """A body's secretary places a restriction over its own people; returns its id."""
    mine = {"slice": {"peoples": [f"example-{body}-people"]}, **scope}
    sent = command(
        body=stack.bodies[body], scope=mine, words=words, authority="Invented.", hidden=hidden
    )
    answer = stack.client(f"{body}-secretary").post("/v1/restrictions", json=sent)
    return str(ok(answer)["stream"])


def lift(stack: Stack, restriction: str, body: str = "river") -> None:
    """The secretary records a hui at which enough members said to lift it."""
    sent = command(
        held_on=_in_days(stack, 0),
        voices=dict.fromkeys(speakers(stack, body), "approve"),
        outcome="approve",
        minutes="Invented.",
    )
    secretary = stack.client(f"{body}-secretary")
    ok(secretary.post(f"/v1/restrictions/{restriction}/hui", json=sent))


def question(
    stack: Stack, item: str = SURVEY, purpose: str = "example-study", **parts: Any
) -> Json:
    """What a gateway asks about the researcher; `parts` go into the context."""
    return {
        "subject": {"type": "person", "id": stack.people["researcher"]},
        "action": {"name": "use.read"},
        "resource": {"type": "item", "id": item},
        "context": {"purpose": purpose, "obligations_supported": ["slice/1"], **parts},
    }


def ask(stack: Stack, asked: Json, client: httpx.Client | None = None) -> Json:
    """The decision point's answer."""
    found: Json = ok((client or stack.gateway).post("/access/v1/evaluation", json=asked))
    return found


def head(stack: Stack) -> Json:
    """The ledger's head, once the sequencer has placed whatever was committed."""
    found: Json = ok(stack.anonymous.get("/v1/ledger/head"))
    while True:
        time.sleep(0.7)
        now = ok(stack.anonymous.get("/v1/ledger/head"))
        if now == found:
            return found
        found = now


def export(stack: Stack) -> bytes:
    """The whole ledger, as the operator exports it."""
    answer = stack.client("operator").get("/v1/ledger/export")
    assert answer.is_success, answer.text
    return answer.content

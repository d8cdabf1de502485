"""Every endpoint once, as somebody would call it: its address, what is sent, and a state in
which it can be done. What the permission table and the bad input both start from."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import stack as steps
from stack import GENOME, SURVEY, Json, Stack, command, ok

from services.example import NAMES
from services.settings import Settings
from services.web import app

REPORT = ("findings", "benefits", "harms", "next_steps")


@cache
def openapi() -> Json:
    """The app's own description of itself; nothing is running for it."""
    nowhere = Settings(Path("nowhere"), "sqlite://", None, 1, 2, 3, 4, "default", None)
    found: Json = app.create(nowhere).openapi()
    return found


def operations() -> list[tuple[str, Json]]:
    """Every endpoint, as ``POST /v1/drafts``, with its description."""
    return [
        (f"{method.upper()} {path}", described)
        for path, methods in openapi()["paths"].items()
        for method, described in methods.items()
    ]


BODY_NAMES = tuple(NAMES.values())
"""What the example's bodies are called."""


class Scene:
    """States in which something can be done, each made when first needed.

    What is spent is made anew. Requests are for the plant's genome, about which the river
    body decides with the ethics committee, or for a small part of the survey.
    """

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self.river = stack.bodies["river"]
        self._made: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        if name not in self._made:
            self._made[name] = getattr(self, f"_make_{name}")()
        return self._made[name]

    def spend(self, name: str) -> None:
        """Whatever was made as `name` is no longer what it was."""
        self._made.pop(name, None)

    def seen(self, request: str) -> int:
        """The request's sequence."""
        return int(steps.read_request(self.stack, request)["sequence"])

    def hui(self, outcome: str = "approve", **more: Any) -> Json:
        """A hui of the river body, all of one mind."""
        voices = dict.fromkeys(steps.speakers(self.stack, "river"), outcome)
        return command(
            held_on="2026-01-15", voices=voices, outcome=outcome, minutes="Invented.", **more
        )

    def for_river(self, request: str, **fields: Any) -> Json:
        """A command about the request in the name of the river body."""
        return command(body=self.river, seen=self.seen(request), **fields)

    def _make_draft(self) -> str:
        content = steps.draft_content(self.stack, items=[GENOME])
        return str(ok(self.stack.client("researcher").post("/v1/drafts", json=content))["id"])

    def _make_deciding(self) -> str:
        return steps.submit_request(self.stack, items=[GENOME])

    def _make_questioned(self) -> tuple[str, str]:
        request = steps.submit_request(self.stack, items=[GENOME])
        asked = self.for_river(request, question="Why?")
        self._as_secretary(f"/v1/requests/{request}/questions", asked)
        return request, asked["command_id"]

    def _make_declined(self) -> str:
        request = steps.submit_request(self.stack, items=[SURVEY])
        steps.hui(self.stack, request, "river", "decline")
        return request

    def _make_agreed(self) -> str:
        request = steps.submit_request(self.stack, items=[GENOME])
        for body in ("river", "ethics"):
            steps.hui(self.stack, request, body)
        return request

    def _make_granted(self) -> str:
        request = self._make_agreed()
        return steps.accept(self.stack, request)

    def _make_reported(self) -> str:
        grant = self._make_granted()
        sent = command(duty="duty-1", words=dict.fromkeys(REPORT, "Invented."))
        ok(self.stack.client("researcher").post(f"/v1/grants/{grant}/reports", json=sent))
        return grant

    def _make_ended(self) -> str:
        grant = self._make_granted()
        ok(self.stack.client("researcher").post(f"/v1/grants/{grant}/end", json=command()))
        return grant

    def _make_attested(self) -> str:
        grant = self._make_ended()
        sent = command(attestation="Invented.")
        ok(self.stack.client("researcher").post(f"/v1/grants/{grant}/disposal", json=sent))
        return grant

    def _make_restricted(self) -> str:
        return steps.place(self.stack, acts=["use.offshore"])

    def _make_hidden(self) -> str:
        return steps.place(self.stack, acts=["use.offshore"], hidden=True)

    def _make_staying(self) -> str:
        """A member of the river body; whoever was made to leave is asked back."""
        person = self.stack.people["river-member-4"]
        member = {"person": person, "roles": ["member"]}
        self._as_secretary(f"/v1/bodies/{self.river}/members", command(member=member))
        return person

    def _make_adopted(self) -> str:
        pack = "example-newcomers"
        secretary = self.stack.client("river-secretary")
        answer = secretary.post(f"/v1/bodies/{self.river}/adoptions", json=command(pack=pack))
        assert answer.status_code in (201, 409), answer.text
        return pack

    def _as_secretary(self, path: str, sent: Json) -> None:
        ok(self.stack.client("river-secretary").post(path, json=sent))


Made = tuple[dict[str, str], Json | None]


@dataclass(frozen=True)
class Act:
    """One endpoint, called so that it succeeds for those who may.

    `make` gives the parts of the address and what is sent; `spends` names the state that is
    another afterwards; `about` tells apart two calls of one endpoint.
    """

    endpoint: str
    by: str
    make: Callable[[Scene], Made]
    spends: str = ""
    about: str = ""

    @property
    def method(self) -> str:
        """The HTTP method."""
        return self.endpoint.partition(" ")[0]

    @property
    def name(self) -> str:
        """The endpoint, and what it is called about where that matters."""
        return f"{self.endpoint} ({self.about})" if self.about else self.endpoint

    def call(self, scene: Scene) -> tuple[str, Json | None]:
        """The address, and what is sent."""
        parts, sent = self.make(scene)
        return self.endpoint.partition(" ")[2].format(**parts), sent


RESEARCHER, MEMBER, SECRETARY = "researcher", "river-member-1", "river-secretary"
OPERATOR, ANYBODY, GATEWAY = "operator", "outsider", "gateway"


def _nothing(scene: Scene) -> Made:
    return {}, None


def _at(kind: str, state: str) -> Callable[[Scene], Made]:
    return lambda scene: ({kind: getattr(scene, state)}, None)


def _request(state: str, make: Callable[[Scene, str], Json]) -> Callable[[Scene], Made]:
    def made(scene: Scene) -> Made:
        request = getattr(scene, state)
        return {"request": request}, make(scene, request)

    return made


def _grant(state: str, **fields: Any) -> Callable[[Scene], Made]:
    return lambda scene: ({"grant": getattr(scene, state)}, command(**fields))


def _grant_for_river(state: str, **fields: Any) -> Callable[[Scene], Made]:
    return lambda scene: (
        {"grant": getattr(scene, state)}, command(body=scene.river, **fields)
    )  # fmt: skip


def _restriction(make: Callable[[Scene], Json]) -> Callable[[Scene], Made]:
    return lambda scene: ({"restriction": scene.restricted}, make(scene))


def _river(make: Callable[[Scene], Json | None]) -> Callable[[Scene], Made]:
    return lambda scene: ({"body": scene.river}, make(scene))


def _enter(scene: Scene) -> Made:
    return {}, command(
        name="Example other body",
        mandate={"capacities": ["people"]},
        document="Invented.",
        kawa={"rule": "majority"},
        members=[{"person": scene.stack.people["outsider"], "roles": ["secretary", "member"]}],
    )


def _answer(scene: Scene) -> Made:
    request, question = scene.questioned
    return {"request": request}, command(question=question, answer="Because.")


def _place(scene: Scene) -> Made:
    return {}, command(
        body=scene.river,
        scope={"slice": {"peoples": ["example-river-people"]}, "acts": ["use.offshore"]},
        words="Invented.",
        authority="Invented.",
    )


def _confirm(scene: Scene) -> Made:
    return {}, command(
        body=scene.river,
        items=[GENOME],
        classes=["genomic", "taonga_species"],
        places=["example-river-valley"],
        whole=True,
    )


def _history(body: str) -> Callable[[Scene], Made]:
    return lambda scene: (
        {"collection": "example_genome"},
        command(body=scene.stack.bodies.get(body, "body-deployment"), history="Invented."),
    )


def _draft(scene: Scene) -> Made:
    return {}, steps.draft_content(scene.stack, items=[GENOME])


def _save(scene: Scene) -> Made:
    draft = scene.draft
    version = ok(scene.stack.client(RESEARCHER).get(f"/v1/drafts/{draft}"))["version"]
    content = steps.draft_content(scene.stack, items=[GENOME])
    return {"draft": draft}, {**content, "version": version}


def _submit(scene: Scene) -> Made:
    draft = scene.draft
    version = ok(scene.stack.client(RESEARCHER).get(f"/v1/drafts/{draft}"))["version"]
    return {"draft": draft}, command(version=version)


def _kawa(scene: Scene) -> Json:
    return command(kawa={"rule": "consensus", "quorum": 3})


def _member(scene: Scene) -> Json:
    return command(member={"person": scene.staying, "roles": ["member"]})


ACTS: tuple[Act, ...] = (
    Act("GET /health", ANYBODY, _nothing),
    Act("GET /.well-known/authzen-configuration", ANYBODY, _nothing),
    Act("POST /access/v1/evaluation", GATEWAY, lambda s: ({}, steps.question(s.stack))),
    Act("GET /v1/example/people", ANYBODY, _nothing),
    Act("POST /v1/example/tokens", ANYBODY, lambda s: ({}, {"person": "outsider"})),
    Act("POST /v1/example/clock", OPERATOR, lambda s: ({}, {"days": 0.0001})),
    Act("GET /v1/me", ANYBODY, _nothing),
    # What anyone may read.
    Act("GET /v1/names", ANYBODY, _nothing),
    Act("GET /v1/bodies", ANYBODY, _nothing),
    Act("GET /v1/collections", ANYBODY, _nothing),
    Act("GET /v1/grants", ANYBODY, _nothing),
    Act("GET /v1/reports", ANYBODY, _nothing),
    Act("GET /v1/restrictions", ANYBODY, _nothing),
    Act(
        "GET /v1/restrictions/{restriction}",
        ANYBODY,
        _at("restriction", "restricted"),
        about="shown",
    ),
    Act("GET /v1/restrictions/{restriction}", MEMBER, _at("restriction", "hidden"), about="hidden"),
    Act("GET /v1/ledger/head", ANYBODY, _nothing),
    # Asking.
    Act("GET /v1/items", ANYBODY, _nothing),
    Act("POST /v1/drafts", RESEARCHER, _draft),
    Act("GET /v1/drafts", RESEARCHER, _nothing),
    Act("GET /v1/drafts/{draft}", RESEARCHER, _at("draft", "draft")),
    Act("PUT /v1/drafts/{draft}", RESEARCHER, _save, "draft"),
    Act("GET /v1/drafts/{draft}/preview", RESEARCHER, _at("draft", "draft")),
    Act("POST /v1/drafts/{draft}/submit", RESEARCHER, _submit, "draft"),
    Act("GET /v1/requests", RESEARCHER, _nothing),
    Act("GET /v1/requests/{request}", RESEARCHER, _at("request", "deciding")),
    Act("POST /v1/requests/{request}/answers", RESEARCHER, _answer, "questioned"),
    Act(
        "POST /v1/requests/{request}/justifications",
        RESEARCHER,
        _request(
            "declined", lambda s, r: command(seen=s.seen(r), justification="Invented, again.")
        ),
        "declined",
    ),
    Act(
        "POST /v1/requests/{request}/acceptance",
        RESEARCHER,
        _request("agreed", lambda s, r: command(seen=s.seen(r), conditions=[])),
        "agreed",
    ),
    Act(
        "POST /v1/requests/{request}/withdrawal",
        RESEARCHER,
        _request("deciding", lambda s, r: command(seen=s.seen(r))),
        "deciding",
    ),
    # Deciding.
    Act(
        "POST /v1/requests/{request}/questions",
        MEMBER,
        _request("deciding", lambda s, r: s.for_river(r, question="Why?")),
    ),
    Act(
        "POST /v1/requests/{request}/stand-aside",
        MEMBER,
        _request("deciding", lambda s, r: s.for_river(r)),
        "deciding",
    ),
    Act(
        "POST /v1/requests/{request}/voices",
        MEMBER,
        _request("deciding", lambda s, r: s.for_river(r, voice="approve")),
    ),
    Act(
        "POST /v1/requests/{request}/conditions",
        MEMBER,
        _request("deciding", lambda s, r: s.for_river(r, kind="no_linkage")),
    ),
    Act(
        "POST /v1/requests/{request}/conclusions",
        MEMBER,
        _request("deciding", lambda s, r: s.for_river(r, outcome="approve")),
        "deciding",
    ),
    Act(
        "POST /v1/requests/{request}/hui",
        SECRETARY,
        _request("deciding", lambda s, r: s.hui(body=s.river, seen=s.seen(r))),
        "deciding",
    ),
    # Using and giving back.
    Act("GET /v1/grants/{grant}", RESEARCHER, _at("grant", "granted")),
    Act(
        "POST /v1/grants/{grant}/reports",
        RESEARCHER,
        _grant("granted", duty="duty-1", words=dict.fromkeys(REPORT, "Invented.")),
        "granted",
    ),
    Act(
        "POST /v1/grants/{grant}/report-returns",
        MEMBER,
        _grant_for_river("reported", duty="duty-1", question="And then?"),
        "reported",
    ),
    Act(
        "POST /v1/grants/{grant}/report-acceptances",
        MEMBER,
        _grant_for_river("reported", duty="duty-1", reply="Invented."),
        "reported",
    ),
    Act("POST /v1/grants/{grant}/end", RESEARCHER, _grant("granted"), "granted"),
    Act(
        "POST /v1/grants/{grant}/disposal",
        RESEARCHER,
        _grant("ended", attestation="Invented."),
        "ended",
    ),
    Act(
        "POST /v1/grants/{grant}/disposal-acknowledgements",
        MEMBER,
        _grant_for_river("attested"),
        "attested",
    ),
    # Restricting.
    Act("POST /v1/restrictions", MEMBER, _place),
    Act(
        "POST /v1/restrictions/{restriction}/voices",
        MEMBER,
        _restriction(lambda s: command(voice="decline")),
    ),
    Act(
        "POST /v1/restrictions/{restriction}/conclusions",
        MEMBER,
        _restriction(lambda s: command(outcome="approve")),
        "restricted",
    ),
    Act(
        "POST /v1/restrictions/{restriction}/hui",
        SECRETARY,
        _restriction(lambda s: s.hui()),
        "restricted",
    ),
    # Bodies, and what they say of the catalogue.
    Act("POST /v1/bodies", OPERATOR, _enter),
    Act("GET /v1/bodies/{body}", MEMBER, _river(lambda s: None)),
    Act("GET /v1/bodies/{body}/ledger", SECRETARY, _river(lambda s: None)),
    Act("POST /v1/bodies/{body}/members", SECRETARY, _river(_member)),
    Act(
        "POST /v1/bodies/{body}/departures",
        SECRETARY,
        _river(lambda s: command(person=s.staying)),
        "staying",
    ),
    Act("POST /v1/bodies/{body}/kawa", SECRETARY, _river(_kawa)),
    Act("POST /v1/bodies/{body}/adoptions", SECRETARY, _river(lambda s: command(pack="example"))),
    Act(
        "POST /v1/bodies/{body}/pack-withdrawals",
        SECRETARY,
        _river(lambda s: command(pack=s.adopted)),
        "adopted",
    ),
    Act("POST /v1/confirmations", MEMBER, _confirm),
    Act(
        "POST /v1/collections/{collection}/history",
        SECRETARY,
        _history("river"),
        about="for the asked body",
    ),
    # Running it.
    Act(
        "POST /v1/collections/{collection}/history",
        OPERATOR,
        _history("deployment"),
        about="for the deployment",
    ),
    Act(
        "POST /v1/names",
        OPERATOR,
        lambda s: ({}, command(peoples={"example-newcomer-people": "Example newcomer people"})),
    ),
    Act("POST /v1/gateways", OPERATOR, lambda s: ({}, command(collections=["example_genome"]))),
    Act("GET /v1/ledger/export", OPERATOR, _nothing),
)


def new_id() -> str:
    """A UUID that is nothing's."""
    return str(uuid.uuid4())

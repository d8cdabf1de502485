"""What bodies do together or about themselves, as their secretaries would, over HTTP; and the
Accord of this folder: one that has an agency, a reviewer, and some weeks behind it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from weakref import WeakKeyDictionary

import stack as steps
from stack import GENOME, VOICES, Json, Stack, command, ok, until

from services.example import REGISTER

BIRTH = "example_survey.people.birth_year"
"""An item that these tests let bodies quarrel about."""
PLANTED = "example_register.gardens.planted_year"
"""An item that these tests let a body confirm as a story."""
RIVER_PEOPLE = "example-river-people"
DAYS_BEFORE = 40

KAWA: dict[str, Json] = {
    "river": {"rule": "consensus", "quorum": 3, "elsewhere": True},
    "island-a": {"rule": "majority", "quorum": 4},
    "island-b": {"rule": "majority", "quorum": 1},
    "ethics": {"rule": "majority", "quorum": 2},
}
"""How the example's bodies decide here: as in the example, but that the river body may also
record what it decided in a system of its own."""

_WELCOMED: WeakKeyDictionary[Stack, dict[str, tuple[str, list[str]]]] = WeakKeyDictionary()


def others(stack: Stack) -> dict[str, tuple[str, list[str]]]:
    """The bodies that tests have entered and that are welcome: id to the key of the secretary
    and the ids of those who speak."""
    return _WELCOMED.setdefault(stack, {})


def propose(stack: Stack, by: str, **change: Any) -> str:
    """A body of the example proposes a change; returns the proposal's id."""
    sent = command(body=stack.bodies[by], why="Invented.", **change)
    return str(ok(stack.client(f"{by}-secretary").post("/v1/proposals", json=sent))["command"])


def say(stack: Stack, proposal: str, body: str, outcome: str = "approve", **instead: Any) -> Json:
    """One body's word: `body` is the short name of an example's one, or an id."""
    if body in stack.bodies:
        key, who, name = f"{body}-secretary", speakers(stack, body), stack.bodies[body]
    else:
        (key, who), name = others(stack)[body], body
    sent = command(
        body=name, outcome=outcome, voices=dict.fromkeys(who, outcome), held_on="2026-01-15",
        minutes="Invented.",
    ) | instead  # fmt: skip
    found: Json = ok(stack.client(key).post(f"/v1/proposals/{proposal}/words", json=sent))
    return found


def speakers(stack: Stack, body: str) -> list[str]:
    """The ids of as many members of `body` as it needs to decide."""
    return steps.speakers(stack, body)


def agree(stack: Stack, by: str = "river", **change: Any) -> str:
    """A body proposes, and every body that is here says yes."""
    proposal = propose(stack, by, **change)
    for body in (*VOICES, *others(stack)):
        say(stack, proposal, body)
    return proposal


def enter(stack: Stack, secretary: str, *members: str, **stated: Any) -> str:
    """A body enters, with people of the example by their keys; returns its id. It is not
    welcome yet."""
    people = [{"person": stack.people[secretary], "roles": ["secretary"]}]
    people += [{"person": stack.people[each], "roles": ["member"]} for each in members]
    sent = command(**{
        "name": "Example other body", "mandate": {"capacities": ["ethics"]},
        "document": "Invented.", "kawa": {"rule": "majority"}, "members": people, **stated,
    })  # fmt: skip
    return str(ok(stack.client(secretary).post("/v1/bodies", json=sent))["stream"])


def welcome(stack: Stack, body: str, secretary: str, *speaking: str) -> None:
    """Every body that is here says that it knows the new one."""
    agree(stack, kind="welcome", subject=body)

    def known() -> bool:
        listed = ok(stack.anonymous.get("/v1/bodies"))
        return any(each["id"] == body and each["welcome"] for each in listed)

    until(known, "the welcome")
    others(stack)[body] = (secretary, [stack.people[each] for each in speaking])


def name_place(stack: Stack, place: str) -> None:
    """The operator writes down a place that nobody speaks for."""
    sent = command(places={place: place.replace("-", " ").capitalize()})
    ok(stack.client("operator").post("/v1/names", json=sent))


def set_kawa(stack: Stack, body: str, kawa: Json) -> None:
    """The secretary of an example's body writes down how it decides."""
    path = f"/v1/bodies/{stack.bodies[body]}/kawa"
    ok(stack.client(f"{body}-secretary").post(path, json=command(kawa=kawa)))


@contextmanager
def deciding(stack: Stack, body: str, **kawa: Any) -> Iterator[None]:
    """With that body deciding in another way, for a while."""
    set_kawa(stack, body, {**KAWA[body], **kawa})
    try:
        yield
    finally:
        set_kawa(stack, body, KAWA[body])


@contextmanager
def desk(stack: Stack, body: str = "hill", days: int = 5) -> Iterator[None]:
    """With a desk that looks first whether everything is there."""
    agree(stack, kind="desk", subject=stack.bodies[body], days=days)
    try:
        yield
    finally:
        agree(stack, kind="desk")


def now(stack: Stack) -> datetime:
    """The service clock, as a token tells it that lasts an hour from now."""
    answer = ok(stack.anonymous.post("/v1/example/tokens", json={"person": "outsider"}))
    return datetime.fromisoformat(answer["expires_at"]) - timedelta(hours=1)


def instant(stack: Stack, **ahead: float) -> str:
    """An instant as it is sent, so far ahead of the service clock."""
    return (now(stack) + timedelta(**ahead)).isoformat()


def at(stack: Stack, who: str, request: str, what: str, **fields: Any) -> Any:
    """Somebody does something about a request that they see; returns the answer."""
    client = stack.client(who)
    seen = ok(client.get(f"/v1/requests/{request}"))["sequence"]
    return client.post(f"/v1/requests/{request}/{what}", json=command(seen=seen, **fields))


@dataclass(frozen=True)
class Later:
    """What some weeks have left behind: an agency that holds the register of gardens, a request
    for which its silence was referred to the reviewer, and one that the desk left lying."""

    agency: str
    referred: str
    late: str


def live_some_weeks(stack: Stack) -> Later:
    """Do this first, while little is open: time moves for everything that is."""
    agency = enter(
        stack, "agency-secretary", "agency-officer",
        mandate={"capacities": ["holder"], "items": [REGISTER]}, name="Example data agency",
    )  # fmt: skip
    welcome(stack, agency, "agency-secretary", "agency-officer")
    steps.adopt(stack, "agency-secretary", agency, "example-holder")
    agree(stack, "hill", kind="reviewer", subject=stack.people["reviewer"])
    set_kawa(stack, "river", KAWA["river"])
    with desk(stack, days=2):
        late = steps.submit_request(stack, items=[GENOME], purpose="example-late")
        own = own_people(stack, purpose="example-gardens")
        referred = submit(stack, "river-member-4", own)
        ok(at(stack, "hill-kaumatua-1", referred, "forwarding", body=stack.bodies["hill"]))
    steps.hui(stack, referred, "river")
    stack.advance(DAYS_BEFORE)

    def happened(request: str, who: str, event: str) -> bool:
        seen = steps.read_request(stack, request, who)
        return any(each["event"] == event for each in seen["history"])

    until(lambda: happened(late, "researcher", "Forwarded"), "what the desk left lying")
    until(lambda: happened(referred, "river-member-4", "Escalated"), "the referral")
    return Later(agency, referred, late)


def own_people(stack: Stack, by: str = "river-member-4", **instead: Any) -> Json:
    """A draft by which somebody of the river people asks for her own people's records."""
    content = steps.draft_content(
        stack, items=[REGISTER], peoples=[RIVER_PEOPLE], people=[by], level="identifiable",
    )  # fmt: skip
    return {**content, "for_body": stack.bodies["river"], "area": "environment", **instead}


def submit(stack: Stack, by: str, content: Json) -> str:
    """Draft and submit exactly this; returns the request."""
    client = stack.client(by)
    draft = ok(client.post("/v1/drafts", json=content))
    sent = command(version=draft["version"])
    return str(ok(client.post(f"/v1/drafts/{draft['id']}/submit", json=sent))["stream"])


def preview(stack: Stack, by: str, content: Json) -> Json:
    """What the form shows of exactly this before it is submitted."""
    client = stack.client(by)
    draft = ok(client.post("/v1/drafts", json=content))["id"]
    found: Json = ok(client.get(f"/v1/drafts/{draft}/preview"))
    return found

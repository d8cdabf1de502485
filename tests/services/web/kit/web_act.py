"""One endpoint as somebody would call it: its address, what is sent, a state for it to be done
in. See `web_acts.py` for all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
from stack import Json, Stack, command
from web_scene import Scene

RESEARCHER, MEMBER, SECRETARY = "researcher", "river-member-1", "river-secretary"
OPERATOR, ANYBODY, GATEWAY = "operator", "outsider", "gateway"
ANONYMOUS, DESK, REVIEWER = "anonymous", "hill-kaumatua-1", "reviewer"

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
        return self.address(parts), sent

    def address(self, parts: dict[str, str]) -> str:
        """The address with these ids in it."""
        return self.endpoint.partition(" ")[2].format(**parts)


def client(stack: Stack, person: str) -> httpx.Client:
    """Whoever goes by that key, or a gateway, or nobody who is known."""
    if person == ANONYMOUS:
        return stack.anonymous
    return stack.gateway if person == GATEWAY else stack.client(person)


def nothing(scene: Scene) -> Made:
    """Nothing in the address, and nothing sent."""
    return {}, None


def at(kind: str, state: str) -> Callable[[Scene], Made]:
    """The id of that state in the address, and nothing sent."""
    return lambda scene: ({kind: getattr(scene, state)}, None)


def sent(make: Callable[[Scene], Json]) -> Callable[[Scene], Made]:
    """Nothing in the address."""
    return lambda scene: ({}, make(scene))


def request(state: str, make: Callable[[Scene, str], Json]) -> Callable[[Scene], Made]:
    """Something about the request of that state (the first of it, where it is several)."""

    def made(scene: Scene) -> Made:
        found: Any = getattr(scene, state)
        name = found if isinstance(found, str) else found[0]
        return {"request": name}, make(scene, name)

    return made


def grant(state: str, **fields: Any) -> Callable[[Scene], Made]:
    """The researcher does something with the grant of that state."""
    return lambda scene: ({"grant": getattr(scene, state)}, command(**fields))


def grant_for_river(state: str, **fields: Any) -> Callable[[Scene], Made]:
    """The river body does."""
    return lambda scene: (
        {"grant": getattr(scene, state)}, command(body=scene.river, **fields)
    )  # fmt: skip


def restriction(make: Callable[[Scene], Json]) -> Callable[[Scene], Made]:
    """Something about the shown restriction."""
    return lambda scene: ({"restriction": scene.restricted}, make(scene))


def river(make: Callable[[Scene], Json | None]) -> Callable[[Scene], Made]:
    """Something of the river body's own."""
    return lambda scene: ({"body": scene.river}, make(scene))

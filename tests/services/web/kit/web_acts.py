"""Every endpoint once, as somebody would call it: its address, what is sent, and a state in
which it can be done. What the permission table and the bad input both start from."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from acts_asking import ASKING, READING
from acts_bodies import CATALOGUE, OWN, RUNNING
from acts_deciding import DECIDING
from acts_using import USING
from stack import Json
from web_act import Act

from services.example import NAMES
from services.settings import Settings
from services.web import app

ACTS: tuple[Act, ...] = (*READING, *ASKING, *DECIDING, *USING, *OWN, *CATALOGUE, *RUNNING)

BODY_NAMES = tuple(NAMES.values())
"""What the example's bodies are called."""


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

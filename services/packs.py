"""Rule packs: adopted by a body in its own name, and withdrawn from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from importlib import resources
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from policies import pack as p
from policies.body import commands as b
from policies.body.commands import DEPLOYMENT
from policies.refusals import Code, RefusedError
from policies.rules import EVERY, Pack, read_pack
from policies.slices import Slice
from services.path import Path, Ready, Sent, Sight
from services.people import Viewer, acting_for, speaking_for
from services.rulebook import stored
from services.store import schema
from services.store.session import upsert

HOUSE = "house"
"""The pack that says who may give which command; it is the deployment's own."""


class Packs:
    """What bodies do with rule packs."""

    def __init__(self, path: Path) -> None:
        """`path` is the one way that commands go."""
        self._path = path

    async def adopt(self, viewer: Viewer, body: str, sent: Sent, pack: str) -> dict[str, Any]:
        """The body adopts a shipped pack as it reads now; its lines are then in force."""

        def build(sight: Sight) -> Ready:
            roles = speaking_for(sight.bodies, viewer, body)
            rule = sight.permitted("body:pack:adopt", roles)
            if body == DEPLOYMENT and pack != HOUSE:
                # Who decides about a people's data, and that nobody does, is for bodies to say.
                raise RefusedError(Code.NOT_PERMITTED)
            lines, sha256 = shipped(pack)
            own = _own_slice(sight.bodies.states[body].mandate)
            adopted = lines.adopted_by(body, own)
            ids = (
                *(each.id for each in adopted.rules),
                *(each.id for each in adopted.routing),
                *(each.id for each in adopted.roles),
            )

            def write(connection: Connection, entry: str) -> None:
                put_in_force(connection, pack, body, adopted)

            command = p.Adopt(body, sha256, ids)
            return Ready(f"pack-{pack}", command, rule, (body,), (), write)

        return await self._path.send(viewer, "body:pack:adopt", sent, build)

    async def withdraw(self, viewer: Viewer, body: str, sent: Sent, pack: str) -> dict[str, Any]:
        """The body's adoption ends; its lines are in force no more."""

        def build(sight: Sight) -> Ready:
            roles = acting_for(sight.bodies, viewer, body)
            rule = sight.permitted("body:pack:withdraw", roles)
            if body == DEPLOYMENT:
                # Without its own rules nobody could do anything here, ever again.
                raise RefusedError(Code.NOT_PERMITTED)

            def write(connection: Connection, entry: str) -> None:
                put_in_force(connection, pack, body, Pack())

            return Ready(f"pack-{pack}", p.Withdraw(body), rule, (body,), (), write)

        return await self._path.send(viewer, "body:pack:withdraw", sent, build)


def shipped(pack: str) -> tuple[Pack, str]:
    """A pack that comes with Accord, and the SHA-256 of its files.

    Raises:
        RefusedError: there is none of that name.
        FaultsError: a line of it is wrong; nothing of it is used.
    """
    folder = resources.files("policies").joinpath("packs")
    known = {each.name: each for each in folder.iterdir() if each.is_dir()}
    if pack not in known:
        raise RefusedError(Code.NOT_FOUND)
    files = {
        each.name: each.read_bytes()
        for each in sorted(known[pack].iterdir(), key=lambda each: each.name)
        if each.name in ("rules.csv", "routing.csv", "roles.csv")
    }
    digest = hashlib.sha256()
    for name, content in files.items():
        digest.update(name.encode() + b"\0" + content + b"\0")
    return read_pack(files), digest.hexdigest()


def put_in_force(connection: Connection, pack: str, body: str, lines: Pack) -> None:
    """Replace what `body` has adopted of `pack` by `lines`."""
    connection.execute(
        sa.delete(schema.rules).where(schema.rules.c.pack == pack, schema.rules.c.owner == body)
    )
    kinds: list[tuple[str, Callable[[Pack], tuple[Any, ...]]]] = [
        ("rule", lambda each: each.rules),
        ("routing", lambda each: each.routing),
        ("role", lambda each: each.roles),
    ]
    for kind, of in kinds:
        for line in of(lines):
            upsert(connection, schema.rules, stored(kind, pack, body, line))


def _own_slice(mandate: b.Mandate) -> str:
    """How far a body's own deny lines reach: its peoples, else its places, else everything
    (an ethics committee's)."""
    if mandate.peoples:
        return json.dumps(Slice(peoples=mandate.peoples).to_json())
    if mandate.places:
        return json.dumps(Slice(places=mandate.places).to_json())
    return EVERY

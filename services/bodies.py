"""Bodies: entering by their own statement, their people, their kawa, gateways, rule packs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from importlib import resources
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from policies import body as b
from policies import pack as p
from policies.refusals import Code, RefusedError
from policies.rules import EVERY, Pack, read_pack
from policies.slices import Slice
from policies.types import Kawa, derived_id
from services import credentials
from services.path import Path, Ready, Sent, Sight, words
from services.people import Viewer, acting_for
from services.rulebook import stored
from services.store import schema
from services.store.session import upsert
from services.store.texts import Audience


class Bodies:
    """What bodies enter about themselves."""

    def __init__(self, path: Path) -> None:
        """`path` is the one way that commands go."""
        self._path = path

    async def enter(
        self,
        viewer: Viewer,
        sent: Sent,
        name: str,
        mandate: b.Mandate,
        document: str,
        kawa: Kawa,
        members: tuple[b.Member, ...],
    ) -> dict[str, Any]:
        """A body enters by its own statement of mandate, on a recorded document.

        Whoever could enter a body of their own making could speak for a people. Until
        bodies welcome and contest each other, the operator writes the statement down
        (`docs/decisions/0005-who-writes-a-mandate-down.md`) and settles nothing by it: two
        bodies for one people must both approve, and from then on the body's own secretary
        keeps everything about it.
        """
        body = "body-" + derived_id(sent.id, "body")
        named, said = words(sent, body, Audience.PUBLIC, {"name": name, "mandate": document})
        stated = replace(mandate, document=named["mandate"])

        def build(sight: Sight) -> Ready:
            roles = acting_for(sight.bodies, viewer, b.DEPLOYMENT)
            rule = sight.permitted("deployment:body:enter", roles)
            _mandate_known(sight, mandate)
            _known(sight, schema.persons.c.id, (each.person for each in members), "members")
            command = b.Enter(named["name"], stated, kawa, members)
            return Ready(body, command, rule, (b.DEPLOYMENT,), said)

        return await self._path.send(viewer, "deployment:body:enter", sent, build)

    async def add_member(
        self, viewer: Viewer, body: str, sent: Sent, member: b.Member
    ) -> dict[str, Any]:
        """A person joins, or their roles or term change."""

        def check(sight: Sight) -> None:
            _known(sight, schema.persons.c.id, [member.person], "member.person")

        return await self._within(
            viewer, body, "body:body:add_member", sent, b.AddMember(member), check
        )

    async def end_membership(
        self, viewer: Viewer, body: str, sent: Sent, person: str
    ) -> dict[str, Any]:
        """A person leaves."""
        command = b.EndMembership(person)
        return await self._within(viewer, body, "body:body:end_membership", sent, command)

    async def set_kawa(self, viewer: Viewer, body: str, sent: Sent, kawa: Kawa) -> dict[str, Any]:
        """The body changes how it decides."""
        return await self._within(viewer, body, "body:body:set_kawa", sent, b.SetKawa(kawa))

    async def add_gateway(
        self, viewer: Viewer, sent: Sent, collections: frozenset[str]
    ) -> tuple[str, str]:
        """A gateway gets its credential, which is shown this once and kept only as a hash.

        Returns the gateway's id and the credential. Sent again with the same id, the
        command is refused: a credential cannot be shown twice.
        """
        gateway = "gateway-" + derived_id(sent.id, "gateway")
        credential = credentials.new()

        def write(connection: Connection, entry: str) -> None:
            connection.execute(
                sa.insert(schema.gateways).values(
                    id=gateway,
                    owner=b.DEPLOYMENT,
                    collections=sorted(collections),
                    credential_hash=credentials.hashed(credential),
                )
            )

        def build(sight: Sight) -> Ready:
            _known(sight, schema.collections.c.id, collections, "collections")
            roles = acting_for(sight.bodies, viewer, b.DEPLOYMENT)
            rule = sight.permitted("deployment:body:add_gateway", roles)
            command = b.AddGateway(gateway, collections)
            return Ready(b.DEPLOYMENT, command, rule, (b.DEPLOYMENT,), (), write)

        await self._path.send(viewer, "deployment:body:add_gateway", sent, build)

        def ours(sight: Sight) -> bool:
            query = sa.select(schema.gateways.c.credential_hash).where(
                schema.gateways.c.id == gateway
            )
            kept = sight.connection.execute(query).scalar_one()
            return bool(kept == credentials.hashed(credential))

        if not await self._path.look(ours):
            # Sent again: the credential that opens was shown with the first answer.
            raise RefusedError(Code.ALREADY_DONE)
        return gateway, credential

    async def adopt(self, viewer: Viewer, body: str, sent: Sent, pack: str) -> dict[str, Any]:
        """The body adopts a shipped pack as it reads now; its lines are then in force."""

        def build(sight: Sight) -> Ready:
            roles = acting_for(sight.bodies, viewer, body)
            rule = sight.permitted("body:pack:adopt", roles)
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

            def write(connection: Connection, entry: str) -> None:
                put_in_force(connection, pack, body, Pack())

            return Ready(f"pack-{pack}", p.Withdraw(body), rule, (body,), (), write)

        return await self._path.send(viewer, "body:pack:withdraw", sent, build)

    async def _within(
        self,
        viewer: Viewer,
        body: str,
        act: str,
        sent: Sent,
        command: Any,
        check: Callable[[Sight], None] = lambda sight: None,
    ) -> dict[str, Any]:
        def build(sight: Sight) -> Ready:
            roles = acting_for(sight.bodies, viewer, body)
            rule = sight.permitted(act, roles)
            check(sight)
            return Ready(body, command, rule, (body,))

        return await self._path.send(viewer, act, sent, build)


def _known(sight: Sight, column: sa.ColumnElement[str], wanted: Iterable[str], field: str) -> None:
    """Refuse an id that nothing has: it would stand in the record, and mean nothing."""
    asked = sorted(set(wanted))
    found = set(sight.connection.execute(sa.select(column).where(column.in_(asked))).scalars())
    if set(asked) - found:
        raise RefusedError(
            Code.INVALID,
            field=field,
            sentence="Something named here is not known.",
            next="Name only what is there already; look at the lists.",
        )


def _mandate_known(sight: Sight, mandate: b.Mandate) -> None:
    _known(sight, schema.names.c.id, mandate.peoples | mandate.places, "mandate")
    _known(sight, schema.items.c.id, mandate.items, "mandate")


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

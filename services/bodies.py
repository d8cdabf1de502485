"""Bodies: entering by their own statement, their people, their kawa, gateways."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from policies.body import commands as b
from policies.refusals import Code, RefusedError
from policies.types import Kawa, derived_id
from services import calendar, credentials
from services.path import Path, Ready, Sent, Sight, words
from services.people import ANYONE, Viewer, acting_for, speaking
from services.stating import kawa_known, known, mandate_known, own_roles, wider
from services.store import schema
from services.store.texts import Audience

MOST_AWAITING = 10
"""How many bodies somebody may be of that are not known by the others yet."""


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

        Whoever could enter a body of their own making could speak for a people; so it speaks
        for nobody until every body that is there has said that it knows it
        (`docs/decisions/0005-who-welcomes-a-body.md`). The first has nobody to know it: the
        operator writes it down, once.
        """
        body = "body-" + derived_id(sent.id, "body")
        named, said = words(sent, body, Audience.PUBLIC, {"name": name, "mandate": document})
        stated = replace(mandate, document=named["mandate"])

        def build(sight: Sight) -> Ready:
            others = speaking(sight.bodies)
            _few_awaiting(sight, viewer)
            if not others:
                acting_for(sight.bodies, viewer, b.DEPLOYMENT)
            rule = sight.permitted("person:body:enter", (ANYONE,))
            mandate_known(sight, mandate)
            kawa_known(sight, kawa)
            known(sight, schema.persons.c.id, (each.person for each in members), "members")
            command = b.Enter(named["name"], stated, kawa, members, bool(others))
            return Ready(body, command, rule, (b.DEPLOYMENT,), said)

        return await self._path.send(viewer, "person:body:enter", sent, build)

    async def add_member(
        self, viewer: Viewer, body: str, sent: Sent, member: b.Member
    ) -> dict[str, Any]:
        """A person joins, or their roles or term change."""

        def check(sight: Sight) -> None:
            known(sight, schema.persons.c.id, [member.person], "member.person")

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

        def check(sight: Sight) -> None:
            kawa_known(sight, kawa)

        return await self._within(viewer, body, "body:body:set_kawa", sent, b.SetKawa(kawa), check)

    async def restate_mandate(
        self, viewer: Viewer, body: str, sent: Sent, mandate: b.Mandate, document: str
    ) -> dict[str, Any]:
        """The body states its mandate anew: narrower, longer, or on another document.

        For peoples and places that it did not speak for before it must be known again by the
        others, as when it entered; until then it goes on with what it had.
        """
        named, said = words(sent, body, Audience.PUBLIC, {"mandate": document})
        stated = replace(mandate, document=named["mandate"])

        def build(sight: Sight) -> Ready:
            rule = sight.permitted("body:body:restate_mandate", own_roles(sight, viewer, body))
            mandate_known(sight, mandate)
            if wider(sight.bodies.states[body].mandate, mandate):
                raise RefusedError(
                    Code.NOT_WITHIN,
                    field="mandate",
                    sentence="A mandate is made wider only by the bodies together.",
                    next="Claim what is yours too; or enter anew with the wider statement.",
                )
            return Ready(body, b.RestateMandate(stated), rule, (body,), said)

        return await self._path.send(viewer, "body:body:restate_mandate", sent, build)

    async def delegate(
        self, viewer: Viewer, body: str, sent: Sent, delegation: b.Delegation
    ) -> dict[str, Any]:
        """A member lets somebody speak for them, until a day."""

        def check(sight: Sight) -> None:
            known(sight, schema.persons.c.id, [delegation.to], "to")

        command = b.Delegate(delegation)
        return await self._within(viewer, body, "body:body:delegate", sent, command, check)

    async def revoke_delegation(
        self, viewer: Viewer, body: str, sent: Sent, delegation: str
    ) -> dict[str, Any]:
        """A delegation ends at once."""
        command = b.RevokeDelegation(delegation)
        return await self._within(viewer, body, "body:body:revoke_delegation", sent, command)

    async def set_calendar(
        self,
        viewer: Viewer,
        body: str,
        sent: Sent,
        region: str | None,
        closures: tuple[b.Closure, ...],
    ) -> dict[str, Any]:
        """Whose regional holidays count for the body, and when it is closed."""
        if region is not None and region not in calendar.regions():
            raise RefusedError(
                Code.INVALID,
                field="region",
                sentence="That is no region whose own day is known here.",
                next="Use a region's letters, for example AUK or WGN, or none.",
            )
        command = b.SetCalendar(region, closures)
        return await self._within(viewer, body, "body:body:set_calendar", sent, command)

    async def begin_pause(
        self, viewer: Viewer, body: str, sent: Sent, pause: b.Pause
    ) -> dict[str, Any]:
        """The body keeps a pause; it decides nothing, and nobody's clock runs against it."""
        return await self._within(viewer, body, "body:body:begin_pause", sent, b.BeginPause(pause))

    async def end_pause(self, viewer: Viewer, body: str, sent: Sent, pause: str) -> dict[str, Any]:
        """The pause is over, as of today."""

        def build(sight: Sight) -> Ready:
            rule = sight.permitted("body:body:end_pause", own_roles(sight, viewer, body))
            # Its last day was yesterday: from today on the body decides again.
            last = calendar.today(sight.now) - timedelta(days=1)
            return Ready(body, b.EndPause(pause, last), rule, (body,))

        return await self._path.send(viewer, "body:body:end_pause", sent, build)

    async def set_reminders(
        self, viewer: Viewer, body: str, sent: Sent, reminders: b.Reminders
    ) -> dict[str, Any]:
        """How the body wishes to be told that it is waited for."""
        command = b.SetReminders(reminders)
        return await self._within(viewer, body, "body:body:set_reminders", sent, command)

    async def introduce(
        self, viewer: Viewer, body: str, sent: Sent, introduction: str
    ) -> dict[str, Any]:
        """Somebody who would ask introduces herself to a body; its own people read it."""
        named, said = words(sent, body, Audience.BODY, {"introduction": introduction})

        def build(sight: Sight) -> Ready:
            if body == b.DEPLOYMENT or body not in sight.bodies.states:
                raise RefusedError(Code.NOT_FOUND)
            rule = sight.permitted("person:body:introduce", (ANYONE,))
            return Ready(body, b.Introduce(named["introduction"]), rule, (), said)

        return await self._path.send(viewer, "person:body:introduce", sent, build)

    async def record_korero(
        self, viewer: Viewer, body: str, sent: Sent, person: str, held_on: date, method: str
    ) -> dict[str, Any]:
        """The body has met somebody; she may now ask it."""

        def check(sight: Sight) -> None:
            known(sight, schema.persons.c.id, [person], "person")

        command = b.RecordKorero(person, held_on, method)
        return await self._within(viewer, body, "body:body:record_korero", sent, command, check)

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
            known(sight, schema.collections.c.id, collections, "collections")
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
            rule = sight.permitted(act, own_roles(sight, viewer, body))
            check(sight)
            return Ready(body, command, rule, (body,))

        return await self._path.send(viewer, act, sent, build)


def _few_awaiting(sight: Sight, viewer: Viewer) -> None:
    """Nobody fills the list of those who wait to be known."""
    waiting = [
        body
        for body in sight.bodies.of(viewer.person)
        if body != b.DEPLOYMENT and not sight.bodies.states[body].welcome
    ]
    if len(waiting) >= MOST_AWAITING:
        raise RefusedError(
            Code.TOO_MANY,
            sentence="You have entered several bodies that the others do not know yet.",
            next="Wait until they are known; ask the bodies that are here.",
        )

"""Grants: reports that are owed and given back, early ends, disposal."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from policies.grant import commands as c
from policies.grant.state import GrantState, Status
from policies.refusals import Code, RefusedError
from policies.types import Sitting
from services.letters import Letter, letter_words
from services.path import Path, Ready, Sent, Sight, words
from services.people import Viewer, acting_for
from services.store import streams
from services.store.texts import Audience, Words


class Grants:
    """What people do with grants."""

    def __init__(self, path: Path) -> None:
        """`path` is the one way that commands go."""
        self._path = path

    async def file_report(
        self, viewer: Viewer, grant: str, sent: Sent, duty: str, said: Mapping[str, str]
    ) -> dict[str, Any]:
        """File what is owed; filing again after a return makes a new version."""
        named, kept = words(sent, grant, Audience.PUBLIC, said)
        return await self._for_researcher(
            viewer, grant, "own:grant:file_report", sent, kept, c.FileReport(duty, named)
        )

    async def return_report(
        self, viewer: Viewer, grant: str, body: str, sent: Sent, duty: str, question: str
    ) -> dict[str, Any]:
        """Send the report back with questions."""
        named, kept = words(sent, grant, Audience.PARTIES, {"question": question})
        return await self._for_body(
            viewer, grant, body, "body:grant:return_report", sent, kept,
            lambda sitting: c.ReturnReport(sitting, duty, named["question"]),
        )  # fmt: skip

    async def accept_report(
        self, viewer: Viewer, grant: str, body: str, sent: Sent, duty: str, reply: str
    ) -> dict[str, Any]:
        """Accept the report; the body's reply stands beside it for anyone to read."""
        named, kept = words(sent, body, Audience.PUBLIC, {"reply": reply})
        return await self._for_body(
            viewer, grant, body, "body:grant:accept_report", sent, kept,
            lambda sitting: c.AcceptReport(sitting, duty, named["reply"]),
        )  # fmt: skip

    async def end_early(self, viewer: Viewer, grant: str, sent: Sent) -> dict[str, Any]:
        """Give the access back before its day."""
        return await self._for_researcher(
            viewer, grant, "own:grant:end_early", sent, (), c.EndEarly()
        )

    async def attest_disposal(
        self, viewer: Viewer, grant: str, sent: Sent, attestation: str
    ) -> dict[str, Any]:
        """Say what became of every copy."""
        named, kept = words(sent, grant, Audience.PARTIES, {"attestation": attestation})
        return await self._for_researcher(
            viewer, grant, "own:grant:attest_disposal", sent, kept,
            c.AttestDisposal(named["attestation"]),
        )  # fmt: skip

    async def acknowledge_disposal(
        self, viewer: Viewer, grant: str, body: str, sent: Sent
    ) -> dict[str, Any]:
        """A body has seen the attestation."""
        return await self._for_body(
            viewer, grant, body, "body:grant:acknowledge_disposal", sent, (), c.AcknowledgeDisposal
        )

    async def renew_elsewhere(
        self,
        viewer: Viewer,
        grant: str,
        body: str,
        sent: Sent,
        letter: Letter,
        expires_at: datetime,
    ) -> dict[str, Any]:
        """The secretary writes down that the body has renewed, in a system of its own, the
        decision that lapses; it now holds until `expires_at` (UTC)."""
        named, kept = letter_words(sent, grant, letter)

        def build(sight: Sight) -> Ready:
            roles = acting_for(sight.bodies, viewer, body)
            terms = existing(sight, grant).terms
            # Not only those to whom reports are owed: an ethics committee's yes lapses too.
            if terms is None or body not in terms.decisions:
                raise RefusedError(Code.NOT_FOUND)
            rule = sight.permitted("body:grant:renew_elsewhere", roles)
            command = c.RenewElsewhere(
                sight.bodies.sitting(body), named["reference"], named["letter"], letter.sha256,
                expires_at,
            )  # fmt: skip
            return Ready(grant, command, rule, (body,), kept)

        return await self._path.send(viewer, "body:grant:renew_elsewhere", sent, build)

    async def _for_researcher(
        self,
        viewer: Viewer,
        grant: str,
        act: str,
        sent: Sent,
        said: tuple[Words, ...],
        command: Any,
    ) -> dict[str, Any]:
        def build(sight: Sight) -> Ready:
            state = existing(sight, grant)
            terms = state.terms
            assert terms is not None
            if viewer.person == terms.applicant:
                roles: tuple[str, ...] = ("role:applicant",)
            elif viewer.person in terms.people:
                roles = ("role:participant",)
            elif state.communities() & set(sight.bodies.of(viewer.person)):
                roles = ("role:anyone",)
            else:
                raise RefusedError(Code.NOT_FOUND)
            return Ready(grant, command, sight.permitted(act, roles), (), said)

        return await self._path.send(viewer, act, sent, build)

    async def _for_body(
        self,
        viewer: Viewer,
        grant: str,
        body: str,
        act: str,
        sent: Sent,
        said: tuple[Words, ...],
        command: Callable[[Sitting], Any],
    ) -> dict[str, Any]:
        def build(sight: Sight) -> Ready:
            roles = acting_for(sight.bodies, viewer, body)
            if body not in existing(sight, grant).communities():
                raise RefusedError(Code.NOT_FOUND)
            rule = sight.permitted(act, roles)
            return Ready(grant, command(sight.bodies.sitting(body)), rule, (body,), said)

        return await self._path.send(viewer, act, sent, build)


def existing(sight: Sight, grant: str) -> GrantState:
    """The grant's state. Raises RefusedError where there is none."""
    state: GrantState = streams.get(sight.connection, grant).state
    if state.status is Status.NONE:
        raise RefusedError(Code.NOT_FOUND)
    return state

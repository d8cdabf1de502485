"""The decision point: may this person do this, with this item, for this, now?

AuthZEN Authorization API 1.0's wire shape (`policy.md`, section 5). Every answer is
read from one snapshot, and its record is durable, in the stream of the gateway that
asked, before it leaves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from policies import access
from policies.refusals import Code, Refused, RefusedError
from policies.types import SYSTEM, USE_ACTS, Authorisation, Envelope
from policies.use import STORY_OBLIGATION, UseAnswer, UseQuestion, answer
from services import clock, credentials, facts
from services.recorder import Recorder
from services.rulebook import Rulebook
from services.store import streams, texts, versions
from services.store.schema import gateways, grant_items, grant_people, restrictions, wishes
from services.store.session import Store

TRIES = 5
RELIED_ON = (versions.RULES, versions.RESTRICTIONS, versions.CATALOGUE)
"""What an answer must not be older than: rules, restrictions and disputes, what items are."""


@dataclass(frozen=True)
class Gateway:
    """A custodian's gateway that has shown its credential, and what it serves."""

    id: str
    collections: frozenset[str]


@dataclass(frozen=True)
class Told:
    """An answer, with what the gateway may tell the person."""

    answer: UseAnswer
    refused: Refused | None
    words: str | None = None
    entry: str = ""
    travels: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What goes with an obligation, by its id: with a story, its teller's wishes."""


class Decisions:
    """Answers gateways."""

    def __init__(self, store: Store, rulebook: Rulebook, recorder: Recorder) -> None:
        """All three are the process's own (`bootstrap`)."""
        self._store = store
        self._rulebook = rulebook
        self._recorder = recorder

    def gateway(self, credential: str) -> Gateway:
        """Whose credential this is. Raises RefusedError for one that is nobody's."""
        with self._store.read() as connection:
            row = connection.execute(
                sa.select(gateways).where(
                    gateways.c.credential_hash == credentials.hashed(credential)
                )
            ).one_or_none()
        if row is None:
            raise RefusedError(Code.NOT_PERMITTED)
        return Gateway(row.id, frozenset(row.collections))

    async def decide(self, gateway: Gateway, question: UseQuestion, command: str) -> Told:
        """Answer, and record the answer first. `command` is the id of this question."""
        return await asyncio.to_thread(self._decide, gateway, question, command)

    def _decide(self, gateway: Gateway, question: UseQuestion, command: str) -> Told:
        for tries in range(TRIES):
            try:
                return self._recorded(gateway, question, command)
            except RefusedError as refusal:
                # A rule or a restriction moved between the look and the record: an answer
                # from before it must not leave after it. Look again.
                if refusal.refused.code is not Code.STALE or tries == TRIES - 1:
                    raise
        raise AssertionError("unreachable")

    def _recorded(self, gateway: Gateway, question: UseQuestion, command: str) -> Told:
        with self._store.read() as connection:
            rule = self._rulebook.permitted(connection, "gateway:decision:ask", ("role:gateway",))
            now = clock.now(connection)
            found = self._answer(connection, gateway, question)
            told = _told(connection, found)
            if STORY_OBLIGATION in found.also and found.decision:
                told = replace(told, travels={STORY_OBLIGATION: _wishes(connection, question.item)})
            relied_on = versions.read(connection, RELIED_ON)
        answered = access.Answer(
            question.subject,
            question.act,
            question.item,
            question.purpose,
            found.decision,
            str(found.code or "allowed"),
            found.rule.id if found.rule else None,
            found.grant,
            found.slice,
            found.rule.restriction if found.rule else None,
        )
        envelope = Envelope(
            id=command,
            stream=f"access-{gateway.id}",
            seen=0,
            actor=SYSTEM,
            at=now,
            command=answered,
            authorisation=Authorisation(rule, relied_on),
            digest=command,
        )
        entry = self._recorder.carry(envelope)
        return replace(told, entry=entry["id"])

    def _answer(self, connection: Connection, gateway: Gateway, question: UseQuestion) -> UseAnswer:
        if question.act not in USE_ACTS:
            return UseAnswer(False, Code.NO_RULE)
        items = facts.read_items(connection, [question.item])
        item = items[0] if items and items[0].collection in gateway.collections else None
        named = connection.execute(
            sa.select(grant_items.c.grant)
            .join(grant_people, grant_people.c.grant == grant_items.c.grant)
            .where(grant_items.c.item == question.item, grant_people.c.person == question.subject)
        ).scalars()
        grants = streams.states(connection, named)
        enforcer = self._rulebook.at(connection).enforcer
        return answer(
            enforcer, question, item, grants, clock.now(connection), facts.unsettled(connection)
        )


def _wishes(connection: Connection, item: str) -> Mapping[str, Any]:
    """How those who told a story wish it to be treated, and in what context they told it."""
    rows = list(connection.execute(sa.select(wishes).where(wishes.c.item == item)))
    said = texts.read(connection, [text for row in rows for text in (row.wishes, row.context)])
    return {
        "wishes": [
            {"body": row.body, "wishes": said.get(row.wishes), "context": said.get(row.context)}
            for row in rows
        ]
    }


def _told(connection: Connection, found: UseAnswer) -> Told:
    if found.decision:
        return Told(found, None)
    code = found.code or Code.NO_RULE
    if code is not Code.RESTRICTED or found.rule is None or found.rule.restriction is None:
        # Of a hidden restriction, nothing but the ordinary refusal leaves this place.
        because = found.rule.because if found.rule and code is Code.NOT_PERMITTED else None
        rule = {"rule": found.rule.id, "because": because} if found.rule and because else {}
        return Told(found, Refused(code, {k: v for k, v in rule.items() if v}))
    name = found.rule.restriction
    row = connection.execute(
        sa.select(restrictions.c.words, restrictions.c.status).where(restrictions.c.id == name)
    ).one()
    said = texts.read(connection, [row.words]).get(row.words)
    shown = {"restriction": name, "body": found.rule.adopter, "status": row.status}
    return Told(found, Refused(code, shown), said)

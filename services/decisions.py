"""The decision point: may this person do this, with this item, for this, now?

AuthZEN Authorization API 1.0's wire shape (`policy.md`, section 5). Every answer is
read from one snapshot, and its record is durable, in the stream of the gateway that
asked, before it leaves.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, IntegrityError

from policies import access
from policies.refusals import Code, Refused, RefusedError
from policies.types import SYSTEM, Authorisation, Envelope
from policies.use import STORY_OBLIGATION, UseAnswer, UseQuestion
from services import basis, credentials, freshness
from services.committing import Batch, Committer
from services.recorder import LOOK_AGAIN, Recorder
from services.rulebook import Rulebook
from services.store import texts, versions
from services.store.schema import gateways, restrictions, wishes
from services.store.session import Store
from services.use_facts import UNREADABLE, Gateway, UseFacts

TRIES = 5
RELIED_ON = (versions.CATALOGUE, versions.RESTRICTIONS, versions.RULE_CHANGES)
"""What an answer must not be older than: what items are, restrictions and disputes, rules and
which body speaks for whom. (Of the grant that a yes is by, its own stream says it.)"""


@dataclass(frozen=True)
class Told:
    """An answer, with what the gateway may tell the person."""

    answer: UseAnswer
    refused: Refused | None
    words: str | None = None
    entry: str = ""
    travels: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """What goes with an obligation, by its id: with a story, its teller's wishes."""


@dataclass(frozen=True)
class Answers:
    """Answers in the order of their questions. Their records are durable, and at the instant
    `checked` (`freshness.instant`) nothing that they rely on had changed."""

    told: tuple[Told, ...]
    checked: int

    def may_leave(self) -> bool:
        """Whether they are young enough to leave at this moment."""
        return freshness.is_fresh(self.checked)


@dataclass(frozen=True)
class _Looked:
    """Answers that are not recorded yet, and what records them."""

    told: tuple[Told, ...]
    batch: Batch


class Decisions:
    """Answers gateways."""

    def __init__(self, store: Store, rulebook: Rulebook, recorder: Recorder) -> None:
        """All three are the process's own (`bootstrap`)."""
        self._store = store
        self._rulebook = rulebook
        self._committer = Committer(recorder.carry_together)

    def close(self) -> None:
        """Record what was asked until now, and answer nothing more."""
        self._committer.close()

    async def known(self, credential: str) -> Gateway:
        """As `gateway`, in a thread."""
        return await asyncio.to_thread(self.gateway, credential)

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

    async def decide(
        self, gateway: Gateway, questions: Sequence[UseQuestion], stop_at: bool | None = None
    ) -> Answers:
        """Answer each question, and record the answers first, all in one commit.

        Args:
            gateway: who asks.
            questions: what is asked; `UNREADABLE` is answered no.
            stop_at: the answer (yes or no) after which no more is asked, answered or recorded;
                None for none.

        Raises:
            RefusedError: as unavailable, when what the answers rely on kept changing.
        """
        for _ in range(TRIES):
            looked = await asyncio.to_thread(self._look, gateway, questions, stop_at)
            try:
                carried = await asyncio.wrap_future(self._committer.submit(looked.batch))
            except (RefusedError, DBAPIError) as error:
                # A rule, a restriction or the grant moved between the look and the record: an
                # answer from before it must not leave after it. Look again.
                if not _in_the_way(error):
                    raise
                continue
            entries = zip(looked.told, carried.entries, strict=True)
            told = tuple(replace(each, entry=entry["id"]) for each, entry in entries)
            return Answers(told, carried.checked)
        raise RefusedError(Code.UNAVAILABLE)

    def _look(
        self, gateway: Gateway, questions: Sequence[UseQuestion], stop_at: bool | None
    ) -> _Looked:
        """The answers as one snapshot has them."""
        told: list[Told] = []
        envelopes: list[Envelope] = []
        seen: dict[str, int] = {}
        with self._store.read() as connection:
            rule = self._rulebook.permitted(connection, "gateway:decision:ask", ("role:gateway",))
            authorisation = Authorisation(rule, versions.read(connection, RELIED_ON))
            facts = UseFacts.read(connection, gateway, questions)
            enforcer = self._rulebook.at(connection).enforcer
            for question in questions:
                found = facts.answer(enforcer, question)
                one = tell(connection, found)
                if found.decision and found.grant is not None:
                    seen[found.grant] = facts.grants[found.grant].sequence
                    if STORY_OBLIGATION in found.also:
                        wishes = {STORY_OBLIGATION: _wishes(connection, question.item)}
                        one = replace(one, travels=wishes)
                told.append(one)
                envelopes.append(_to_record(gateway, question, found, authorisation, facts))
                if found.decision is stop_at:
                    break
        return _Looked(tuple(told), Batch(envelopes, seen))


def _to_record(
    gateway: Gateway,
    question: UseQuestion,
    found: UseAnswer,
    authorisation: Authorisation,
    facts: UseFacts,
) -> Envelope:
    """What records an answer. Each look has an id of its own: what an earlier one may have left
    in the record without an answer is not taken for the record of this one."""
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
        None
        if question is UNREADABLE
        else basis.of(question, facts.naming(question), facts.now, found.slice),
    )
    command = str(uuid.uuid4())
    return Envelope(
        id=command,
        stream=f"access-{gateway.id}",
        seen=0,
        actor=SYSTEM,
        at=facts.now,
        command=answered,
        authorisation=authorisation,
        digest=command,
    )


def _in_the_way(error: RefusedError | DBAPIError) -> bool:
    """Whether somebody else's change stood in the way, so that looking again helps: something
    relied on has moved, or another process took the stream's next place."""
    if isinstance(error, RefusedError):
        return error.refused.code is Code.STALE
    if isinstance(error, IntegrityError):
        return True
    return getattr(error.orig, "sqlstate", None) in LOOK_AGAIN


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


def tell(connection: Connection, found: UseAnswer) -> Told:
    """What may be told of an answer to whoever may know of no restriction that a body hides."""
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

"""What the answers to a gateway's questions start from, read from one snapshot of the database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from policies.enforcer import Enforcer
from policies.refusals import Code
from policies.routing import Item
from policies.types import USE_ACTS
from policies.use import Unsettled, UseAnswer, UseQuestion, answer
from services import clock, facts
from services.store import streams
from services.store.schema import grant_items, grant_people

NOTHING = "-"
"""What is asked, and recorded, in place of what can be nothing that Accord knows."""

UNREADABLE = UseQuestion(NOTHING, NOTHING, NOTHING, NOTHING, None, frozenset())
"""A question among others that cannot be read: it is answered no, and that is recorded."""


@dataclass(frozen=True)
class Gateway:
    """A custodian's gateway that has shown its credential, and what it serves."""

    id: str
    collections: frozenset[str]


@dataclass(frozen=True)
class UseFacts:
    """What the answers to some questions start from, read from one snapshot. As many statements
    for many questions as for one, whatever the answers."""

    now: datetime
    items: Mapping[str, Item]
    grants: Mapping[str, streams.Stream]
    held: Mapping[tuple[str, str], frozenset[str]]
    """Person and item to the grants that name both."""
    unsettled: Unsettled

    @classmethod
    def read(
        cls, connection: Connection, gateway: Gateway, questions: Sequence[UseQuestion]
    ) -> UseFacts:
        """From the snapshot that `connection` holds; items that `gateway` serves alone."""
        wanted = {each.item for each in questions}
        served = {
            each.id: each
            for each in facts.read_items(connection, wanted)
            if each.collection in gateway.collections
        }
        rows = connection.execute(
            sa.select(grant_items.c.grant, grant_items.c.item, grant_people.c.person)
            .join(grant_people, grant_people.c.grant == grant_items.c.grant)
            .where(
                grant_items.c.item.in_(sorted(wanted)),
                grant_people.c.person.in_(sorted({each.subject for each in questions})),
            )
        )
        held: dict[tuple[str, str], frozenset[str]] = {}
        for row in rows:
            held[row.person, row.item] = held.get((row.person, row.item), frozenset()) | {row.grant}
        named = {each for grants in held.values() for each in grants}
        return cls(
            clock.now(connection),
            served,
            streams.several(connection, named),
            held,
            facts.unsettled(connection),
        )

    def answer(self, enforcer: Enforcer, question: UseQuestion) -> UseAnswer:
        """The answer to one of the questions."""
        if question is UNREADABLE:
            return UseAnswer(False, Code.INVALID)
        if question.act not in USE_ACTS:
            return UseAnswer(False, Code.NO_RULE)
        states = {name: each.state for name, each in self.naming(question).items()}
        item = self.items.get(question.item)
        return answer(enforcer, question, item, states, self.now, self.unsettled)

    def naming(self, question: UseQuestion) -> Mapping[str, streams.Stream]:
        """The grants that name the question's person and item."""
        held = self.held.get((question.subject, question.item), frozenset())
        return {name: self.grants[name] for name in held}

"""What the decision point answered then, and whether the record still comes to the same.

Each answer is an entry in the stream of the gateway that asked. It says how it was asked and what
it relied on, so it can be given again from the record alone: another answer than the recorded one
is an alarm. Either the record was changed, or what was answered did not follow from it.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from policies import codec
from policies.access import Answered
from policies.machines import MACHINES
from policies.refusals import Code
from policies.types import USE_ACTS
from policies.use import UseAnswer, UseQuestion, answer
from services import basis
from services.past_facts import AsOf, PastFacts, catalogue_at, contains, served_by
from services.past_rules import Begins, PastRules, position_at
from services.store import versions
from services.store.schema import entries
from services.store.schema import streams as kept

Json = dict[str, Any]

MEANWHILE = timedelta(seconds=30)
"""How long a transaction may have been under way. Of what somebody disputes, a recorded answer
does not say how far it had read; what was being written down while it was looked up, it may have
seen or not."""


@dataclass(frozen=True)
class Recorded:
    """An answer as it is in the record: in which entry, when, by which gateway, from which
    counters."""

    entry: str
    at: datetime
    gateway: str
    answered: Answered
    relied_on: dict[str, int]


@dataclass(frozen=True)
class Again:
    """A recorded answer given again. `found` is None where the record does not tell what it
    started from: `why` says so."""

    found: UseAnswer | None
    why: str = ""
    agrees: bool = True


NOT_WRITTEN = "How this was asked was not written down yet."
BEFORE_THE_LOG = "What rules were in force then was not written down yet."


def gateways(connection: Connection) -> list[str]:
    """Every gateway that was ever answered."""
    found = connection.execute(sa.select(kept.c.id).where(kept.c.kind == "access"))
    return sorted(row.id.partition("-")[2] for row in found)


def within(
    connection: Connection,
    question: UseQuestion,
    first: datetime,
    last: datetime,
    most: int,
    by: Collection[str],
    newest: bool = False,
) -> list[Recorded]:
    """What gateways answered about this person, item and act, from `first` to before `last`.

    Args:
        question: its person, item and act; whatever they were asked for beside.
        most: how many to find at most: the earliest, or with `newest` the latest.
        by: the gateways whose answers count.
    """
    found: list[Recorded] = []
    for gateway in sorted(by):
        stream = f"access-{gateway}"
        between = (
            entries.c.stream == stream,
            entries.c.sequence >= _first(connection, stream, first),
            entries.c.sequence < _first(connection, stream, last),
        )
        rows = connection.execute(
            sa.select(entries.c.canonical)
            .where(*between, contains(connection, question.subject, question.item, question.act))
            .order_by(entries.c.sequence.desc() if newest else entries.c.sequence)
            .limit(most)
        )
        found += [read(json.loads(bytes(row.canonical))) for row in rows]
    wanted = [
        each
        for each in found
        if (each.answered.subject, each.answered.item, each.answered.act)
        == (question.subject, question.item, question.act)
    ]
    wanted.sort(key=lambda each: each.at, reverse=newest)
    return sorted(wanted[:most], key=lambda each: each.at)


def read(entry: Json) -> Recorded:
    """An entry of an access stream. Raises ValueError for what is none."""
    (answered,) = MACHINES["access"].happened(entry["events"])
    relied_on = (entry.get("authorisation") or {}).get("versions", {})
    gateway = entry["stream"].partition("-")[2]
    return Recorded(entry["id"], codec.instant(entry["at"]), gateway, answered, relied_on)


class Checking:
    """Gives recorded answers again, each from what it says that it started from. Quickest in the
    order in which they were given. Not to be shared by threads."""

    def __init__(self, connection: Connection, begins: Begins, rules: PastRules) -> None:
        """Within one snapshot; `begins` is since when its record tells what held."""
        self._connection = connection
        self._begins = begins
        self._rules = rules
        self._facts: dict[tuple[str, str], PastFacts] = {}
        self._served: dict[str, frozenset[str]] = {}

    def again(self, recorded: Recorded) -> Again:
        """The answer that the record comes to now, and whether it is the recorded one."""
        if recorded.answered.basis is None:
            if recorded.answered.code != Code.INVALID:
                return Again(None, NOT_WRITTEN)
            # It could not be read, and so has nothing to start from: whatever held, that is a no.
            unread = UseAnswer(False, Code.INVALID)
            return Again(unread, agrees=agrees(unread, recorded.answered))
        if self._position(recorded) < self._begins.position:
            return Again(None, BEFORE_THE_LOG)
        found = self._answer(recorded, recorded.answered.basis.at)
        if not agrees(found, recorded.answered):
            # Unless it had not read yet, or read already, what was disputed just then.
            at = recorded.answered.basis.at
            others = [self._answer(recorded, at - MEANWHILE), self._answer(recorded, recorded.at)]
            found = next((each for each in others if agrees(each, recorded.answered)), found)
        return Again(found, agrees=agrees(found, recorded.answered))

    def _position(self, recorded: Recorded) -> int:
        assert recorded.answered.basis is not None
        told = recorded.relied_on.get(versions.RULE_CHANGES)
        return position_at(self._connection, recorded.answered.basis.at) if told is None else told

    def _answer(self, recorded: Recorded, disputed_at: datetime) -> UseAnswer:
        answered, given = recorded.answered, recorded.answered.basis
        assert given is not None
        if answered.act not in USE_ACTS:
            return UseAnswer(False, Code.NO_RULE)
        known = self._known(answered.subject, answered.item)
        counted = recorded.relied_on.get(versions.CATALOGUE)
        catalogue = None if counted is None else catalogue_at(self._connection, counted)
        facts = known.at(AsOf(given.at, catalogue, given.grants, disputed_at))
        item = facts.item
        if item is not None and item.collection not in self._serves(recorded.gateway):
            item = None
        enforcer = self._rules.at(self._position(recorded))
        question = basis.question(answered, given)
        return answer(enforcer, question, item, facts.grants, given.at, facts.unsettled)

    def _known(self, person: str, item: str) -> PastFacts:
        if (person, item) not in self._facts:
            self._facts[person, item] = PastFacts.read(self._connection, person, item)
        return self._facts[person, item]

    def _serves(self, gateway: str) -> frozenset[str]:
        if gateway not in self._served:
            self._served[gateway] = served_by(self._connection, gateway)
        return self._served[gateway]


def agrees(found: UseAnswer, answered: Answered) -> bool:
    """Whether an answer is the recorded one: yes or no, its code, rule, restriction, grant and
    slice."""
    rule = found.rule
    return (
        found.decision,
        str(found.code or "allowed"),
        rule.id if rule else None,
        rule.restriction if rule else None,
        found.grant,
        found.slice,
    ) == (
        answered.decision,
        answered.code,
        answered.rule,
        answered.restriction,
        answered.grant,
        answered.slice,
    )


def _first(connection: Connection, stream: str, at: datetime) -> int:
    """The first sequence of a stream whose entry is of `at` or later; one beyond its last for
    none. Entries of a stream come one after another: halving finds it in a few looks by index,
    where a stream may be years of answers long."""
    last = connection.execute(sa.select(kept.c.sequence).where(kept.c.id == stream)).scalar() or 0
    low, high, wanted = 1, last + 1, codec.written(at)
    while low < high:
        middle = (low + high) // 2
        found = connection.execute(
            sa.select(entries.c.at).where(entries.c.stream == stream, entries.c.sequence == middle)
        ).scalar_one()
        if found < wanted:
            low = middle + 1
        else:
            high = middle
    return low

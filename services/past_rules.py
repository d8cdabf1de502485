"""The rules as they were: read from the change log, never from what is in force now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from policies import codec
from policies.body.commands import DEPLOYMENT
from policies.enforcer import Enforcer
from policies.refusals import Code, RefusedError
from policies.rules import EVERY, RoutingRule, Rule
from services import rulebook
from services.store import rule_log
from services.store.schema import entries, rule_changes

AT_ONCE = 2_000
"""How many changes are read in one statement: a log of years does not fit into memory."""

Line = Rule | RoutingRule


@dataclass(frozen=True)
class Begins:
    """Since when the record tells what held: `entries` is the instant of the first entry, `rules`
    that from which the change log is whole, at its position `position`."""

    entries: datetime
    rules: datetime
    position: int


def begins(connection: Connection) -> Begins:
    """Since when the record tells what held.

    What an upgrade found in force it wrote down in rows that no entry caused, one after another:
    the log tells all that is in force from the last of these on.
    """
    position = sa.select(sa.func.min(rule_changes.c.position)).where(
        rule_changes.c.entry.is_not(None)
    )
    first_caused = connection.execute(position).scalar()
    last = connection.execute(sa.select(sa.func.max(rule_changes.c.position))).scalar()
    if last is None:
        raise RefusedError(Code.UNAVAILABLE)
    whole = last if first_caused is None else max(1, first_caused - 1)
    at = connection.execute(
        sa.select(rule_changes.c.at).where(rule_changes.c.position == whole)
    ).scalar_one()
    first = connection.execute(
        sa.select(entries.c.at).where(entries.c.stream == DEPLOYMENT, entries.c.sequence == 1)
    ).scalar()
    return Begins(codec.instant(first or at), codec.instant(at), whole)


def position_at(connection: Connection, at: datetime) -> int:
    """How far the change log had come at an instant; 0 for before its first row."""
    query = sa.select(sa.func.max(rule_changes.c.position)).where(
        rule_changes.c.at <= codec.written(at)
    )
    return connection.execute(query).scalar() or 0


def positions_within(
    connection: Connection, after: datetime, until: datetime, most: int
) -> list[tuple[datetime, int]]:
    """The instants at which rules changed, after one instant and up to another, each with how far
    the log had come; at most the first `most`."""
    rows = connection.execute(
        sa.select(rule_changes.c.at, rule_changes.c.position)
        .where(rule_changes.c.at > codec.written(after), rule_changes.c.at <= codec.written(until))
        .order_by(rule_changes.c.position)
        .limit(most)
    )
    return [(codec.instant(row.at), row.position) for row in rows]


class PastRules:
    """The rules at one position of the change log after another. Going forward reads what changed
    in between; going back reads the log from its beginning. Not to be shared by threads."""

    def __init__(self, connection: Connection) -> None:
        """Nothing is read until first asked."""
        self._connection = connection
        self._enforcer: Enforcer | None = None
        self._position = 0
        self._turns: set[str] = set()

    def at(self, position: int) -> Enforcer:
        """The rules as of `position`. What this gave before is not to be asked any more."""
        if self._enforcer is None or position < self._position:
            self._enforcer = self._whole(position)
        else:
            for change in self._changes(self._position, position):
                self._turns |= _turns(change.put)
                rulebook.apply(self._enforcer, change)
        self._position = position
        return self._enforcer

    def turns(self, after: datetime, until: datetime) -> list[datetime]:
        """The instants after one and up to another at which a line that was read begins or ends."""
        first, last = codec.written(after), codec.written(until)
        return [codec.instant(each) for each in sorted(self._turns) if first < each <= last]

    def _whole(self, position: int) -> Enforcer:
        lines: dict[tuple[type, str], Line] = {}
        roles, speaking = set[tuple[str, str]](), set[tuple[str, str]]()
        for change in self._changes(0, position):
            for name in change.take:
                lines.pop((Rule, name), None)
                lines.pop((RoutingRule, name), None)
            for line in change.put:
                lines[type(line), line.id] = line
            roles = (roles - change.exclude) | change.include
            speaking = (speaking - change.hush) | change.speak
        self._turns |= _turns(lines.values())
        made = Enforcer()
        made.put_all((line.id, line) for line in lines.values())
        made.include(roles)
        made.speak(speaking)
        return made

    def _changes(self, after: int, until: int) -> Iterator[rule_log.Change]:
        for start in range(after, until, AT_ONCE):
            yield from rule_log.changes(self._connection, start, min(start + AT_ONCE, until))


def _turns(lines: Iterable[Line]) -> set[str]:
    return {
        each
        for line in lines
        if isinstance(line, Rule)
        for each in (line.since, line.until)
        if each != EVERY
    }

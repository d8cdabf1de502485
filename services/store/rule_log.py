"""The log of what rules are in force: every change, in the order of the commits.

A change is written in the transaction that makes it, and says all that a process needs that has
what was in force before it. Positions are given out under the lock of a counter, so that their
order is that of the commits, and none is ever missing below another. Nothing here is changed or
removed: what was in force on a day long past is told from its beginning.

On PostgreSQL whoever listens is notified at the commit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple, dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from policies import codec
from policies.rules import RoutingRule, Rule
from services import clock
from services.store import versions
from services.store.schema import rule_changes

CHANNEL = "accord_rules"
"""What PostgreSQL's listeners listen to."""

Pairs = frozenset[tuple[str, str]]


@dataclass(frozen=True)
class Change:
    """What changed at one position: lines that hold from there on, the ids of those that hold no
    more, and links of roles and of parts (a people's or place's, and who speaks for it)."""

    position: int
    put: tuple[Rule | RoutingRule, ...] = ()
    take: tuple[str, ...] = ()
    include: Pairs = frozenset()
    exclude: Pairs = frozenset()
    speak: Pairs = frozenset()
    hush: Pairs = frozenset()


def changes(connection: Connection, after: int, until: int) -> Iterator[Change]:
    """What changed after one position up to another, in order."""
    found = connection.execute(
        sa.select(rule_changes.c.position, rule_changes.c.change)
        .where(rule_changes.c.position > after, rule_changes.c.position <= until)
        .order_by(rule_changes.c.position)
    )
    for row in found:
        yield read(row.position, row.change)


def read(position: int, told: dict[str, list[list[Any]]]) -> Change:
    """A row of the log as the change that it tells of."""

    def pairs(name: str) -> Pairs:
        return frozenset((one, other) for one, other in told.get(name, []))

    put: list[Rule | RoutingRule] = [Rule(*row) for row in told.get("rules", [])]
    put += [RoutingRule(*row) for row in told.get("routing", [])]
    take = tuple(each for (each,) in told.get("take", []))
    return Change(
        position, tuple(put), take, pairs("include"), pairs("exclude"), pairs("speak"),
        pairs("hush"),
    )  # fmt: skip


def write(connection: Connection, change: Change, entry: str | None) -> None:
    """Write a change down, at the next position; `entry` is what caused it."""
    told = {
        "rules": [list(astuple(x)) for x in change.put if isinstance(x, Rule)],
        "routing": [list(astuple(x)) for x in change.put if isinstance(x, RoutingRule)],
        "take": [[each] for each in change.take],
        "include": sorted(change.include),
        "exclude": sorted(change.exclude),
        "speak": sorted(change.speak),
        "hush": sorted(change.hush),
    }
    told = {name: each for name, each in told.items() if each}
    if not told:
        return
    position = versions.raise_(connection, versions.RULE_CHANGES)
    row = {
        "position": position,
        "at": codec.written(clock.now(connection)),
        "entry": entry,
        "change": told,
    }
    connection.execute(sa.insert(rule_changes).values(row))
    if connection.dialect.name != "sqlite":
        connection.exec_driver_sql(f"NOTIFY {CHANNEL}")

"""A pack's lines: what is another in one pack than in another.

Lines are told apart by their ids, and compared as people write them, column by column.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from policies.rules import (
    EVERY,
    LAYOUTS,
    ROLE_COLUMNS,
    ROUTING_COLUMNS,
    RULE_COLUMNS,
    SELF,
    Pack,
    RoleRule,
    RoutingRule,
    Rule,
)

Written = Mapping[str, str]
"""A line as it is written: its columns' names and what they hold."""

_COLUMNS: Mapping[type, tuple[str, ...]] = {
    Rule: tuple(RULE_COLUMNS),
    RoutingRule: tuple(ROUTING_COLUMNS),
    RoleRule: tuple(ROLE_COLUMNS),
}
_FIELDS = {"class": "klass", "from": "since"}


@dataclass(frozen=True)
class Changed:
    """A line that both packs have, and not alike: as it was, as it is, and in which columns."""

    id: str
    old: Written
    new: Written
    columns: tuple[str, ...]


@dataclass(frozen=True)
class Difference:
    """What is another in one file: lines in the order of their ids."""

    added: tuple[Written, ...] = ()
    removed: tuple[Written, ...] = ()
    changed: tuple[Changed, ...] = ()
    unchanged: int = 0

    @property
    def any(self) -> bool:
        """Is anything another?"""
        return bool(self.added or self.removed or self.changed)


def difference(old: Pack, new: Pack) -> Mapping[str, Difference]:
    """What is another in `new` than in `old`, by file. An instant counts by when it is, not by
    the zone that it was written in."""
    return {
        "rules.csv": _difference(old.rules, new.rules),
        "routing.csv": _difference(old.routing, new.routing),
        "roles.csv": _difference(old.roles, new.roles),
        **{
            file: _compared(_rows(file, old), _rows(file, new))
            for file in sorted({*old.tables, *new.tables})
        },
    }


def _rows(file: str, pack: Pack) -> dict[str, Written]:
    columns = LAYOUTS[file].columns
    rows = pack.tables.get(file, ())
    return {row[0]: dict(zip(columns, row, strict=True)) for row in rows}


def written(line: Rule | RoutingRule | RoleRule) -> Written:
    """The line by its columns. Instants are written as the ledger writes them."""
    return {name: getattr(line, _FIELDS.get(name, name)) for name in _COLUMNS[type(line)]}


def by_id(lines: Pack) -> Mapping[str, Written]:
    """Every line by its id, as it is written."""
    return {
        each.id: written(each)
        for kind in (lines.rules, lines.routing, lines.roles)
        for each in kind
    }


def as_written(lines: Pack, body: str) -> Pack:
    """The lines that `body` has in force as they stood in its pack: `Pack.adopted_by` undone."""
    own = f"@{body}"
    return Pack(
        tuple(
            replace(r, id=r.id.removesuffix(own), adopter="", reach=EVERY, made_at="")
            for r in lines.rules
        ),
        tuple(
            replace(
                r,
                id=r.id.removesuffix(own),
                adopter="",
                made_at="",
                body=SELF if r.body == body else r.body,
            )
            for r in lines.routing
        ),
        tuple(replace(r, id=r.id.removesuffix(own)) for r in lines.roles),
    )


def count(lines: Pack) -> int:
    """How many lines the pack has."""
    return len(lines.rules) + len(lines.routing) + len(lines.roles)


def ids(lines: Pack) -> frozenset[str]:
    """The ids of all its lines."""
    return frozenset(each.id for kind in (lines.rules, lines.routing, lines.roles) for each in kind)


def _difference(
    old: tuple[Rule, ...] | tuple[RoutingRule, ...] | tuple[RoleRule, ...],
    new: tuple[Rule, ...] | tuple[RoutingRule, ...] | tuple[RoleRule, ...],
) -> Difference:
    return _compared(
        {each.id: written(each) for each in old}, {each.id: written(each) for each in new}
    )


def _compared(before: Mapping[str, Written], after: Mapping[str, Written]) -> Difference:
    both = [(name, before[name], after[name]) for name in sorted(before.keys() & after.keys())]
    changed = tuple(
        Changed(name, was, now, tuple(column for column in now if was[column] != now[column]))
        for name, was, now in both
        if was != now
    )
    return Difference(
        tuple(after[name] for name in sorted(after.keys() - before.keys())),
        tuple(before[name] for name in sorted(before.keys() - after.keys())),
        changed,
        len(both) - len(changed),
    )

"""Rule packs as people write them: plain CSV with named columns, read strictly.

One rule a line, an id that never changes, a reason in words. A file with any fault
is refused whole, by file, line and column. `README.md` beside this file teaches
the columns; `columns.py` and `tables.py` check them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from policies.columns import (
    ACTS,
    ANY_USE,
    EVERY,
    ROLE_COLUMNS,
    ROLE_LINES,
    ROLES,
    ROUTING,
    ROUTING_COLUMNS,
    RULE_COLUMNS,
    RULES,
    SELF,
    moment,
)
from policies.faults import Fault, FaultsError, Found
from policies.roles import chain_faults
from policies.table import Check, Layout, nearest, read_rows, read_table
from policies.tables import TABLES
from policies.types import NOBODY

__all__ = [
    "ACTS", "ANY_USE", "EVERY", "NOBODY", "PACK_FILES", "ROLES", "ROLE_COLUMNS", "ROUTING_COLUMNS",
    "RULE_COLUMNS", "SELF", "Check", "Fault", "FaultsError", "Pack", "RoleRule", "RoutingRule",
    "Rule", "read_pack", "read_table",
]  # fmt: skip

LAYOUTS: Mapping[str, Layout] = {
    "rules.csv": RULES, "routing.csv": ROUTING, "roles.csv": ROLE_LINES, **TABLES,
}  # fmt: skip

PACK_FILES = tuple(LAYOUTS)
"""The files of a pack: what a body adopts, exports and forks. Any may be missing."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One line about who may do what.

    `since` and `until` are instants as the ledger writes them, or ``*``. `adopter` is the body in
    whose name it is in force since `made_at`, and `reach` whose part it speaks about: that body's
    own, or everybody's (``*``).
    """

    id: str
    role: str
    act: str
    collection: str
    item: str
    klass: str
    purpose: str
    level: str
    slice: str
    effect: str
    because: str
    since: str = EVERY
    until: str = EVERY
    adopter: str = ""
    reach: str = EVERY
    restriction: str | None = None
    hidden: bool = False
    made_at: str = ""

    @property
    def row(self) -> list[str]:
        """The columns that `model.conf` names."""
        return [
            self.id, self.role, self.act, self.reach, self.collection, self.item, self.klass,
            self.purpose, self.level, self.slice, self.since, self.until, self.effect,
        ]  # fmt: skip


@dataclass(frozen=True)
class RoutingRule:
    """One line about which body must decide."""

    id: str
    body: str
    capacity: str
    klass: str
    people: str
    place: str
    because: str
    adopter: str = ""
    made_at: str = ""

    @property
    def row(self) -> list[str]:
        """The columns that `routing.conf` names."""
        return [self.id, self.body, self.capacity, self.klass, self.people, self.place]


@dataclass(frozen=True)
class RoleRule:
    """One line saying that a role has everything that another has."""

    id: str
    role: str
    includes: str
    because: str


@dataclass(frozen=True)
class Pack:
    """A rule pack: the lines of its files.

    `tables` are what it says beside its rules, each by its file's name, cell by cell in the order
    of its columns (`tables.py`): they explain and propose, and decide nothing.
    """

    rules: tuple[Rule, ...] = ()
    routing: tuple[RoutingRule, ...] = ()
    roles: tuple[RoleRule, ...] = ()
    tables: Mapping[str, tuple[tuple[str, ...], ...]] = field(default_factory=dict, hash=False)

    def adopted_by(self, body: str, own: bool = True) -> Pack:
        """The pack's lines in force in the name of `body`; ids say of which adoption they are.

        One voice does not speak for another (R7): what its lines allow is allowed for its own
        part alone, that of the peoples and places it speaks for. `own` is False for a body that
        speaks for none, an ethics committee or a holder: what it denies it denies for all.
        """
        return Pack(
            tuple(
                replace(
                    r,
                    id=f"{r.id}@{body}",
                    adopter=body,
                    reach=body if own or r.effect == "allow" else EVERY,
                )
                for r in self.rules
            ),
            tuple(
                replace(
                    r, id=f"{r.id}@{body}", adopter=body, body=body if r.body == SELF else r.body
                )
                for r in self.routing
            ),
            tuple(replace(r, id=f"{r.id}@{body}") for r in self.roles),
            self.tables,
        )

    def adopted_by_the_deployment(self, deployment: str) -> Pack:
        """The house's own lines, which reach everybody."""
        adopted = self.adopted_by(deployment)
        return replace(adopted, rules=tuple(replace(r, reach=EVERY) for r in adopted.rules))


def read_pack(files: Mapping[str, bytes], retired: Collection[str] = frozenset()) -> Pack:
    """Read a pack's files, those of `PACK_FILES` (any may be missing).

    `retired` are ids of lines that earlier versions of the pack had and it has no more: an
    id never comes back for another line, or what was decided by it would read wrongly.

    Raises:
        FaultsError: anything at all is wrong; nothing is half read.
    """
    found = Found()
    seen = {each: "an earlier version; give a new line a new id" for each in retired}
    for name in files:
        if name not in LAYOUTS:
            near = nearest(name, frozenset(LAYOUTS))
            sentence = f"Did you mean {near}?" if near else f"Its files are {', '.join(LAYOUTS)}."
            found.add(name, 1, "name", f"A pack has no file of this name. {sentence}")
    rows = {
        name: read_rows(name, files[name], layout, found, seen)
        for name, layout in LAYOUTS.items()
        if name in files
    }
    roles = rows.get("roles.csv", [])
    if not found.count:
        for line, sentence in chain_faults([(row[1], row[2]) for row in roles]):
            found.add("roles.csv", line, "includes", sentence)
    found.refuse()
    return Pack(
        tuple(_rule(row) for row in rows.get("rules.csv", [])),
        tuple(RoutingRule(*row) for row in rows.get("routing.csv", [])),
        tuple(RoleRule(*row) for row in roles),
        {name: tuple(map(tuple, rows[name])) for name in TABLES if name in rows},
    )


def _rule(row: list[str]) -> Rule:
    id_, role, act, collection, item, klass, purpose, level, slice_, since, until, effect, why = row
    return Rule(
        id_, role, act, collection, item, klass, purpose, level, slice_, effect, why,
        moment(since), moment(until),
    )  # fmt: skip

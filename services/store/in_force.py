"""What rules are in force, written down: a line a row, in the columns of the CSV files.

A process that starts reads these tables once. What changes is written here and, in the same
transaction, in the log (`rule_log.py`), which a process that runs follows (`services/rulebook.py`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from policies import codec
from policies.body.commands import DEPLOYMENT
from policies.body.state import BodyState
from policies.enforcer import part_of_people, part_of_place
from policies.restriction.commands import Visibility
from policies.restriction.state import RestrictionState
from policies.rules import EVERY, Pack, RoleRule, RoutingRule, Rule
from policies.types import NOBODY
from services import clock
from services.store import rule_log
from services.store.rule_log import Change, Pairs
from services.store.schema import role_rules, routing_rules, rules, speaking
from services.store.session import upsert

MOST = 250_000
"""How many lines may be in force in one deployment: each process holds them all, at about half a
kilobyte each."""

MANDATE = "mandate"
_RULE = tuple(each.name for each in fields(Rule))
_ROUTING = tuple(each.name for each in fields(RoutingRule))
_ROLE = tuple(each.name for each in fields(RoleRule))


class TooManyError(Exception):
    """More lines than a deployment holds. Its text says how many there may be."""


def replace_pack(
    connection: Connection, pack: str, body: str, lines: Pack, entry: str | None = None
) -> None:
    """What `body` has adopted of `pack` is `lines` from now on; an empty pack withdraws it.

    Raises:
        TooManyError: there would be more than `MOST` lines in force; nothing is written.
    """
    if count_others(connection, body, [pack]) + len(lines.rules) + len(lines.routing) > MOST:
        raise TooManyError(f"At most {MOST:,} lines may be in force in one deployment.")
    now = codec.written(clock.now(connection))
    made = [replace(each, made_at=now) for each in lines.rules]
    routing = [replace(each, made_at=now) for each in lines.routing]
    before = _roles(connection)
    gone: list[str] = []
    for table in (rules, routing_rules, role_rules):
        ours = sa.and_(table.c.pack == pack, table.c.owner == body)
        gone += connection.execute(sa.select(table.c.id).where(ours)).scalars()
        connection.execute(sa.delete(table).where(ours))
    whose = {"pack": pack, "owner": body}
    _insert(connection, rules, [{**_row(each, _RULE), **whose} for each in made])
    _insert(connection, routing_rules, [{**_row(each, _ROUTING), **whose} for each in routing])
    _insert(connection, role_rules, [{**_row(each, _ROLE), **whose} for each in lines.roles])
    parts = {part for part, _ in nobody_decides(body, lines)}
    speak, hush = _speaks(connection, body, f"pack {pack}", parts)
    after = _roles(connection)
    put: list[Rule | RoutingRule] = [*made, *routing]
    kept = {each.id for each in put}
    change = Change(
        0, tuple(put), tuple(sorted(set(gone) - kept)),
        after - before, before - after, speak, hush,
    )  # fmt: skip
    rule_log.write(connection, change, entry)


def nobody_decides(body: str, lines: Pack) -> Pairs:
    """The parts of which the lines of `body` say that no collective body decides: its own rules
    are asked about them."""
    named = [
        of(name)
        for line in lines.routing
        if line.body == NOBODY
        for name, of in ((line.people, part_of_people), (line.place, part_of_place))
        if name != EVERY
    ]
    return frozenset((part, body) for part in named)


def speaking_but(connection: Connection, body: str, packs: Sequence[str]) -> Pairs:
    """Who speaks for what, but for what `body` says by these packs."""
    why = [f"pack {each}" for each in packs]
    query = sa.select(speaking.c.part, speaking.c.body).where(
        sa.not_(sa.and_(speaking.c.body == body, speaking.c.why.in_(why)))
    )
    return frozenset((row.part, row.body) for row in connection.execute(query))


def restrict(
    connection: Connection, name: str, state: RestrictionState, entry: str | None = None
) -> None:
    """An open restriction's lines are in force; a lifted one's are no more."""
    now = codec.written(clock.now(connection))
    ours = rules.c.restriction == name
    there = list(connection.execute(sa.select(rules.c.id).where(ours)).scalars())
    if state.open == bool(there):
        return
    connection.execute(sa.delete(rules).where(ours))
    lines = [replace(each, made_at=now) for each in deny_lines(name, state)] if state.open else []
    rows = [{**_row(each, _RULE), "pack": "", "owner": state.body} for each in lines]
    _insert(connection, rules, rows)
    rule_log.write(connection, Change(0, tuple(lines), tuple(there)), entry)


def restate(connection: Connection, body: str, state: BodyState, entry: str | None = None) -> None:
    """The body speaks for what its mandate names, once it is welcome; its lines reach that far."""
    mandate = state.mandate
    known = body != DEPLOYMENT and state.entered and state.welcome
    parts = {part_of_people(each) for each in mandate.peoples if known}
    parts |= {part_of_place(each) for each in mandate.places if known}
    speak, hush = _speaks(connection, body, MANDATE, parts)
    # A no of whoever speaks for nobody in particular is a no for all (`Pack.adopted_by`).
    reach = body if mandate.peoples or mandate.places else EVERY
    moved = sa.and_(
        rules.c.owner == body, rules.c.pack != "", rules.c.effect == "deny", rules.c.reach != reach
    )
    put: list[Rule] = []
    if body != DEPLOYMENT:
        ids = list(connection.execute(sa.select(rules.c.id).where(moved)).scalars())
        connection.execute(sa.update(rules).where(moved).values(reach=reach))
        put = [each for each in _read_rules(connection, rules.c.owner == body) if each.id in ids]
    if put or speak or hush:
        rule_log.write(connection, Change(0, tuple(put), (), speak=speak, hush=hush), entry)


def deny_lines(name: str, state: RestrictionState) -> list[Rule]:
    """An open restriction as Casbin's deny lines: one for each thing and use that it names. The
    reason in words stays a text. It reaches everybody, so that it binds whatever becomes of the
    mandate of its body, until that body lifts it."""
    assert state.scope is not None
    scope = state.scope
    things = [(EVERY, item) for item in sorted(scope.items)]
    things += [(collection, EVERY) for collection in sorted(scope.collections)]
    return [
        Rule(
            f"{name}#{number}.{act}", EVERY, act, collection, item, EVERY, EVERY, EVERY,
            json.dumps(scope.slice.to_json()), "deny", "A body's restriction covers this.",
            adopter=state.body, restriction=name, hidden=state.visibility is Visibility.HIDDEN,
        )
        for number, (collection, item) in enumerate(things or [(EVERY, EVERY)])
        for act in sorted(scope.acts)
    ]  # fmt: skip


@dataclass(frozen=True)
class Whole:
    """Everything in force as of one position."""

    rules: list[Rule]
    routing: list[RoutingRule]
    roles: Pairs
    speaking: Pairs


def read_whole(connection: Connection) -> Whole:
    """What is in force, as the snapshot of `connection` has it."""
    return Whole(
        list(_read_rules(connection, sa.true())),
        [_routing(row) for row in connection.execute(_columns(routing_rules, _ROUTING))],
        _roles(connection),
        frozenset(
            (row.part, row.body)
            for row in connection.execute(sa.select(speaking.c.part, speaking.c.body).distinct())
        ),
    )


def read_pack(connection: Connection, body: str, packs: Sequence[str]) -> Pack:
    """What `body` has in force of these packs, as it stands there."""
    return _lines(connection, lambda table: _of(table, body, packs))


def read_others(connection: Connection, body: str, packs: Sequence[str]) -> Pack:
    """Everything in force but what `body` has of these packs: restrictions are among it."""
    return _lines(connection, lambda table: sa.not_(_of(table, body, packs)))


def ids_elsewhere(connection: Connection, body: str, packs: Sequence[str]) -> dict[str, str]:
    """The ids of the lines that `body` has in force of other packs, each with its pack."""
    found: dict[str, str] = {}
    for table in (rules, routing_rules, role_rules):
        query = sa.select(table.c.id, table.c.pack).where(
            table.c.owner == body, table.c.pack.not_in(["", *packs])
        )
        found |= {row.id: row.pack for row in connection.execute(query)}
    return found


def count_others(connection: Connection, body: str, packs: Sequence[str]) -> int:
    """How many lines are in force but those that `body` has of these packs."""
    return sum(
        connection.execute(
            sa.select(sa.func.count()).select_from(table).where(sa.not_(_of(table, body, packs)))
        ).scalar_one()
        for table in (rules, routing_rules)
    )


def _of(table: sa.Table, body: str, packs: Sequence[str]) -> sa.ColumnElement[bool]:
    return sa.and_(table.c.owner == body, table.c.pack.in_(packs))


def _lines(connection: Connection, where: Callable[[sa.Table], sa.ColumnElement[bool]]) -> Pack:
    routing = _columns(routing_rules, _ROUTING).where(where(routing_rules))
    roles = _columns(role_rules, _ROLE).where(where(role_rules))
    return Pack(
        tuple(_read_rules(connection, where(rules))),
        tuple(_routing(row) for row in connection.execute(routing)),
        tuple(_role(row) for row in connection.execute(roles)),
    )


def _speaks(
    connection: Connection, body: str, why: str, parts: Iterable[str]
) -> tuple[Pairs, Pairs]:
    """For which parts the body speaks for this reason; gives what that adds and takes away."""
    ours = sa.select(speaking.c.part).where(speaking.c.body == body).distinct()
    before = frozenset(connection.execute(ours).scalars())
    connection.execute(sa.delete(speaking).where(speaking.c.body == body, speaking.c.why == why))
    rows = [{"part": each, "body": body, "why": why} for each in sorted(parts)]
    _insert(connection, speaking, rows)
    after = frozenset(connection.execute(ours).scalars())
    return (
        frozenset((part, body) for part in after - before),
        frozenset((part, body) for part in before - after),
    )


def _roles(connection: Connection) -> Pairs:
    found = connection.execute(sa.select(role_rules.c.role, role_rules.c.includes).distinct())
    return frozenset((row.role, row.includes) for row in found)


def _read_rules(connection: Connection, where: sa.ColumnElement[bool]) -> Iterator[Rule]:
    # Most cells say what others say; a driver makes each of them anew.
    keep: Callable[[Any, Any], Any] = {}.setdefault
    query = _columns(rules, _RULE).where(where).execution_options(yield_per=5_000)
    for row in connection.execute(query):
        yield Rule(*[keep(each, each) for each in row])


def _role(row: Sequence[Any]) -> RoleRule:
    return RoleRule(*row)


def _routing(row: Sequence[Any]) -> RoutingRule:
    return RoutingRule(*row)


def _columns(table: sa.Table, names: Sequence[str]) -> sa.Select[tuple[str, ...]]:
    return sa.select(*(table.c[name] for name in names)).order_by(table.c.id)


def _row(line: Rule | RoutingRule | RoleRule, names: Sequence[str]) -> dict[str, Any]:
    return {name: getattr(line, name) for name in names}


def _insert(connection: Connection, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        upsert(connection, table, *rows)

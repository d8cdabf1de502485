"""The rules in force, as one snapshot of the database has them, ready to be asked.

An enforcer is built once for each pair of versions (rules, open restrictions) and
kept; the versions are read in the same snapshot as everything else of an answer, so
what is kept can never be older than what is asked about.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import lru_cache
from importlib import resources

import sqlalchemy as sa
from sqlalchemy import Connection

from policies.enforcer import Answer, Enforcer, Question, RoutingQuestion
from policies.purpose import PurposeLine, read_purposes
from policies.refusals import Code, RefusedError
from policies.restriction.commands import Visibility
from policies.restriction.state import RestrictionState
from policies.rules import EVERY, Pack, RoleRule, RoutingRule, Rule
from services.store import streams, versions
from services.store.schema import restrictions, rules

KEPT = 8
REMEMBERED = 1000
"""How many answers of each kind an enforcer keeps."""
_ONE_AT_A_TIME = threading.Lock()
_KINDS = {"rule": Rule, "routing": RoutingRule, "role": RoleRule}


@dataclass(frozen=True)
class InForce:
    """An enforcer and the versions it was built from."""

    enforcer: Enforcer
    versions: Mapping[str, int]


class Shared(Enforcer):
    """An enforcer that threads share, and that answers the same question once.

    What it was built from never changes, so its answers do not either. One thread at a time:
    Casbin parses its matcher at every question, and in Python 3.11.0 to 3.11.8 two threads
    that parse make each other fail now and then (CPython's gh-106905).
    """

    def __init__(self, packs: Iterable[Pack], restrictions: Iterable[Rule] = ()) -> None:
        """As for any enforcer."""
        super().__init__(packs, restrictions)
        self._may = lru_cache(REMEMBERED)(super().may)
        self._must_decide = lru_cache(REMEMBERED)(super().must_decide)

    def may(self, question: Question) -> Answer:
        """As any enforcer answers."""
        with _ONE_AT_A_TIME:
            return self._may(question)

    def must_decide(self, question: RoutingQuestion) -> RoutingRule | None:
        """As any enforcer answers."""
        with _ONE_AT_A_TIME:
            return self._must_decide(question)


class Rulebook:
    """Builds and keeps enforcers. One in a process; safe to use from several threads."""

    def __init__(self) -> None:
        """Nothing is read until first asked."""
        self._kept: OrderedDict[tuple[int, int], Enforcer] = OrderedDict()
        self._lock = threading.Lock()

    def at(self, connection: Connection) -> InForce:
        """The rules as of the snapshot that `connection` holds."""
        while True:
            found = versions.read(connection, (versions.RULES, versions.RESTRICTIONS))
            key = (found[versions.RULES], found[versions.RESTRICTIONS])
            with self._lock:
                enforcer = self._kept.get(key)
            if enforcer is not None:
                return InForce(enforcer, found)
            enforcer = Shared([_adopted(connection)], _restricting(connection))
            # The recorder's transactions see what others commit meanwhile: rules read after
            # the versions may be newer than these, and must not be kept under them.
            if versions.read(connection, found) == found:
                self._keep(key, enforcer)
                return InForce(enforcer, found)

    def _keep(self, key: tuple[int, int], enforcer: Enforcer) -> None:
        with self._lock:
            self._kept[key] = enforcer
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)

    def permitted(self, connection: Connection, act: str, roles: tuple[str, ...]) -> str:
        """The id of the rule by which one of `roles` may do `act`.

        Raises:
            RefusedError: no rule lets any of them, or a rule forbids it to one of them.
        """
        enforcer = self.at(connection).enforcer
        answers = [enforcer.may(Question(role, act)) for role in roles]
        forbidden = [each for each in answers if each.rule is not None and not each.allowed]
        allowed = [each for each in answers if each.allowed and each.rule is not None]
        if forbidden or not allowed:
            rule = forbidden[0].rule if forbidden else None
            raise RefusedError(Code.NOT_PERMITTED, act=act, **({"rule": rule.id} if rule else {}))
        assert allowed[0].rule is not None
        return allowed[0].rule.id


def stored(
    kind: str, pack: str, owner: str, line: Rule | RoutingRule | RoleRule
) -> dict[str, object]:
    """A line as a row of the `rules` table."""
    return {"id": line.id, "pack": pack, "owner": owner, "kind": kind, "line": asdict(line)}


def _adopted(connection: Connection) -> Pack:
    lines: dict[str, list[object]] = {"rule": [], "routing": [], "role": []}
    for row in connection.execute(sa.select(rules.c.kind, rules.c.line).order_by(rules.c.id)):
        lines[row.kind].append(_KINDS[row.kind](**row.line))
    return Pack(tuple(lines["rule"]), tuple(lines["routing"]), tuple(lines["role"]))  # type: ignore[arg-type]


def _restricting(connection: Connection) -> list[Rule]:
    """Deny lines of every restriction that binds: one for each thing and use it names."""
    bound = connection.execute(
        sa.select(restrictions.c.id).where(restrictions.c.status != "lifted")
    )
    found = streams.states(connection, [row.id for row in bound])
    # The first line that covers a question answers it: those that bodies hide come last, so that
    # what is answered by another line is answered by it whether or not something is hidden.
    in_order = sorted(found, key=lambda name: (found[name].visibility is Visibility.HIDDEN, name))
    return [line for name in in_order for line in deny_lines(name, found[name])]


def deny_lines(name: str, state: RestrictionState) -> list[Rule]:
    """An open restriction as Casbin's deny lines. The reason in words stays a text."""
    assert state.scope is not None
    scope = state.scope
    things = [(EVERY, item) for item in sorted(scope.items)]
    things += [(collection, EVERY) for collection in sorted(scope.collections)]
    return [
        Rule(
            f"{name}#{number}.{act}", EVERY, act, collection, item, EVERY, EVERY, EVERY,
            json.dumps(scope.slice.to_json()), "deny", "A body's restriction covers this.",
            state.body, name, state.visibility is Visibility.HIDDEN,
        )
        for number, (collection, item) in enumerate(things or [(EVERY, EVERY)])
        for act in sorted(scope.acts)
    ]  # fmt: skip


@lru_cache(maxsize=1)
def house_purposes() -> tuple[PurposeLine, ...]:
    """The house's lines about what makes a purpose too broad. Raises FaultsError."""
    file = resources.files("policies").joinpath("packs", "house", "purposes.csv")
    return read_purposes(file.read_bytes())

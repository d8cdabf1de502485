"""The rules in force, as one snapshot of the database has them, ready to be asked.

A process reads everything once, and from then on what has changed: each answer first reads, in
its own snapshot, the last position of the change log, and what it had not seen before. So an
answer is never older than the snapshot that it is read from, however far this process lags; and
the recorder refuses it if the position has moved by its commit. `following.py` reads ahead, so
that answers find little to catch up with.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

from sqlalchemy import Connection

from policies.enforcer import Enforcer, Question
from policies.engine.engine import TooOldError
from policies.purpose import PurposeLine, read_purposes
from policies.refusals import Code, RefusedError
from services import clock
from services.store import in_force, rule_log, versions


@dataclass(frozen=True)
class InForce:
    """An enforcer and the versions that it speaks of."""

    enforcer: Enforcer
    versions: Mapping[str, int]


class Rulebook:
    """Keeps an enforcer. One in a process; safe to use from several threads."""

    def __init__(self) -> None:
        """Nothing is read until first asked."""
        self._enforcer: Enforcer | None = None
        self._first = self._position = 0
        self._changing = threading.Lock()

    def at(self, connection: Connection) -> InForce:
        """The rules as of the snapshot that `connection` holds."""
        wanted = (versions.RULES, versions.RESTRICTIONS, versions.RULE_CHANGES)
        found = versions.read(connection, wanted)
        position = found[versions.RULE_CHANGES]
        enforcer = self._enforcer
        if enforcer is None or position > self._position:
            enforcer = self._caught_up(connection, position)
        try:
            return InForce(enforcer.at(position), found)
        except TooOldError:
            return InForce(_whole(connection), found)

    @property
    def position(self) -> int:
        """Up to which position of the change log this process has read."""
        return self._position

    def _caught_up(self, connection: Connection, position: int) -> Enforcer:
        with self._changing:
            if self._enforcer is None:
                self._enforcer, self._position = self._read(connection)
            enforcer = self._enforcer
            for change in rule_log.changes(connection, self._position, position):
                apply(enforcer, change)
                self._position = change.position
        return enforcer

    def _read(self, connection: Connection) -> tuple[Enforcer, int]:
        """Everything, and the position that it is as of.

        The recorder's transactions see what others commit meanwhile, so that what is read may be
        of later than it began: putting the changes since then once more comes to the same end.
        """
        began = versions.read(connection, (versions.RULE_CHANGES,))[versions.RULE_CHANGES]
        enforcer = _whole(connection)
        ended = versions.read(connection, (versions.RULE_CHANGES,))[versions.RULE_CHANGES]
        for change in rule_log.changes(connection, began, ended):
            apply(enforcer, change)
        enforcer.holds_since(ended)
        return enforcer, ended

    def permitted(self, connection: Connection, act: str, roles: tuple[str, ...]) -> str:
        """The id of the rule by which one of `roles` may do `act`.

        Raises:
            RefusedError: no rule lets any of them, or a rule forbids it to one of them.
        """
        enforcer = self.at(connection).enforcer
        now = clock.now(connection)
        answers = [enforcer.may(Question(role, act, now)) for role in roles]
        forbidden = [each for each in answers if each.rule is not None and not each.allowed]
        allowed = [each for each in answers if each.allowed and each.rule is not None]
        if forbidden or not allowed:
            rule = forbidden[0].rule if forbidden else None
            raise RefusedError(Code.NOT_PERMITTED, act=act, **({"rule": rule.id} if rule else {}))
        assert allowed[0].rule is not None
        return allowed[0].rule.id


def apply(enforcer: Enforcer, change: rule_log.Change) -> None:
    """Bring an enforcer from one position of the change log to the next."""
    for name in change.take:
        enforcer.take(name, change.position)
    for line in change.put:
        enforcer.put(line, change.position)
    enforcer.include(change.include, change.exclude, change.position)
    enforcer.speak(change.speak, change.hush, change.position)


def _whole(connection: Connection) -> Enforcer:
    # What is made here stays: looking through all of it for what can go, again and again while it
    # grows, is a third of the time that it takes.
    looks = gc.isenabled()
    gc.disable()
    try:
        found = in_force.read_whole(connection)
        enforcer = Enforcer()
        enforcer.put_all((line.id, line) for line in found.rules)
        enforcer.put_all((line.id, line) for line in found.routing)
        enforcer.include(found.roles)
        enforcer.speak(found.speaking)
        return enforcer
    finally:
        if looks:
            gc.enable()


@lru_cache(maxsize=1)
def house_purposes() -> tuple[PurposeLine, ...]:
    """The house's lines about what makes a purpose too broad. Raises FaultsError."""
    file = resources.files("policies").joinpath("packs", "house", "purposes.csv")
    return read_purposes(file.read_bytes())

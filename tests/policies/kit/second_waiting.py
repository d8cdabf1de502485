"""The clocks of a request a second time: from a list of moments, looked through each time anew.

The state machine carries its waits along and mends them event by event. Here only what was so
after each event is noted, and a wait is what the moments since its beginning come to.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

Told = dict[str, int]


@dataclass(frozen=True)
class Moment:
    """Who was waited for after one event, whose clock stood still and why, who was told what."""

    at: datetime
    waited: frozenset[str]
    still: frozenset[tuple[str, str]]
    afresh: bool = False
    told: Told = field(default_factory=dict)
    called: frozenset[str] = frozenset()
    escalated: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Waits:
    """One wait as the moments tell it. `halts` are (since, until or None, why)."""

    since: datetime
    halts: frozenset[tuple[datetime, datetime | None, str]]
    told: int
    called: bool
    escalated: bool

    @property
    def stands(self) -> bool:
        return any(until is None for _, until, _ in self.halts)


def waits(moments: list[Moment]) -> dict[str, Waits]:
    """Everybody who is waited for after the last moment."""
    return {who: _wait(who, moments) for who in (moments[-1].waited if moments else ())}


def _wait(who: str, moments: list[Moment]) -> Waits:
    first = len(moments) - 1
    while first and not moments[first].afresh and who in moments[first - 1].waited:
        first -= 1
    run = moments[first:]
    halts: set[tuple[datetime, datetime | None, str]] = set()
    for why in {why for each in run for person, why in each.still if person == who}:
        since = None
        for each in run:
            stands = (who, why) in each.still
            if stands and since is None:
                since = each.at
            if not stands and since is not None:
                halts.add((since, each.at, why))
                since = None
        if since is not None:
            halts.add((since, None, why))
    told = [each.told[who] for each in run if who in each.told]
    return Waits(
        run[0].at,
        frozenset(halts),
        told[-1] if told else 0,
        any(who in each.called for each in run),
        any(who in each.escalated for each in run),
    )

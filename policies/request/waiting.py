"""How long each body has been waited for in the present round, and when its clock stood still.

The state keeps instants alone. How many working days they come to is worked out from the
body's own calendar by whoever has one (`working_days.py`); here only what is due of it is
decided. Nothing is ever approved by waiting.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from policies.request.commands import Waited

ANSWER = "waiting_for_answer"
MEETING = "meeting"
DESK = "desk"
"""Who is waited for while a request is at the desk."""


@dataclass(frozen=True)
class Halt:
    """The clock stood from `since` to `until` (None: it still stands), and why."""

    since: datetime
    until: datetime | None
    why: str


@dataclass(frozen=True)
class Wait:
    """One body's clock in this round: since when it is waited for, when it stood still, how
    often the body was told, whether its delegate or the reviewer was."""

    since: datetime
    halts: tuple[Halt, ...] = ()
    told: int = 0
    called: bool = False
    escalated: bool = False

    @property
    def stands(self) -> bool:
        """True while the clock stands still."""
        return any(each.until is None for each in self.halts)

    def halted(self, at: datetime, why: str) -> Wait:
        """From `at` on it stands, for this reason too."""
        if any(each.until is None and each.why == why for each in self.halts):
            return self
        return replace(self, halts=(*self.halts, Halt(at, None, why)))

    def resumed(self, at: datetime, why: str) -> Wait:
        """From `at` on it stands for this reason no more."""
        return replace(
            self,
            halts=tuple(
                replace(each, until=at) if each.until is None and each.why == why else each
                for each in self.halts
            ),
        )


def due(wait: Wait, waited: Waited) -> int:
    """How many times somebody who has been waited for so long should have been told by now."""
    return sum(days <= waited.days for days in waited.remind)


def next_step(wait: Wait, waited: Waited) -> int | None:
    """After how many working days something more follows from this wait; None when nothing
    does. `waited.days` is not looked at: it is what a calendar turns the answer into."""
    steps = list(waited.remind[wait.told :])
    if waited.then is not None and waited.then_after is not None and not wait.called:
        steps.append(waited.then_after)
    if waited.review_after is not None and not wait.escalated:
        steps.append(waited.review_after)
    return min(steps, default=None)


def told(waits: Mapping[str, Wait], times: Mapping[str, int]) -> Mapping[str, Wait]:
    """The waits after these were told."""
    return {
        who: replace(wait, told=times[who]) if who in times else wait for who, wait in waits.items()
    }

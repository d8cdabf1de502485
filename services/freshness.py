"""How old what an answer of the decision point relied on may be when the answer leaves.

Age is measured by ``CLOCK_BOOTTIME``, which goes on while the machine is suspended, so that an
answer that slept in a laptop's memory is old when it wakes. Where a system has no such clock
(macOS has none that Python names), the monotonic clock serves: it may stand still in a suspended
machine, and there an answer's own `valid_until` is what bounds it.
"""

from __future__ import annotations

import time

FRESH_FOR_MS = 800
"""The most milliseconds between checking what an answer relied on and handing it to the server."""

_CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
_NANOSECONDS = 1_000_000


def instant() -> int:
    """This moment in nanoseconds, to be compared with another of this machine's only."""
    return time.clock_gettime_ns(_CLOCK)


def is_fresh(checked: int) -> bool:
    """Whether what was checked at the `instant` `checked` still counts."""
    return instant() - checked <= FRESH_FOR_MS * _NANOSECONDS

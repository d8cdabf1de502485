"""What every stream has: entries of events, and a state folded from them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Meta:
    """The entry that recorded an event: its id, its place in the stream, its instant (UTC)."""

    entry: str
    sequence: int
    at: datetime

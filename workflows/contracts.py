"""What workflows ask of the world: the names and shapes of local activities, no bodies.

`services/recorder.py` implements them. Payloads hold ids and structure, never
names, words or reasons; entries are plain JSON as in the ledger.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

TASK_QUEUE = "accord"
COMMAND = "command"
"""The Update that carries a command to its stream's workflow."""
CATCH_UP = "catch_up"
"""The Update that tells a workflow how far its stream has come; one that knows rejects it,
which leaves nothing in its history."""
SEQUENCE = "sequence"
"""The Query that says how far a workflow has come in its stream."""

RECORD = "record"
LOAD = "load"
TELL_TIME = "tell_time"

REFUSED = "refused"
"""The `ApplicationError` type of a refusal; its one detail is `Refusal`."""
BROKEN = "broken"
"""The `ApplicationError` type of what Accord itself got wrong."""


@dataclass(frozen=True)
class Start:
    """A workflow is started, or continued as new, from its stream alone.

    `sequence` is how far the run before had come, and 0 at first.
    """

    stream: str
    sequence: int = 0


@dataclass(frozen=True)
class Refusal:
    """A `policies.refusals.Refused` on its way through Temporal."""

    code: str
    facts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class RecordCall:
    """Commit `events` of the command in `envelope` after entry `after` of its stream.

    `events` is empty when the command was refused from what the caller knew: the
    recorder then says whether that was all there is to know.
    """

    stream: str
    after: int
    envelope: Json
    events: list[Json]


@dataclass(frozen=True)
class RecordReply:
    """What the recorder found or did.

    status: ``recorded`` (committed now), ``known`` (this command was committed before),
        ``behind`` (the stream has moved: fold and decide again), ``current`` (nothing to
        commit, nothing was missed) or ``refused``.
    entries: what the caller had not folded, in order.
    answer: the command's own entry, when there is one.
    now: the service clock, as the ledger writes instants.
    """

    status: str
    now: str
    entries: list[Json] = field(default_factory=list)
    answer: Json | None = None
    refusal: Refusal | None = None


@dataclass(frozen=True)
class LoadCall:
    """Read the entries of `stream` after sequence `after`."""

    stream: str
    after: int

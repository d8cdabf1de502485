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


MANNER = 2
"""In which order a run that is started now asks for activities and timers. 1 sets its timer anew
at every reply; 2 keeps it while the same instant is due, which spares the server half of what a
command costs it."""


@dataclass(frozen=True)
class Start:
    """A workflow is started, or continued as new, from its stream alone.

    sequence: how far the run before had come, and 0 at first.
    manner: how the run goes on to its end, since it must replay as it began. Runs that were
        started before there was a choice do not name it.
    by_command: whether a command came with it. Then the recorder's reply to that command says
        what the stream holds, and nothing needs to be loaded before.
    """

    stream: str
    sequence: int = 0
    manner: int = 1
    by_command: bool = False


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


FOLDED = ("id", "stream", "sequence", "command", "at", "events")
"""What a run needs of a ledger entry. Nothing else of it travels through Temporal."""


@dataclass(frozen=True)
class RecordReply:
    """What the recorder found or did.

    status: ``recorded`` (committed now), ``known`` (this command was committed before),
        ``behind`` (the stream has moved: fold and decide again), ``current`` (nothing to
        commit, nothing was missed) or ``refused``.
    entries: what the caller had not folded, in order; on their way to a run, `FOLDED` of each.
    answer: the entry of a command that was known; of one committed now, it is in `entries`.
    now: the service clock, as the ledger writes instants.
    """

    status: str
    now: str
    entries: list[Json] = field(default_factory=list)
    answer: Json | None = None
    refusal: Refusal | None = None
    wake_at: str | None = None
    clock: Json | None = None

    @classmethod
    def read(cls, written: Json) -> RecordReply:
        """A reply as it travels. What a later recorder may add to it is passed over."""
        fields = {name: written[name] for name in cls.__dataclass_fields__ if name in written}
        if fields.get("refusal") is not None:
            fields["refusal"] = Refusal(**fields["refusal"])
        return cls(**fields)

    @property
    def made(self) -> Json | None:
        """The command's own entry, when there is one."""
        return self.entries[-1] if self.status == "recorded" else self.answer


@dataclass(frozen=True)
class TellCall:
    """What time is it for `stream`? The reply's `clock` is the command that is due now, if any;
    its `wake_at` the next instant at which something will be, as far as is known."""

    stream: str


@dataclass(frozen=True)
class LoadCall:
    """Read the entries of `stream` after sequence `after`."""

    stream: str
    after: int

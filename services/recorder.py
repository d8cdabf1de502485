"""The recorder: one transaction appends the events, writes the tables, the ledger entry
and the outbox. The last word on every command.

Its methods are the bodies of the local activities that `workflows/contracts.py` names;
streams that have no workflow use `carry`, which is the same loop without Temporal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from temporalio import activity

from policies import codec
from policies.machines import MACHINES, Machine, kind_of, written_command, written_event
from policies.permissions import act_of
from policies.refusals import Code, Refused, RefusedError
from policies.types import SYSTEM, Authorisation, Envelope
from services import clock, freshness, notifying, waiting
from services.committing import Batch, Carried, Outcome
from services.entry_making import Made, cause_of, entry_of, post
from services.rulebook import Rulebook
from services.store import projections, streams, texts, versions
from services.store.session import Store
from workflows.contracts import (
    LOAD,
    RECORD,
    TELL_TIME,
    Json,
    LoadCall,
    RecordCall,
    RecordReply,
    Refusal,
    TellCall,
)
from workflows.envelopes import envelope_of

SYSTEM_COMMANDS = frozenset(
    {
        "Remind", "Close", "Issue", "ClockPassed", "ReviewPassed", "Answer", "Welcome", "Void",
        "Supersede",
    }
)  # fmt: skip
"""The closed list of what `system` may do (`bones.md`, "System acts")."""

LOOK_AGAIN = frozenset({"40001", "40P01"})
"""What PostgreSQL says when two transactions stood in each other's way and one had to go:
a serialization failure, a deadlock (two packs adopted at once, each relying on the rules)."""

Extra = Callable[[Connection, str], None]
"""What else a use case writes in the entry's transaction, given the entry's id."""


class Recorder:
    """Commits commands. One in a process; its methods may run in several threads."""

    def __init__(self, store: Store, rulebook: Rulebook) -> None:
        """`store` is written to by nobody else but through this and `texts`."""
        self._store = store
        self._rulebook = rulebook
        self._folded = streams.Folded()
        self.posted: Callable[[], None] = lambda: None
        """Called, in whatever thread, when something new is in the outbox."""

    @activity.defn(name=LOAD)
    def load(self, call: LoadCall) -> RecordReply:
        """The entries that a run has not folded."""
        with self._store.read() as connection:
            return RecordReply(
                "current",
                codec.written(clock.now(connection)),
                streams.after(connection, call.stream, call.after),
            )

    @activity.defn(name=TELL_TIME)
    def tell_time(self, call: TellCall | None = None) -> RecordReply:
        """The service clock: a fired timer asks it whether anything is due, and where that
        depends on working days, what."""
        with self._store.read() as connection:
            now = clock.now(connection)
            if call is None:
                return RecordReply("current", codec.written(now))
            found = waiting.look(connection, streams.get(connection, call.stream).state, now)
        return RecordReply(
            "current",
            codec.written(now),
            wake_at=codec.written(found.wake_at) if found.wake_at else None,
            clock=written_command(found.command) if found.command else None,
        )

    @activity.defn(name=RECORD)
    def record(self, call: RecordCall) -> RecordReply:
        """Commit what a workflow decided, or say what it had not known."""
        return self._commit(envelope_of(call.envelope), call.after, call.events, None)

    def carry(self, envelope: Envelope, extra: Extra | None = None) -> Json:
        """Decide and commit a command of a stream that has no workflow.

        Returns the command's ledger entry. Raises RefusedError; ValueError for a decision
        without events, which would never come to an entry.
        """
        machine = MACHINES[kind_of(envelope.stream)]
        while True:
            with self._store.read() as connection:
                stream = streams.get(connection, envelope.stream)
            decided = machine.decide(stream.state, envelope)
            events = [] if isinstance(decided, Refused) else [written_event(e) for e in decided]
            reply = self._commit(envelope, stream.sequence, events, extra)
            if reply.made is not None:
                return reply.made
            if reply.refusal is not None:
                raise RefusedError(Code(reply.refusal.code), **reply.refusal.facts)
            if reply.status == "current":
                if isinstance(decided, Refused):
                    raise RefusedError.of(decided)
                raise ValueError(f"{type(envelope.command).__name__} came to no events")

    def carry_together(self, batches: Sequence[Batch]) -> list[Outcome]:
        """Decide and commit commands of streams that no workflow drives, in one transaction.

        They name no words, and rely on what let them through and on `seen` alone. What a batch
        comes to is its own: one that is stale or cannot be written takes nothing from the others.
        What fails the transaction is raised, and then nothing of any batch is there.
        """
        made = Made()
        outcomes: list[Outcome] = []
        posted = 0
        with self._store.write() as connection:
            for name in sorted({each.stream for batch in batches for each in batch.envelopes}):
                made.ends[name], _ = streams.to_append(connection, name, "", self._folded)
            # Taken when all that must be waited for is held: what is checked is as young as can be.
            checked, now = freshness.instant(), clock.now(connection)
            stand = streams.sequences(connection, {name for each in batches for name in each.seen})
            let: dict[Any, Authorisation] = {}
            for batch in batches:
                own = made.more()
                try:
                    if any(stand.get(name) != seen for name, seen in batch.seen.items()):
                        raise RefusedError(Code.STALE, changed="streams")
                    for each in batch.envelopes:
                        own.add(each, self._authorised_once(connection, each, let), now)
                except DBAPIError:
                    raise
                except Exception as error:
                    outcomes.append(error)
                    continue
                made.take(own)
                outcomes.append(Carried(own.entries, checked))
            made.write(connection)
            for stream, happened, entry in made.written:
                projections.project(connection, stream, happened, entry)
                notifying.tell(connection, stream, happened, entry, self._folded)
                posted += post(connection, stream, happened, entry)
        for name in made.changed:
            self._folded.keep(made.ends[name])
        if posted:
            self.posted()
        return outcomes

    def _authorised_once(
        self, connection: Connection, envelope: Envelope, let: dict[Any, Authorisation]
    ) -> Authorisation:
        """As `_authorised`; `let` is what it said of those that were alike."""
        kind, given = kind_of(envelope.stream), envelope.authorisation or Authorisation("")
        relied_on = frozenset(given.versions.items())
        alike = (kind, type(envelope.command), envelope.actor, given.rule, relied_on)
        if alike not in let:
            let[alike] = self._authorised(connection, MACHINES[kind], envelope)
        return let[alike]

    def _commit(
        self, envelope: Envelope, after: int, events: list[Json], extra: Extra | None
    ) -> RecordReply:
        afterwards: list[Callable[[], None]] = []
        try:
            with self._store.write() as connection:
                reply = self._write(connection, envelope, after, events, extra, afterwards)
            for each in afterwards:
                each()
            return reply
        except RefusedError as refusal:
            refused = Refusal(str(refusal.refused.code), dict(refusal.refused.facts))
        except IntegrityError as error:
            # Another writer took the sequence or the command id between our look and our
            # insert (PostgreSQL, an empty stream): whoever asked looks again.
            return self._missed(envelope, after, taken=error)
        except OperationalError as error:
            if getattr(error.orig, "sqlstate", None) not in LOOK_AGAIN:
                raise
            return self._missed(envelope, after)
        return self._missed(envelope, after, refused)

    def _missed(
        self,
        envelope: Envelope,
        after: int,
        refused: Refusal | None = None,
        taken: IntegrityError | None = None,
    ) -> RecordReply:
        """Nothing was committed: what there is that the caller has not folded.

        Raises `taken` when nobody took the command's place: it would fail for ever.
        """
        with self._store.read() as connection:
            missed = streams.after(connection, envelope.stream, after)
            known = taken and streams.of_command(connection, envelope.id)
            now = codec.written(clock.now(connection))
        if taken is not None and not missed and not known:
            raise taken
        return RecordReply("refused" if refused else "behind", now, missed, refusal=refused)

    def _write(
        self,
        connection: Connection,
        envelope: Envelope,
        after: int,
        events: list[Json],
        extra: Extra | None,
        afterwards: list[Callable[[], None]],
    ) -> RecordReply:
        """`afterwards` is given what is to be done once the transaction is committed."""
        stream, repeated = streams.to_append(connection, envelope.stream, envelope.id, self._folded)
        now = clock.now(connection)
        known = streams.of_command(connection, envelope.id) if repeated else None
        if known is not None:
            entry, digest = known
            if digest != envelope.digest or entry["stream"] != envelope.stream:
                raise RefusedError(Code.COMMAND_REUSED)
            # Read after it was found: it may have been committed since `stream` was read.
            missed = streams.after(connection, stream.id, after)
            return RecordReply("known", codec.written(now), missed, entry)
        if stream.sequence < after:
            # The database was put back from an older copy: no looking again brings back
            # what the caller has folded.
            raise RefusedError(Code.UNAVAILABLE)
        if stream.sequence > after:
            missed = streams.after(connection, stream.id, after)
            return RecordReply("behind", codec.written(now), missed)
        if not events:
            return RecordReply("current", codec.written(now))
        machine = MACHINES[kind_of(stream.id)]
        happened = machine.happened(events)
        authorisation = self._authorised(connection, machine, envelope)
        cause = envelope.cause or (None if after == 0 else cause_of(connection, envelope))
        entry = entry_of(envelope, stream, now, authorisation, events, happened, cause)
        named = [text for event in happened for text in codec.text_ids(event)]
        entry["commitments"] = texts.claim(connection, named, envelope.actor, entry["id"])
        recorded = streams.append(connection, entry, envelope.digest, stream, happened)
        afterwards.append(lambda: self._folded.keep(recorded))
        projections.project(connection, recorded, happened, entry)
        if extra is not None:
            extra(connection, entry["id"])
        notifying.tell(connection, recorded, happened, entry, self._folded)
        if post(connection, recorded, happened, entry):
            afterwards.append(self.posted)
        return RecordReply("recorded", codec.written(now), [entry])

    def _authorised(
        self, connection: Connection, machine: Machine, envelope: Envelope
    ) -> Authorisation:
        """What let the command through, still true: locked until the commit.

        Raises:
            RefusedError: as stale when anything relied on has changed; as not permitted for
                a system command outside the closed list, or a command nobody authorised.
        """
        name = type(envelope.command).__name__
        if envelope.actor == SYSTEM:
            if name not in SYSTEM_COMMANDS:
                raise RefusedError(Code.NOT_PERMITTED)
            relied_on = envelope.authorisation.versions if envelope.authorisation else {}
            _still_true(connection, relied_on)
            rule = self._rulebook.permitted(
                connection, act_of(machine.kind, name), ("role:system",)
            )
            return Authorisation(rule, versions.read(connection, {versions.RULES, *relied_on}))
        if envelope.authorisation is None:
            raise RefusedError(Code.NOT_PERMITTED)
        _still_true(connection, envelope.authorisation.versions)
        return envelope.authorisation


def _still_true(connection: Connection, relied_on: Mapping[str, int]) -> None:
    changed = versions.changed(connection, relied_on)
    if changed:
        raise RefusedError(Code.STALE, changed=",".join(changed))

"""A small pure recorder: what the real one promises, without a database.

Command ids are unique for ever and a known one gets its first entry; entries are
numbered in their stream; a driver that has missed entries gets them and decides
again. Everything that passes goes through the codec and JSON, so each test that
uses it also tests that nothing is lost on the way.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from policies import codec
from policies.machines import MACHINES, written_command, written_event
from policies.refusals import Code, Refused
from policies.stream import Meta
from policies.types import Envelope

Json = dict[str, Any]
Entry = Json


def through_json(value: Any) -> Any:
    """`value` as it comes back from the wire; keys come sorted, as in RFC 8785."""
    return json.loads(json.dumps(value, sort_keys=True))


class Stream:
    """One stream with its driver. `events` holds (sequence, entry id, event) in order."""

    def __init__(self, kind: str, name: str) -> None:
        self.machine = MACHINES[kind]
        self.name = name
        self.state: Any = self.machine.initial
        self.entries: list[Entry] = []
        self.envelopes: list[Envelope] = []
        self.events: list[tuple[int, str, Any]] = []
        self.by_command: dict[str, Entry] = {}

    @property
    def sequence(self) -> int:
        return len(self.entries)

    def behind(self, missed: int) -> Any:
        """The state of a driver that has not heard of the last `missed` entries."""
        state = self.machine.initial
        for entry in self.entries[: max(0, self.sequence - missed)]:
            state = self.machine.fold(state, entry)
        return state

    def send(
        self,
        envelope: Envelope,
        missed: int = 0,
        changed: Callable[[Envelope], bool] = lambda envelope: False,
    ) -> Entry | Refused:
        """Carry one command, as a driver that has missed that many entries does.

        `changed` tells whether something that let the command through has changed since.
        """
        before = self._snapshot()
        envelope = replace(envelope, command=self._as_received(envelope.command))
        folded = max(0, self.sequence - missed)
        state = self.behind(missed) if missed else self.state
        while True:
            decided = self._decide(state, envelope)
            if envelope.id in self.by_command:
                entry = self.by_command[envelope.id]
                assert self._snapshot() == before
                return entry
            if folded < self.sequence:
                state = self.machine.fold(state, self.entries[folded])
                folded += 1
                continue
            if isinstance(decided, Refused) or changed(envelope):
                assert self._snapshot() == before, "a refused command changed something"
                return decided if isinstance(decided, Refused) else Refused(Code.STALE)
            return self._record(envelope, decided)

    def would(self, envelope: Envelope) -> list[Any] | Refused:
        """What `decide` says now, nothing recorded."""
        return self._decide(self.state, envelope)

    def of(self, *kinds: type) -> list[tuple[int, str, Any]]:
        """The events of these types so far."""
        return [each for each in self.events if isinstance(each[2], kinds)]

    def _as_received(self, command: Any) -> Any:
        received = self.machine.command(through_json(written_command(command)))
        assert received == command, "the command was not read as it was written"
        return received

    def _decide(self, state: Any, envelope: Envelope) -> list[Any] | Refused:
        """Decide twice, from the state and from what the tables would keep of it."""
        before = codec.encode(state)
        decided = self.machine.decide(state, envelope)
        assert codec.encode(state) == before, "deciding changed the state"
        kept = codec.decode(type(state), through_json(before))
        assert kept == state, "the state was not read as it was written"
        assert self.machine.decide(kept, envelope) == decided, "the same state decided otherwise"
        assert decided, "neither events nor a refusal"
        return decided

    def _record(self, envelope: Envelope, decided: list[Any]) -> Entry:
        entry: Entry = through_json({
            "id": f"entry-{self.name}-{self.sequence + 1}",
            "sequence": self.sequence + 1,
            "command": envelope.id,
            "at": codec.written(envelope.at),
            "events": [written_event(each) for each in decided],
        })  # fmt: skip
        read = [self.machine.event(e["type"], e["version"], e["data"]) for e in entry["events"]]
        assert read == decided, "the events were not read as they were written"
        meta = Meta(entry["id"], entry["sequence"], envelope.at)
        state = self.state
        for event in decided:
            state = self.machine.evolve(state, event, meta)
        folded = self.machine.fold(self.state, entry)
        assert folded == state, "the entry folds to another state than its events"
        self.state = folded
        self.entries.append(entry)
        self.envelopes.append(envelope)
        self.by_command[envelope.id] = entry
        self.events += [(entry["sequence"], entry["id"], event) for event in decided]
        return entry

    def _snapshot(self) -> tuple[Any, int]:
        return codec.encode(self.state), self.sequence

    def check_whole(self) -> None:
        """Folding the stream from its beginning gives the state that is held."""
        assert self.behind(0) == self.state

"""One catalogue file on its way in: judged whole, then staged where no reader sees it."""

from __future__ import annotations

import hashlib
import io
import os
import pathlib
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import BinaryIO

from policies.codec import encode
from policies.refusals import Code, RefusedError
from services import clock
from services.catalogue import staging
from services.catalogue.conflicts import Conflicts
from services.catalogue.csvlines import Fault
from services.catalogue.proposals import Proposer, Rule
from services.catalogue.reader import Variable, read
from services.catalogue.search import searched
from services.store.session import Store

MAX_FIELD = 200
"""Characters in a name: three of them make an item's id, which both databases must index."""

MAX_FAULTS = 1_000


@dataclass
class Incoming:
    """One import on its way. `check` and `stage` are walked step by step, each in a thread,
    and give the bytes of the file done so far."""

    store: Store
    file: pathlib.Path
    rules: tuple[Rule, ...]
    batch: str = field(default_factory=lambda: f"import-{uuid.uuid4()}")
    against: Conflicts = field(default_factory=Conflicts)
    faults: list[Fault] = field(default_factory=list)
    good: int = 0
    whole: bool = False
    sha256: str = ""
    size: int = 0
    staged: staging.Added = staging.NOTHING

    def check(self) -> Iterator[int]:
        """Judge the whole file."""
        # What is not there, is no file or is too large is told before anything is read.
        first = next(read(self.file), None)
        if isinstance(first, Fault) and first.line == 0:
            self.faults.append(first)
            return
        with _Hashed(self.file) as stream:
            self.size = os.fstat(stream.fileno()).st_size
            pending: list[Variable] = []
            for each in self._read(stream):
                if isinstance(each, Fault):
                    self.faults.append(each)
                else:
                    pending.append(each)
                if len(pending) >= staging.CHUNK:
                    self._compare(pending)
                    pending = []
                    yield stream.done
                if len(self.faults) > MAX_FAULTS:
                    told = "reading stopped here, at too many faults; correct these first."
                    self.faults.append(Fault(each.line, "file", f"Line {each.line}: {told}"))
                    break
            self._compare(pending)
            self.whole = not stream.read(1)
            self.sha256 = stream.sha256.hexdigest()
        self.faults.sort(key=lambda fault: fault.line)
        yield self.size

    def stage(self) -> Iterator[int]:
        """Write the good lines where nobody sees them."""
        with self.store.write() as connection:
            staging.begin(connection, self.batch, self.sha256, clock.now(connection))
        for _ in staging.erasing(self.store):
            yield self.size
        with _Hashed(self.file) as stream:
            chunk = staging.Chunk()
            for each in self._read(stream):
                if isinstance(each, Fault) or self.against.refused(each):
                    continue
                self._put(chunk, each)
                if chunk.full:
                    self._write(chunk)
                    chunk = staging.Chunk()
                    yield self.size + stream.done
            self._write(chunk)
            if stream.sha256.hexdigest() != self.sha256:
                raise RefusedError(
                    Code.STALE,
                    sentence="The file changed while it was read; nothing of it was kept.",
                    next="Wait until it is all written, then import it again.",
                )
        yield 2 * self.size

    def _read(self, stream: BinaryIO) -> Iterator[Variable | Fault]:
        return read(stream, max_field=MAX_FIELD, max_faults=MAX_FAULTS)

    def _compare(self, variables: list[Variable]) -> None:
        with self.store.read() as connection:
            faults = self.against.compare(connection, variables)
        self.good += sum(not self.against.refused(each) for each in variables)
        self.faults += faults

    def _put(self, chunk: staging.Chunk, variable: Variable) -> None:
        key, collection = variable.key, variable.collection_key
        chunk.collections[collection] = {
            "id": collection,
            "agency": variable.agency,
            "name": variable.collection,
            "batch": self.batch,
        }
        chunk.items.append(
            {
                "id": key,
                "collection": collection,
                "table": variable.table,
                "variable": variable.variable,
                "search": searched(key, variable.collection, variable.agency),
                "batch": self.batch,
            }
        )
        for each in self.proposer.propose(key):
            line = {
                "class": each.class_id,
                "peoples": encode(each.peoples),
                "places": encode(each.places),
                "because": self.because[each.rule_id],
            }
            chunk.proposals.append({"item": key, "rule": each.rule_id, "line": line})

    def _write(self, chunk: staging.Chunk) -> None:
        started = time.monotonic()
        with self.store.write() as connection:
            self.staged += staging.add(connection, self.batch, chunk)
        staging.pause(self.store, started)

    @cached_property
    def proposer(self) -> Proposer:
        """What proposes by the rules."""
        return Proposer(self.rules)

    @cached_property
    def because(self) -> dict[str, str]:
        """Each rule's reason, by its id."""
        return {rule.id: rule.because for rule in self.rules}


class _Hashed(io.BufferedReader):
    """A file, how much of it was read by lines, and the hash of that."""

    def __init__(self, file: pathlib.Path) -> None:
        super().__init__(io.FileIO(file))
        self.sha256 = hashlib.sha256()
        self.done = 0

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(size)
        self.sha256.update(line)
        self.done += len(line)
        return line

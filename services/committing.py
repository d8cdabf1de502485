"""Group commit: answers that come at the same moment are recorded in one transaction.

Reaching the disk is what a commit takes longest for, and it takes no longer for many entries than
for one. One thread of the process takes whatever waits at this moment and commits it together;
what comes meanwhile waits for the next round. Nobody is told anything before the commit.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from sqlalchemy.exc import InterfaceError, OperationalError

from policies.refusals import Code, RefusedError
from policies.types import Envelope
from workflows.contracts import Json

MOST = 200
"""About how many commands go into one transaction: on SQLite it keeps every other writer out."""


@dataclass(frozen=True)
class Batch:
    """Commands of one asker, which stand or fall together.

    Args:
        envelopes: the commands, in the order in which they are to be recorded.
        seen: streams that they rely on, each with the sequence at which it was read.
    """

    envelopes: Sequence[Envelope]
    seen: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Carried:
    """The entries of a batch, and the instant (`freshness.instant`) at which all that it relied on
    was checked to be still so."""

    entries: list[Json]
    checked: int


Outcome = Carried | Exception
"""What a batch came to; an error is that batch's own."""

Carry = Callable[[Sequence[Batch]], list[Outcome]]
"""Commits batches in one transaction; raises what concerns all of them (`Recorder`)."""


@dataclass(frozen=True)
class _Waiting:
    batch: Batch
    told: Future[Carried]


class Committer:
    """Commits what any thread gives it. One in a process; its thread begins with the first."""

    def __init__(self, carry: Carry) -> None:
        """`carry` is called by one thread alone."""
        self._carry = carry
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._closed = False

    def submit(self, batch: Batch) -> Future[Carried]:
        """Commit `batch` with whatever else waits. Its future is done once that is durable.

        Raises:
            RefusedError: as unavailable, when this process is about to end.
        """
        waiting = _Waiting(batch, Future())
        # Under the lock, so that nothing comes into the queue behind its end.
        with self._lock:
            if self._closed:
                raise RefusedError(Code.UNAVAILABLE)
            if self._thread is None or not self._thread.is_alive():
                # A daemon: a process that is ending does not wait for it, and what was not
                # committed then was never answered.
                self._thread = threading.Thread(target=self._run, name="committer", daemon=True)
                self._thread.start()
            self._queue.put(waiting)
        return waiting.told

    def close(self) -> None:
        """Commit what was given, take nothing more, and end."""
        with self._lock:
            self._closed = True
            thread = self._thread
            self._queue.put(None)
        if thread is not None:
            thread.join()

    def _run(self) -> None:
        ended = False
        while not ended:
            taken: list[_Waiting] = []
            waiting = self._queue.get()
            size = 0
            while waiting is not None:
                # Whoever has gone meanwhile gets no record: their answer does not leave either.
                if waiting.told.set_running_or_notify_cancel():
                    taken.append(waiting)
                    size += len(waiting.batch.envelopes)
                if size >= MOST:
                    break
                try:
                    waiting = self._queue.get_nowait()
                except queue.Empty:
                    break
            ended = waiting is None
            try:
                if taken:
                    self._commit(taken)
            finally:
                # Whatever ends this thread, nobody waits for it in vain.
                for each in taken:
                    if not each.told.done():
                        each.told.set_exception(RefusedError(Code.UNAVAILABLE))

    def _commit(self, taken: list[_Waiting]) -> None:
        try:
            outcomes = self._carry([each.batch for each in taken])
        except Exception as error:
            if len(taken) > 1 and not _concerns_all(error):
                # One of them spoilt it for all: each by itself finds out which.
                for each in taken:
                    self._commit([each])
                return
            outcomes = [error] * len(taken)
        for each, outcome in zip(taken, outcomes, strict=True):
            if isinstance(outcome, Carried):
                each.told.set_result(outcome)
            else:
                each.told.set_exception(outcome)


def _concerns_all(error: Exception) -> bool:
    """Whether the database failed, rather than something that it was given: the next would only
    wait for it as well. What PostgreSQL has against a statement has an SQLSTATE; a connection
    that is lost or cannot be had, and whatever SQLite calls operational, has none."""
    if not isinstance(error, InterfaceError | OperationalError):
        return False
    return error.connection_invalidated or getattr(error.orig, "sqlstate", None) is None

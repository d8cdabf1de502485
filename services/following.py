"""Reads the change log ahead of the answers that need it, in a thread of its own.

On PostgreSQL it listens for the notice that every change gives; on SQLite, and where a notice is
lost, it looks every quarter of a second. Answers do not depend on it: each looks for itself, in
its own snapshot (`rulebook.py`); what was read ahead they need not read.
"""

from __future__ import annotations

import logging
import threading

import psycopg

from services import freshness
from services.rulebook import Rulebook
from services.store.rule_log import CHANNEL
from services.store.session import Store

LOG = logging.getLogger("accord.rules")
LOOKS_EVERY = 0.25
"""Seconds between two looks that no notice asked for."""
TRIES_AGAIN_AFTER = 1.0


class Following:
    """One in a process. `confirmed` is when it last knew that it had read everything."""

    def __init__(self, store: Store, rulebook: Rulebook) -> None:
        """Nothing runs yet."""
        self._store, self._rulebook = store, rulebook
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.confirmed: int | None = None

    def start(self) -> None:
        """Begin to follow."""
        self._thread = threading.Thread(target=self._run, name="rules", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End, and wait until it has."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def behind(self) -> float | None:
        """Seconds since everything was known to be read, those included in which the machine was
        suspended (`freshness`); None before the first time."""
        return None if self.confirmed is None else (freshness.instant() - self.confirmed) / 1e9

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                if self._store.sqlite:
                    self._look_again_and_again()
                else:
                    self._listen()
            except Exception as error:
                # The database is away, or something in the log cannot be read: answers meet the
                # same and refuse by themselves.
                LOG.warning("Rules cannot be read ahead: %s", type(error).__name__)
                self._stop.wait(TRIES_AGAIN_AFTER)

    def _look_again_and_again(self) -> None:
        while not self._stop.is_set():
            self._look()
            self._stop.wait(LOOKS_EVERY)

    def _listen(self) -> None:
        address = self._store.engine.url.set(drivername="postgresql")
        with psycopg.connect(
            address.render_as_string(hide_password=False), autocommit=True
        ) as connection:
            connection.execute(f"LISTEN {CHANNEL}")
            while not self._stop.is_set():
                # After listening began: what came before it is found by looking.
                self._look()
                for _ in connection.notifies(timeout=LOOKS_EVERY, stop_after=1):
                    pass

    def _look(self) -> None:
        began = freshness.instant()
        with self._store.read() as connection:
            self._rulebook.at(connection)
        self.confirmed = began

"""One of the processes that ask: it reads the rules as production does, asks the same question
again and again, each time in a snapshot of its own, and says when the answer turns.

Arguments: the database's URL, and how many seconds to wait between two questions. It ends when its
standard input does.
"""

from __future__ import annotations

import gc
import json
import sys
import threading
import time
from datetime import UTC, datetime

import psutil

from policies.enforcer import Enforcer, Question
from policies.slices import Slice
from services.following import Following
from services.rulebook import Rulebook
from services.store.session import Store

PEOPLE, COLLECTION, ITEM, PURPOSE = "people-watched", "watched", "watched.item", "watching"


def question() -> Question:
    """What is asked."""
    return Question(
        "role:grantee", "use.read", datetime.now(UTC), f"people:{PEOPLE}", COLLECTION, ITEM,
        "health", PURPOSE, "aggregate", Slice(frozenset({PEOPLE})),
    )  # fmt: skip


def say(**told: object) -> None:
    """One line for whoever started this."""
    print(json.dumps(told), flush=True)


def run(url: str, pause: float) -> None:
    """Load, say so, and ask until told to end."""
    store, rulebook = Store(url), Rulebook()
    with store.read() as connection:
        connection.exec_driver_sql("SELECT 1")
    Enforcer()
    gc.collect()
    process = psutil.Process()
    before = process.memory_full_info().uss
    began = time.perf_counter()
    with store.read() as connection:
        enforcer = rulebook.at(connection).enforcer
    seconds = time.perf_counter() - began
    gc.collect()
    say(seconds=seconds, mb=(process.memory_full_info().uss - before) / 1e6, lines=enforcer.size)
    following = Following(store, rulebook)
    following.start()
    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    last, asked = None, 0
    while not ended.wait(pause) if pause else not ended.is_set():
        with store.read() as connection:
            allowed = rulebook.at(connection).enforcer.may(question()).allowed
        asked += 1
        if allowed is not last:
            say(yes=allowed, at=time.monotonic())
            last = allowed
    say(asked=asked, position=rulebook.position)
    following.stop()
    store.close()


if __name__ == "__main__":
    run(sys.argv[1], float(sys.argv[2]))

"""The mail's outbox: what waits to be sent, as ids alone.

Whoever causes a message posts it in the transaction of what it is about, so that either both
are there or neither; the worker's mailer (`services/mailer.py`) sends it. What a message says
is made when it is sent, from its kind and the ids in its facts (`services/mail.py`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

from policies.codec import written
from services.store.schema import messages
from services.store.session import insert_new

KEPT_FOR = timedelta(days=30)
_FACT = re.compile(r"[a-z]+-[a-z0-9-]{1,60}|\d{4}-\d{2}-\d{2}|\d{1,6}")
"""What may be a fact: an id, a day, a number. Words, names and addresses are none."""


def post(
    connection: Connection,
    *,
    key: str,
    person: str | None,
    kind: str,
    facts: Mapping[str, str],
    at: datetime,
    not_before: datetime | None = None,
) -> bool:
    """Put a message into the outbox, once for each `key`; False when it was there before.

    Args:
        key: what makes this message this one, such as ``<entry id>.<person>``; it must
            follow from what caused it, so that a repeat posts nothing. Its hash is in the
            message's Message-ID.
        person: whose address it goes to, when it is sent. None sends nothing, and costs
            the same.
        kind: one of `services.mail.KINDS`.
        facts: name to id, day (2026-11-23) or number.
        at: now, by the service clock; messages go out oldest first.
        not_before: an instant to wait for.

    Raises:
        ValueError: a fact is something other than an id, a day or a number.
    """
    for name, value in facts.items():
        if not _FACT.fullmatch(value):
            raise ValueError(f"the fact {name} of a message is no id, day or number")
    row = {
        "key": key,
        "person": person,
        "kind": kind,
        "facts": dict(facts),
        "created_at": written(at),
        "not_before": written(not_before or at),
        "tries": 0,
    }
    return insert_new(connection, messages, row)


def sweep(connection: Connection, now: datetime, kind: str) -> int:
    """Forget what was done a month ago with messages of a kind whose keys are made at random;
    returns how many. All others are kept: their keys must never be sent a second time."""
    gone = connection.execute(
        sa.delete(messages).where(
            messages.c.kind == kind,
            messages.c.outcome.is_not(None),
            messages.c.created_at < written(now - KEPT_FOR),
        )
    )
    return int(gone.rowcount)

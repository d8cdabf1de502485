"""The outbox: what one stream causes in another, carried until each has arrived."""

from __future__ import annotations

import asyncio
import contextlib
import logging

import sqlalchemy as sa

from policies import codec
from policies.refusals import Code, RefusedError
from services import bootstrap, clock
from services.careful import careful
from services.store.schema import outbox
from workflows.envelopes import envelope_of

LOG = logging.getLogger("accord.worker")
AT_ONCE = 32
"""How much is on its way at a time."""
LOOK_EVERY = 0.5
"""Seconds between two looks at the outbox when nobody says that there is something in it."""


async def delivering(accord: bootstrap.Accord) -> None:
    """Carry what one stream causes in another, until each has arrived.

    The recorder of this process says when there is something; besides, there is a look now
    and then, for what another worker left behind and what did not arrive.
    """
    bell = asyncio.Event()
    loop = asyncio.get_running_loop()

    def ring() -> None:
        loop.call_soon_threadsafe(bell.set)

    accord.recorder.posted = ring
    while True:
        bell.clear()
        if await deliver_once(accord) == AT_ONCE:
            continue
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(bell.wait(), LOOK_EVERY)


async def deliver_once(accord: bootstrap.Accord) -> int:
    """Deliver what waits in the outbox, oldest first; returns how much arrived."""

    def waiting() -> list[sa.Row[tuple[int, dict[str, object]]]]:
        with accord.store.read() as connection:
            return list(
                connection.execute(
                    sa.select(outbox.c.id, outbox.c.envelope)
                    .where(outbox.c.delivered_at.is_(None))
                    .order_by(outbox.c.id)
                    .limit(AT_ONCE)
                )
            )

    found = await careful("outbox", waiting) or []
    tried = await asyncio.gather(*(_deliver(accord, row.id, row.envelope) for row in found))
    arrived = [each for each in tried if each is not None]

    def mark() -> None:
        with accord.store.write() as connection:
            at = codec.written(clock.now(connection))
            connection.execute(
                sa.update(outbox)
                .where(outbox.c.id == sa.bindparam("number"))
                .values(delivered_at=at, outcome=sa.bindparam("how")),
                arrived,
            )

    if arrived:
        await careful("outbox", mark)
    return len(arrived)


async def _deliver(
    accord: bootstrap.Accord, number: int, envelope: dict[str, object]
) -> dict[str, object] | None:
    """The outbox's row and how it went, to be marked; None when it has to be tried again."""
    outcome = "done"
    try:
        await accord.dispatcher.send(envelope_of(envelope))
    except RefusedError as refusal:
        if refusal.refused.code in (Code.UNAVAILABLE, Code.STALE):
            return None  # Not known, or not now: it stays in the outbox.
        outcome = str(refusal.refused.code)
        LOG.error("outbox %d was refused: %s", number, outcome)
    except Exception as trouble:
        LOG.error("outbox %d: %s", number, type(trouble).__name__)
        return None
    return {"number": number, "how": outcome}

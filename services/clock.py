"""The service clock: wall clock plus an offset kept in the database.

The offset is zero everywhere but in a temporary home (story and tests), where it
moves time for tokens, gateways, due dates and the ledger alike; the database
refuses any other value elsewhere.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

from policies.refusals import Code, RefusedError
from services.store.schema import deployment

_OFFSET = sa.select(deployment.c.temporary, deployment.c.offset_seconds)
_NEVER_MOVES = "accord: this home's clock never moves"


def now(connection: Connection) -> datetime:
    """The instant (UTC) by which everything recorded is stamped."""
    if _NEVER_MOVES in connection.info:
        return datetime.now(UTC)
    home = connection.execute(_OFFSET).one()
    if not home.temporary:
        # The database sees to it that no home becomes a temporary one: asked once is enough.
        connection.info[_NEVER_MOVES] = True
    return datetime.now(UTC) + timedelta(seconds=home.offset_seconds)


def advance(connection: Connection, by: timedelta) -> datetime:
    """Move the clock of a temporary home forward; returns the new instant.

    Raises:
        RefusedError: this home was not created as a temporary one, or `by` is not positive.
    """
    if by <= timedelta(0):
        raise RefusedError(Code.INVALID, field="days")
    moved = connection.execute(
        sa.update(deployment)
        .where(deployment.c.temporary.is_(True))
        .values(offset_seconds=deployment.c.offset_seconds + by.total_seconds())
    )
    if not moved.rowcount:
        raise RefusedError(Code.EXAMPLE_ONLY)
    return now(connection)

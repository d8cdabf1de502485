"""Drafts: the owner's alone, mutable, outside streams and ledger until submitted."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from policies.codec import written
from policies.refusals import Code, RefusedError
from services.store.schema import drafts
from services.store.session import insert_new

MOST_DRAFTS = 500
"""How many drafts one person can keep."""


def get(connection: Connection, draft: str, owner: str) -> sa.Row[Any]:
    """The draft. Raises RefusedError: there is none, or it is somebody else's."""
    row = connection.execute(
        sa.select(drafts).where(drafts.c.id == draft, drafts.c.owner == owner)
    ).one_or_none()
    if row is None:
        raise RefusedError(Code.NOT_FOUND)
    return row


def of(connection: Connection, owner: str) -> list[sa.Row[Any]]:
    """The owner's drafts, newest first; those that were submitted are still among them."""
    return list(
        connection.execute(
            sa.select(drafts).where(drafts.c.owner == owner).order_by(drafts.c.updated_at.desc())
        )
    )


def save(
    connection: Connection,
    draft: str,
    owner: str,
    version: int,
    content: dict[str, Any],
    now: datetime,
) -> int:
    """Save `content` over version `version` (0 for a new draft); returns the new version.
    The same content once more changes nothing.

    Raises:
        RefusedError: somebody (another device) saved meanwhile; what changed is named.
    """
    row = connection.execute(sa.select(drafts).where(drafts.c.id == draft)).one_or_none()
    if row is None:
        if version != 0:
            raise RefusedError(Code.NOT_FOUND)
        if len(of(connection, owner)) >= MOST_DRAFTS:
            raise RefusedError(Code.TOO_LARGE, field="drafts")
        new = {
            "id": draft,
            "owner": owner,
            "version": 1,
            "content": content,
            "updated_at": written(now),
        }
        if insert_new(connection, drafts, new):
            return 1
        return save(connection, draft, owner, version, content, now)
    if row.owner != owner:
        raise RefusedError(Code.NOT_FOUND)
    if row.version != version:
        differing = [
            name
            for name in sorted({*content, *row.content})
            if content.get(name) != row.content.get(name)
        ]
        if not differing:
            # Saved before, and the answer was lost on its way.
            return int(row.version)
        raise RefusedError(Code.STALE, version=str(row.version), differs=",".join(differing))
    saved = connection.execute(
        sa.update(drafts)
        .where(drafts.c.id == draft, drafts.c.version == version)
        .values(version=version + 1, content=content, updated_at=written(now))
    )
    if saved.rowcount:
        return version + 1
    # Another device was a moment earlier; look at what it left, and say so.
    return save(connection, draft, owner, version, content, now)

"""Words, names, reasons and files: kept outside the ledger, which holds only a commitment.

Words come first: a text is saved as pending, readable by its author alone; the
recorder claims it with the event that names it. Erasing deletes text and salt, and
the proof stays whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import sqlalchemy as sa
from sqlalchemy import Connection

from policies.codec import written
from policies.refusals import Code, RefusedError
from policies.types import TextId
from services.ledger.chain import commitment, new_salt
from services.store.schema import texts
from services.store.session import insert_new

UNCLAIMED_FOR = timedelta(days=1)
AT_ONCE = 500
"""How many ids one statement names."""
_WANTED = texts.c.id.in_(sa.bindparam("wanted", expanding=True))
_TO_CLAIM = (
    sa.select(texts.c.id, texts.c.author, texts.c.entry, texts.c.salt, texts.c.content)
    .where(_WANTED)
    # Locked: a sweep at the same moment would leave a commitment to nothing. In order, so
    # that two who want the same ones wait for each other only once.
    .order_by(texts.c.id)
    .with_for_update()
)
_CLAIM = sa.update(texts).where(_WANTED).values(entry=sa.bindparam("claimed_by"))
NO_KEY = "none"
"""The reserved key id of texts that are not encrypted at rest."""


class Audience(StrEnum):
    """Who may read a text: its owning body, the parties to its request, or anybody."""

    BODY = "body"
    PARTIES = "parties"
    PUBLIC = "public"


@dataclass(frozen=True)
class Words:
    """Words on their way in. `owner` is the body, request or deployment they belong to."""

    id: TextId
    owner: str
    audience: Audience
    content: bytes
    media_type: str = "text/plain; charset=utf-8"


def save(connection: Connection, author: str, words: Iterable[Words], at: datetime) -> None:
    """Save `words` as pending. The same id with the same content again is no error.

    Raises:
        RefusedError: an id is taken by other words (a command id used twice).
    """
    for each in words:
        row = {
            "id": each.id,
            "owner": each.owner,
            "audience": each.audience,
            "author": author,
            "key_id": NO_KEY,
            "salt": new_salt(),
            "content": each.content,
            "media_type": each.media_type,
            "created_at": written(at),
        }
        # Written first and looked at after: two clicks may come at the same moment.
        if insert_new(connection, texts, row):
            continue
        known = connection.execute(
            sa.select(texts.c.author, texts.c.content).where(texts.c.id == each.id)
        ).one()
        if known.author != author or bytes(known.content) != each.content:
            raise RefusedError(Code.COMMAND_REUSED)


def claim(
    connection: Connection, ids: Iterable[TextId], author: str, entry: str
) -> Mapping[str, str]:
    """Tie pending texts of `author` to the ledger entry that names them.

    Returns the commitment of each. A text that an earlier entry claimed may be named
    again (terms repeat conditions), and is committed to again.

    Raises:
        RefusedError: a text is not there (swept after a day), or is somebody else's.
    """
    commitments: dict[str, str] = {}
    wanted = sorted({str(each) for each in ids})
    for start in range(0, len(wanted), AT_ONCE):
        some = wanted[start : start + AT_ONCE]
        rows = {row.id: row for row in connection.execute(_TO_CLAIM, {"wanted": some})}
        unclaimed = [row for row in rows.values() if row.entry is None]
        if len(rows) < len(some) or any(row.author != author for row in unclaimed):
            raise RefusedError(Code.UNKNOWN_TEXT)
        if unclaimed:
            these = [row.id for row in unclaimed]
            connection.execute(_CLAIM, {"wanted": these, "claimed_by": entry})
        for each in some:
            commitments[each] = commitment(bytes(rows[each].salt), bytes(rows[each].content))
    return commitments


def keep(connection: Connection, text: str, holder: str) -> None:
    """Tie a text to `holder` where no entry names it: a person's own name."""
    connection.execute(sa.update(texts).where(texts.c.id == text).values(entry=holder))


def read(connection: Connection, ids: Iterable[str]) -> Mapping[str, str]:
    """The words of those `ids` that are still there. Who may read is the caller's to know."""
    wanted = sorted(set(ids))
    found: dict[str, str] = {}
    for start in range(0, len(wanted), 500):
        rows = connection.execute(
            sa.select(texts.c.id, texts.c.content).where(
                texts.c.id.in_(wanted[start : start + 500])
            )
        )
        found |= {row.id: bytes(row.content).decode() for row in rows}
    return found


def file(connection: Connection, text: str) -> tuple[bytes, str] | None:
    """A file as it was given, and its media type; None when it is gone. Who may read is the
    caller's to know."""
    query = sa.select(texts.c.content, texts.c.media_type).where(texts.c.id == text)
    row = connection.execute(query).one_or_none()
    return (bytes(row.content), row.media_type) if row else None


def sweep(connection: Connection, now: datetime) -> int:
    """Erase what was never claimed, a day later; returns how many texts."""
    gone = connection.execute(
        sa.delete(texts).where(
            texts.c.entry.is_(None), texts.c.created_at < written(now - UNCLAIMED_FOR)
        )
    )
    return int(gone.rowcount)


def erase(connection: Connection, text: str) -> bool:
    """Delete a text and its salt for good; every entry that names it still verifies."""
    gone = connection.execute(sa.delete(texts).where(texts.c.id == text))
    return bool(gone.rowcount)

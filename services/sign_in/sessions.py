"""Sessions: somebody signed in, in one browser, until they leave or are not seen for a while.

A session's secret is 256 random bits in a cookie; here is only its SHA-256. It ends twelve
hours after it was last seen, and after seven days whatever happens; when it was last seen is
kept in steps of ten minutes, since nobody needs to know it better.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from policies.codec import instant, written
from policies.stepping_up import FRESH_FOR
from services import credentials
from services.store.schema import sessions

IDLE = timedelta(hours=12)
LONGEST = timedelta(days=7)
STEP = timedelta(minutes=10)
KEPT_AFTER = timedelta(days=30)
"""For how long an ended session is still listed nowhere, but there for whoever looks into it."""


@dataclass(frozen=True)
class Session:
    """One that is open. `stepped_up`: its person showed in the last minutes that it is them."""

    id: str
    person: str
    way: str
    created_at: datetime
    seen_at: datetime
    expires_at: datetime
    stepped_up: bool


def begin(
    connection: Connection,
    person: str,
    way: str,
    now: datetime,
    shown_at: datetime | None,
    instead_of: str | None = None,
) -> str:
    """Begin a session; returns its secret, which is nowhere else from then on.

    Args:
        way: how they signed in: provider, email or example.
        shown_at: when they showed that it is them, or None where nobody said.
        instead_of: the secret that their browser had before; that session ends.
    """
    if instead_of:
        end_by_secret(connection, instead_of, now)
    secret = credentials.new()
    connection.execute(
        sa.insert(sessions).values(
            id="session-" + str(uuid.uuid4()),
            secret=credentials.hashed(secret),
            person=person,
            way=way,
            created_at=written(now),
            seen_at=written(now),
            expires_at=written(now + IDLE),
            stepped_up_at=written(min(shown_at, now)) if shown_at else None,
        )
    )
    return secret


def find(connection: Connection, secret: str, now: datetime) -> Session | None:
    """The open session with that secret."""
    query = sa.select(sessions).where(sessions.c.secret == credentials.hashed(secret))
    row = connection.execute(query.where(*_open(now))).one_or_none()
    return _session(row, now) if row else None


def of(connection: Connection, person: str, now: datetime) -> list[Session]:
    """The person's open sessions, the newest first."""
    query = sa.select(sessions).where(sessions.c.person == person, *_open(now))
    rows = connection.execute(query.order_by(sessions.c.created_at.desc(), sessions.c.id))
    return [_session(row, now) for row in rows]


def is_due(session: Session, now: datetime) -> bool:
    """Whether it is time to write down that the session was seen."""
    return now - session.seen_at >= STEP


def seen(connection: Connection, session: Session, now: datetime) -> None:
    """Write down that the session was seen, which keeps it open."""
    until = min(now + IDLE, session.created_at + LONGEST)
    connection.execute(
        sa.update(sessions)
        .where(sessions.c.id == session.id, sessions.c.ended_at.is_(None))
        .values(seen_at=written(now), expires_at=written(until))
    )


def end(connection: Connection, person: str, session: str, now: datetime) -> bool:
    """End an open session of the person's own; False when there is none of that id."""
    gone = connection.execute(
        sa.update(sessions)
        .where(sessions.c.id == session, sessions.c.person == person, *_open(now))
        .values(ended_at=written(now))
    )
    return bool(gone.rowcount)


def end_by_secret(connection: Connection, secret: str, now: datetime) -> None:
    """End the session with that secret, if it is open."""
    connection.execute(
        sa.update(sessions)
        .where(sessions.c.secret == credentials.hashed(secret), *_open(now))
        .values(ended_at=written(now))
    )


def sweep(connection: Connection, now: datetime) -> int:
    """Forget sessions that ended, or would have, a month ago; returns how many."""
    gone = connection.execute(
        sa.delete(sessions).where(sessions.c.expires_at < written(now - KEPT_AFTER))
    )
    return int(gone.rowcount)


def _open(now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return sessions.c.ended_at.is_(None), sessions.c.expires_at > written(now)


def _session(row: Row[tuple[str, ...]], now: datetime) -> Session:
    shown = instant(row.stepped_up_at) if row.stepped_up_at else None
    return Session(
        row.id,
        row.person,
        row.way,
        instant(row.created_at),
        instant(row.seen_at),
        instant(row.expires_at),
        shown is not None and now - shown < FRESH_FOR,
    )

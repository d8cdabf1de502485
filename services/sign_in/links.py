"""One-time links by e-mail: single use, fifteen minutes, and only where they were asked for.

A link's token follows from its id under the deployment's key, so that neither the database
nor the mail's outbox holds one: there is only its SHA-256. The answer to whoever asks is the
same for every address, and so is the work before it: an address that nobody has gets a link
that belongs to nobody and a message that the mailer drops.

Limits, each counted over the last hour: five links for one address, three hundred in the
whole deployment. They bound how much mail a stranger can have sent. Whoever uses the second up
stops further links for everybody, but no link that came before, no session and no provider;
how often one network may ask is for the proxy before the portal to say.
"""

from __future__ import annotations

import base64
import uuid
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

from policies.codec import written
from policies.refusals import Code, RefusedError
from services import credentials, messages
from services.sign_in import known
from services.sign_in.keys import DeploymentKey
from services.store.schema import emails, signin_links

LASTS = timedelta(minutes=15)
COUNTED_OVER = timedelta(hours=1)
FOR_AN_ADDRESS = 5
FOR_THE_DEPLOYMENT = 300
KEPT_FOR = timedelta(days=1)
KIND = "sign_in_link"
_LOCK = 0x4163_636F_7264_02
"""The advisory lock under which links are counted on PostgreSQL."""


def ask(
    connection: Connection, key: DeploymentKey, address: str, browser: str, now: datetime
) -> None:
    """Send a link to `address`, if somebody has it, for the browser with that secret.

    Raises:
        RefusedError: too many were asked for, whether or not anybody has the address.
    """
    if connection.dialect.name != "sqlite":
        # One after the other: many at once would each find that there was none yet. (On
        # SQLite whoever writes is alone.)
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    found_by = known.lookup(key, address)
    lately = signin_links.c.created_at > written(now - COUNTED_OVER)
    counted = sa.select(
        sa.func.count().filter(signin_links.c.lookup == found_by), sa.func.count()
    ).where(lately)
    for_this, for_all = connection.execute(counted).one()
    if for_this >= FOR_AN_ADDRESS or for_all >= FOR_THE_DEPLOYMENT:
        raise RefusedError(Code.TOO_MANY)
    person = connection.execute(
        sa.select(emails.c.person).where(emails.c.lookup == found_by)
    ).scalar_one_or_none()
    link = "link-" + str(uuid.uuid4())
    connection.execute(
        sa.insert(signin_links).values(
            id=link,
            token=credentials.hashed(token_of(key, link)),
            person=person,
            lookup=found_by,
            browser=credentials.hashed(browser),
            created_at=written(now),
            expires_at=written(now + LASTS),
        )
    )
    messages.post(connection, key=link, person=person, kind=KIND, facts={"link": link}, at=now)


def token_of(key: DeploymentKey, link: str) -> str:
    """The token of a link: what its address in the mail ends with."""
    code = bytes.fromhex(key.code("sign-in link", link))
    return base64.urlsafe_b64encode(code).decode().rstrip("=")


def is_open(connection: Connection, link: str, now: datetime) -> bool:
    """Whether the link could still be used; a message about one that could not is not sent."""
    query = sa.select(signin_links.c.id).where(signin_links.c.id == link, *_open(now))
    return connection.execute(query).one_or_none() is not None


def spend(connection: Connection, token: str, browser: str, now: datetime) -> str:
    """Use a link up; returns whose it is.

    One statement finds and spends it, so that of two at the same moment one comes first. From
    another browser nothing is spent: whoever sees a link on its way cannot take it from its
    owner either.

    Raises:
        RefusedError: used, too old, another browser's, or no link of ours; never which.
    """
    spent = connection.execute(
        sa.update(signin_links)
        .where(
            signin_links.c.token == credentials.hashed(token),
            signin_links.c.browser == credentials.hashed(browser),
            signin_links.c.person.is_not(None),
            *_open(now),
        )
        .values(used_at=written(now))
        .returning(signin_links.c.person)
    )
    person: str | None = spent.scalar_one_or_none()
    if person is None:
        raise RefusedError(Code.LINK_SPENT)
    return person


def sweep(connection: Connection, now: datetime) -> int:
    """Forget links of more than a day ago; returns how many."""
    gone = connection.execute(
        sa.delete(signin_links).where(signin_links.c.created_at < written(now - KEPT_FOR))
    )
    return int(gone.rowcount)


def _open(now: datetime) -> tuple[sa.ColumnElement[bool], ...]:
    return signin_links.c.used_at.is_(None), signin_links.c.expires_at > written(now)

"""Sends what waits in the mail's outbox over SMTP: urgent before the rest, else oldest first.

A message is marked as sent only after the server took it. While the server is away
everything waits, however long that is, and is tried again after a pause that doubles up to a
minute; when it is back, each message goes out once. Should this process be killed between the
server's yes and the mark, that one goes out a second time, with the same Message-ID.

Several workers may send at once: each claims a message for two minutes before it sends it,
which is longer than sending can take.
"""

from __future__ import annotations

import asyncio
import logging
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa

from policies.codec import written
from services import clock, mail
from services.settings import Settings, Smtp
from services.sign_in import known
from services.sign_in.keys import DeploymentKey
from services.store.schema import messages
from services.store.session import Store

LOG = logging.getLogger("accord.mail")
IN_ONE_ROUND = 50
CLAIMED_FOR = timedelta(minutes=2)
TIMEOUT_SECONDS = 20.0
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=6)
MOST_REFUSALS = 12
"""How often the server may refuse a message for good (a 5xx code) before it is given up: with
the pauses between, about a day, in which a wrong setting of the server's can be found."""

LOOK_SECONDS, LONGEST_AWAY_SECONDS = 1.0, 60.0
CLOSING = 421
"""What a mail server says that ends the conversation with everybody (RFC 5321, 4.2.3)."""

Waiting = sa.Row[Any]


class AwayError(Exception):
    """The mail server does not answer, or takes nothing from anybody just now."""


class Mailer:
    """Sends the messages of one deployment."""

    def __init__(self, store: Store, settings: Settings, key: DeploymentKey) -> None:
        """Nothing is sent where the settings name no mail server: everything waits."""
        self._store = store
        self._settings = settings
        self._key = key

    async def run(self) -> None:
        """Send for as long as the worker works."""
        away = 0.0
        while True:
            done = 0
            try:
                done = await asyncio.to_thread(self.send_due)
                if away:
                    LOG.warning("the mail server is back")
                away = 0.0
            except AwayError as trouble:
                if not away:
                    LOG.error("the mail server is away (%s); messages wait", trouble)
                away = min(max(away * 2, LOOK_SECONDS), LONGEST_AWAY_SECONDS)
            except Exception as trouble:
                # A database that is away for a while must not end the worker.
                LOG.error("mail: %s", type(trouble).__name__)
            await asyncio.sleep(0 if done else away or LOOK_SECONDS)

    def send_due(self) -> int:
        """Send some of what is due; returns how many messages wait no longer.

        Raises:
            AwayError: the server is away. Everything that it did not take waits on.
        """
        smtp = self._settings.smtp
        if smtp is None or not self._any_due():
            return 0
        done = 0
        try:
            with _connected(smtp, self._settings.address) as server:
                while done < IN_ONE_ROUND and (row := self._claim()) is not None:
                    try:
                        done += self._send(server, smtp, row)
                    except (AwayError, OSError):
                        # Should it be this message that ends conversations, the others come
                        # first the next time.
                        self._later(row)
                        raise
        except OSError as trouble:
            # smtplib's own errors are among these.
            raise AwayError(type(trouble).__name__) from trouble
        return done

    def _any_due(self) -> bool:
        """A look that writes nothing: there is mostly nothing to do."""
        with self._store.read() as connection:
            return connection.execute(_due(clock.now(connection))).one_or_none() is not None

    def _claim(self) -> Waiting | None:
        """The next message that is due, which nobody else sends for two minutes."""
        with self._store.write() as connection:
            now = clock.now(connection)
            row = connection.execute(_due(now).with_for_update(skip_locked=True)).one_or_none()
            if row is not None:
                until = written(now + CLAIMED_FOR)
                connection.execute(_update(row).values(claimed_until=until))
            return row

    def _send(self, server: smtplib.SMTP, smtp: Smtp, row: Waiting) -> bool:
        """Send one message, and write down what became of it; whether it waits no longer."""
        message = self._message(smtp, row)
        if message is None:
            return self._done(row, "dropped")
        try:
            server.send_message(message)
        except smtplib.SMTPRecipientsRefused as refused:
            return self._not_taken(row, next(iter(refused.recipients.values()))[0])
        except smtplib.SMTPDataError as refused:
            return self._not_taken(row, refused.smtp_code)
        except (smtplib.SMTPNotSupportedError, UnicodeError):
            # An address with letters that this server does not carry.
            return self._not_taken(row, 553)
        return self._done(row, "sent")

    def _message(self, smtp: Smtp, row: Waiting) -> EmailMessage | None:
        with self._store.read() as connection:
            to = known.address_of(connection, row.person) if row.person else None
            if to is None:
                return None
            now = clock.now(connection)
            desk = mail.Desk(connection, self._key, self._settings.address, now)
            try:
                return mail.build(
                    desk, key=row.key, kind=row.kind, facts=row.facts, to=to, sender=smtp.sender
                )
            except (KeyError, ValueError) as trouble:
                # A kind that nothing knows, a fact that it lacks, an address that is none: it
                # would be so each time, and everything behind it would wait.
                LOG.error("a message cannot be made: %s", type(trouble).__name__)
                return None

    def _done(self, row: Waiting, outcome: str) -> bool:
        sent_at = written(self._now()) if outcome == "sent" else None
        self._write(row, outcome=outcome, sent_at=sent_at, tries=row.tries + 1, claimed_until=None)
        return True

    def _not_taken(self, row: Waiting, code: int) -> bool:
        """The server is there, and does not take this one message."""
        if code == CLOSING:
            raise AwayError(str(code))
        LOG.error("the mail server did not take a message of kind %s: %d", row.kind, code)
        if code >= 500 and row.tries + 1 >= MOST_REFUSALS:
            return self._done(row, "refused")
        self._later(row)
        return False

    def _later(self, row: Waiting) -> None:
        # However often: 2**tries would grow past what a pause can be.
        pause = min(FIRST_PAUSE * 2 ** min(row.tries, 20), LONGEST_PAUSE)
        again = written(self._now() + pause)
        self._write(row, not_before=again, tries=row.tries + 1, claimed_until=None)

    def _now(self) -> datetime:
        with self._store.read() as connection:
            return clock.now(connection)

    def _write(self, row: Waiting, **values: Any) -> None:
        with self._store.write() as connection:
            connection.execute(_update(row).values(**values))


def _due(now: datetime) -> sa.Select[Any]:
    free = sa.or_(messages.c.claimed_until.is_(None), messages.c.claimed_until <= written(now))
    return (
        sa.select(messages)
        .where(messages.c.outcome.is_(None), messages.c.not_before <= written(now), free)
        .order_by(messages.c.kind.not_in(mail.URGENT), messages.c.created_at, messages.c.key)
        .limit(1)
    )


def _update(row: Waiting) -> sa.Update:
    return sa.update(messages).where(messages.c.key == row.key)


@contextmanager
def _connected(smtp: Smtp, address: str) -> Iterator[smtplib.SMTP]:
    """A conversation with the server, encrypted and signed in as the settings say.

    The server's certificate is checked by the machine's own authorities. Raises OSError.
    """
    ours = urlsplit(address).hostname
    if smtp.security == "tls":
        context = ssl.create_default_context()
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            smtp.host, smtp.port, ours, timeout=TIMEOUT_SECONDS, context=context
        )
    else:
        server = smtplib.SMTP(smtp.host, smtp.port, ours, timeout=TIMEOUT_SECONDS)
    try:
        if smtp.security == "starttls":
            server.starttls(context=ssl.create_default_context())
        if smtp.user is not None:
            password = smtp.password_file.read_text(encoding="utf-8") if smtp.password_file else ""
            server.login(smtp.user, password.strip())
        yield server
        with suppress(OSError):
            server.quit()
    finally:
        server.close()

"""What a message says, made when it is sent, from its kind and the ids in its facts.

It says that something waits, for which body by its own public name, and where to look: no
name, no reason and nothing of what is asked, since mail is read on many screens. A further
kind is one more line in `KINDS`, with its words.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from urllib.parse import urlsplit

import sqlalchemy as sa
from sqlalchemy import Connection

from services.sign_in import known, links
from services.sign_in.keys import DeploymentKey
from services.store import texts
from services.store.schema import bodies

Facts = Mapping[str, str]


@dataclass(frozen=True)
class Letter:
    """A subject and a text, both as people write: macrons, ʻokina and all."""

    subject: str
    text: str


@dataclass(frozen=True)
class Desk:
    """What words are made from: one snapshot, the address that people open, and now."""

    connection: Connection
    key: DeploymentKey
    address: str
    now: datetime

    def body(self, facts: Facts) -> str:
        """The body's own name for itself, where the facts name one."""
        query = sa.select(bodies.c.name).where(bodies.c.id == facts.get("body", ""))
        name: str | None = self.connection.execute(query).scalar_one_or_none()
        said = texts.read(self.connection, [name]) if name else {}
        # In one line: what else stands in a message must not look as if it came from Accord.
        return known.shown(said[name]) if name and name in said else "a body in Accord"


@dataclass(frozen=True)
class Kind:
    """A kind of message. `words` returns None where there is nothing to say any more.

    `urgent`: somebody waits for it before a screen, so it goes before all that is not.
    """

    words: Callable[[Desk, Facts], Letter | None]
    urgent: bool = False


def _sign_in_link(desk: Desk, facts: Facts) -> Letter | None:
    link = facts["link"]
    if not links.is_open(desk.connection, link, desk.now):
        return None
    minutes = int(links.LASTS.total_seconds() // 60)
    return Letter(
        "Sign in to Accord",
        f"Somebody, we think you, asked to sign in to Accord at {desk.address}.\n"
        "\n"
        "Open this link in the browser in which you asked, and press the button there:\n"
        "\n"
        f"{desk.address}/sign-in/link/{links.token_of(desk.key, link)}\n"
        "\n"
        f"It works once, within {minutes} minutes of asking.\n"
        "\n"
        "If you did not ask, do nothing, and pass it on to nobody. Accord never asks you for\n"
        "this link, and has no password of yours.\n",
    )


def _body_waited_for(desk: Desk, facts: Facts) -> Letter:
    name = desk.body(facts)
    return Letter(
        f"Something waits for {name}",
        f"Something waits for {name} to look at it.\n\n{_look(desk)}",
    )


def _answer_waited_for(desk: Desk, facts: Facts) -> Letter:
    name = desk.body(facts)
    return Letter(
        f"{name} waits for an answer",
        f"{name} asked something, and waits for an answer from you.\n\n{_look(desk)}",
    )


def _request_waits(desk: Desk, facts: Facts) -> Letter:
    return Letter(
        "Your request waits for you",
        f"Your request has come to a point where something is yours to do.\n\n{_look(desk)}",
    )


def _duty_due(desk: Desk, facts: Facts) -> Letter:
    by = f" by {_day(facts['due'])}" if "due" in facts else ""
    return Letter(
        "Something that you agreed to is due",
        f"Something that you agreed to is due{by}.\n\n{_look(desk)}",
    )


def _digest(desk: Desk, facts: Facts) -> Letter:
    name = desk.body(facts)
    return Letter(
        f"This week for {name}",
        f"This is the weekly word from Accord: something waits for {name}.\n\n{_look(desk)}",
    )


KINDS: dict[str, Kind] = {
    links.KIND: Kind(_sign_in_link, urgent=True),
    "body_waited_for": Kind(_body_waited_for),
    "answer_waited_for": Kind(_answer_waited_for),
    "request_waits": Kind(_request_waits),
    "duty_due": Kind(_duty_due),
    "digest": Kind(_digest),
}
"""Every kind of message that can be sent."""

URGENT = frozenset(name for name, kind in KINDS.items() if kind.urgent)


def build(
    desk: Desk, *, key: str, kind: str, facts: Facts, to: str, sender: str
) -> EmailMessage | None:
    """The message as it goes out, or None where there is nothing to say any more.

    Its Message-ID follows from its key: a repeat, should the mail server have taken a message
    and been lost before it said so, carries the same one.

    Raises:
        ValueError: an address that no mail can be sent to.
    """
    letter = KINDS[kind].words(desk, facts)
    if letter is None:
        return None
    message = EmailMessage(policy=SMTP)
    message["From"] = Address("Accord", *deliverable(sender))
    message["To"] = Address("", *deliverable(to))
    message["Subject"] = letter.subject
    message["Date"] = format_datetime(desk.now)
    host = urlsplit(desk.address).hostname or "accord.invalid"
    message["Message-ID"] = f"<{hashlib.sha256(key.encode()).hexdigest()[:40]}@{host}>"
    # So that nobody's holiday notice answers (RFC 3834).
    message["Auto-Submitted"] = "auto-generated"
    message["Content-Language"] = "en"
    message.set_content(letter.text)
    return message


def deliverable(address: str) -> tuple[str, str]:
    """The two parts of an address as mail servers take them: a domain with macrons goes in its
    ASCII form.

    Raises:
        ValueError: it has no two parts, or a domain that cannot be.
    """
    local, _, domain = address.rpartition("@")
    if not (local and domain):
        raise ValueError("an address has two parts")
    return local, domain.encode("idna").decode()


def _look(desk: Desk) -> str:
    return f"Look at it in Accord: {desk.address}/\n"


def _day(written: str) -> str:
    day = date.fromisoformat(written)
    return f"{day.day} {day:%B} {day.year}"

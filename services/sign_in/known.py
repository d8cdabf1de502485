"""Whom Accord knows, and by what: a provider's subject, or an e-mail address.

A provider's subject is matched with what that provider said before, and with nothing else:
an address that somebody merely stated at a provider proves nothing, so nobody becomes
somebody by it. An address is proved by a link that is opened, each time anew.
"""

from __future__ import annotations

import unicodedata
import uuid
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from policies.codec import written
from policies.refusals import Code, RefusedError
from policies.types import TextId
from services.sign_in.keys import DeploymentKey
from services.store import texts
from services.store.schema import emails, identities, persons
from services.store.session import insert_new
from services.store.texts import Audience, Words

LONGEST_NAME = 200
UNNAMED = "Name not given"


def add_person(connection: Connection, name: str, at: datetime, key: str | None = None) -> str:
    """A person with a random id; returns it. `key` is what an invented one signs in by."""
    person = _new_id()
    _insert(connection, person, name, at, key)
    return person


def of_provider(connection: Connection, issuer: str, subject: str, name: str, at: datetime) -> str:
    """The person whom `issuer` calls `subject`; somebody new the first time.

    The name is kept as the provider wrote it then; what nobody could see or type is left out.
    """
    person = _new_id()
    row = {"issuer": issuer, "subject": subject, "person": person, "created_at": written(at)}
    # Written first and looked at after: two sign-ins may come at the same moment.
    if insert_new(connection, identities, row):
        _insert(connection, person, shown(name), at)
        return person
    query = sa.select(identities.c.person).where(
        identities.c.issuer == issuer, identities.c.subject == subject
    )
    found: str = connection.execute(query).scalar_one()
    return found


def shown(name: str) -> str:
    """A name as it can be shown: in one line, without control characters and marks that turn
    text round."""
    seen = "".join(c for c in " ".join(name.split()) if unicodedata.category(c)[0] != "C")
    return " ".join(seen.split())[:LONGEST_NAME].rstrip() or UNNAMED


def folded(address: str) -> str:
    """An address as it is compared: case does not count, nor how a letter is composed."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", address.strip()).casefold())


def lookup(key: DeploymentKey, address: str) -> str:
    """What an address is found by; it cannot be guessed back without the deployment's key."""
    return key.code("e-mail address", folded(address))


def of_address(
    connection: Connection, key: DeploymentKey, name: str, address: str, at: datetime
) -> str:
    """The person with that address; somebody new of that name, when nobody has it.

    What is returned looks the same either way, and takes the same statements: writing an
    address down is no way to find out whether Accord knows it. The name of somebody known stays
    as it is.
    """
    person = _new_id()
    written_down = connection.begin_nested()
    _insert(connection, person, name, at)
    if _take(connection, key, person, address, at):
        written_down.commit()
    else:
        written_down.rollback()
    query = sa.select(emails.c.person).where(emails.c.lookup == lookup(key, address))
    found: str = connection.execute(query).scalar_one()
    return found


def without_address(connection: Connection, person: str, name: str, at: datetime) -> str:
    """Somebody who has no sign-in, and is written down so that a record can name them. The
    same id again is the same person, under the name that they have; returns it."""
    query = sa.select(persons.c.id).where(persons.c.id == person)
    if connection.execute(query).scalar_one_or_none() is None:
        _insert(connection, person, name, at)
    return person


def set_address(
    connection: Connection, key: DeploymentKey, person: str, address: str, at: datetime
) -> None:
    """Let `person` have this address, and no other.

    Raises:
        RefusedError: somebody else has it.
    """
    earlier = connection.execute(sa.select(emails.c.text).where(emails.c.person == person))
    for text in list(earlier.scalars()):
        texts.erase(connection, text)
    connection.execute(sa.delete(emails).where(emails.c.person == person))
    if not _take(connection, key, person, address, at):
        raise RefusedError(
            Code.INVALID,
            field="email",
            sentence="Somebody else here has that address.",
            next="Give another address.",
        )


def address_of(connection: Connection, person: str) -> str | None:
    """The person's address as they write it, or None."""
    query = sa.select(emails.c.text).where(emails.c.person == person)
    text = connection.execute(query).scalar_one_or_none()
    return texts.read(connection, [text]).get(text) if text else None


def rekey(connection: Connection, key: DeploymentKey) -> int:
    """Let every stored address be found under this deployment's key; returns how many were
    not. It is so after a database was put back into a home without the key it had."""
    rows = connection.execute(sa.select(emails.c.lookup, emails.c.text)).all()
    said = texts.read(connection, [row.text for row in rows])
    changed = 0
    for row in rows:
        wanted = lookup(key, said[row.text]) if row.text in said else row.lookup
        if wanted != row.lookup:
            connection.execute(
                sa.update(emails).where(emails.c.lookup == row.lookup).values(lookup=wanted)
            )
            changed += 1
    return changed


def _take(
    connection: Connection, key: DeploymentKey, person: str, address: str, at: datetime
) -> bool:
    """Write down that `person` has this address; False when somebody has it, and then what was
    written here is to be taken back."""
    text = "text-" + str(uuid.uuid4())
    _own(connection, person, Audience.BODY, TextId(text), address.strip(), at)
    found_by = lookup(key, address)
    row = {"lookup": found_by, "person": person, "text": text, "created_at": written(at)}
    # Written and not looked for: two bodies may write the same address down at the same moment.
    return insert_new(connection, emails, row)


def _insert(
    connection: Connection, person: str, name: str, at: datetime, key: str | None = None
) -> None:
    text = TextId("text-" + str(uuid.uuid4()))
    _own(connection, person, Audience.PARTIES, text, name, at)
    connection.execute(sa.insert(persons).values(id=person, name=text, example_key=key))


def _own(
    connection: Connection, person: str, audience: Audience, text: TextId, said: str, at: datetime
) -> None:
    texts.save(connection, person, [Words(text, person, audience, said.encode())], at)
    # A person is no event of any stream: the words are theirs, and go when they ask.
    texts.keep(connection, text, person)


def _new_id() -> str:
    """Made at random: a person's id says nothing of anybody."""
    return "person-" + str(uuid.uuid4())

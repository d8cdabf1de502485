"""Who is asking: every way of telling it, behind one interface.

A person's browser sends a session's cookie. Where the invented example is loaded, its people
may also be tokens (JWT, HS256) in a header, for an hour; they are nobody's anywhere else.
Times are the service clock's.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import sqlalchemy as sa
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey
from sqlalchemy import Connection

from policies.refusals import Code, RefusedError
from services import clock
from services.people import Viewer
from services.sign_in import keys, sessions
from services.store.schema import deployment, persons

LASTS = timedelta(hours=1)
_ISSUER = "accord-example"
_SIGNED_BY = ["HS256"]


class SignIn(Protocol):
    """Tells whose token this is."""

    def viewer(self, connection: Connection, token: str) -> Viewer | None:
        """The person who signed in, or None for a token that is nobody's."""
        ...


class SessionSignIn:
    """Knows whoever signed in, by the secret in their browser's cookie."""

    def viewer(self, connection: Connection, token: str) -> Viewer | None:
        """The person whose open session that is."""
        found = self.session(connection, token)
        return Viewer(found.person, found.stepped_up) if found else None

    def session(self, connection: Connection, token: str) -> sessions.Session | None:
        """The open session itself. One of an invented person is none without the example."""
        found = sessions.find(connection, token, clock.now(connection))
        if found is not None and found.way == "example" and not loaded(connection):
            return None
        return found


class ExampleSignIn:
    """Signs the invented people of the example in."""

    def __init__(self, key_file: Path) -> None:
        """`key_file` holds the signing key; it is made, for its owner alone, when missing."""
        self._key_file = key_file

    def viewer(self, connection: Connection, token: str) -> Viewer | None:
        """The example person whose token this is, while the example is loaded. It counts as a
        fresh sign-in for as long as it lasts: nobody left it open on a screen."""
        if not loaded(connection):
            return None
        try:
            claims = jwt.decode(token, self._key(), algorithms=_SIGNED_BY).claims
            if claims["iss"] != _ISSUER:
                return None
            # By the service clock, which a library would not know.
            expires = datetime.fromtimestamp(int(claims["exp"]), UTC)
            person = str(claims["sub"])
        except (JoseError, ValueError, KeyError, TypeError, OverflowError, OSError):
            return None
        if expires <= clock.now(connection):
            return None
        found = connection.execute(
            sa.select(persons.c.id).where(
                persons.c.id == person, persons.c.example_key.is_not(None)
            )
        ).one_or_none()
        return Viewer(found.id, stepped_up=True) if found else None

    def token(self, connection: Connection, key: str) -> tuple[str, datetime]:
        """A token for the example person called `key`, and when it expires.

        Raises:
            RefusedError: the example is not loaded, or has nobody of that name.
        """
        person = invented(connection, key)
        expires = clock.now(connection) + LASTS
        claims = {"iss": _ISSUER, "sub": person, "exp": int(expires.timestamp())}
        return jwt.encode({"alg": "HS256"}, claims, self._key(), _SIGNED_BY), expires

    def _key(self) -> OctKey:
        return OctKey.import_key(keys.kept(self._key_file))


def invented(connection: Connection, key: str) -> str:
    """The id of the example person called `key`.

    Raises:
        RefusedError: the example is not loaded, or has nobody of that name.
    """
    if not loaded(connection):
        raise RefusedError(Code.EXAMPLE_ONLY)
    found = connection.execute(
        sa.select(persons.c.id).where(persons.c.example_key == key)
    ).one_or_none()
    if found is None:
        raise RefusedError(Code.NOT_FOUND)
    person: str = found.id
    return person


def loaded(connection: Connection) -> bool:
    """Whether the invented example is loaded here."""
    return bool(connection.execute(sa.select(deployment.c.example)).scalar_one())

"""Who is asking: sign-in behind one interface, which OpenID Connect will take next.

Today's only sign-in is the example's: short-lived signed tokens (JWT, HS256) for
invented people, refused unless the example is loaded. Times are the service clock's.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import jwt
import sqlalchemy as sa
from sqlalchemy import Connection

from policies.refusals import Code, RefusedError
from services import clock
from services.people import Viewer
from services.store.schema import deployment, persons

LASTS = timedelta(hours=1)
_ISSUER = "accord-example"


class SignIn(Protocol):
    """Tells whose token this is."""

    def viewer(self, connection: Connection, token: str) -> Viewer | None:
        """The person who signed in, or None for a token that is nobody's."""
        ...


class ExampleSignIn:
    """Signs the invented people of the example in."""

    def __init__(self, key_file: Path) -> None:
        """`key_file` holds the signing key; it is made, for its owner alone, when missing."""
        self._key_file = key_file

    def viewer(self, connection: Connection, token: str) -> Viewer | None:
        """The example person whose token this is, while the example is loaded."""
        if not _loaded(connection):
            return None
        try:
            claims = jwt.decode(
                token,
                self._key(),
                algorithms=["HS256"],
                issuer=_ISSUER,
                # Expiry is checked below, by the service clock.
                options={"verify_exp": False, "require": ["exp", "sub", "iss"]},
            )
            expires = datetime.fromtimestamp(int(claims["exp"]), UTC)
        except (jwt.InvalidTokenError, ValueError, OverflowError, OSError):
            return None
        if expires <= clock.now(connection):
            return None
        found = connection.execute(
            sa.select(persons.c.id).where(
                persons.c.id == str(claims["sub"]), persons.c.example_key.is_not(None)
            )
        ).one_or_none()
        return Viewer(found.id) if found else None

    def token(self, connection: Connection, key: str) -> tuple[str, datetime]:
        """A token for the example person called `key`, and when it expires.

        Raises:
            RefusedError: the example is not loaded, or has nobody of that name.
        """
        if not _loaded(connection):
            raise RefusedError(Code.EXAMPLE_ONLY)
        found = connection.execute(
            sa.select(persons.c.id).where(persons.c.example_key == key)
        ).one_or_none()
        if found is None:
            raise RefusedError(Code.NOT_FOUND)
        expires = clock.now(connection) + LASTS
        claims = {"iss": _ISSUER, "sub": found.id, "exp": int(expires.timestamp())}
        return jwt.encode(claims, self._key(), algorithm="HS256"), expires

    def _key(self) -> bytes:
        if not self._key_file.exists():
            self._key_file.parent.mkdir(parents=True, exist_ok=True)
            made = self._key_file.with_suffix(".new-" + secrets.token_hex(4))
            made.touch(mode=0o600)
            made.write_bytes(secrets.token_bytes(48))
            try:
                # Another process may have been first: its key is the one that counts.
                self._key_file.hardlink_to(made)
            except FileExistsError:
                pass
            finally:
                made.unlink()
        return self._key_file.read_bytes()


def _loaded(connection: Connection) -> bool:
    return bool(connection.execute(sa.select(deployment.c.example)).scalar_one())

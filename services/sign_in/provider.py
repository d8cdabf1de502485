"""Signing in at an OpenID Connect provider: authorisation code with PKCE.

The protocol is Authlib's (requests and claims) and joserfc's (signatures); what Accord adds is
that nothing optional is taken: state, nonce, PKCE by S256, `iss`, `aud`, `exp` and `iat` are
always checked (OpenID Connect Core 1.0, section 3.1.3.7), by the service clock, with a leeway
of a minute for clocks that differ. A provider that does not answer is a refusal that says so,
and nothing is kept of the attempt.
"""

from __future__ import annotations

import base64
import hmac
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote_plus

import httpx2
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import BadSignatureError, InvalidKeyIdError, JoseError
from joserfc.jws import JWSRegistry

from policies.refusals import Code, RefusedError
from services.settings import Oidc
from services.sign_in.metadata import Metadata, ProviderSays

LOG = logging.getLogger("accord.sign_in")
LEEWAY = timedelta(seconds=60)
"""How far the provider's clock and ours may differ."""

LONGEST_SUBJECT = 255
_CODES = frozenset(
    {
        "invalid_request", "invalid_client", "invalid_grant", "unauthorized_client",
        "unsupported_grant_type", "invalid_scope",
    }
)  # fmt: skip
"""What a provider may say of a code that it does not take (RFC 6749, section 5.2)."""

_TRY_LATER = frozenset({"temporarily_unavailable", "server_error"})


@dataclass(frozen=True)
class Begun:
    """A sign-in under way: what only the browser that began it and Accord know.

    `fresh`: they were asked to show that it is them, whatever session the provider has.
    """

    state: str
    nonce: str
    verifier: str
    fresh: bool
    at: datetime


@dataclass(frozen=True)
class Shown:
    """Who signed in, as the provider says. `at` is when they showed it, where it said so."""

    issuer: str
    subject: str
    name: str
    at: datetime | None


class Provider:
    """The provider of this deployment."""

    def __init__(self, settings: Oidc, redirect: str) -> None:
        """`redirect` is the address to which it sends browsers back."""
        self._settings = settings
        self._redirect = redirect
        self._says = ProviderSays(settings.issuer)

    async def begin(self, now: datetime, *, fresh: bool) -> tuple[str, Begun]:
        """The address to send the browser to, and what to keep until it is back.

        Raises:
            RefusedError: the provider does not answer.
        """
        about = await self._says.metadata()
        begun = Begun(
            secrets.token_urlsafe(32), secrets.token_urlsafe(32), secrets.token_urlsafe(48),
            fresh, now,
        )  # fmt: skip
        # Both: `prompt` is what providers go by, `max_age` makes them say when it was.
        again = {"prompt": "login", "max_age": "0"} if fresh else {}
        async with self._client(about) as client:
            address, _ = client.create_authorization_url(
                about.authorization_endpoint, state=begun.state, code_verifier=begun.verifier,
                nonce=begun.nonce, **again,
            )  # fmt: skip
        return str(address), begun

    async def finish(self, begun: Begun, answer: Mapping[str, str], now: datetime) -> Shown:
        """Who it is. `answer` is what the browser brought back in its address.

        Raises:
            RefusedError: the provider said no, or anything does not fit; or it is away.
        """
        if not hmac.compare_digest(answer.get("state", "").encode(), begun.state.encode()):
            raise _failed("another state")
        about = await self._says.metadata()
        named = answer.get("iss")
        if named != self._settings.issuer and (named is not None or about.names_itself):
            raise _failed("another issuer sent the browser back")
        if answer.get("error") in _TRY_LATER:
            raise RefusedError(Code.SIGN_IN_AWAY)
        if not answer.get("code"):
            raise _failed("no code")
        token = await self._exchange(about, answer["code"], begun.verifier)
        claims = await self._claims(about, token, begun.nonce, now)
        return Shown(
            self._settings.issuer,
            claims["sub"],
            await self._name(about, token, claims),
            _shown_at(claims, begun, now),
        )

    def _client(self, about: Metadata) -> AsyncOAuth2Client:
        secret = self._secret()
        method = "none"
        if secret:
            basic = "client_secret_basic" in about.token_auth_methods
            method = "client_secret_basic" if basic else "client_secret_post"
        client = AsyncOAuth2Client(
            self._settings.client_id, secret, token_endpoint_auth_method=method,
            code_challenge_method="S256", redirect_uri=self._redirect, scope="openid profile",
            **self._says.transport(),
        )  # fmt: skip
        client.register_client_auth_method(("client_secret_basic", _basic))
        return client

    def _secret(self) -> str | None:
        """Read each time: a secret can be changed without stopping anything."""
        if self._settings.secret_file is None:
            return None
        try:
            return self._settings.secret_file.read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            LOG.error("ACCORD_OIDC_CLIENT_SECRET_FILE cannot be read: %s", type(error).__name__)
            raise RefusedError(Code.UNAVAILABLE) from error

    async def _exchange(self, about: Metadata, code: str, verifier: str) -> Mapping[str, Any]:
        try:
            async with self._client(about) as client:
                token: Mapping[str, Any] = await client.fetch_token(
                    about.token_endpoint, grant_type="authorization_code", code=code,
                    code_verifier=verifier, redirect_uri=self._redirect,
                )  # fmt: skip
                return token
        except httpx2.HTTPStatusError as error:
            if error.response.status_code < 500:
                raise _failed("the code was not taken") from error
            raise RefusedError(Code.SIGN_IN_AWAY) from error
        except AuthlibBaseError as error:
            # Codes of the protocol alone: what else a provider writes may name somebody.
            why = error.error if error.error in _CODES else "another error"
            raise _failed(f"the code was not taken ({why})") from error
        except (httpx2.HTTPError, ValueError) as error:
            LOG.error("the sign-in provider does not answer: %s", type(error).__name__)
            raise RefusedError(Code.SIGN_IN_AWAY) from error

    async def _claims(
        self, about: Metadata, token: Mapping[str, Any], nonce: str, now: datetime
    ) -> Mapping[str, Any]:
        signed = token.get("id_token")
        if not isinstance(signed, str):
            raise _failed("no ID token")
        try:
            try:
                read = self._verified(about, signed, await self._says.keys())
            except (InvalidKeyIdError, BadSignatureError):
                read = self._verified(about, signed, await self._says.keys(again=True))
            claims = CodeIDToken(
                read.claims,
                read.header,
                {
                    "iss": {"essential": True, "value": self._settings.issuer},
                    "aud": {"essential": True, "value": self._settings.client_id},
                    "sub": {"essential": True},
                },
                {
                    "nonce": nonce,
                    "client_id": self._settings.client_id,
                    "access_token": token.get("access_token"),
                },
            )
            claims.validate(now=int(now.timestamp()), leeway=int(LEEWAY.total_seconds()))
        except (JoseError, AuthlibBaseError, ValueError, TypeError, KeyError) as error:
            raise _failed(type(error).__name__) from error
        # Core, section 2: at most 255 ASCII characters. What else one writes no table takes.
        subject = claims["sub"]
        if len(subject) > LONGEST_SUBJECT or not (subject.isascii() and subject.isprintable()):
            raise _failed("a subject that cannot be")
        return dict(claims)

    @staticmethod
    def _verified(about: Metadata, signed: str, keys: Any) -> jwt.Token:
        registry = JWSRegistry(algorithms=list(about.algorithms), strict_check_header=False)
        return jwt.decode(signed, keys, registry=registry)

    async def _name(
        self, about: Metadata, token: Mapping[str, Any], claims: Mapping[str, Any]
    ) -> str:
        """What they are called: in the ID token, or where the provider tells it apart. Without
        a name they are signed in all the same."""
        name, access = claims.get("name"), token.get("access_token")
        if not name and about.userinfo_endpoint and isinstance(access, str):
            try:
                said = await self._says.get(about.userinfo_endpoint, access)
            except RefusedError:
                return ""
            # Core, section 5.3.2: what is said of somebody else is not used.
            if isinstance(said, Mapping) and said.get("sub") == claims["sub"]:
                name = said.get("name")
        return name if isinstance(name, str) else ""


def _basic(client: Any, method: str, uri: str, headers: Any, body: Any) -> tuple[str, Any, Any]:
    """A client's id and secret in a header, each form-encoded first (RFC 6749, section 2.3.1),
    which Authlib leaves out: a secret may have any character."""
    both = f"{quote_plus(client.client_id)}:{quote_plus(client.client_secret)}"
    headers["Authorization"] = "Basic " + base64.b64encode(both.encode()).decode()
    return uri, headers, body


def _shown_at(claims: Mapping[str, Any], begun: Begun, now: datetime) -> datetime | None:
    """When they showed that it is them.

    Raises:
        RefusedError: it lies in the future; or it was asked for again, and the provider does
            not say that it was done since.
    """
    at: datetime | None = None
    if claims.get("auth_time") is not None:
        try:
            at = datetime.fromtimestamp(claims["auth_time"], UTC)
        except (ValueError, OverflowError, OSError, TypeError) as error:
            raise _failed("no auth_time that can be meant") from error
        if at > now + LEEWAY:
            raise _failed("an auth_time in the future")
    if begun.fresh and (at is None or at < begun.at - LEEWAY):
        raise _failed("the provider does not say that it asked again")
    return at


def _failed(why: str) -> RefusedError:
    """Why is for the log, in words of ours alone; a browser is told only that it failed."""
    LOG.warning("a sign-in failed: %s", why)
    return RefusedError(Code.SIGN_IN_FAILED)

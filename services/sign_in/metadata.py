"""What an OpenID Connect provider says of itself: its addresses and its keys.

Both are kept for an hour. Keys are fetched again when a token names one that is not among
them (the provider has changed its keys), but not twice within ten seconds: whoever sends
tokens with invented key ids must not make Accord hammer the provider. A key that the provider
has withdrawn is trusted for an hour at most.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx2
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from policies.refusals import Code, RefusedError
from services.settings import is_safe

LOG = logging.getLogger("accord.sign_in")
KEPT_SECONDS = 3600.0
AGAIN_SECONDS = 10.0
TIMEOUT_SECONDS = 5.0
SILENT_SECONDS = 2.0
"""For how long a provider that did not answer is not asked again: everybody who waited for
the same answer is told at once, instead of each waiting in turn."""

ALGORITHMS = (
    "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
)  # fmt: skip
"""Signatures by a key of the provider's own. None of those whose key Accord would share: what
Accord can sign proves nothing."""


@dataclass(frozen=True)
class Metadata:
    """The part of the discovery document that Accord goes by."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    token_auth_methods: tuple[str, ...]
    algorithms: tuple[str, ...]
    names_itself: bool
    """Whether it says who it is when it sends a browser back (RFC 9207)."""


class ProviderSays:
    """Asks a provider about itself, as rarely as will do."""

    def __init__(self, issuer: str) -> None:
        """`issuer` is the provider's own name, exactly; nothing is asked yet."""
        self.issuer = issuer
        self._context: ssl.SSLContext | None = None
        self._turn = asyncio.Lock()
        self._metadata: tuple[float, Metadata] | None = None
        self._keys: tuple[float, KeySet] | None = None
        self._again_at = -AGAIN_SECONDS
        self._silent_at = -SILENT_SECONDS

    async def metadata(self) -> Metadata:
        """The discovery document (OpenID Connect Discovery 1.0, section 4).

        Raises:
            RefusedError: the provider does not answer, or says nothing that can be used.
        """
        async with self._turn:
            if self._metadata is None or _age(self._metadata[0]) > KEPT_SECONDS:
                address = self.issuer.rstrip("/") + "/.well-known/openid-configuration"
                found = self._read(await self._asked(address))
                self._metadata = (time.monotonic(), found)
            return self._metadata[1]

    async def keys(self, *, again: bool = False) -> KeySet:
        """The provider's keys; `again` because a token names another. Raises RefusedError."""
        about = await self.metadata()
        async with self._turn:
            anew = again and _age(self._again_at) > AGAIN_SECONDS
            if self._keys is None or anew or _age(self._keys[0]) > KEPT_SECONDS:
                if again:
                    self._again_at = time.monotonic()
                said = await self._asked(about.jwks_uri)
                try:
                    self._keys = (time.monotonic(), _usable(said))
                except (TypeError, KeyError) as error:
                    raise self._unusable("its keys cannot be read") from error
            return self._keys[1]

    async def _asked(self, url: str) -> Any:
        if _age(self._silent_at) < SILENT_SECONDS:
            raise RefusedError(Code.SIGN_IN_AWAY)
        try:
            return await self.get(url)
        except RefusedError:
            self._silent_at = time.monotonic()
            raise

    async def get(self, url: str, token: str | None = None) -> Any:
        """The JSON at `url`, asked for with an access token where one is given.

        Raises:
            RefusedError: no answer, or none of the kind.
        """
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        try:
            async with httpx2.AsyncClient(**self.transport()) as client:
                answer = await client.get(url, headers=headers)
                answer.raise_for_status()
                return answer.json()
        except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
            LOG.error("the sign-in provider does not answer: %s", type(error).__name__)
            raise RefusedError(Code.SIGN_IN_AWAY) from error

    def transport(self) -> dict[str, Any]:
        """How the provider is spoken to: briefly, checking its certificate, and nowhere else
        (a redirect from one of its own addresses would take a code or a secret along)."""
        if self._context is None:
            self._context = httpx2.create_ssl_context()
        return {
            "verify": self._context, "timeout": TIMEOUT_SECONDS, "follow_redirects": False,
        }  # fmt: skip

    def _read(self, said: Any) -> Metadata:
        if not isinstance(said, Mapping) or said.get("issuer") != self.issuer:
            # Section 4.3: it must be exactly who was asked.
            raise self._unusable("it names another issuer than ACCORD_OIDC_ISSUER")
        places: dict[str, str] = {}
        for name in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
            place = said.get(name)
            if not isinstance(place, str) or not is_safe(place):
                raise self._unusable(f"its {name} is no https address")
            places[name] = place
        if "S256" not in _listed(said, "code_challenge_methods_supported", "S256"):
            raise self._unusable("it takes no PKCE by S256")
        userinfo = said.get("userinfo_endpoint")
        signed = _listed(said, "id_token_signing_alg_values_supported", "RS256")
        return Metadata(
            **places,
            userinfo_endpoint=userinfo if isinstance(userinfo, str) and is_safe(userinfo) else None,
            token_auth_methods=_listed(
                said, "token_endpoint_auth_methods_supported", "client_secret_basic"
            ),
            algorithms=tuple(each for each in ALGORITHMS if each in signed),
            names_itself=said.get("authorization_response_iss_parameter_supported") is True,
        )

    def _unusable(self, why: str) -> RefusedError:
        LOG.error("the sign-in provider cannot be used: %s", why)
        return RefusedError(Code.SIGN_IN_AWAY)


def _listed(said: Mapping[str, Any], name: str, usual: str) -> tuple[str, ...]:
    found = said.get(name)
    return tuple(map(str, found)) if isinstance(found, list) else (usual,)


def _usable(said: Any) -> KeySet:
    """The keys in a JWK set. One of a kind that is not known here may be among them; the
    others count all the same (RFC 7517, section 5)."""
    usable = []
    for each in said["keys"]:
        try:
            usable.extend(KeySet.import_key_set({"keys": [each]}).keys)
        except (JoseError, ValueError, TypeError, KeyError):
            continue
    return KeySet(usable)


def _age(at: float) -> float:
    return time.monotonic() - at

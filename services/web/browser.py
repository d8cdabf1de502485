"""What Accord keeps in a browser, and what it takes from one.

Three cookies, all HttpOnly and SameSite=Lax, and with the `__Host-` prefix (so also Secure,
and set by this very host) wherever the address is https: a session's secret; which browser
asked for a link; a sign-in under way at the provider, signed and short-lived.

A browser sends cookies along with whatever any page makes it send. So what changes something
is taken from a browser only with an `Origin` that is ours; `Sec-Fetch-Site`, which newer
browsers add, must not say otherwise, and stands alone where no `Origin` is sent.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from urllib.parse import parse_qs

from fastapi import Request, Response
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from policies.codec import instant, written
from policies.refusals import Code, RefusedError
from services import credentials
from services.settings import Settings
from services.sign_in import links, sessions
from services.sign_in.keys import DeploymentKey
from services.sign_in.provider import Begun

SESSION, ASKED, UNDER_WAY = "accord-session", "accord-asked", "accord-under-way"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
UNDER_WAY_FOR = timedelta(minutes=10)
LONGEST_SECRET = 100
_FORM = "application/x-www-form-urlencoded"


class Browser:
    """One request's browser: its cookies and where it comes from."""

    def __init__(self, request: Request, settings: Settings) -> None:
        """`settings` say at which address people open Accord."""
        self._request = request
        self._address = settings.address
        self._secure = self._address.startswith("https:")

    def name(self, cookie: str) -> str:
        """The cookie's name at this address."""
        return f"__Host-{cookie}" if self._secure else cookie

    def cookie(self, cookie: str) -> str | None:
        """The cookie's value, if there is one that could be ours."""
        return self._request.cookies.get(self.name(cookie)) or None

    def keep(self, answer: Response, cookie: str, value: str, lasts: timedelta) -> None:
        """Let the browser keep a cookie."""
        answer.set_cookie(
            self.name(cookie), value, max_age=int(lasts.total_seconds()), path="/",
            secure=self._secure, httponly=True, samesite="lax",
        )  # fmt: skip

    def drop(self, answer: Response, cookie: str) -> None:
        """Let the browser forget a cookie."""
        answer.delete_cookie(
            self.name(cookie), path="/", secure=self._secure, httponly=True, samesite="lax"
        )

    def keep_session(self, answer: Response, secret: str) -> None:
        """Let the browser keep a session; how long it is open is for the database to say."""
        self.keep(answer, SESSION, secret, sessions.LONGEST)

    def asks(self) -> str:
        """The secret by which this browser is known as the one that asks for a link: the one
        that it has, so that an earlier link still works, or a new one."""
        there = self.cookie(ASKED)
        return there if there and len(there) <= LONGEST_SECRET else credentials.new()

    def keep_asked(self, answer: Response, secret: str) -> None:
        """Let the browser remember that it asked, for as long as a link can be used."""
        self.keep(answer, ASKED, secret, links.LASTS)

    def require_ours(self) -> None:
        """Nothing, when what was sent comes from a page of ours.

        Raises:
            RefusedError: it comes from another site, or does not say where from.
        """
        origin = self._request.headers.get("origin")
        fetched = self._request.headers.get("sec-fetch-site")
        ours = origin == self._address if origin is not None else fetched == "same-origin"
        if not ours or fetched not in (None, "same-origin"):
            raise RefusedError(Code.OTHER_SITE, address=self._address)

    async def form(self) -> dict[str, str]:
        """The fields of a form that a page of ours sent, each once.

        Raises:
            RefusedError: another site's, or nothing that a form sends.
        """
        self.require_ours()
        kind = self._request.headers.get("content-type", "").partition(";")[0].strip().lower()
        try:
            sent = (await self._request.body()).decode() if kind == _FORM else ""
            found = parse_qs(sent, keep_blank_values=True, strict_parsing=bool(sent),
                             max_num_fields=20, errors="strict")  # fmt: skip
        except ValueError as error:
            raise RefusedError(Code.INVALID) from error
        fields = {name: values[0] for name, values in found.items()}
        if not all(value.isprintable() for value in fields.values()):
            # Nothing of ours has such characters, and not every database takes them.
            raise RefusedError(Code.INVALID)
        return fields


class UnderWay:
    """A sign-in under way, as a signed cookie: nothing is kept here until it has succeeded."""

    def __init__(self, key: DeploymentKey) -> None:
        """`key` is the deployment's; the cookie is signed by one derived from it."""
        self._key = key

    def written(self, begun: Begun, then: str) -> str:
        """The cookie. `then` is the page to go on to."""
        claims = {**asdict(begun), "at": written(begun.at), "then": then}
        return jwt.encode({"alg": "HS256"}, claims, self._signing(), ["HS256"])

    def read(self, cookie: str | None, now: datetime) -> tuple[Begun, str]:
        """What the cookie says.

        Raises:
            RefusedError: there is none, it is not ours, or it is too old.
        """
        try:
            claims = dict(jwt.decode(cookie or "", self._signing(), algorithms=["HS256"]).claims)
            then = str(claims.pop("then"))
            begun = Begun(**{**claims, "at": instant(claims["at"])})
        except (JoseError, ValueError, KeyError, TypeError) as error:
            raise RefusedError(Code.SIGN_IN_FAILED) from error
        if now >= begun.at + UNDER_WAY_FOR:
            raise RefusedError(Code.SIGN_IN_FAILED)
        return begun, then

    def _signing(self) -> OctKey:
        return OctKey.import_key(self._key.derived("sign-in under way"))

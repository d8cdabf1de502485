"""How the example gateway asks Accord: who is this, and may they, and may they still.

The wire is AuthZEN Authorization API 1.0 (``POST /access/v1/evaluation``) and Accord's
own ``GET /v1/me``. Standard library only, and nothing of Accord. Whatever cannot be
read, reached or applied is a no.
"""

from __future__ import annotations

import http.client
import json
import re
import time
import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from gateway_records import LEVELS, Slice

ASK_AGAIN = 1.0
"""Seconds between two questions during a download."""

PATIENCE = 5.0
"""Seconds to wait for an answer; nothing is sent meanwhile."""

APPLIES = ("slice/1",)
"""The obligations that this gateway is able to apply."""

TOKEN = re.compile(r"[A-Za-z0-9._~+/-]+=*")
"""What a bearer token or credential may look like (RFC 6750's b64token)."""


class Trouble(Exception):  # noqa: N818  (an answer to give, not a failure of the program)
    """An answer other than data: an HTTP status, a code, and a plain sentence."""

    def __init__(self, status: int, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.status, self.code, self.sentence = status, code, sentence


def unavailable(what: str) -> Trouble:
    """The one answer whenever Accord's own, or the data, cannot be had or applied."""
    return Trouble(503, "unavailable", f"{what} Nothing more is served; try again later.")


@dataclass(frozen=True)
class Yes:
    """An answer to act on: what may be served, and until when."""

    slice: Slice
    until: datetime


class Accord:
    """The decision point, as one asks it over HTTP. Redirects are never followed: they
    would carry a credential to wherever they lead."""

    def __init__(self, base: str, credential: str, obligations: list[str]) -> None:
        parts = urlsplit(base)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("--accord must be an http or https address.")
        if not TOKEN.fullmatch(credential):
            raise ValueError("Put the gateway's credential into ACCORD_GATEWAY_CREDENTIAL.")
        if not set(obligations) <= set(APPLIES):
            raise ValueError("--obligations may name only slice/1: no other can be applied.")
        self._secure = parts.scheme == "https"
        self._host, self._port, self._path = parts.hostname, parts.port, parts.path.rstrip("/")
        self._credential, self._obligations = credential, obligations

    def _call(self, method: str, path: str, bearer: str, body: Any = None) -> tuple[int, Any]:
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        connection = kind(self._host, self._port, timeout=PATIENCE)
        headers = {"Authorization": f"Bearer {bearer}", "X-Request-ID": str(uuid.uuid4())}
        sent = None if body is None else json.dumps(body).encode()
        if sent:
            headers["Content-Type"] = "application/json"
        try:
            connection.request(method, self._path + path, sent, headers)
            answer = connection.getresponse()
            status, content = answer.status, answer.read(1_000_000)
        except (OSError, http.client.HTTPException) as error:
            raise unavailable("Accord cannot be reached.") from error
        finally:
            connection.close()
        try:
            return status, json.loads(content)
        except (ValueError, RecursionError):
            return status, None

    def person(self, token: str) -> str:
        """Whose token this is: the person's id."""
        status, answer = self._call("GET", "/v1/me", token)
        if status == HTTPStatus.UNAUTHORIZED:
            raise Trouble(401, "not_signed_in", "Accord does not know this token; sign in again.")
        person = answer.get("person") if isinstance(answer, dict) else None
        if status != HTTPStatus.OK or not isinstance(person, str) or not person:
            raise unavailable("Accord did not say who is asking.")
        return person

    def ask(self, person: str, item: str, purpose: str, narrower: Slice | None) -> Yes:
        """One question to the decision point; whatever is not a yes raises `Trouble`."""
        context: dict[str, Any] = {"purpose": purpose, "obligations_supported": self._obligations}
        if narrower:
            context["slice"] = narrower.to_json()
        question = {
            "subject": {"type": "person", "id": person},
            "action": {"name": "use.read"},
            "resource": {"type": "item", "id": item},
            "context": context,
        }
        status, answer = self._call("POST", "/access/v1/evaluation", self._credential, question)
        if status != HTTPStatus.OK or not isinstance(answer, dict):
            raise unavailable("Accord did not answer.")
        if answer.get("decision") is False:
            raise _refusal(answer.get("context"))
        if answer.get("decision") is not True:
            raise unavailable("Accord's answer cannot be read.")
        return self._yes(answer.get("context"))

    def _yes(self, context: Any) -> Yes:
        try:
            obligations = context["obligations"]
            if any(each["id"] not in self._obligations for each in obligations):
                raise unavailable("Accord set an obligation that this gateway cannot apply.")
            # Every yes carries exactly one slice; without it there is no telling what may go.
            (only,) = obligations
            if set(only) != {"id", "slice"}:
                raise ValueError("an obligation with more to it than its slice")
            until = datetime.fromisoformat(context["valid_until"])
            if until.tzinfo is None:
                raise ValueError("an instant without its zone")
            answer = Yes(Slice.read(only["slice"]), until)
        except (LookupError, TypeError, ValueError) as error:
            raise unavailable("Accord's answer cannot be read.") from error
        if answer.until <= datetime.now(UTC):
            raise unavailable("Accord's answer has run out.")
        return answer


def _refusal(context: Any) -> Trouble:
    """Accord's no in Accord's words, or in plain ones if it gave none."""
    found = context if isinstance(context, dict) else {}
    reasons = found.get("reason_user")
    sentence = reasons.get("403") if isinstance(reasons, dict) else None
    code = found.get("code")
    return Trouble(
        403,
        code if isinstance(code, str) else "not_permitted",
        sentence if isinstance(sentence, str) else "Accord says no; ask those who decide.",
    )


class Permission:
    """One person's use of one item: lasts only while Accord keeps saying the same yes."""

    def __init__(self, accord: Accord, person: str, item: str, purpose: str, level: str | None):
        self._accord, self._question = accord, (person, item, purpose)
        self._narrower: Slice | None = None
        self._yes = accord.ask(*self._question, None)
        if level:
            # The level wanted is asked for as such, within the grant's slice: what
            # Accord records is then what was used, and a finer one is refused there.
            self._narrower = replace(self._yes.slice, level=level)
            self._yes = accord.ask(*self._question, self._narrower)
            if LEVELS.index(self._yes.slice.level) > LEVELS.index(level):
                raise unavailable("Accord's answer is to another question.")
        self._asked = time.monotonic()

    @property
    def slice(self) -> Slice:
        """What may be served."""
        return self._yes.slice

    def check(self) -> None:
        """Ask again when it is time; anything but the same yes raises `Trouble`."""
        run_out = datetime.now(UTC) >= self._yes.until
        if not run_out and time.monotonic() - self._asked < ASK_AGAIN:
            return
        asked = time.monotonic()
        fresh = self._accord.ask(*self._question, self._narrower)
        if fresh.slice != self._yes.slice:
            raise unavailable("What may be served has changed.")
        self._yes, self._asked = fresh, asked

    def wait(self, seconds: float) -> None:
        """Pause, asking meanwhile, so that a slow download stops as soon as a fast one."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            time.sleep(min(left, ASK_AGAIN / 10))
            self.check()

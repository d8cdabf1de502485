"""Refusals on their way out: RFC 9457 problem details, mapped once.

Nothing that was sent is sent back: it may be somebody's words, also where a name of a
field was expected. Unknown trouble is `door.py`'s.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import InterfaceError, OperationalError
from starlette.exceptions import HTTPException

from policies.refusals import SENTENCES, Code, Refused, RefusedError
from policies.rules import FaultsError
from policies.stepping_up import FRESH_FOR

LOG = logging.getLogger("accord")
MEDIA_TYPE = "application/problem+json"
MOST_WORDS = 25
"""How long a sentence may be."""

MOST_OF_A_SENTENCE = 300
"""How many characters of a fault's sentence are told: a cell that it quotes may be long."""

SIGN_IN_AGAIN = (
    f'Bearer error="insufficient_user_authentication", max_age={int(FRESH_FOR.total_seconds())}'
)
"""What a step that needs a fresh sign-in is answered with (RFC 9470, section 3)."""

STATUS: Mapping[Code, int] = {
    Code.NOT_FOUND: 404,
    Code.NOT_PERMITTED: 403,
    Code.NOT_PERMITTED_NOW: 403,
    Code.APPLICANT: 403,
    Code.CONFLICT: 403,
    Code.NOT_WELCOME_YET: 403,
    Code.STOOD_ASIDE: 403,
    Code.NOT_A_MEMBER: 403,
    Code.NO_RULE: 403,
    Code.RESTRICTED: 403,
    Code.EXAMPLE_ONLY: 403,
    Code.INVALID: 422,
    Code.NOT_WITHIN: 422,
    Code.TOO_LARGE: 413,
    Code.UNAVAILABLE: 503,
    # As RFC 9470 has it: signed in, and asked to sign in again.
    Code.STEP_UP: 401,
    Code.OTHER_SITE: 403,
    Code.LINK_SPENT: 403,
    Code.SIGN_IN_FAILED: 400,
    Code.TOO_MANY: 429,
    Code.SIGN_IN_AWAY: 503,
}
"""Every other refusal is 409: it clashes with how things stand."""


def problem(status: int, code: str, sentence: str, **more: Any) -> JSONResponse:
    """One problem as RFC 9457 writes it; `more` are its further members."""
    body = {"type": f"urn:accord:problem:{code}", "title": sentence, "status": status,
            "code": code, **more}  # fmt: skip
    return JSONResponse(body, status, media_type=MEDIA_TYPE)


def of_refusal(refused: Refused, known: frozenset[str] | None = None) -> JSONResponse:
    """A refusal as a problem: its sentence, what to do next, and the facts that help.

    `known` are the names of fields that are ours; of a fact that names a field, the rest
    is left out.
    """
    facts = {k: v for k, v in refused.facts.items() if k not in ("sentence", "next")}
    if "field" in facts and known is not None:
        facts["field"] = _field(tuple(facts["field"].split(".")), known)
    title = refused.sentence
    if len(title.split()) > MOST_WORDS:
        # It names an id that somebody sent, and ids may be long.
        title = SENTENCES[refused.code][0]
    answer = problem(
        STATUS.get(refused.code, 409),
        str(refused.code),
        title,
        detail=f"{title} {refused.next_step}",
        next=refused.next_step,
        facts=facts,
    )
    if refused.code is Code.STEP_UP:
        answer.headers["WWW-Authenticate"] = SIGN_IN_AGAIN
    return answer


def install(app: FastAPI) -> None:
    """Map every error of `app` to a problem."""
    app.add_exception_handler(RefusedError, _refused)
    app.add_exception_handler(FaultsError, _faulty)
    app.add_exception_handler(RequestValidationError, _unreadable)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(OperationalError, _database_away)
    app.add_exception_handler(InterfaceError, _database_away)


async def _refused(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RefusedError)
    return of_refusal(error.refused, field_names(request.app))


async def _faulty(request: Request, error: Exception) -> JSONResponse:
    """A file with faults: each is told by its place, to whoever sent the file and nobody else.
    The sentences may quote the cell that they are about; none of this is logged."""
    assert isinstance(error, FaultsError)
    number = error.count
    title = "A line of this pack is wrong, so nothing of it was taken."
    if number > 1:
        title = f"{number:,} things in this pack are wrong, so nothing of it was taken."
    step = "Correct each place that is named, and send all of it again."
    return problem(
        422, str(Code.INVALID), title, detail=f"{title} {step}", next=step,
        facts={"faults": str(number)},
        faults=[
            {
                "file": each.file, "line": each.line, "column": each.column,
                "sentence": each.sentence[:MOST_OF_A_SENTENCE],
            }
            for each in error.faults
        ],
    )  # fmt: skip


async def _unreadable(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    faults = error.errors()
    if any(fault["loc"] and fault["loc"][0] == "path" for fault in faults):
        # An id of an impossible shape is an id of nothing.
        return of_refusal(Refused(Code.NOT_FOUND))
    if any(fault["type"] == "json_invalid" for fault in faults):
        return _plain_http(400)
    # AuthZEN asks for 400 where everybody else expects 415 or 422.
    authzen = request.url.path.startswith("/access/")
    whole = [fault for fault in faults if fault["loc"] == ("body",)]
    if any(fault["type"] != "missing" for fault in whole) and not _is_json(request):
        return _plain_http(400 if authzen else 415)
    fields = faulty_fields(faults, field_names(request.app))
    first = fields[0]
    title = f"The field {first['field']} cannot be read." if first["field"] else _UNREADABLE
    return problem(
        400 if authzen else 422, "invalid", title,
        detail=f"{title} {first['sentence']}", next="Correct it and send it again.",
        fields=fields,
    )  # fmt: skip


def faulty_fields(
    faults: Sequence[Mapping[str, Any]], known: frozenset[str]
) -> list[dict[str, str]]:
    """Where the first faults in a body are, and what each is in a sentence."""
    return [
        {"field": _field(fault["loc"][1:], known), "sentence": sentence(fault)}
        for fault in faults[:20]
    ]


_UNREADABLE = "What was sent cannot be read."


def _is_json(request: Request) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "application/json" or kind.endswith("+json")


def _field(place: tuple[int | str, ...], known: frozenset[str]) -> str:
    """Where the fault is, by names of ours alone: people's own keys are left out."""
    return ".".join(str(part) for part in place if isinstance(part, int) or part in known)


def field_names(app: FastAPI) -> frozenset[str]:
    """The names of fields that are ours: whoever sent one of them is told that it was wrong."""
    described = app.openapi()
    names = {
        name
        for schema in described["components"]["schemas"].values()
        for name in schema.get("properties", {})
    }
    for methods in described["paths"].values():
        for operation in methods.values():
            names |= {each["name"] for each in operation.get("parameters", [])}
    return frozenset(names)


_FAULTS: Mapping[str, str] = {
    "missing": "It is missing.",
    "extra_forbidden": "Accord does not know a field that was sent; leave it out.",
    "string_pattern_mismatch": "It has characters that are not taken here.",
    "string_unicode": "It must be text in UTF-8.",
    "string_too_short": "It must not be empty.",
    "string_too_long": "At most {max_length} characters are taken.",
    "too_short": "It must not be empty.",
    "too_long": "At most {max_length} entries are taken.",
    "literal_error": "It must be one of: {expected}.",
    "enum": "It must be one of: {expected}.",
    "greater_than": "It must be more than {gt}.",
    "greater_than_equal": "It must be at least {ge}.",
    "less_than_equal": "It must be at most {le}.",
    "timezone_aware": "It needs a zone, for example a Z at its end.",
    "value_error": "{error}",
}
_KINDS: tuple[tuple[str, str], ...] = (
    ("string", "It must be text."),
    ("uuid", "It must be a UUID."),
    ("datetime", "It must be an instant with its zone, as 2026-11-23T01:02:03Z."),
    ("date", "It must be a day, as 2026-11-23."),
    ("int", "It must be a whole number."),
    ("float", "It must be a number."),
    ("finite", "It must be a number."),
    ("bool", "It must be true or false."),
    ("list", "It must be a list."),
    ("dict", "It must be an object."),
    ("model", "It must be an object."),
)


def sentence(fault: Mapping[str, Any]) -> str:
    """What is wrong in at most 25 words, none of them the sender's."""
    context = fault.get("ctx") or {}
    if fault["type"] in _FAULTS:
        words = _FAULTS[fault["type"]].format(**context).split()
        return " ".join(words[:MOST_WORDS])
    return next((s for kind, s in _KINDS if fault["type"].startswith(kind)), "It cannot be read.")


_HTTP: Mapping[int, tuple[str, str]] = {
    400: ("The request cannot be read.", "Send well-formed JSON in UTF-8, as application/json."),
    401: ("Nobody is signed in.", "Sign in and send the token with the request."),
    404: ("There is nothing at this address.", "Look at /openapi.json for the addresses."),
    405: ("This address does not take that method.", "Look at /openapi.json for the methods."),
    415: ("This kind of content is not taken here.", "Send JSON."),
}


def _plain_http(status: int) -> JSONResponse:
    title, step = _HTTP.get(status, ("This was refused.", "Look at the address."))
    return problem(status, f"http_{status}", title, detail=f"{title} {step}", next=step)


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    if error.status_code == 413:
        return of_refusal(Refused(Code.TOO_LARGE))
    answer = _plain_http(error.status_code)
    for name, value in (error.headers or {}).items():
        answer.headers[name] = value
    return answer


async def _database_away(request: Request, error: Exception) -> JSONResponse:
    LOG.error("the database did not answer: %s", type(error).__name__)
    return of_refusal(Refused(Code.UNAVAILABLE))

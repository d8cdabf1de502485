"""Refusals on their way out: RFC 9457 problem details, mapped once.

Unknown trouble is a bare 500 with an id; what happened is in the log under that id,
without names, words or tokens.
"""

from __future__ import annotations

import logging
import traceback
import uuid
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException

from policies.refusals import Code, Refused, RefusedError

LOG = logging.getLogger("accord")
MEDIA_TYPE = "application/problem+json"

STATUS: Mapping[Code, int] = {
    Code.NOT_FOUND: 404,
    Code.NOT_PERMITTED: 403,
    Code.NOT_PERMITTED_NOW: 403,
    Code.APPLICANT: 403,
    Code.STOOD_ASIDE: 403,
    Code.NOT_A_MEMBER: 403,
    Code.NO_RULE: 403,
    Code.RESTRICTED: 403,
    Code.EXAMPLE_ONLY: 403,
    Code.INVALID: 422,
    Code.NOT_WITHIN: 422,
    Code.TOO_LARGE: 413,
    Code.UNAVAILABLE: 503,
}
"""Every other refusal is 409: it clashes with how things stand."""


def problem(status: int, code: str, sentence: str, **more: Any) -> JSONResponse:
    """One problem as RFC 9457 writes it; `more` are its further members."""
    body = {"type": f"urn:accord:problem:{code}", "title": sentence, "status": status,
            "code": code, **more}  # fmt: skip
    return JSONResponse(body, status, media_type=MEDIA_TYPE)


def of_refusal(refused: Refused) -> JSONResponse:
    """A refusal as a problem: its sentence, what to do next, and the facts that help."""
    facts = {k: v for k, v in refused.facts.items() if k not in ("sentence", "next")}
    return problem(
        STATUS.get(refused.code, 409),
        str(refused.code),
        refused.sentence,
        detail=f"{refused.sentence} {refused.next_step}",
        next=refused.next_step,
        facts=facts,
    )


def install(app: FastAPI) -> None:
    """Map every error of `app` to a problem."""
    app.add_exception_handler(RefusedError, _refused)
    app.add_exception_handler(RequestValidationError, _unreadable)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(OperationalError, _database_away)
    app.add_exception_handler(Exception, _unknown)


async def _refused(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RefusedError)
    return of_refusal(error.refused)


async def _unreadable(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    faults = error.errors()
    if any(fault["loc"] and fault["loc"][0] == "path" for fault in faults):
        # An id of an impossible shape is an id of nothing.
        return of_refusal(Refused(Code.NOT_FOUND))
    fields = [
        {
            "field": ".".join(str(part) for part in fault["loc"][1:]) or str(fault["loc"][0]),
            # What was sent is not sent back: it may be somebody's words.
            "sentence": _plain(str(fault["msg"])),
        }
        for fault in faults[:20]
    ]
    first = fields[0]
    sentence = f"The field {first['field']} cannot be read."
    return problem(
        422, "invalid", sentence,
        detail=f"{sentence} {first['sentence']}", next="Correct it and send it again.",
        fields=fields,
    )  # fmt: skip


def _plain(message: str) -> str:
    words = message.removeprefix("Value error, ").split()
    return " ".join(words[:25]).rstrip(".") + "."


_HTTP: Mapping[int, tuple[str, str]] = {
    400: ("The request cannot be read.", "Send well-formed JSON in UTF-8."),
    401: ("Nobody is signed in.", "Sign in and send the token with the request."),
    404: ("There is nothing at this address.", "Look at /openapi.json for the addresses."),
    405: ("This address does not take that method.", "Look at /openapi.json for the methods."),
    413: ("This is larger than Accord takes.", "Send less at a time."),
    415: ("This kind of content is not taken here.", "Send JSON."),
}


async def _http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    sentence, step = _HTTP.get(error.status_code, ("This was refused.", "Look at the address."))
    answer = problem(
        error.status_code, f"http_{error.status_code}", sentence,
        detail=f"{sentence} {step}", next=step,
    )  # fmt: skip
    for name, value in (error.headers or {}).items():
        answer.headers[name] = value
    return answer


async def _database_away(request: Request, error: Exception) -> JSONResponse:
    LOG.error("the database did not answer: %s", type(error).__name__)
    return of_refusal(Refused(Code.UNAVAILABLE))


async def _unknown(request: Request, error: Exception) -> JSONResponse:
    name = str(uuid.uuid4())
    # The message of an exception may quote what people wrote; where it was raised does not.
    places = traceback.format_tb(error.__traceback__)
    LOG.error("unknown trouble %s: %s at\n%s", name, type(error).__name__, "".join(places[-6:]))
    return problem(500, "unknown", "Something went wrong on our side.", instance=f"urn:uuid:{name}")

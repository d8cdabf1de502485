"""What single fields take, and what stands for an id in an address. See `shapes.py`."""

from __future__ import annotations

import re
import unicodedata
from datetime import date, datetime
from typing import Annotated, TypeVar

from fastapi import Path as InPath
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, StringConstraints

T = TypeVar("T", date, datetime)


def _printable(value: str) -> str:
    for each in value:
        if each not in "\n\t" and unicodedata.category(each) in ("Cc", "Cs"):
            raise ValueError("Control characters are not taken; remove them.")
    return value


def _written_as(form: str, sentence: str) -> BeforeValidator:
    """Text of this form alone: Pydantic would read a number as seconds since 1970, and a day
    with a time as a day."""

    def check(value: object) -> object:
        if not (isinstance(value, str) and re.fullmatch(form, value)):
            raise ValueError(sentence)
        return value

    return BeforeValidator(check)


def _of_our_time(value: T) -> T:
    """What lies at the ends of the calendar cannot be counted with."""
    if not 1900 <= value.year <= 2200:
        raise ValueError("It must lie between the years 1900 and 2200.")
    return value


_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
ID_PATTERN = r"^[^\x00-\x1f\x7f/]+$"
Id = Annotated[
    str, StringConstraints(min_length=1, max_length=700, pattern=r"^[\w][\w.\-: ,'ʻʼ‘’]*$")
]
AtPath = Annotated[str, InPath(max_length=700, pattern=ID_PATTERN)]
# A stream's kind is read from its id: where a request is meant, nothing but a request's will do.
RequestAtPath = Annotated[str, InPath(pattern=f"^request-{_UUID}$")]
GrantAtPath = Annotated[str, InPath(pattern=f"^grant-{_UUID}$")]
RestrictionAtPath = Annotated[str, InPath(pattern=f"^restriction-{_UUID}$")]
BodyAtPath = Annotated[str, InPath(pattern=f"^body-({_UUID}|deployment)$")]
PackAtPath = Annotated[str, InPath(max_length=60, pattern="^[a-z][a-z0-9\\-]*$")]
# Digits alone: Pydantic would read " 1" and "1.0" as numbers too.
VersionAtPath = Annotated[int, InPath(), _written_as("[1-9][0-9]{0,4}", "It must be a number.")]
SessionAtPath = Annotated[str, InPath(pattern=f"^session-{_UUID}$")]
DraftAtPath = Annotated[str, InPath(pattern=f"^draft-{_UUID}$")]
Day = Annotated[
    date,
    _written_as(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", "It must be a day, as 2026-11-23."),
    AfterValidator(_of_our_time),
]
Instant = Annotated[
    AwareDatetime,
    _written_as(
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}T.*(Z|[+-][0-9]{2}:[0-9]{2})",
        "It must be an instant with its zone, as 2026-11-23T01:02:03Z.",
    ),
    AfterValidator(_of_our_time),
]
Count = Annotated[int, Field(strict=True, ge=0, le=2**31 - 1)]
Flag = Annotated[bool, Field(strict=True)]
Written = Annotated[
    str,
    StringConstraints(min_length=1, max_length=20_000, strip_whitespace=True),
    AfterValidator(_printable),
]
Maybe = Annotated[str, StringConstraints(max_length=20_000), AfterValidator(_printable)]
Short = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200, strip_whitespace=True),
    AfterValidator(_printable),
]
# Two parts, in any script, without what has a meaning of its own in a message's head. Whether
# mail arrives there only a link that is opened can tell.
Email = Annotated[
    str,
    StringConstraints(
        min_length=3, max_length=254, strip_whitespace=True,
        pattern=r"^[^\s@<>()\[\],;:\\\"\x00-\x1f\x7f-\x9f]+@[^\s@<>()\[\],;:\\\"\x00-\x1f\x7f-\x9f]+$",
    ),
    AfterValidator(_printable),
]  # fmt: skip
# The part that somebody takes in a project goes into the ledger, where no name belongs.
Role = Annotated[str, StringConstraints(max_length=60, pattern=r"^[a-zāēīōū][a-zāēīōū \-]*$")]
Purpose = Annotated[str, StringConstraints(max_length=80, pattern=r"^[a-z0-9][a-z0-9\-]*$")]
Ids = Annotated[list[Id], Field(max_length=500)]
Years = Annotated[list[Annotated[int, Field(ge=1, le=9999, strict=True)]], Field(max_length=500)]

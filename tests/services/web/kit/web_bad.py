"""Bad input for every field of every endpoint, made from what the OpenAPI says of it."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import jsonschema_rs
from stack import Json
from web_acts import openapi

PLANTED = "Planted 9f3c"
"""Words that no answer may send back."""

VALUES: tuple[Any, ...] = (
    None, True, -1, 1.5, 2**31, 10**30, "", PLANTED, PLANTED * 2000, [], {}, [None],
    [PLANTED + "\x00"], ["a"] * 501, {PLANTED: PLANTED}, "2026-01-01T00:00:00", "9999-12-31",
    "2026-13-45", "0001-01-01", 1_700_000_000, "9999-12-31T23:59:59-12:00",
    "00000000-0000-0000-0000-00000000000g",
)  # fmt: skip
"""Each stands in each field; what a field's schema takes is left out there."""

FEW: tuple[Any, ...] = (None, 1.5, PLANTED * 2000, [PLANTED + "\x00"], {PLANTED: PLANTED})
"""What stands in a field that another endpoint has as well, where it was tried in full."""

UNPRINTABLE = ("a\x00b", "a\x1bb", "a\x7fb", "a\x85b", "a\ud800b")
"""Refused wherever text is taken, which a schema cannot say."""

KEYS = ("", "a\x00b", "a\ud800b", "x" * 701, "<" + PLANTED)
"""What is no id, where people's own ids are keys."""

EXTRA = PLANTED + " \ud800"
"""The name of a field that nothing knows."""

Bad = tuple[str, Any]
"""What is wrong, in a word or two, and the whole of what is sent."""


def described(endpoint: str) -> Json | None:
    """The schema of what an endpoint takes, or None where it takes nothing."""
    method, _, path = endpoint.partition(" ")
    body = openapi()["paths"][path][method.lower()].get("requestBody")
    return body["content"]["application/json"]["schema"] if body else None


def spoilt(endpoint: str, schema: Json, good: Any) -> Iterator[Bad]:
    """Everything that can be wrong with `good`, one thing at a time."""
    for place, value in _places(endpoint, schema, good):
        yield from ((place_name(place) + " " + what, bad) for what, bad in _put(good, place, value))


@cache
def _first_with() -> dict[tuple[str, str], str]:
    """A field's name and schema to the first endpoint that has it; there it is tried in full."""
    found: dict[tuple[str, str], str] = {}

    def walk(endpoint: str, schema: Json) -> None:
        for branch in _branches(_resolved(schema)):
            for name, inner in branch.get("properties", {}).items():
                found.setdefault((name, _frozen(inner)), endpoint)
                walk(endpoint, inner)
            for inner in (branch.get("items"), branch.get("additionalProperties")):
                if isinstance(inner, dict):
                    walk(endpoint, inner)

    for path, methods in openapi()["paths"].items():
        for method in methods:
            endpoint = f"{method.upper()} {path}"
            if (schema := described(endpoint)) is not None:
                walk(endpoint, schema)
    return found


def place_name(place: tuple[Any, ...]) -> str:
    """Where, as people write it."""
    return ".".join(str(part) for part in place) or "(all)"


Place = tuple[Any, ...]
_GONE = object()


def _put(good: Any, place: Place, instead: list[tuple[str, Any]]) -> Iterator[Bad]:
    for what, value in instead:
        if not place:
            yield what, value
            continue
        bad = copy.deepcopy(good)
        inner = bad
        for part in place[:-1]:
            inner = inner[part]
        if value is _GONE:
            del inner[place[-1]]
        else:
            inner[place[-1]] = value
        yield what, bad


def _places(
    endpoint: str, schema: Json, good: Any, place: Place = (), name: str = ""
) -> Iterator[tuple[Place, list[Bad]]]:
    """Every place in `good`, or that could be in it, with what may not stand there."""
    yield place, _shown(_refused(endpoint, schema, name))
    schema = _resolved(schema)
    if isinstance(good, dict):
        yield from _fields(endpoint, _branch(schema, "object"), good, place)
    if isinstance(good, list) and good:
        items = _branch(schema, "array").get("items", {})
        yield from _places(endpoint, items, good[0], (*place, 0), name)


def _fields(
    endpoint: str, schema: Json, good: Json, place: Place
) -> Iterator[tuple[Place, list[Bad]]]:
    for name, inner in schema.get("properties", {}).items():
        if name in good:
            yield from _places(endpoint, inner, good[name], (*place, name), name)
        else:
            yield (*place, name), _shown(_refused(endpoint, inner, name))
    for name in schema.get("required", []):
        if name in good:
            yield (*place, name), [("is missing", _GONE)]
    others = schema.get("additionalProperties")
    if others is False:
        yield (*place, EXTRA), [("is not known", PLANTED)]
    elif isinstance(others, dict) and good:
        key = next(iter(good))
        yield from _places(endpoint, others, good[key], (*place, key), str(place[-1]))
        for bad in KEYS:
            if not _valid(schema, {bad: good[key]}):
                yield (*place, bad), [("is no id", good[key])]


def _refused(endpoint: str, schema: Json, name: str) -> list[Any]:
    first = _first_with().get((name, _frozen(schema)), endpoint) == endpoint
    schema = _resolved(schema)
    found = [value for value in (VALUES if first else FEW) if not _valid(schema, value)]
    if any(each.get("type") == "string" for each in _branches(schema)):
        found += UNPRINTABLE if first else UNPRINTABLE[-1:]
    return found


def _valid(schema: Json, value: Any) -> bool:
    try:
        return bool(_validator(_frozen(schema)).is_valid(value))
    except ValueError:
        # What is no UTF-8 is no JSON for the validator either.
        return False


@cache
def _validator(frozen: str) -> Any:
    schema = {**json.loads(frozen), "components": openapi()["components"]}
    return jsonschema_rs.validator_for(schema, validate_formats=True)


def _frozen(schema: Json) -> str:
    return json.dumps(schema, sort_keys=True)


def _resolved(schema: Json) -> Json:
    while "$ref" in schema:
        schema = openapi()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def _branches(schema: Json) -> list[Json]:
    return [_resolved(each) for each in schema.get("anyOf", [schema])]


def _branch(schema: Json, kind: str) -> Json:
    return next((each for each in _branches(schema) if each.get("type") == kind), {})


def _shown(values: list[Any]) -> list[Bad]:
    texts = ((ascii(value), value) for value in values)
    return [("is " + (t if len(t) < 30 else t[:27] + "..."), value) for t, value in texts]

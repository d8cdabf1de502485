"""Commands, events and states to plain JSON values and back, by their dataclasses.

The shapes on the wire and in the ledger are exactly the fields of the frozen
dataclasses, so that a reader needs no second description of them. Sets are
written sorted, instants as ISO 8601 in UTC ending in ``Z``.
"""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from enum import Enum
from functools import cache
from typing import Any, TypeVar

from policies.slices import ANY, Slice
from policies.types import TextId

T = TypeVar("T")

_PLAIN = frozenset({str, int, bool, type(None)})
"""What is JSON already. (Of these exactly: ids of words and enumerations are `str` too.)"""


def instant(text: str) -> datetime:
    """Read an ISO 8601 instant; it must carry a zone. Raises ValueError otherwise."""
    value = datetime.fromisoformat(text)
    if value.tzinfo is None:
        raise ValueError("an instant needs a zone, for example a Z at its end")
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("an instant must be in the years 1 to 9999") from error


def written(value: datetime) -> str:
    """An instant as the ledger writes it: UTC, microseconds, ``Z``."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def encode(value: Any) -> Any:
    """`value` as plain JSON. Raises TypeError for what has no place in a record."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, Slice):
        return value.to_json()
    if isinstance(value, TextId):
        return str(value)
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, bool | int | str):
        return value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {name: encode(getattr(value, name)) for name in _fields(type(value))}
    if isinstance(value, datetime):
        return written(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, frozenset | set):
        return sorted(encode(each) for each in value)
    if isinstance(value, tuple | list):
        return [encode(each) for each in value]
    if isinstance(value, Mapping):
        return {str(key): encode(each) for key, each in value.items()}
    raise TypeError(f"{type(value).__name__} cannot be recorded")


def decode(kind: type[T], value: Any) -> T:
    """Read plain JSON as `kind`, strictly.

    Raises:
        ValueError: an unknown or a missing field, or a value of another shape: a word
            where a list belongs would be read as its letters.
    """
    return typing.cast("T", _reader(typing.cast("Any", kind))(value))


def prepare(*kinds: Any) -> None:
    """Work out how `kinds` are read. It is done once, when their module is imported: in a
    workflow's sandbox the modules that their annotations name cannot be looked up."""
    for kind in kinds:
        _reader(kind)


def text_ids(value: Any) -> Iterator[TextId]:
    """Every id of words inside `value`, in the order of its fields."""
    if isinstance(value, TextId):
        yield value
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        for name in _fields(type(value)):
            yield from text_ids(getattr(value, name))
    elif isinstance(value, Mapping):
        for key in sorted(value):
            yield from text_ids(value[key])
    elif isinstance(value, tuple | list):
        for each in value:
            yield from text_ids(each)


@cache
def _fields(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in dataclasses.fields(kind))


@cache
def _reader(kind: Any) -> Callable[[Any], Any]:
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if kind is Slice:
        return Slice.from_json
    if kind is datetime:
        return lambda value: instant(_is(str, value))
    if kind is date:
        return lambda value: date.fromisoformat(_is(str, value))
    if kind is Any:
        return lambda value: value
    if kind in (str, int, bool):
        return lambda value: _is(kind, value)
    if isinstance(kind, type) and issubclass(kind, Enum | TextId):
        return lambda value: kind(_is(str, value))
    if dataclasses.is_dataclass(kind):
        return _dataclass_reader(kind)
    if origin in (types.UnionType, typing.Union):
        return _union_reader(args)
    if origin is frozenset:
        item = _reader(args[0])
        return lambda value: frozenset(item(each) for each in _is(list, value))
    if origin is tuple:
        item = _reader(args[0])
        return lambda value: tuple(item(each) for each in _is(list, value))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        item = _reader(args[1])
        return lambda value: {key: item(each) for key, each in _is(dict, value).items()}
    raise TypeError(f"no way to read {kind}")


def _is(kind: type[T], value: Any) -> T:
    """`value`, if it is exactly of the JSON type `kind`. (True is no number here.)"""
    if type(value) is not kind:
        raise ValueError(f"a {kind.__name__} belongs here, not a {type(value).__name__}")
    return value


def _union_reader(args: tuple[Any, ...]) -> Callable[[Any], Any]:
    rest = [arg for arg in args if arg is not type(None)]
    if len(rest) == 1:
        item = _reader(rest[0])
        return lambda value: None if value is None else item(value)
    # A part of a slice: an explicit set, or the word "any".
    listed = next(_reader(arg) for arg in rest if typing.get_origin(arg) is frozenset)
    return lambda value: ANY if value == ANY else listed(value)


def _dataclass_reader(kind: Any) -> Callable[[Any], Any]:
    hints = typing.get_type_hints(kind)
    readers = {f.name: _reader(hints[f.name]) for f in dataclasses.fields(kind)}

    def read(value: Any) -> Any:
        unknown = _is(dict, value).keys() - readers.keys()
        if unknown:
            raise ValueError(f"{kind.__name__} has no field {sorted(unknown)[0]!r}")
        try:
            return kind(**{name: readers[name](each) for name, each in value.items()})
        except TypeError as error:
            raise ValueError(f"{kind.__name__} is incomplete") from error

    return read

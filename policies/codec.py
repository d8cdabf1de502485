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
from typing import Any, Literal, TypeVar

from policies.slices import Slice
from policies.types import TextId

T = TypeVar("T")


def instant(text: str) -> datetime:
    """Read an ISO 8601 instant; it must carry a zone. Raises ValueError otherwise."""
    value = datetime.fromisoformat(text)
    if value.tzinfo is None:
        raise ValueError("an instant needs a zone, for example a Z at its end")
    return value.astimezone(UTC)


def written(value: datetime) -> str:
    """An instant as the ledger writes it: UTC, microseconds, ``Z``."""
    return value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def encode(value: Any) -> Any:
    """`value` as plain JSON. Raises TypeError for what has no place in a record."""
    if isinstance(value, Slice):
        return value.to_json()
    if isinstance(value, TextId):
        return str(value)
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, bool | int | str):
        return value
    if dataclasses.is_dataclass(value):
        return {f.name: encode(getattr(value, f.name)) for f in dataclasses.fields(value)}
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
    """Read plain JSON as `kind`. Raises ValueError for an unknown or missing field."""
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
        for field in dataclasses.fields(value):
            yield from text_ids(getattr(value, field.name))
    elif isinstance(value, Mapping):
        for key in sorted(value):
            yield from text_ids(value[key])
    elif isinstance(value, tuple | list):
        for each in value:
            yield from text_ids(each)


@cache
def _reader(kind: Any) -> Callable[[Any], Any]:
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if kind is Slice:
        return Slice.from_json
    if kind is datetime:
        return instant
    if kind is date:
        return date.fromisoformat
    if kind is Any or kind in (str, int, bool):
        return lambda value: value
    if origin is Literal:
        return lambda value: value
    if isinstance(kind, type) and issubclass(kind, Enum | TextId):
        return kind
    if dataclasses.is_dataclass(kind):
        return _dataclass_reader(kind)
    if origin in (types.UnionType, typing.Union):
        return _union_reader(args)
    if origin is frozenset:
        item = _reader(args[0])
        return lambda value: frozenset(item(each) for each in value)
    if origin is tuple:
        item = _reader(args[0])
        return lambda value: tuple(item(each) for each in value)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        item = _reader(args[1])
        return lambda value: {key: item(each) for key, each in value.items()}
    raise TypeError(f"no way to read {kind}")


def _union_reader(args: tuple[Any, ...]) -> Callable[[Any], Any]:
    rest = [arg for arg in args if arg is not type(None)]
    if len(rest) == 1:
        item = _reader(rest[0])
        return lambda value: None if value is None else item(value)
    # A part of a slice: an explicit set, or the word "any".
    listed = next(_reader(arg) for arg in rest if typing.get_origin(arg) is frozenset)
    return lambda value: value if isinstance(value, str) else listed(value)


def _dataclass_reader(kind: Any) -> Callable[[Any], Any]:
    hints = typing.get_type_hints(kind)
    readers = {f.name: _reader(hints[f.name]) for f in dataclasses.fields(kind)}

    def read(value: Any) -> Any:
        unknown = value.keys() - readers.keys()
        if unknown:
            raise ValueError(f"{kind.__name__} has no field {sorted(unknown)[0]!r}")
        try:
            return kind(**{name: readers[name](each) for name, each in value.items()})
        except TypeError as error:
            raise ValueError(f"{kind.__name__} is incomplete") from error

    return read

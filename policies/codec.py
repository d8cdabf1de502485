"""Commands, events and states to plain JSON values and back, by their dataclasses.

The shapes on the wire and in the ledger are exactly the fields of the frozen
dataclasses, so that a reader needs no second description of them. Sets are
written sorted, instants as ISO 8601 in UTC ending in ``Z``.
"""

from __future__ import annotations

import dataclasses
import itertools
import operator
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime
from enum import Enum
from functools import cache, partial
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
    # (`strftime` leaves out the zeros of early years, which then sort last.)
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def encode(value: Any) -> Any:
    """`value` as plain JSON. Raises TypeError for what has no place in a record."""
    kind: Any = type(value)
    return value if kind in _PLAIN else _writer(kind)(value)


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
    kind: Any = type(value)
    return _finder(kind)(value)


# How a value is written and searched depends on its type alone, and is worked out once a type:
# a sandboxed workflow's `isinstance` is many times slower than others', for the whole process.


@cache
def _writer(kind: type) -> Callable[[Any], Any]:
    if kind in _PLAIN:
        return _itself
    if issubclass(kind, Slice):
        return Slice.to_json
    if issubclass(kind, TextId):
        return str
    if issubclass(kind, Enum):
        return operator.attrgetter("value")
    if issubclass(kind, bool | int | str):
        return _itself
    if dataclasses.is_dataclass(kind):
        names = _fields(kind)
        return lambda value: {
            name: each if type(each := getattr(value, name)) in _PLAIN else encode(each)
            for name in names
        }
    if issubclass(kind, datetime):
        return written
    if issubclass(kind, date):
        return date.isoformat
    if issubclass(kind, frozenset | set):
        return lambda value: sorted(map(encode, value))
    if issubclass(kind, tuple | list):
        return lambda value: [encode(each) for each in value]
    if issubclass(kind, Mapping):
        return lambda value: {str(key): encode(each) for key, each in value.items()}
    raise TypeError(f"{kind.__name__} cannot be recorded")


def _itself(value: Any) -> Any:
    return value


@cache
def _finder(kind: type) -> Callable[[Any], Iterator[TextId]]:
    if issubclass(kind, TextId):
        return lambda value: iter((value,))
    if dataclasses.is_dataclass(kind):
        names = _fields(kind)
        return lambda value: _inside(getattr(value, name) for name in names)
    if issubclass(kind, Mapping):
        return lambda value: _inside(value[key] for key in sorted(value))
    if issubclass(kind, tuple | list):
        return _inside
    return lambda value: iter(())


def _inside(values: Iterable[Any]) -> Iterator[TextId]:
    return itertools.chain.from_iterable(map(text_ids, values))


def _fields(kind: Any) -> tuple[str, ...]:
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
        return partial(_is, kind)
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
    readers = {name: _reader(hints[name]) for name in _fields(kind)}

    def read(value: Any) -> Any:
        if not _is(dict, value).keys() <= readers.keys():
            unknown = sorted(value.keys() - readers.keys())
            raise ValueError(f"{kind.__name__} has no field {unknown[0]!r}")
        try:
            return kind(**{name: readers[name](each) for name, each in value.items()})
        except TypeError as error:
            raise ValueError(f"{kind.__name__} is incomplete") from error

    return read

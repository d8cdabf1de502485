"""Values of any command, event or state, built from the types its fields are declared with."""

from __future__ import annotations

import dataclasses
import types
import typing
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from enum import Enum
from functools import cache
from typing import Any

from builders import START, slices
from hypothesis import strategies as st

from policies.slices import ANY, Slice
from policies.types import TextId

EPOCH = START

# Few and quick: what matters is the shapes, and that words of any script pass unharmed.
words = st.sampled_from(
    ["", "a", "b c", "Ngā kōrero", "ʻāina", "person-1", "語", "any", "2026-03-02"]
)
instants = st.integers(-(2**40), 2**52).map(lambda each: EPOCH + timedelta(microseconds=each))
days = st.integers(-20_000, 80_000).map(lambda each: EPOCH.date() + timedelta(days=each))


@cache
def values_of(kind: Any) -> st.SearchStrategy[Any]:
    """A strategy for values of `kind`, as the codec understands kinds."""
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    plain = {
        str: words, int: st.integers(-(2**31), 2**31), bool: st.booleans(), datetime: instants,
        date: days, TextId: words.map(TextId),
        Slice: slices(), Any: st.none(),
    }  # fmt: skip
    if kind in plain:
        return plain[kind]
    if isinstance(kind, type) and issubclass(kind, Enum):
        return st.sampled_from(kind)
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        names = [field.name for field in dataclasses.fields(kind)]
        return st.builds(kind, **{name: values_of(hints[name]) for name in names})
    if origin in (types.UnionType, typing.Union):
        return st.one_of([st.none() if arg is type(None) else values_of(arg) for arg in args])
    if origin is typing.Literal:
        return st.sampled_from(args)
    if origin is frozenset:
        return st.frozensets(values_of(args[0]), max_size=2)
    if origin is tuple:
        return st.lists(values_of(args[0]), max_size=2).map(tuple)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return st.dictionaries(values_of(args[0]), values_of(args[1]), max_size=2)
    raise TypeError(f"no way to make {kind}")


def readable(kind: Any, name: str = "") -> Any:
    """One fixed value of `kind` that a person can read, for stored samples."""
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    plain = {
        str: f"the-{name.replace('_', '-')}", int: 7, bool: True, TextId: TextId(f"text-{name}"),
        datetime: datetime(2026, 7, 10, 3, 30, tzinfo=UTC) + timedelta(days=len(name)),
        date: date(2026, 7, 10),
        Slice: Slice(frozenset({"river-people", "hill-people"}), ANY, frozenset({2018, 2023})),
    }  # fmt: skip
    if kind in plain:
        return plain[kind]
    if isinstance(kind, type) and issubclass(kind, Enum):
        return next(iter(kind))
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return kind(**{each.name: readable(hints[each.name], each.name) for each in
                       dataclasses.fields(kind)})  # fmt: skip
    if origin in (types.UnionType, typing.Union):
        return readable(next(arg for arg in args if arg is not type(None)), name)
    if origin is frozenset:
        return frozenset({readable(args[0], name)})
    if origin is tuple:
        return (readable(args[0], name),)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {readable(args[0], name): readable(args[1], name)}
    raise TypeError(f"no way to make {kind}")

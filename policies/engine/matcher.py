"""A matcher, read once: what stands in it, and which of it leads to a rule by a look-up.

Casbin evaluates a matcher anew for each rule, by walking its parsed form. Here it is read
through a list of what may stand in it, split into its conjuncts, and compiled. A conjunct that
says of one column of the rules which values it must have (``p.item == "*" || r.item == p.item``)
becomes a key of the index (`index.py`): rules with another value there cannot match. So the
index follows from `model.conf`, and whoever edits the one changes the other.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

ORDERED = (ast.Lt, ast.LtE, ast.Gt, ast.GtE)
COMPARED = (ast.Eq, ast.NotEq, *ORDERED)
_REWRITTEN = re.compile(r"&&|\|\||!|\b(and|or|not)\b|\b[rp]\d*[._]")
LONGEST = 5_000
"""How many characters a matcher may have."""
DEEPEST = 40
"""How deep its brackets may go. Python's own parser stops at about a hundred."""


class MatcherError(ValueError):
    """A matcher, or the model that it is in, that cannot be used; the sentence says why."""


@dataclass(frozen=True)
class NamesOf:
    """Names under which the index puts what a function reads of a rule, and under which a question
    looks; None for every one. What shares no name must not match.

    Args:
        of_rule: of a rule's column, as it was prepared.
        of_question: of what a question gives in the rule's place.
    """

    of_rule: Callable[[Any], Collection[str] | None]
    of_question: Callable[[Any], Collection[str] | None]


@dataclass(frozen=True)
class Function:
    """A function that a matcher may call.

    Args:
        call: pure, and answers True or False.
        prepare: what is made once of a rule's column that only this function reads.
        names: by what the index tells apart what it reads.
    """

    call: Callable[..., bool]
    prepare: Callable[[str], Any] = str
    names: tuple[NamesOf, ...] = ()


@dataclass(frozen=True)
class Pins:
    """What a conjunct says of one column: its value is one of `literals`, or the question's value
    of one of `fields`, or what is reached from one of `reached` (relation, field)."""

    column: str
    literals: frozenset[str] = frozenset()
    fields: frozenset[str] = frozenset()
    reached: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True)
class Matcher:
    """A matcher, taken apart.

    Args:
        pins: one for each column that the index looks up, in the matcher's order.
        shared: the function, question's field and column of the first conjunct that has names to
            look under, or None.
        whole: all of it, as an expression.
        prepared: the columns that are prepared, each with the function that reads it.
        wild: the columns in which some text (``*``) stands for anything, each with that text.
    """

    pins: tuple[Pins, ...]
    shared: tuple[Function, str, str] | None
    whole: ast.expr
    prepared: Mapping[str, Function] = field(default_factory=dict)
    wild: Mapping[str, str] = field(default_factory=dict)


def read(
    text: str,
    request: Collection[str],
    columns: Collection[str],
    relations: Collection[str],
    functions: Mapping[str, Function],
) -> Matcher:
    """Read a matcher as Casbin's model keeps it (``r_item``, ``p_item``).

    Args:
        text: the matcher.
        request: the names of the question's fields, with their prefix.
        columns: the names of the rules' columns, with theirs.
        relations: the names of the role definitions, ``g`` and its like.
        functions: what else may be called.

    Raises:
        MatcherError: anything else stands in it, or it is too long or too deep.
    """
    whole = _parsed(text)
    _Reader(request, columns, relations, functions).boolean(whole, DEEPEST)
    _refuse_order(whole, request, functions)
    conjuncts = list(_flat(whole, ast.And))
    pins: dict[str, Pins] = {}
    shared = None
    for conjunct in conjuncts:
        found = _pinned(conjunct, request, relations)
        if found is not None:
            pins.setdefault(found.column, found)
        elif shared is None:
            shared = _named(conjunct, functions, request)
    return Matcher(
        tuple(pins.values()),
        shared,
        whole,
        _prepared(whole, functions),
        _wild(conjuncts, request, relations),
    )


def _parsed(text: str) -> ast.expr:
    if len(text) > LONGEST:
        raise MatcherError(f"A matcher has at most {LONGEST} characters.")
    if text.count("(") > DEEPEST * 10 or not text.isascii():
        raise MatcherError("A matcher has plain letters and few brackets.")
    # As Casbin itself rewrites it.
    python = text.replace("&&", " and ").replace("||", " or ")
    python = re.sub(r"!(?!=)", " not ", python).strip()
    try:
        return ast.parse(python, mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise MatcherError(f"The matcher cannot be read: {type(error).__name__}.") from None


@dataclass(frozen=True)
class _Reader:
    """What may stand in a matcher, and nothing else."""

    request: Collection[str]
    columns: Collection[str]
    relations: Collection[str]
    functions: Mapping[str, Function]

    def boolean(self, node: ast.expr, depth: int) -> None:
        if depth == 0:
            raise MatcherError("The matcher's brackets go too deep.")
        match node:
            case ast.BoolOp(values=values):
                for each in values:
                    self.boolean(each, depth - 1)
            case ast.UnaryOp(op=ast.Not(), operand=operand):
                self.boolean(operand, depth - 1)
            case ast.Compare(left=left, ops=[op], comparators=[right]) if isinstance(op, COMPARED):
                self.value(left)
                self.value(right)
            case ast.Compare(
                left=left, ops=[ast.In() | ast.NotIn()], comparators=[ast.Tuple(elts=elements)]
            ):
                self.value(left)
                for each in elements:
                    self.text(each)
            case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]):
                self.call(name, arguments)
            case _:
                raise MatcherError(
                    f"A matcher has comparisons, and, or, not, and calls; no {_kind(node)}."
                )

    def call(self, name: str, arguments: list[ast.expr]) -> None:
        if name in self.relations:
            self.relation(name, arguments)
        elif name not in self.functions:
            raise MatcherError(f"A matcher cannot call {name!r}.")
        elif not _takes(self.functions[name], len(arguments)):
            raise MatcherError(f"{name} does not take {len(arguments)} values.")
        for each in arguments:
            self.value(each)

    def relation(self, name: str, arguments: list[ast.expr]) -> None:
        match arguments:
            case [ast.Name(id=who), _] if who in self.request:
                return
        raise MatcherError(f"Write {name}(r.…, p.…): who asks, and what the rule says they are.")

    def value(self, node: ast.expr) -> None:
        match node:
            case ast.Name(id=name) if name in self.request or name in self.columns:
                return
            case ast.Name(id=name):
                raise MatcherError(f"The model defines no {name.replace('_', '.', 1)!r}.")
        self.text(node)

    def text(self, node: ast.expr) -> None:
        if not (isinstance(node, ast.Constant) and type(node.value) is str):
            raise MatcherError(f"A matcher compares fields and texts; no {_kind(node)}.")
        if _REWRITTEN.search(node.value):
            # Casbin rewrites these wherever they stand, between quotes as well.
            raise MatcherError("A text in a matcher cannot hold an operator, or r. or p.")


def _kind(node: ast.expr) -> str:
    return type(node).__name__


def _takes(function: Function, number: int) -> bool:
    try:
        inspect.signature(function.call).bind(*range(number))
    except TypeError:
        return False
    return True


def _refuse_order(
    whole: ast.expr, request: Collection[str], functions: Mapping[str, Function]
) -> None:
    """What a function prepares of rules is no text, and so is what a question gives in its place:
    nothing comes before it or after."""
    nodes = list(ast.walk(whole))
    read = {
        each.id
        for node in nodes
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        if node.func.id in functions and functions[node.func.id].prepare is not str
        for each in node.args
        if isinstance(each, ast.Name) and each.id in request
    }
    for node in nodes:
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ORDERED):
            for side in (node.left, *node.comparators):
                if isinstance(side, ast.Name) and side.id in read:
                    name = side.id.replace("_", ".", 1)
                    raise MatcherError(f"{name} is read by a function; nothing comes before it.")


def _flat(node: ast.expr, operator: type[ast.boolop]) -> Iterator[ast.expr]:
    if isinstance(node, ast.BoolOp) and isinstance(node.op, operator):
        for each in node.values:
            yield from _flat(each, operator)
    else:
        yield node


def _pinned(
    conjunct: ast.expr, request: Collection[str], relations: Collection[str]
) -> Pins | None:
    """What the conjunct says of one column, if it does."""
    alternatives = [list(_flat(each, ast.And)) for each in _flat(conjunct, ast.Or)]
    pins = [
        {pin.column: pin for atom in atoms if (pin := _pin(atom, request, relations)) is not None}
        for atoms in alternatives
    ]
    columns = [column for column in pins[0] if all(column in each for each in pins)]
    if not columns:
        return None
    column = columns[0]
    found = [each[column] for each in pins]
    return Pins(
        column,
        frozenset().union(*(each.literals for each in found)),
        frozenset().union(*(each.fields for each in found)),
        frozenset().union(*(each.reached for each in found)),
    )


def _pin(atom: ast.expr, request: Collection[str], relations: Collection[str]) -> Pins | None:
    match atom:
        case ast.Compare(left=ast.Name(id=one), ops=[ast.Eq()], comparators=[ast.Name(id=other)]):
            if one in request and other not in request:
                return Pins(other, fields=frozenset({one}))
            if other in request and one not in request:
                return Pins(one, fields=frozenset({other}))
        case (
            ast.Compare(
                left=ast.Name(id=one),
                ops=[ast.Eq()],
                comparators=[ast.Constant(value=str() as text)],
            )
            | ast.Compare(
                left=ast.Constant(value=str() as text),
                ops=[ast.Eq()],
                comparators=[ast.Name(id=one)],
            )
        ) if one not in request:
            return Pins(one, literals=frozenset({text}))
        case ast.Compare(
            left=ast.Name(id=one), ops=[ast.In()], comparators=[ast.Tuple(elts=elements)]
        ) if one not in request:
            texts = [each.value for each in elements if isinstance(each, ast.Constant)]
            return Pins(one, literals=frozenset(str(each) for each in texts))
        case ast.Call(func=ast.Name(id=name), args=[ast.Name(id=asked), ast.Name(id=column)]) if (
            name in relations and asked in request and column not in request
        ):
            return Pins(column, reached=frozenset({(name, asked)}))
    return None


def _wild(
    conjuncts: Iterable[ast.expr], request: Collection[str], relations: Collection[str]
) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for conjunct in conjuncts:
        for alternative in _flat(conjunct, ast.Or):
            pin = _pin(alternative, request, relations)
            if pin is not None and len(pin.literals) == 1 and alternative is not conjunct:
                found.setdefault(pin.column, *pin.literals)
    return found


def _named(
    conjunct: ast.expr, functions: Mapping[str, Function], request: Collection[str]
) -> tuple[Function, str, str] | None:
    match conjunct:
        case ast.Call(func=ast.Name(id=name), args=[ast.Name(id=asked), ast.Name(id=column)]) if (
            name in functions and asked in request and column not in request
        ):
            function = functions[name]
            return (function, asked, column) if function.names else None
    return None


def _prepared(whole: ast.expr, functions: Mapping[str, Function]) -> Mapping[str, Function]:
    """The columns that are read by one function alone."""
    inside: dict[str, set[str]] = {}
    outside: dict[str, int] = {}
    for node in ast.walk(whole):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            for each in node.args:
                if isinstance(each, ast.Name) and node.func.id in functions:
                    inside.setdefault(each.id, set()).add(node.func.id)
                    outside[each.id] = outside.get(each.id, 0) - 1
        if isinstance(node, ast.Name):
            outside[node.id] = outside.get(node.id, 0) + 1
    return {
        column: functions[next(iter(names))]
        for column, names in inside.items()
        if len(names) == 1 and outside[column] == 0
    }

"""A matcher as a Python function that goes through a list of rules.

The function is built from nodes that `matcher.read` let through, never from text, and sees
nothing but the functions that the matcher may call: neither builtins nor any module.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Scan = Callable[[Sequence[Any], Sequence[Any], int, list[Any], tuple[frozenset[str], ...]], None]
"""Of a question's values and a list of entries, append to a list those that match at a position;
last, what is reached from the question by each relation that the matcher asks about."""


def scan(
    condition: ast.expr,
    request: Sequence[str],
    columns: Sequence[str],
    relations: Sequence[str],
    functions: Mapping[str, Callable[..., bool]],
    held: Mapping[str, str],
) -> tuple[Scan, list[tuple[str, str]]]:
    """Compile `condition` over entries' `values`, which are those of `columns`; the columns that
    are `held` are attributes of entries' payloads.

    Also gives which relations it asks about which fields of the question, in the order in which
    what is reached is to be handed over.
    """
    rewriting = _Rewriting(list(columns), held, list(request), frozenset(relations))
    rewritten = rewriting.visit(_copied(condition))
    body: list[ast.stmt] = [
        _set(name, _item("asked", request.index(name))) for name in sorted(rewriting.fields)
    ]
    body += [
        _set(f"_{number}", _item("reached", number)) for number in range(len(rewriting.reached))
    ]
    keep = ast.Expr(ast.Call(_attribute("found", "append"), [_load("entry")], []))
    until = [_load("at"), _attribute("entry", "gone")]
    alive = ast.Compare(_attribute("entry", "added"), [ast.LtE(), ast.Lt()], until)
    # Whether it matches first: nearly every entry holds, and few match.
    body.append(
        ast.For(
            ast.Name("entry", ast.Store()),
            _load("entries"),
            [
                *([_set("values", _attribute("entry", "values"))] if columns else []),
                *([_set("payload", _attribute("entry", "payload"))] if held else []),
                ast.If(ast.BoolOp(ast.And(), [rewritten, alive]), [keep], []),
            ],
            [],
        )
    )
    names = ("asked", "entries", "at", "found", "reached")
    arguments = ast.arguments([], [ast.arg(each) for each in names], None, [], [], None, [])
    made = ast.FunctionDef("scan", arguments, body, [], None)
    module = ast.fix_missing_locations(ast.Module([made], []))
    seen: dict[str, Any] = {"__builtins__": {}, **functions}
    exec(compile(module, "<matcher>", "exec"), seen)  # noqa: S102  see the module's docstring
    compiled: Scan = seen["scan"]
    return compiled, rewriting.reached


class _Rewriting(ast.NodeTransformer):
    """Columns are read from the entry, and a relation asks what is reached from the question."""

    def __init__(
        self,
        columns: list[str],
        held: Mapping[str, str],
        request: list[str],
        relations: frozenset[str],
    ) -> None:
        self._columns, self._held = columns, held
        self._request, self._relations = request, relations
        self.fields: set[str] = set()
        self.reached: list[tuple[str, str]] = []

    def visit_Name(self, node: ast.Name) -> ast.expr:
        if node.id in self._held:
            return _attribute("payload", self._held[node.id])
        if node.id in self._columns:
            return _item("values", self._columns.index(node.id))
        if node.id in self._request:
            self.fields.add(node.id)
        return node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        assert isinstance(node.func, ast.Name)
        if node.func.id not in self._relations:
            return ast.Call(node.func, [self.visit(each) for each in node.args], [])
        who, what = node.args
        assert isinstance(who, ast.Name)
        pair = (node.func.id, who.id)
        if pair not in self.reached:
            self.reached.append(pair)
        number = self.reached.index(pair)
        return ast.Compare(self.visit(what), [ast.In()], [_load(f"_{number}")])


def _copied(node: ast.expr) -> ast.expr:
    return ast.parse(ast.unparse(node), mode="eval").body


def _load(name: str) -> ast.Name:
    return ast.Name(name, ast.Load())


def _attribute(name: str, attribute: str) -> ast.Attribute:
    return ast.Attribute(_load(name), attribute, ast.Load())


def _item(name: str, number: int) -> ast.expr:
    return ast.Subscript(_load(name), ast.Constant(number), ast.Load())


def _set(name: str, value: ast.expr) -> ast.stmt:
    return ast.Assign([ast.Name(name, ast.Store())], value)

"""Stock Casbin, as its package has it: the first of the second opinions.

Nothing of Accord's engine is used here. Casbin keeps quiet about all that matched, so every rule
is also asked about alone, as if it were the only one and allowed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import casbin


class Stock:
    """One model and its rows, asked as anybody asks Casbin."""

    def __init__(
        self,
        model: str,
        rows: Sequence[Sequence[str]],
        links: Mapping[str, Iterable[tuple[str, str]]] | None = None,
        functions: Mapping[str, Callable[..., bool]] | None = None,
    ) -> None:
        """`links` are by relation; rows are in the order of the model's columns."""
        self._rows = [list(row) for row in rows]
        self._whole = _enforcer(model, self._rows, links or {}, functions or {})
        self._alone = _enforcer(model, self._rows, links or {}, functions or {})
        policy = self._alone.get_model()["p"]["p"]
        self._effect = policy.tokens.index("p_eft") if "p_eft" in policy.tokens else None

    def allows(self, asked: Sequence[Any]) -> bool:
        """What Casbin says. Of no rows at all it may say yes, so nobody should ask."""
        assert self._rows
        allowed: bool = self._whole.enforce(*asked)
        return allowed

    def matching(self, asked: Sequence[Any]) -> set[int]:
        """The numbers of the rows that match, each alone."""
        policy = self._alone.get_model()["p"]["p"]
        found = set()
        for number, row in enumerate(self._rows):
            alone = list(row)
            if self._effect is not None:
                alone[self._effect] = "allow"
            policy.policy = [alone]
            if self._alone.enforce(*asked):
                found.add(number)
        return found


def _enforcer(
    text: str,
    rows: list[list[str]],
    links: Mapping[str, Iterable[tuple[str, str]]],
    functions: Mapping[str, Callable[..., bool]],
) -> casbin.Enforcer:
    enforcer = casbin.Enforcer(casbin.Enforcer.new_model(text=text))
    # One by one, past Casbin's own look whether there is such a row already: two that are
    # alike are two.
    for row in rows:
        enforcer.get_model()["p"]["p"].policy.append(row)
    for relation, pairs in links.items():
        enforcer.get_model().add_policies("g", relation, [list(pair) for pair in sorted(pairs)])
    if links:
        enforcer.build_role_links()
    for name, function in functions.items():
        enforcer.add_function(name, function)
    return enforcer

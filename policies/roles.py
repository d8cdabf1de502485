"""Chains of roles: `role` has everything that `includes` has, and so on down the chain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from graphlib import CycleError, TopologicalSorter

LONGEST_CHAIN = 8
"""Links in a chain, at the most. Casbin follows nine and silently not the tenth; a deny line for
the last role would then miss the first."""


def chain_faults(links: Sequence[tuple[str, str]]) -> Iterator[tuple[int, str]]:
    """What is wrong with the links, each a role and the one it includes, in the order of their
    lines in the file: the line as an editor shows it, and a sentence."""
    lines: dict[tuple[str, str], int] = {}
    below: dict[str, set[str]] = {}
    for line, link in enumerate(links, 2):
        if link in lines:
            yield line, f"That {link[0]} includes {link[1]} is said already, on line {lines[link]}."
        lines.setdefault(link, line)
        below.setdefault(link[0], set()).add(link[1])
    try:
        order = list(TopologicalSorter(below).static_order())
    except CycleError as error:
        # Each in the list is included by the next.
        circle = list(reversed(error.args[1]))
        told = " includes ".join(circle[:4]) + (" …" if len(circle) > 4 else "")
        yield lines[circle[0], circle[1]], f"The roles go round in a circle: {told}."
        return
    depth: dict[str, int] = {}
    for role in order:
        depth[role] = max((1 + depth[each] for each in below.get(role, ())), default=0)
    for link, line in lines.items():
        if 1 + depth[link[1]] > LONGEST_CHAIN:
            yield line, f"This chain of roles has more than {LONGEST_CHAIN} links; make it shorter."

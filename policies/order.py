"""The order in which bodies decide: all at once, unless a body's kawa says whom it comes after.

Issue 3, "Order": parallel by default; stages where a body's rule asks (after ethics, after
the iwi); a cycle of "after" is found before submission and answered with who must agree.

Everywhere here, `entries` is the route as it stands, and `after` maps a body to what its
kawa says it comes after: ids of bodies (``body-…``), or capacities (``people``, ``place``,
``ethics``, ``holder``), which mean every *other* body on the route that decides in that
standing. A body never waits for itself, and nobody waits for what is not on the route: a
body whose part has left the request is waited for no more.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain

from policies.types import Capacity, RouteEntry

After = Mapping[str, frozenset[str]]

BODY = "body-"


def known(element: str) -> bool:
    """Can a kawa say that its body comes after `element`: a body's id, or a capacity?"""
    return element.startswith(BODY) or element in frozenset(Capacity)


def predecessors(entries: tuple[RouteEntry, ...], after: After) -> Mapping[str, frozenset[str]]:
    """For each body on the route, those whose approval it waits for; empty by default.

    Raises:
        ValueError: a body on the route comes after what is neither a body nor a capacity.
            Passed over in silence, a misspelt word would take away an order that was asked for.
    """
    standing: dict[str, set[str]] = {capacity: set() for capacity in Capacity}
    for entry in entries:
        standing[entry.capacity].add(entry.body)
    bodies = {entry.body for entry in entries}
    found: dict[str, frozenset[str]] = {}
    for body in sorted(bodies):
        named = after.get(body, frozenset())
        if strange := sorted(each for each in named if not known(each)):
            raise ValueError(f"{strange[0]!r} is neither a body nor a capacity to come after.")
        waits_for = chain(named & bodies, *(standing[each] for each in named if each in standing))
        found[body] = frozenset(waits_for) - {body}
    return found


def cycle(entries: tuple[RouteEntry, ...], after: After) -> tuple[str, ...]:
    """Bodies of which each waits for the next, and the last for the first; empty if none do.

    They are who must agree before the request can be submitted. Of several cycles one is
    given, whatever the order of `entries`, beginning with its first id by the alphabet.

    Raises:
        ValueError: as `predecessors`.
    """
    _, stuck = _layers(predecessors(entries, after))
    if not stuck:
        return ()
    # Whoever is stuck waits for somebody who is stuck too: going on from one to the next
    # must come back to one who was met.
    met: dict[str, int] = {}
    body = min(stuck)
    while body not in met:
        met[body] = len(met)
        body = min(stuck[body])
    found = list(met)[met[body] :]
    first = found.index(min(found))
    return (*found[first:], *found[:first])


def turn(body: str, waits_for: After, approved: frozenset[str]) -> frozenset[str]:
    """Whom `body` still waits for; empty when it is its turn.

    `waits_for` are the `predecessors`; `approved` holds the bodies whose approval stands: an
    earlier one that a new justification has voided is no more among them.

    Raises:
        ValueError: `body` is not on the route.
    """
    if body not in waits_for:
        raise ValueError(f"{body} is not on the route.")
    return waits_for[body] - approved


def stages(entries: tuple[RouteEntry, ...], after: After) -> tuple[frozenset[str], ...]:
    """The bodies in the order of their turns, each as early as it may be.

    One stage, with everybody in it, unless some body's kawa says otherwise.

    Raises:
        ValueError: there is a `cycle`; or as `predecessors`.
    """
    layers, stuck = _layers(predecessors(entries, after))
    if stuck:
        raise ValueError("Some bodies wait for each other; they must agree who comes first.")
    return tuple(layers)


def _layers(
    waits_for: Mapping[str, frozenset[str]],
) -> tuple[list[frozenset[str]], dict[str, frozenset[str]]]:
    """The stages as far as they go, and who is left because of a cycle, each with those
    it waits for that are left as well."""
    left = dict(waits_for)
    layers: list[frozenset[str]] = []
    while ready := frozenset(body for body, others in left.items() if not others):
        layers.append(ready)
        left = {body: others - ready for body, others in left.items() if body not in ready}
    return layers, left

"""Who may say what in a pack: bodies speak of uses, the deployment of commands.

A body's lines say what may be done with what is its own. Which commands people may give is the
deployment's, and it has nothing to say about data.
"""

from __future__ import annotations

from enum import StrEnum

from policies.columns import ANY_USE, COMMANDS
from policies.faults import Found
from policies.rules import Pack
from policies.types import USE_ACTS

USES = frozenset(USE_ACTS) | {ANY_USE}
GRANTEE = "role:grantee"


class Adopter(StrEnum):
    """Who adopts a pack."""

    BODY = "body"
    DEPLOYMENT = "deployment"


def likely_adopter(pack: Pack) -> Adopter:
    """For whom a pack is written, by what its rules are about."""
    acts = {rule.act for rule in pack.rules}
    return Adopter.DEPLOYMENT if acts & COMMANDS and not acts & USES else Adopter.BODY


def check_adopter(pack: Pack, adopter: Adopter) -> None:
    """Refuse a pack that says what is not its adopter's to say.

    `pack` is as `read_pack` gave it: the line of a file follows from its place.

    Raises:
        FaultsError: by file, line and column.
    """
    found = Found()
    if adopter is Adopter.BODY:
        _body(pack, found)
    else:
        _deployment(pack, found)
    found.refuse()


def _body(pack: Pack, found: Found) -> None:
    for line, rule in enumerate(pack.rules, 2):
        if rule.act not in USES:
            sentence = "A body's lines speak of uses: use, or one, like use.read."
            found.add("rules.csv", line, "act", sentence)
        if rule.role != GRANTEE:
            sentence = f"Only somebody with a grant uses data; write {GRANTEE}."
            found.add("rules.csv", line, "role", sentence)
    for line, _ in enumerate(pack.roles, 2):
        sentence = "Which roles include which is the deployment's to say; take roles.csv out."
        found.add("roles.csv", line, "role", sentence)


def _deployment(pack: Pack, found: Found) -> None:
    for line, rule in enumerate(pack.rules, 2):
        if rule.act not in COMMANDS:
            sentence = "The deployment's lines speak of commands; use of data is for bodies."
            found.add("rules.csv", line, "act", sentence)
    for line, _ in enumerate(pack.routing, 2):
        sentence = "Who decides about data is for bodies to say; take routing.csv out."
        found.add("routing.csv", line, "body", sentence)

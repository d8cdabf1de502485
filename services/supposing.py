"""Whose answers an adoption would change: the decision point's own function, asked by the rules as
they are and by the rules as they would be."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import sqlalchemy as sa
from sqlalchemy import Connection

from policies.body.commands import Mandate
from policies.enforcer import Enforcer
from policies.grant.state import GrantState, Status
from policies.routing import Item
from policies.rules import EVERY, Pack
from policies.slices import resolve
from policies.types import NOBODY
from policies.use import (
    APART_OBLIGATION,
    READ,
    SLICE_OBLIGATION,
    STORY_OBLIGATION,
    UseQuestion,
    answer,
)
from services import facts
from services.adopting import Prospect
from services.path import Sight
from services.store import in_force, streams
from services.store.schema import grants

MOST_GRANTS = 500
"""How many grants are looked through, those first that were last touched."""

MOST_ASKED = 2_000
"""How many uses (one act with one item by one grant) are asked about."""

EVERYTHING = frozenset({SLICE_OBLIGATION, STORY_OBLIGATION, APART_OBLIGATION})


@dataclass(frozen=True)
class Told:
    """How many grants in force were looked at, and of how many some answer would turn to no and
    to yes. `cut`: there are more than were looked at."""

    looked_at: int = 0
    to_no: int = 0
    to_yes: int = 0
    cut: bool = False


def grants_changed(sight: Sight, found: Prospect) -> Told:
    """What the adoption would change for grants in force that touch the body's peoples or places
    (all of them, where it speaks for none: what it denies it denies for all)."""
    connection = sight.connection
    touching, cut = _touching(sight, found)
    if not touching:
        return Told(cut=cut)
    now = sight.path.rulebook.at(connection).enforcer
    then = supposed(connection, found)
    unsettled = facts.unsettled(connection)
    items = {
        each.id: each
        for each in facts.read_items(
            connection, {item for _, grant in touching for item in _items(grant)}
        )
    }
    asked, looked_at, to_no, to_yes = 0, 0, 0, 0
    for name, grant in touching:
        turned: set[bool] = set()
        uses = list(_uses(grant, items))
        if asked + len(uses) > MOST_ASKED:
            cut = True
            break
        asked += len(uses)
        looked_at += 1
        for question, item in uses:
            was, would = (
                answer(by, question, item, {name: grant}, sight.now, unsettled).decision
                for by in (now, then)
            )
            turned |= {would} if was != would else set()
        to_no += False in turned
        to_yes += True in turned
    return Told(looked_at, to_no, to_yes, cut)


def supposed(connection: Connection, found: Prospect) -> Enforcer:
    """The rules as they would be, with everything else as it is."""
    others = in_force.read_others(connection, found.body, found.packs)
    together = Pack(
        others.rules + found.adopted.rules,
        others.routing + found.adopted.routing,
        others.roles + found.adopted.roles,
    )
    speaking = in_force.speaking_but(connection, found.body, found.packs)
    speaking |= in_force.nobody_decides(found.body, found.adopted)
    return Enforcer([together], (), speaking)


def _touching(sight: Sight, found: Prospect) -> tuple[list[tuple[str, GrantState]], bool]:
    query = (
        sa.select(grants.c.id)
        .where(grants.c.status == str(Status.ACTIVE))
        .order_by(grants.c.updated_at.desc(), grants.c.id)
        .limit(MOST_GRANTS + 1)
    )
    names = list(sight.connection.execute(query).scalars())
    states: Mapping[str, GrantState] = streams.states(sight.connection, names[:MOST_GRANTS])
    mandate = _speaks_for(sight.bodies.states[found.body].mandate, found)
    kept = [(name, states[name]) for name in names[:MOST_GRANTS] if _of(mandate, states[name])]
    return kept, len(names) > MOST_GRANTS


def _speaks_for(mandate: Mandate, found: Prospect) -> Mandate:
    """With those peoples and places for whom the pack says, or said, that nobody decides: by such
    a line its rules are asked about them."""
    lines = [each for each in (*found.before.routing, *found.lines.routing) if each.body == NOBODY]
    return replace(
        mandate,
        peoples=mandate.peoples | ({each.people for each in lines} - {EVERY}),
        places=mandate.places | ({each.place for each in lines} - {EVERY}),
    )


def _of(mandate: Mandate, grant: GrantState) -> bool:
    terms = grant.terms
    if terms is None:
        return False
    if not (mandate.peoples or mandate.places):
        return True
    return any(
        resolve(terms.slice.peoples, each.peoples) & each.peoples & mandate.peoples
        or resolve(terms.slice.places, each.places) & each.places & mandate.places
        for each in terms.items.values()
    )


def _items(grant: GrantState) -> list[str]:
    return sorted(grant.terms.items) if grant.terms else []


def _uses(
    grant: GrantState, items: Mapping[str, Item]
) -> Iterator[tuple[UseQuestion, Item | None]]:
    """Each use that the grant is for, asked as a gateway would that can apply every obligation."""
    terms = grant.terms
    if terms is None or not terms.people:
        return
    subject = min(terms.people)
    for act in sorted(terms.acts):
        named = None if act == READ else min(terms.named.get(act, ()), default=None)
        for item in sorted(terms.items):
            yield (
                UseQuestion(subject, act, item, terms.purpose, None, EVERYTHING, named),
                items.get(item),
            )

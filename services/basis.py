"""How a gateway's question is written down beside its answer, and read again.

An answer is given again from the record alone (`services/answered.py`), so the record must hold
what was asked. It is kept for good, and a gateway might send a name where an id belongs: of what
was asked, only ids that the grants in question hold are written down. Any other makes the answer
a no, and is written as one that nothing is called by.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from policies.access import Answered, Basis
from policies.grant.state import GrantState
from policies.slices import ANY, Part, Slice
from policies.use import APART_OBLIGATION, SLICE_OBLIGATION, STORY_OBLIGATION, UseQuestion
from services.store.streams import Stream

UNKNOWN = "-"
"""What stands for an id that none of the grants holds."""

OBLIGATIONS = frozenset({SLICE_OBLIGATION, STORY_OBLIGATION, APART_OBLIGATION})
"""Those that an answer can carry."""


def of(
    question: UseQuestion, grants: Mapping[str, Stream], at: datetime, given: Slice | None
) -> Basis:
    """What is written down of `question`, as it was looked up at `at`.

    Args:
        question: what was asked.
        grants: the grants that name its person and its item, as they stood.
        at: the instant (UTC) at which they did.
        given: the slice of the answer, where it is a yes: it stands in the record beside this.
    """
    states: list[GrantState] = [each.state for each in grants.values()]
    named = {
        name
        for each in states
        if each.terms is not None
        for name in each.terms.named.get(question.act, ())
    }
    return Basis(
        at,
        _known_part(question.slice, states, given) if question.slice is not None else None,
        question.obligations & OBLIGATIONS,
        question.named if question.named is None or question.named in named else UNKNOWN,
        {name: each.sequence for name, each in sorted(grants.items())},
    )


def question(answered: Answered, basis: Basis) -> UseQuestion:
    """The question that was asked, as far as it was written down."""
    return UseQuestion(
        answered.subject, answered.act, answered.item, answered.purpose, basis.slice,
        basis.obligations, basis.named,
    )  # fmt: skip


def _known_part(asked: Slice, grants: Iterable[GrantState], given: Slice | None) -> Slice:
    """`asked`, with one id in place of all that no grant holds and no answer gave: it lies within
    a grant's slice just where `asked` does."""
    terms = [each.terms for each in grants if each.terms is not None]
    peoples = {
        people
        for each in terms
        for part in (each.slice.peoples, *(item.peoples for item in each.items.values()))
        if part != ANY
        for people in part
    }
    places = {
        place
        for each in terms
        for part in (each.slice.places, *(item.places for item in each.items.values()))
        if part != ANY
        for place in part
    }
    if given is not None:
        peoples |= set() if given.peoples == ANY else given.peoples
        places |= set() if given.places == ANY else given.places
    return replace(
        asked, peoples=_known(asked.peoples, peoples), places=_known(asked.places, places)
    )


def _known(part: Part[str], known: set[str]) -> Part[str]:
    if part == ANY:
        return ANY
    return frozenset(each if each in known else UNKNOWN for each in part)

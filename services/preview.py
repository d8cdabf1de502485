"""What would happen if a draft were submitted now: the same rules that will be enforced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from policies.refusals import Code
from policies.request import commands as c
from policies.routing import Route, route
from policies.slices import Slice
from policies.use import rules_refuse
from services import calendar, facts
from services.path import Sight
from services.people import Viewer
from services.store.schema import persons


@dataclass(frozen=True)
class Draft:
    """A request as its author has it so far. `why` and `words` are still plain words."""

    purpose: str
    people: Mapping[str, str]
    why: Mapping[str, str]
    slice: Slice
    ends_on: date | None
    acts: frozenset[str]
    words: Mapping[str, str]


@dataclass(frozen=True)
class Refusal:
    """One thing in a draft that is refused already, and by which rule."""

    item: str
    code: Code
    act: str = "use.read"
    rule: str | None = None
    because: str | None = None
    peoples: tuple[str, ...] = ()
    places: tuple[str, ...] = ()


@dataclass(frozen=True)
class Preview:
    """What would happen if the draft were submitted now."""

    route: Route
    refused: tuple[Refusal, ...]
    missing: tuple[str, ...]

    @property
    def ready(self) -> bool:
        """True when it can be submitted as it is."""
        return not self.refused and not self.missing and bool(self.route.entries)


def drafted(content: Mapping[str, Any]) -> Draft:
    """A draft's row as a `Draft`. What is not there yet is empty."""
    ends_on = content.get("ends_on")
    return Draft(
        content.get("purpose") or "",
        content.get("people") or {},
        content.get("items") or {},
        Slice.from_json(content.get("slice") or {}),
        date.fromisoformat(ends_on) if ends_on else None,
        frozenset(content.get("acts") or ("use.read",)) | {"use.read"},
        {name: content.get("words", {}).get(name) or "" for name in c.WORDS},
    )


def preview(sight: Sight, viewer: Viewer, draft: Draft) -> Preview:
    """The same rules that will be enforced, asked before anything is submitted."""
    found = facts.read_items(sight.connection, draft.why)
    enforcer = sight.path.rulebook.at(sight.connection).enforcer
    known = facts.known(sight.connection, sight.bodies)
    way = route(enforcer, found, draft.slice, known, sight.now)
    refused = [
        Refusal(each.item, each.code, peoples=tuple(sorted(each.peoples)),
                places=tuple(sorted(each.places)))
        for each in way.refused
    ]  # fmt: skip
    there = {item.id for item in found}
    refused += [Refusal(item, Code.NOT_FOUND) for item in sorted(set(draft.why) - there)]
    for item in found:
        for act in sorted(draft.acts) if item.id in way.items else ():
            answer = rules_refuse(enforcer, item, act, draft.purpose or "-", way.slice)
            if answer is not None:
                rule = None if answer.code is Code.NOT_PERMITTED_NOW else answer.rule
                refused.append(
                    Refusal(
                        item.id,
                        answer.code or Code.NO_RULE,
                        act,
                        (rule.restriction or rule.id) if rule else None,
                        rule.because if rule else None,
                    )
                )
    missing = [*_unnameable(sight, viewer, draft, way), *_missing(sight, draft)]
    return Preview(way, tuple(refused), tuple(missing))


def _unnameable(sight: Sight, viewer: Viewer, draft: Draft, way: Route) -> list[str]:
    """People of a body that must decide, named by somebody else.

    Whoever would use the data has no voice in the decision about it. If naming were
    enough for that, an applicant could silence a body's members by naming them; so they
    can only take part in a request by making it.
    """
    others = set(draft.people) - {viewer.person}
    deciding = {entry.body for entry in way.entries}
    return [
        f"people.{person}" for person in sorted(others) if deciding & set(sight.bodies.of(person))
    ]


def _missing(sight: Sight, draft: Draft) -> list[str]:
    missing = [f"words.{name}" for name in c.WORDS if not draft.words[name].strip()]
    missing += [f"items.{item}" for item, why in sorted(draft.why.items()) if not why.strip()]
    if not draft.why:
        missing.append("items")
    if not draft.purpose:
        missing.append("purpose")
    if draft.ends_on is None or calendar.end_of(draft.ends_on) <= sight.now:
        missing.append("ends_on")
    if not draft.people:
        missing.append("people")
    people = set(
        sight.connection.execute(
            sa.select(persons.c.id).where(persons.c.id.in_(sorted(draft.people)))
        ).scalars()
    )
    missing += [f"people.{each}" for each in sorted(set(draft.people) - people)]
    return missing

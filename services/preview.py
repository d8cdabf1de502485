"""What would happen if a draft were submitted now: the same rules that will be enforced."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from policies import order
from policies.enforcer import NOTHING
from policies.purpose import AREAS, UseKind, too_broad
from policies.refusals import Code
from policies.request import commands as c
from policies.routing import Route, Unroutable, route
from policies.rules import Rule
from policies.slices import Slice
from policies.types import STORIES
from policies.use import READ, asked_of, purposes_of, rules_say
from services import calendar, facts
from services.path import Sight
from services.people import Viewer
from services.queries.catalogue import searched_for
from services.rulebook import house_purposes
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
    named: Mapping[str, frozenset[str]]
    area: str
    use_kind: str
    for_body: str | None
    revises: str | None
    institutions: frozenset[str]


@dataclass(frozen=True)
class Refusal:
    """One thing in a draft that is refused already, and by which rule. `item` is empty where
    it is the request as a whole; `help` says what to write instead."""

    item: str
    code: Code
    act: str = "use.read"
    rule: str | None = None
    because: str | None = None
    peoples: tuple[str, ...] = ()
    places: tuple[str, ...] = ()
    bodies: tuple[str, ...] = ()
    help: str | None = None
    matched: tuple[Rule, ...] = ()
    decided: Rule | None = None


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
        {act: frozenset(each) for act, each in (content.get("named") or {}).items() if each},
        content.get("area") or "",
        content.get("use_kind") or "",
        content.get("for_body"),
        content.get("revises"),
        frozenset(content.get("institutions") or ()),
    )


def preview(sight: Sight, viewer: Viewer, draft: Draft) -> Preview:
    """The same rules that will be enforced, asked before anything is submitted."""
    found = facts.read_items(sight.connection, draft.why)
    enforcer = sight.path.rulebook.at(sight.connection).enforcer
    known = facts.known(sight.connection, sight.bodies)
    way = route(enforcer, found, draft.slice, known, sight.now, draft.for_body)
    sought = searched_for(sight)
    refused = [
        Refusal(each.item, each.code, peoples=tuple(sorted(each.peoples)),
                places=tuple(sorted(each.places)), help=_sought(sought, each))
        for each in way.refused
    ]  # fmt: skip
    refused += _as_a_whole(sight, viewer, draft, way)
    refused += [
        Refusal(item.id, Code.ONE_AT_A_TIME)
        for item in found
        if item.said and item.said.classes & STORIES and len(draft.why) > 1
    ]
    there = {item.id for item in found}
    refused += [Refusal(item, Code.NOT_FOUND) for item in sorted(set(draft.why) - there)]
    for item in found:
        for act in sorted(draft.acts) if item.id in way.items else ():
            purposes = purposes_of(draft.purpose or NOTHING, draft.area)
            asked = asked_of(item, act, purposes, way.slice, way.items[item.id])
            said = rules_say(enforcer, asked, sight.now)
            if (answer := said.refused) is not None:
                rule = None if answer.code is Code.NOT_PERMITTED_NOW else answer.rule
                refused.append(
                    Refusal(
                        item.id,
                        answer.code or Code.NO_RULE,
                        act,
                        (rule.restriction or rule.id) if rule else None,
                        rule.because if rule else None,
                        matched=said.matched,
                        decided=rule,
                    )
                )
    missing = [*_unnameable(sight, viewer, draft, way), *_missing(sight, viewer, draft)]
    return Preview(way, tuple(refused), tuple(missing))


def _sought(sought: Mapping[str, str], refused: Unroutable) -> str | None:
    """Who is looking for those who care for what nobody speaks for yet."""
    for subject in (refused.item, *sorted(refused.peoples | refused.places)):
        if subject in sought:
            return f"{sought[subject]} is looking for those who care for this; ask there."
    return None


def _as_a_whole(sight: Sight, viewer: Viewer, draft: Draft, way: Route) -> list[Refusal]:
    """What stands in the way of the request as a whole, whatever the items."""
    refused = [
        Refusal("", Code.TOO_BROAD, rule=each.line, help=each.help)
        for name in ("purpose", "summary")
        for each in too_broad(draft.words[name], house_purposes())
    ]
    after = {each.body: each.after for each in way.entries}
    if circle := order.cycle(way.entries, after):
        refused.append(Refusal("", Code.ORDER_CYCLE, bodies=circle))
    for body in sorted({each.body for each in way.entries}):
        state = sight.bodies.states[body]
        if state.kawa.korero_first and viewer.person not in state.korero:
            refused.append(Refusal("", Code.KORERO_FIRST, bodies=(body,)))
    return refused


def _unnameable(sight: Sight, viewer: Viewer, draft: Draft, way: Route) -> list[str]:
    """People of a body that must decide, named by somebody else.

    Whoever would use the data has no voice in the decision about it. If naming were
    enough for that, an applicant could silence a body's members by naming them; so they
    can only take part in a request by making it.
    """
    others = set(draft.people) - {viewer.person}
    # A body that asks for its own people's data may name its own people.
    deciding = {entry.body for entry in way.entries} - {draft.for_body}
    return [
        f"people.{person}" for person in sorted(others) if deciding & set(sight.bodies.of(person))
    ]


def _missing(sight: Sight, viewer: Viewer, draft: Draft) -> list[str]:
    missing = [f"words.{name}" for name in c.WORDS if not draft.words[name].strip()]
    missing += [f"items.{item}" for item, why in sorted(draft.why.items()) if not why.strip()]
    if not draft.why:
        missing.append("items")
    if not draft.purpose:
        missing.append("purpose")
    if draft.area not in AREAS:
        missing.append("area")
    if draft.use_kind not in set(UseKind):
        missing.append("use_kind")
    # Each use beyond reading is asked for by name; what is not named is not asked for.
    missing += [f"named.{act}" for act in sorted(draft.acts - {READ}) if not draft.named.get(act)]
    if draft.for_body is not None and not sight.bodies.member(viewer.person, draft.for_body):
        missing.append("for_body")
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

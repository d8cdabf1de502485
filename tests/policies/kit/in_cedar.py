"""The same rules in another language: a rule line as a Cedar policy, a question as Cedar's.

A role is an entity that has other roles as parents, an act one that has ``use``, and a part (whose
it is that is asked about) has the bodies that speak for it. The rest is in the context; slices are
sets, instants are microseconds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import cedarpy

from policies.codec import instant
from policies.enforcer import NOTHING, Question
from policies.rules import ACTS, ANY_USE, EVERY, ROLES, RoleRule, Rule
from policies.slices import ANY
from policies.types import USE_ACTS

BEGAN = datetime(1970, 1, 1, tzinfo=UTC)


def policy(rule: Rule) -> str:
    """The line as a policy that carries its id."""
    conditions = [
        f"context.{name} == {_text(value)}"
        for name, value in (
            ("collection", rule.collection), ("item", rule.item), ("klass", rule.klass),
            ("purpose", rule.purpose), ("level", rule.level),
        )
        if value != EVERY
    ]  # fmt: skip
    if rule.since != EVERY:
        conditions.append(f"context.at >= {_micros(instant(rule.since))}")
    if rule.until != EVERY:
        conditions.append(f"context.at < {_micros(instant(rule.until))}")
    told = {} if rule.slice == EVERY else json.loads(rule.slice)
    for name in ("peoples", "places", "years"):
        part = told.get(name, ANY)
        if part != ANY:
            listed = ", ".join(map(_value, part))
            conditions.append(f"(context.any_{name} || context.{name}.containsAny([{listed}]))")
    when = f" when {{ {' && '.join(conditions)} }}" if conditions else ""
    return (
        f"@id({_text(rule.id)}) {'permit' if rule.effect == 'allow' else 'forbid'}("
        f"{_scope('principal', 'Role', rule.role)}, {_scope('action', 'Action', rule.act)}, "
        f"{_scope('resource', 'Body', rule.reach)}){when};"
    )


def policies(rules: Iterable[Rule]) -> cedarpy.PolicySet:
    """Lines with a slice that holds nothing match nothing, and are left out."""
    whole = (policy(rule) for rule in rules if not _holds_nothing(rule))
    return cedarpy.PolicySet.from_str("\n".join(whole))


def entities(
    roles: Iterable[RoleRule] = (), speaking: Iterable[tuple[str, str]] = ()
) -> cedarpy.Entities:
    """Roles, acts and parts, and what each belongs to."""
    parents: dict[tuple[str, str], set[tuple[str, str]]] = {
        **{("Role", role): set() for role in ROLES},
        **{("Action", act): set() for act in ACTS},
        ("Action", ANY_USE): set(),
    }
    for act in USE_ACTS:
        parents["Action", act].add(("Action", ANY_USE))
    for each in roles:
        if each.role != each.includes:
            parents["Role", each.role].add(("Role", each.includes))
    for part, body in speaking:
        parents.setdefault(("Body", body), set())
        parents.setdefault(("Part", part), set()).add(("Body", body))
    return cedarpy.Entities.from_json_str(
        json.dumps(
            [
                {
                    "uid": _uid(*one),
                    "attrs": {},
                    "parents": [_uid(*each) for each in sorted(more)],
                }
                for one, more in parents.items()
            ]
        )
    )


def request(asked: Question) -> dict[str, Any]:
    """The question."""
    part = asked.slice
    context: dict[str, Any] = {
        "collection": asked.collection,
        "item": asked.item,
        "klass": asked.klass,
        "purpose": asked.purpose,
        "level": str(asked.level),
        "at": _micros(asked.at),
    }
    for name, value in (("peoples", part.peoples), ("places", part.places), ("years", part.years)):
        context[f"any_{name}"] = value == ANY
        context[name] = [] if value == ANY else sorted(value)
    return {
        "principal": _uid("Role", asked.role),
        "action": _uid("Action", asked.act),
        "resource": _uid("Part", asked.whose or NOTHING),
        "context": context,
    }


def answer(
    asked: Question, held: cedarpy.PolicySet, known: cedarpy.Entities
) -> tuple[bool, set[str]]:
    """Yes or no, and the ids of the lines that decided: all that forbid, or else that allow."""
    result = cedarpy.is_authorized(request(asked), held, known)
    assert not result.diagnostics.errors, result.diagnostics.errors
    return result.allowed, set(result.diagnostics.id_annotations_by_reason.values())


def _holds_nothing(rule: Rule) -> bool:
    return rule.slice != EVERY and [] in json.loads(rule.slice).values()


def _scope(what: str, kind: str, value: str) -> str:
    return what if value == EVERY else f"{what} in {kind}::{_text(value)}"


def _uid(kind: str, name: str) -> dict[str, str]:
    return {"type": kind, "id": str(name)}


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False)


def _value(value: str | int) -> str:
    return str(value) if isinstance(value, int) else _text(value)


def _micros(at: datetime) -> int:
    return (at - BEGAN) // timedelta(microseconds=1)

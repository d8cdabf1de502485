"""Why an answer is what it is, and what would have to change for another.

What is told of a rule is the rule itself: its words, in whose name and since when it is in force,
until when, and who can change it. What a body keeps to itself is left out before it comes here
(`use.rules_say`); where an answer may not tell its reason, one explanation serves for every such
answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from policies.body.commands import DEPLOYMENT
from policies.refusals import Code, Refused
from policies.rules import EVERY, RoutingRule, Rule


@dataclass(frozen=True)
class Change:
    """One thing that would have to change for a yes: what, by whom, and of which rule."""

    what: str
    body: str | None
    rule: str | None
    sentence: str


def told(rule: Rule, decided: bool) -> Mapping[str, Any]:
    """A rule as it is or was in force, whether or not anybody can change it now."""
    return {
        "rule": rule.restriction or rule.id,
        "effect": rule.effect,
        "because": rule.because,
        "decided": decided,
        "body": rule.adopter,
        "in_force_since": rule.made_at or None,
        "from": None if rule.since == EVERY else rule.since,
        "until": None if rule.until == EVERY else rule.until,
    }


def line(rule: Rule, decided: bool) -> Mapping[str, Any]:
    """A rule that spoke, as it is shown."""
    return {**told(rule, decided), "changed_by": _changed_by(rule)}


def lines(matched: Iterable[Rule], decided: Rule | None) -> list[Mapping[str, Any]]:
    """The rules that spoke, the one that decided first. A restriction is one line, however many
    things and uses it names."""
    decisive = decided.restriction or decided.id if decided is not None else None
    found: dict[str, Mapping[str, Any]] = {}
    for rule in matched:
        name = rule.restriction or rule.id
        found.setdefault(name, line(rule, name == decisive))
    return sorted(found.values(), key=lambda each: (not each["decided"], each["rule"]))


def routing_line(rule: RoutingRule) -> Mapping[str, Any]:
    """A line by which a body must decide, as it is shown."""
    return {
        "rule": rule.id,
        "because": rule.because,
        "body": rule.adopter,
        "in_force_since": rule.made_at or None,
        "changed_by": "The body that adopted it, by withdrawing it or adopting another.",
    }


def for_a_yes(code: Code | None, matched: Iterable[Rule]) -> list[Change]:
    """What would have to change, as far as may be told: every no that spoke would have to go, and
    where nothing allowed it, something would have to."""
    if code is None:
        return []
    matched = list(matched)
    found: dict[str, Change] = {}
    for rule in matched:
        if rule.effect != "deny":
            continue
        name = rule.restriction or rule.id
        found[name] = (
            Change("lift", rule.adopter, name, "Its body would have to lift this restriction.")
            if rule.restriction
            else Change(
                "withdraw", rule.adopter, name,
                "The body would have to change this rule, or withdraw it.",
            )
        )  # fmt: skip
    if found and not any(rule.effect == "allow" for rule in matched):
        found[""] = Change(
            "adopt", None, None, "The bodies concerned would have to adopt a rule that allows it."
        )
    # Where no line says no that may be told, all that is told is what to do next.
    return list(found.values()) or [Change("ask", None, None, Refused(code).next_step)]


def _changed_by(rule: Rule) -> str:
    if rule.restriction is not None:
        return "The body that placed it lifts it, by its own rule."
    if rule.adopter in ("", DEPLOYMENT):
        return "The deployment, for everybody."
    return "The body that adopted it, by changing it or withdrawing it."

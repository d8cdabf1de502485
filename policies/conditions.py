"""Conditions that a body sets: from the library below, or in its own words.

Each is either *enforced* by the decision point, or a *duty* that the
researcher attests in her reports; `kept_by` says which, and pages show it.
The library is the part of `tikanga.md`'s thirty (section C) that this engine
can keep today. Where two bodies set the same one, the strictest holds if they
can be ordered; if they cannot, nothing can be accepted until the bodies agree.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from policies.types import Level, TextId


class KeptBy(StrEnum):
    """Who sees to it that a condition is kept."""

    DECISION_POINT = "decision_point"
    DUTY = "duty"


@dataclass(frozen=True)
class Kind:
    """One condition of the library: `takes` names the one value it needs, if any."""

    sentence: str
    kept_by: KeptBy
    takes: str | None = None


OWN_WORDS = "own_words"

LIBRARY: Mapping[str, Kind] = {
    "end_date": Kind("Access ends on this day.", KeptBy.DECISION_POINT, "at"),
    "level_at_most": Kind(
        "Records are seen no finer than this level.", KeptBy.DECISION_POINT, "choice"
    ),
    "no_linkage": Kind("The data is not joined to other data.", KeptBy.DECISION_POINT),
    "no_ai_training": Kind("No machine is trained on the data.", KeptBy.DECISION_POINT),
    "non_commercial": Kind("The data is not used commercially.", KeptBy.DECISION_POINT),
    "aotearoa_storage": Kind("The data stays in Aotearoa.", KeptBy.DECISION_POINT),
    "report_back": Kind("A benefit report is owed to the body by this day.", KeptBy.DUTY, "at"),
    "no_reidentification": Kind("Nobody tries to find out who a record is.", KeptBy.DUTY),
    "no_onward_sharing": Kind("The data is passed on to nobody.", KeptBy.DUTY),
    "review_before_publication": Kind("The body reads first what is published.", KeptBy.DUTY),
    "strengths_framing": Kind("Findings are told from strengths, not deficits.", KeptBy.DUTY),
    "attribution": Kind("The people are named or unnamed, as chosen.", KeptBy.DUTY, "choice"),
    OWN_WORDS: Kind("A condition in the body's own words.", KeptBy.DUTY, "words"),
}  # fmt: skip

CHOICES: Mapping[str, frozenset[str]] = {
    "level_at_most": frozenset(Level),
    "attribution": frozenset({"named", "unnamed"}),
}


@dataclass(frozen=True)
class Condition:
    """One condition as a body set it. Exactly the value that its kind takes is given."""

    id: str
    body: str
    kind: str
    at: datetime | None = None
    choice: str | None = None
    words: TextId | None = None


def malformed(condition: Condition) -> str | None:
    """A sentence saying what is wrong with `condition`, or None."""
    kind = LIBRARY.get(condition.kind)
    if kind is None:
        return "The library has no condition of that kind."
    given = {name for name in ("at", "choice", "words") if getattr(condition, name) is not None}
    if given - {"words"} != ({kind.takes} - {None, "words"}):
        return f"This condition needs exactly: {kind.takes or 'nothing more'}."
    if kind.takes == "words" and condition.words is None:
        return "A condition in own words needs its words."
    if kind.takes == "choice" and condition.choice not in CHOICES[condition.kind]:
        return f"Choose one of: {', '.join(sorted(CHOICES[condition.kind]))}."
    return None


def conflicts(conditions: Iterable[Condition]) -> frozenset[str]:
    """The kinds on which bodies disagree in a way that no order settles."""
    chosen: dict[str, set[str]] = {}
    for condition in conditions:
        if condition.kind == "attribution" and condition.choice:
            chosen.setdefault(condition.kind, set()).add(condition.choice)
    return frozenset(kind for kind, values in chosen.items() if len(values) > 1)


def earliest(conditions: Iterable[Condition], kind: str, default: datetime) -> datetime:
    """The strictest day: the earliest of `default` and those set by `kind`."""
    return min([default, *(each.at for each in conditions if each.kind == kind and each.at)])


def coarsest(conditions: Iterable[Condition], default: Level) -> Level:
    """The strictest level among `default` and every ``level_at_most``."""
    capped = [
        Level(each.choice) for each in conditions if each.kind == "level_at_most" and each.choice
    ]
    return min([default, *capped], key=lambda level: level.rank)


FORBIDS: Mapping[str, str] = {
    "no_linkage": "use.link",
    "no_ai_training": "use.train",
    "non_commercial": "use.commercial",
    "aotearoa_storage": "use.offshore",
}
"""Which use each of these conditions takes out of the grant."""


def forbidden_acts(conditions: Iterable[Condition]) -> frozenset[str]:
    """The uses that these conditions take away."""
    return frozenset(FORBIDS[each.kind] for each in conditions if each.kind in FORBIDS)

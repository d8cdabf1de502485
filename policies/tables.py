"""What a pack says beside its rules: its classes, kinds of restriction, ways of deciding,
conditions and defaults. They explain and propose; no answer is computed from them.

Each has columns of its own, read as strictly as rules are. `README.md` teaches them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from policies.columns import line_id, why
from policies.conditions import LIBRARY, OWN_WORDS, KeptBy
from policies.table import Check, Known, Layout
from policies.types import CLASSES, KawaRule, Level

NEVER = "never"
ALWAYS, RULE, RESTRICTION, PAUSE = "always", "rule", "restriction", "pause"
"""How a condition is kept that is none of the library's: by every grant anyway, by the lines of
this pack, by a restriction, by a body's own pause."""

BUILT_IN = frozenset({ALWAYS, RULE, RESTRICTION, PAUSE})


def _words(value: str) -> str | None:
    return None if len(value) >= 3 else "Write a few words."


def _number(value: str) -> str | None:
    good = value == "-" or (value.isascii() and value.isdigit() and 1 <= int(value) <= 99)
    return None if good else "Write a number from 1, or - for none."


_YES_NO = Known(frozenset({"yes", "no"}), "answer (yes or no)")

CLASS_COLUMNS: Mapping[str, Check] = {
    "id": line_id,
    "class": Known(CLASSES, "class"),
    "name": _words,
    "read_at": Known(frozenset(Level) | {NEVER}, "finest level"),
    "says": why,
    "because": why,
}
RESTRICTION_COLUMNS: Mapping[str, Check] = {
    "id": line_id,
    "kind": _words,
    "covers": why,
    "live_grants": Known(frozenset({"suspend"}), "effect on live grants"),
    "at_its_date": Known(frozenset({"review"}), "effect of a date"),
    "because": why,
}
KAWA_COLUMNS: Mapping[str, Check] = {
    "id": line_id,
    "way": Known(frozenset(KawaRule), "way of deciding"),
    "default": _YES_NO,
    "says": why,
    "needs": _words,
    "because": why,
}
CONDITION_COLUMNS: Mapping[str, Check] = {
    "id": line_id,
    "number": _number,
    "name": _words,
    "kept_by": Known(frozenset(KeptBy), "keeper"),
    "by": Known(frozenset(LIBRARY) | BUILT_IN, "way of keeping a condition"),
    "says": why,
    "because": why,
}
DEFAULT_COLUMNS: Mapping[str, Check] = {
    "id": line_id,
    "about": _words,
    "default": why,
    "kept_by": Known(frozenset(KeptBy) | {"body"}, "keeper"),
    "because": why,
}


def _across_condition(line: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """A page that says more is enforced than is would be worse than none."""
    kind = LIBRARY.get(line["by"])
    kept = kind.kept_by if kind is not None else KeptBy.DECISION_POINT
    if line["by"] == PAUSE:
        kept = KeptBy.DUTY
    if line["by"] == ALWAYS and line["kept_by"] == KeptBy.DUTY:
        return
    if line["kept_by"] != kept:
        what = "in a body's own words" if line["by"] == OWN_WORDS else f"by {line['by']}"
        yield "kept_by", f"A condition {what} is kept by {kept}, no more and no less."


TABLES: Mapping[str, Layout] = {
    "classes.csv": Layout(CLASS_COLUMNS),
    "restrictions.csv": Layout(RESTRICTION_COLUMNS),
    "kawa.csv": Layout(KAWA_COLUMNS),
    "conditions.csv": Layout(CONDITION_COLUMNS, _across_condition),
    "defaults.csv": Layout(DEFAULT_COLUMNS),
}
"""The tables of a pack by their files' names."""

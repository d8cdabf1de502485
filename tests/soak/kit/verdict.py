"""Everything that can be checked of a run from outside: the exported ledger, what was answered,
and the decision point's answers. Nothing here looks into the database.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from judged_rest import World as Judging
from telling import Json, entries
from world import Asked, Kept

from services.ledger.verify import verify

ENDS = frozenset({"declined", "withdrawn", "closed"})


@dataclass
class Verdict:
    """What was found."""

    wrong: list[tuple[int, str]] = field(default_factory=list)
    """Which of the thirteen points (0: of the ledger as a whole), and where."""
    entries: int = 0
    decisions: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    """Rule, outcome and way to how many decisions."""
    statuses: Counter[str] = field(default_factory=Counter)
    lost: int = 0
    doubled: int = 0
    yes: int = 0
    no: int = 0


def judge(export: bytes, kept: Kept, marker: str, *, exact: bool = True) -> Verdict:
    """Read the whole ledger of a run, and say what is not as it must be.

    Args:
        export: the operator's export.
        kept: what was sent, and what came back.
        marker: what stands in every name and text that was written.
        exact: whether entries can be put into the order in which they were committed.
    """
    found = Verdict()
    lines = export.splitlines(keepends=True)
    report = verify(lines)
    found.wrong += [(0, f"line {each.line}: {each.sentence}") for each in report.problems]
    if marker.encode() in export:
        found.wrong.append((9, "somebody's words stand in the ledger"))
    told = entries(lines)
    found.entries = len(told)
    _commands(told, kept, found)
    judging = Judging({each.context["record"]: each.question for each in kept.asked}, exact)
    for entry in told:
        judging.read(entry)
    found.wrong += judging.wrong
    found.yes, found.no = judging.yes, judging.no
    _previews(judging, kept, told, found)
    _answers(judging, kept.asked, found)
    for each in judging.requests.values():
        found.statuses[each.status] += 1
        for body, outcome, way in each.decided:
            rule = judging.told.bodies[body].kawa["rule"]
            found.decisions[rule, outcome, way] += 1
    return found


def _commands(told: Iterable[Json], kept: Kept, found: Verdict) -> None:
    """Every command that was answered is there, once, in the entry that was named."""
    held: dict[str, list[Json]] = {}
    for entry in told:
        held.setdefault(entry["command"], []).append(entry)
    for name, answer in kept.entries.items():
        there = held.get(name, [])
        found.lost += not any(each["id"] == answer["entry"] for each in there)
    found.doubled = sum(len(each) - 1 for each in held.values())
    if found.lost or found.doubled:
        found.wrong.append((0, f"{found.lost} commands are lost, {found.doubled} are doubled"))


def _previews(judging: Judging, kept: Kept, told: list[Json], found: Verdict) -> None:
    """What was shown before submitting is what was then asked, unless something changed."""
    changes = sorted(
        each["at"]
        for each in told
        if each["stream"].partition("-")[0] in ("body", "pack", "catalogue")
    )
    submitted = {
        each["stream"]: each for each in told
        if each["events"][0]["type"] == "Submitted"
    }  # fmt: skip
    for request, preview in kept.previews.items():
        entry = submitted[request]
        shown = {(each["body"], each["capacity"]) for each in preview["must_decide"]}
        route = entry["events"][0]["data"]["pinned"]["route"]
        asked = {(each["body"], each["capacity"]) for each in route}
        since = preview["at"].replace("+00:00", "Z")
        if shown != asked and not any(since <= at <= entry["at"] for at in changes):
            found.wrong.append((2, f"{request}: {sorted(shown)} were shown, {sorted(asked)} asked"))


def _answers(judging: Judging, asked: Iterable[Asked], found: Verdict) -> None:
    """What left the decision point is what was recorded; of what is hidden nothing leaves."""
    for each in asked:
        ids = {one["id"] for one in each.context.get("obligations", ())}
        if each.decision and "slice/1" not in ids:
            found.wrong.append((3, f"a yes without its slice: {each.context}"))
        if each.context.get("code") == "not_permitted_now" and each.context["reasons"]:
            found.wrong.append((7, f"something hidden shows: {each.context}"))

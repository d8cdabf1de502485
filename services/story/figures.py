"""The story's figures, recomputed from an exported ledger alone, by a process of its own:

    python -m services.story.figures EXPORT

It reads the file and nothing else; what the story's own process believes is not asked.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from services.ledger.verify import verify

STEPS: tuple[frozenset[str], ...] = (
    frozenset({"Imported", "HistoryWritten", "Confirmed", "Adopted"}),
    frozenset({"Submitted"}),
    frozenset(
        {
            "QuestionAsked", "QuestionAnswered", "StoodAside", "HuiRecorded", "Spoken",
            "ConditionSet", "BodyDecided", "BodyDecided:decline", "Narrowed", "Rejustified",
        }
    ),
    frozenset({"Accepted", "Issued"}),
    frozenset({"Answered:yes", "Answered:no"}),
    frozenset({"Placed", "Answered:restricted", "AwaitingLifting", "Lifted"}),
    frozenset({"Withdrawn"}),
    frozenset(
        {
            "DutyReminded", "AccessPaused", "Answered:duty_overdue", "ReportFiled",
            "ReportReturned", "ReportAccepted", "DutyDone",
        }
    ),
    frozenset(
        {"Ended", "DisposalAttested", "DisposalAcknowledged", "grant:Closed", "request:Closed"}
    ),
    # The second story.
    frozenset({"Welcomed", "Settled:welcome", "Settled:reviewer"}),
    frozenset({"Submitted:for_body"}),
    frozenset({"Reminded", "Escalated", "ReviewRecorded"}),
    frozenset({"GatewayAdded", "Answered:yes"}),
    # The third.
    frozenset({"Submitted:revises"}),
    frozenset({"Declined", "BodyDecided:reasons"}),
    frozenset({"Submitted:revises"}),
)  # fmt: skip
"""The events that each step of the three stories leaves in the ledger. A draft and its preview
leave none; what they are answered from does."""


def figures(lines: Iterable[bytes]) -> dict[str, Any]:
    """What the export at hand says of the story."""
    held = list(lines)
    report = verify(held)
    seen: set[str] = set()
    counts = {"decisions": 0, "refusals": 0, "restrictions": 0, "entries": 0}
    for line in held:
        entry = json.loads(line).get("entry")
        if entry is None:
            continue
        counts["entries"] += 1
        kind = entry["stream"].partition("-")[0]
        for event in entry["events"]:
            name, data = event["type"], event["data"]
            seen |= {name, f"{kind}:{name}", *_marks(name, data)}
            counts["decisions"] += name == "BodyDecided"
            counts["restrictions"] += name == "Placed"
            counts["refusals"] += name == "Answered" and not data["decision"]
    steps = sum(needed <= seen for needed in STEPS)
    return {
        "story": "complete" if steps == len(STEPS) and report.verified else "incomplete",
        "steps": steps,
        "decisions": counts["decisions"],
        "refusals": counts["refusals"],
        "restrictions": counts["restrictions"],
        "ledger_entries": counts["entries"],
        "ledger_verified": report.verified,
    }


def _marks(name: str, data: dict[str, Any]) -> set[str]:
    if name == "Answered":
        return {f"Answered:{'yes' if data['decision'] else 'no'}", f"Answered:{data['code']}"}
    if name == "BodyDecided":
        said = {"BodyDecided:reasons"} if data.get("reasons") else set()
        return {f"BodyDecided:{data['outcome']}", *said}
    if name == "Settled" and data["agreed"]:
        return {f"Settled:{data['change']['kind']}"}
    if name == "Submitted":
        named = [each for each in ("for_body", "revises") if data["content"].get(each)]
        return {f"Submitted:{each}" for each in named}
    return set()


if __name__ == "__main__":
    with Path(sys.argv[1]).open("rb") as export:
        print(json.dumps(figures(export)))

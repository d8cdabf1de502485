"""What an adoption would change, before it is confirmed; `confirm` is what confirms it."""

from __future__ import annotations

from typing import Any

from policies import pack as p
from policies.pack_lines import Difference, difference
from services.adopting import Prospect, Wanted, prospect
from services.path import Sight
from services.people import Viewer, acting_for
from services.supposing import Told, grants_changed

MOST_SHOWN = 1_000
"""How many lines of one kind in one file are shown; all are counted."""

Json = dict[str, Any]


def preview(sight: Sight, viewer: Viewer, body: str, wanted: Wanted) -> Json:
    """What would change for `body`: lines, and answers to grants in force.

    Raises:
        RefusedError: `viewer` is not of the body, or the adoption itself would be refused.
        FaultsError: a line of the document is wrong, or not for a body's pack.
    """
    acting_for(sight.bodies, viewer, body)
    found = prospect(sight, viewer, body, wanted)
    changes = difference(found.before, found.lines)
    anything = any(each.any for each in changes.values())
    told = grants_changed(sight, found) if anything else Told()
    return {
        "body": body,
        "pack": found.document.pack,
        "version": found.document.version,
        "sha256": found.document.sha256,
        "in_force": _adoption(found.stands),
        "instead_of": (
            {"pack": found.instead_of.pack, **(_adoption(found.ends) or {})}
            if found.instead_of
            else None
        ),
        "changes": {file: _shown(each) for file, each in changes.items()},
        "cut": any(
            len(lines) > MOST_SHOWN
            for each in changes.values()
            for lines in (each.added, each.removed, each.changed)
        ),
        "grants": vars(told),
        "confirm": _confirm(found),
    }


def _confirm(found: Prospect) -> Json:
    return {
        "pack": found.document.pack,
        "version": found.document.version,
        "sha256": found.document.sha256,
        "in_force": found.stands.sha256 if found.stands else None,
        "instead_of": (
            {"pack": found.instead_of.pack, "sha256": found.ends.sha256}
            if found.instead_of and found.ends
            else None
        ),
    }


def _adoption(adoption: p.Adoption | None) -> Json | None:
    if adoption is None:
        return None
    return {"version": adoption.version, "sha256": adoption.sha256}


def _shown(found: Difference) -> Json:
    return {
        "counts": {
            "added": len(found.added),
            "removed": len(found.removed),
            "changed": len(found.changed),
            "unchanged": found.unchanged,
        },
        "added": list(found.added[:MOST_SHOWN]),
        "removed": list(found.removed[:MOST_SHOWN]),
        "changed": [vars(each) for each in found.changed[:MOST_SHOWN]],
    }

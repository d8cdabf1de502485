"""What differs between two writings of a request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def differences(
    before: Mapping[str, Any], after: Mapping[str, Any], place: str = ""
) -> list[dict[str, Any]]:
    """Each field of two drafts that differs: its place, what stood there, what stands there."""
    found: list[dict[str, Any]] = []
    for name in sorted((before.keys() | after.keys()) - {"revises"}):
        old, new = before.get(name), after.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            found += differences(old, new, f"{place}{name}.")
        elif old != new:
            found.append({"field": f"{place}{name}", "before": old, "after": new})
    return found

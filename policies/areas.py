"""The areas of use: what a request is for, broadly."""

from __future__ import annotations

AREAS = (
    "health",
    "education",
    "language",
    "housing",
    "income",
    "environment",
    "genomics",
    "history",
    "statistics",
    "service_delivery",
    "justice_reform",
    "policing",
    "immigration",
    "debt",
    "other",
)
"""Areas of use, of which a request picks exactly one. A pack's deny lines name them in their
column `purpose`: an area that nobody may pick is denied there, not left out here, so that
whoever wants it is told why."""

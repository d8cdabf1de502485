"""Which commands ask for a sign-in of the last minutes: those that speak in a body's name.

A session may be hours old, and a screen may have been left open. Whoever decides, restricts,
changes how a body decides or who speaks in it therefore shows again that it is them (the
issue's "step-up before deciding, restricting or changing kawa"). Asking, answering and
reading need no more than a session.
"""

from __future__ import annotations

from datetime import timedelta

FRESH_FOR = timedelta(minutes=10)
"""For how long showing that it is you counts, by the service clock."""

STEP_UP_ACTS = frozenset(
    {
        # Deciding, about a request and about what came back from it.
        "body:request:speak",
        "body:request:stand_aside",
        "body:request:set_condition",
        "body:request:conclude",
        "body:request:record_hui",
        "body:request:record_elsewhere",
        "body:request:answer_dispute",
        "body:grant:return_report",
        "body:grant:accept_report",
        "body:grant:renew_elsewhere",
        # Restricting, and lifting.
        "body:restriction:place",
        "body:restriction:speak",
        "body:restriction:conclude",
        "body:restriction:record_hui",
        # How a body decides, who speaks in it, for whom, by which rules, and what its data is.
        "person:body:enter",
        "body:body:set_kawa",
        "body:body:restate_mandate",
        "body:body:add_member",
        "body:body:end_membership",
        "body:body:delegate",
        "body:body:propose",
        "body:body:say",
        "body:pack:adopt",
        "body:pack:withdraw",
        "body:catalogue:confirm",
        "body:catalogue:claim",
        "body:catalogue:withdraw_claim",
        "body:catalogue:settle_claim",
        # Who is let near the data at all.
        "deployment:body:add_gateway",
    }
)
"""The acts, as rules speak of them (`permissions.py`)."""

"""What an event in one stream causes in another: commands that the outbox delivers.

Each command's id derives from the entry that caused it, so that however often it
is delivered, it happens once.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from policies import pack
from policies.body import commands as body
from policies.body import events as body_events
from policies.grant import commands as grant
from policies.grant import events as grant_events
from policies.request import commands as request
from policies.request import events as request_events


def consequences(
    stream_request: str | None, events: Iterable[Any], grant_id: str | None = None
) -> list[tuple[str, Any]]:
    """The (stream, command) pairs that follow. `stream_request` is the request that a
    grant's events belong to, `grant_id` the grant that a request has become; None elsewhere."""
    caused: list[tuple[str, Any]] = []
    for event in events:
        if isinstance(event, request_events.Accepted):
            caused.append((event.grant, grant.Issue(event.terms)))
        elif isinstance(event, grant_events.Closed) and stream_request:
            caused.append((stream_request, request.Close()))
        elif isinstance(event, request_events.DisputeAnswered) and not event.stands and grant_id:
            caused.append((grant_id, grant.Void(event.body, event.entry)))
        elif isinstance(event, body_events.Settled) and event.agreed:
            welcomed = event.change.subject if event.change.kind == "welcome" else None
            caused += [(welcomed, body.Welcome())] if welcomed else []
        elif isinstance(event, pack.Adopted) and event.instead_of:
            ended = pack.Supersede(event.body, event.instead_of.entry)
            caused.append((event.instead_of.pack, ended))
    return caused

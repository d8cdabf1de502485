"""Letters about a request: the file that a body sent from a system of its own, and a yes in
principle as it is printed. They are for whoever asks, and for that body."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from policies import codec
from policies.refusals import Code, RefusedError
from policies.request.deciding import FUNDING
from policies.request.state import RequestState
from services import calendar
from services.path import Sight
from services.people import Viewer
from services.queries import names
from services.queries.standing import standing
from services.store import streams, texts

Json = dict[str, Any]


@dataclass(frozen=True)
class Page:
    """A letter to hand out: its bytes, and what they are."""

    content: bytes
    media_type: str


def letter(sight: Sight, viewer: Viewer, request: str, body: str) -> Page:
    """The letter that `body` last wrote about the request. Raises RefusedError: there is none,
    or it is not the viewer's to read."""
    state: RequestState = streams.get(sight.connection, request).state
    seen = standing(sight, viewer, state)
    if not (seen.researcher or body in seen.own):
        raise RefusedError(Code.NOT_FOUND)
    events = list(_events(sight, request))
    if body in state.in_principle:
        agreed = [each for each in events if each[1]["type"] == "AgreedInPrinciple"]
        return _in_principle(sight, state, request, _last(agreed, body))
    if state.grant is not None:
        events += _events(sight, state.grant)
    sent = [each for each in events if each[1]["type"] in ("DecidedElsewhere", "RenewedElsewhere")]
    found = texts.file(sight.connection, _last(sent, body)[1]["data"]["letter"])
    if found is None:
        raise RefusedError(Code.NOT_FOUND)
    return Page(*found)


def _in_principle(
    sight: Sight, state: RequestState, request: str, agreed: tuple[Json, Json]
) -> Page:
    entry, event = agreed
    data = event["data"]
    called = names.of(sight.connection, sight.bodies)
    title = state.content.words["title"] if state.content else ""
    said = texts.read(sight.connection, [title, *filter(None, [data["reasons"]])])
    body = called.get(data["body"], "")
    depends_on = [
        "funding for it" if each == FUNDING else f"the yes of {called.get(each, each)}"
        for each in sorted(data["depends_on"])
    ]
    reasons = ["", said[data["reasons"]]] if data["reasons"] in said else []
    lines = [
        body,
        calendar.spelt(calendar.today(codec.instant(entry["at"]))),
        "",
        f"About the request: {said.get(title, '')}",
        "",
        f"{body} agrees to this in principle. Its yes depends on:",
        "",
        *(f"  - {each}" for each in depends_on),
        *reasons,
        "",
        "This letter opens nothing. No data may be used because of it: for that every body",
        "that is asked decides, and whoever asks accepts what they set.",
        "",
        f"Request {request}",
        f"Record {entry['id']}",
        "",
    ]
    return Page("\n".join(lines).encode(), "text/plain; charset=utf-8")


def _events(sight: Sight, stream: str) -> Iterator[tuple[Json, Json]]:
    for entry in streams.after(sight.connection, stream, 0):
        for event in entry["events"]:
            yield entry, event


def _last(events: Iterable[tuple[Json, Json]], body: str) -> tuple[Json, Json]:
    found = [each for each in events if each[1]["data"]["body"] == body]
    if not found:
        raise RefusedError(Code.NOT_FOUND)
    return found[-1]

"""Every kind of stream: its state machine, and how its commands and events are read.

Events carry type and version. A reader takes the newest shape; what was stored in
an older one is raised by an upcaster, and stored bytes are never rewritten.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from policies import access, codec, pack
from policies.body import commands as body_commands
from policies.body import decide as body_decide
from policies.body import events as body_events
from policies.body import state as body_state
from policies.catalogue import commands as catalogue_commands
from policies.catalogue import decide as catalogue_decide
from policies.catalogue import events as catalogue_events
from policies.grant import commands as grant_commands
from policies.grant import decide as grant_decide
from policies.grant import events as grant_events
from policies.grant import state as grant_state
from policies.refusals import Refused
from policies.request import commands as request_commands
from policies.request import decide as request_decide
from policies.request import events as request_events
from policies.request import evolve as request_evolve
from policies.request import state as request_state
from policies.restriction import commands as restriction_commands
from policies.restriction import decide as restriction_decide
from policies.restriction import events as restriction_events
from policies.restriction import state as restriction_state
from policies.stream import Meta
from policies.types import Envelope

Json = dict[str, Any]
Upcaster = Callable[[Json], Json]

VERSIONS: Mapping[str, int] = {
    "Accepted": 2,
    "Adopted": 2,
    "Answered": 2,
    "BodiesAdded": 2,
    "BodyDecided": 2,
    "Entered": 2,
    "HistoryWritten": 2,
    "HuiRecorded": 2,
    "Issued": 2,
    "KawaSet": 2,
    "MandateRestated": 2,
    "MemberAdded": 2,
    "Reminded": 2,
    "Submitted": 2,
}
"""The present version of each event type that has more than one."""


def _with_defaults(data: Json) -> Json:
    """What a later version added says, where it is missing, what was so before."""
    return data


UPCASTERS: Mapping[tuple[str, int], Upcaster] = {(name, 1): _with_defaults for name in VERSIONS}
"""(event type, stored version) to a function giving the data of the next version."""


def version_of(event_type: str) -> int:
    """The version in which `event_type` is written now."""
    return VERSIONS.get(event_type, 1)


@dataclass(frozen=True)
class Machine:
    """One kind of stream. `next_due` gives the instant its timer waits for; where `calendared`,
    what is due depends on working days, and the recorder is asked instead."""

    kind: str
    initial: Any
    decide: Callable[[Any, Envelope], list[Any] | Refused]
    evolve: Callable[[Any, Any, Meta], Any]
    commands: Mapping[str, type]
    events: Mapping[str, type]
    next_due: Callable[[Any], datetime | None] = lambda state: None
    clock: type | None = None
    driven: bool = False
    calendared: bool = False

    def command(self, value: Json) -> Any:
        """Read a command written as ``{"kind": …, **fields}``. Raises ValueError."""
        fields = dict(value)
        kind = self.commands.get(fields.pop("kind", ""))
        if kind is None:
            raise ValueError(f"a {self.kind} has no such command")
        return codec.decode(kind, fields)

    def event(self, event_type: str, version: int, data: Json) -> Any:
        """Read an event stored as `version`, raised to the present one. Raises ValueError."""
        kind = self.events.get(event_type)
        if kind is None or version > version_of(event_type):
            raise ValueError(f"{event_type} {version} is from a later Accord than this one")
        for number in range(version, version_of(event_type)):
            data = UPCASTERS[(event_type, number)](data)
        return codec.decode(kind, data)

    def happened(self, events: Iterable[Json]) -> list[Any]:
        """Read events as the ledger holds them. Raises ValueError."""
        return [self.event(each["type"], each["version"], each["data"]) for each in events]

    def fold(self, state: Any, entry: Json, happened: list[Any] | None = None) -> Any:
        """`state` after the events of one ledger entry (plain JSON); `happened` are those
        events, where they have been read already."""
        meta = Meta(entry["id"], entry["sequence"], codec.instant(entry["at"]))
        for event in self.happened(entry["events"]) if happened is None else happened:
            state = self.evolve(state, event, meta)
        return state


def written_command(command: Any) -> Json:
    """A command as JSON; the counterpart of `Machine.command`."""
    return {"kind": type(command).__name__, **codec.encode(command)}


def written_event(event: Any) -> Json:
    """An event as the ledger holds it."""
    name = type(event).__name__
    return {"type": name, "version": version_of(name), "data": codec.encode(event)}


def kind_of(stream: str) -> str:
    """The kind in a stream's name, ``request`` in ``request-<uuid>``."""
    return stream.partition("-")[0]


def _named(union: Any) -> Mapping[str, type]:
    return {kind.__name__: kind for kind in typing.get_args(union) or (union,)}


def _request_next_due(state: request_state.RequestState) -> datetime | None:
    return state.remind_at if state.status is request_state.Status.DECIDING else None


MACHINES: Mapping[str, Machine] = {
    machine.kind: machine
    for machine in (
        Machine(
            "request", request_state.RequestState(), request_decide.decide, request_evolve.evolve,
            _named(request_commands.Command), _named(request_events.Event),
            _request_next_due, request_commands.Remind, driven=True, calendared=True,
        ),
        Machine(
            "grant", grant_state.GrantState(), grant_decide.decide, grant_state.evolve,
            _named(grant_commands.Command), _named(grant_events.Event),
            grant_decide.next_due, grant_commands.ClockPassed, driven=True,
        ),
        Machine(
            "restriction", restriction_state.RestrictionState(), restriction_decide.decide,
            restriction_state.evolve, _named(restriction_commands.Command),
            _named(restriction_events.Event),
            restriction_decide.next_due, restriction_commands.ReviewPassed, driven=True,
        ),
        Machine(
            "body", body_state.BodyState(), body_decide.decide, body_state.evolve,
            _named(body_commands.Command), _named(body_events.Event),
        ),
        Machine(
            "pack", pack.PackState(), pack.decide, pack.evolve,
            _named(pack.Command), _named(pack.Event),
        ),
        Machine(
            "catalogue", catalogue_decide.CatalogueState(), catalogue_decide.decide,
            catalogue_decide.evolve, _named(catalogue_commands.Command),
            _named(catalogue_events.Event),
        ),
        Machine(
            "access", access.AccessState(), access.decide, access.evolve,
            _named(access.Command), _named(access.Event),
        ),
    )
}  # fmt: skip

codec.prepare(
    Envelope,
    *(kind for machine in MACHINES.values() for kind in machine.commands.values()),
    *(kind for machine in MACHINES.values() for kind in machine.events.values()),
    *(type(machine.initial) for machine in MACHINES.values()),
)

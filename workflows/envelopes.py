"""Envelopes as they travel: plain JSON, with the command under its kind."""

from __future__ import annotations

from typing import Any

from policies import codec
from policies.machines import MACHINES, kind_of, written_command
from policies.types import Envelope
from workflows.contracts import Json


def envelope_of(value: Json) -> Envelope:
    """Read an envelope as it travels. Raises ValueError for what cannot be read."""
    machine = MACHINES[kind_of(value["stream"])]
    fields = {**value, "command": None}
    envelope = codec.decode(Envelope, fields)
    return _with_command(envelope, machine.command(value["command"]))


def written_envelope(envelope: Envelope) -> Json:
    """The counterpart of `envelope_of`."""
    written: Json = codec.encode(_with_command(envelope, None))
    return {**written, "command": written_command(envelope.command)}


def _with_command(envelope: Envelope, command: Any) -> Envelope:
    fields = {name: getattr(envelope, name) for name in envelope.__dataclass_fields__}
    return Envelope(**{**fields, "command": command})

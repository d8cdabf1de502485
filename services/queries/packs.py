"""Packs as people read them: whose, from where, which versions, and in force for whom and when."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from policies import codec
from policies import pack as p
from policies.body.commands import DEPLOYMENT
from policies.machines import MACHINES
from policies.refusals import Code, RefusedError
from services import pack_reading
from services.pack_documents import name_of, shipped_names
from services.pack_reading import Seen
from services.path import Sight
from services.people import Viewer
from services.queries import names
from services.store import texts
from services.store.schema import entries

Json = dict[str, Any]


def listed(sight: Sight, viewer: Viewer | None) -> list[Json]:
    """Every pack of which the viewer may see anything."""
    found = pack_reading.everything(sight, viewer)
    said = texts.read(sight.connection, [str(e.state.name) for e in found if e.state.name])
    return [_summary(each, said) for each in found]


def told(sight: Sight, viewer: Viewer | None, pack: str) -> Json:
    """One pack: its versions as far as the viewer may read them, and who has adopted which."""
    seen = pack_reading.look(sight, viewer, pack)
    state = seen.state
    said = texts.read(sight.connection, [str(state.name)] if state.name else [])
    made = {number: state.versions[number - 1] for number in seen.numbers}
    recorded = _recorded(
        sight,
        viewer,
        [*(e.entry for e in made.values()), *(e.entry for e in state.adopted.values())],
    )
    versions = [
        {
            "version": number,
            "sha256": each.sha256,
            "at": codec.written(each.at),
            "by": recorded.get(each.entry),
            "based_on": each.based_on,
            "opened": each.opened,
            "kept": True,
        }
        for number, each in made.items()
    ]
    if seen.unkept is not None:
        versions.append(
            {
                "version": seen.unkept, "sha256": seen.sha256(seen.unkept), "at": None,
                "by": None, "based_on": None, "opened": False, "kept": False,
            }
        )  # fmt: skip
    return {
        **_summary(seen, said),
        "sequence": seen.stream.sequence if seen.within or not state.owner else None,
        "versions": versions,
        "adopted": [
            {
                "body": body,
                "version": each.version,
                "sha256": each.sha256,
                "since": codec.written(each.at),
                "by": recorded.get(each.entry),
                "newer": _newer(seen, each),
            }
            for body, each in sorted(state.adopted.items())
        ],
    }


def adoptions(
    sight: Sight, viewer: Viewer | None, body: str, at: datetime | None = None
) -> list[Json]:
    """What `body` has and had in force, from when until when; with `at`, what was then.

    Of an adoption from before documents were kept, `version` is null: its digest and the ids of
    its lines are known, and what they said then is not.

    Raises:
        RefusedError: there is no such body, or it is not known by the others and not theirs.
    """
    state = sight.bodies.states.get(body)
    within = viewer is not None and bool(sight.bodies.roles(viewer.person, body))
    if state is None or not (state.welcome or within or body == DEPLOYMENT):
        raise RefusedError(Code.NOT_FOUND)
    found = _history(sight, body)
    recorded = _recorded(sight, viewer, [each["entry"] for each in found])
    for each in found:
        each["by"] = recorded.get(each["entry"])
        if each["until"] is None:
            seen = _look(sight, viewer, each["pack"])
            present = seen.state.adopted.get(body) if seen else None
            each["newer"] = bool(seen and present and _newer(seen, present))
    if at is None:
        return found
    instant = codec.written(at)
    return [e for e in found if e["since"] <= instant and (not e["until"] or instant < e["until"])]


def _history(sight: Sight, body: str) -> list[Json]:
    query = (
        sa.select(entries.c.canonical)
        .where(entries.c.owner == body, entries.c.stream.startswith("pack-", autoescape=True))
        .order_by(entries.c.at, entries.c.sequence)
    )
    found: list[Json] = []
    standing: dict[str, Json] = {}

    def end(stream: str, entry: Json) -> None:
        if stream in standing:
            standing.pop(stream)["until"] = entry["at"]

    for row in sight.connection.execute(query):
        entry = json.loads(bytes(row.canonical))
        for event in MACHINES["pack"].happened(entry["events"]):
            match event:
                case p.Adopted():
                    end(entry["stream"], entry)
                    if event.instead_of:
                        end(event.instead_of.pack, entry)
                    standing[entry["stream"]] = {
                        "pack": name_of(entry["stream"]),
                        "version": event.version,
                        "sha256": event.sha256,
                        "lines": list(event.rules) if event.version is None else None,
                        "since": entry["at"],
                        "until": None,
                        "newer": False,
                        "entry": entry["id"],
                    }
                    found.append(standing[entry["stream"]])
                case p.AdoptionWithdrawn() | p.AdoptionSuperseded():
                    end(entry["stream"], entry)
    return found


def _look(sight: Sight, viewer: Viewer | None, pack: str) -> Seen | None:
    try:
        return pack_reading.look(sight, viewer, pack)
    except RefusedError:
        return None


def _summary(seen: Seen, said: Any) -> Json:
    state = seen.state
    return {
        "id": seen.pack,
        "owner": state.owner or None,
        "name": said.get(str(state.name)) if state.name else None,
        "shipped": seen.pack in shipped_names(),
        "source": codec.encode(state.source),
        "newest": seen.newest,
        "sha256": seen.sha256(seen.newest),
        "adopted_by": sorted(state.adopted),
    }


def _newer(seen: Seen, adoption: p.Adoption) -> bool:
    """Is there a newer reading than the one in force? Of another body's pack, one in the open."""
    return seen.newest != adoption.version and seen.sha256(seen.newest) != adoption.sha256


def _recorded(sight: Sight, viewer: Viewer | None, wanted: Iterable[str]) -> dict[str, Json]:
    """Who recorded these entries, as far as they are those of the viewer's own bodies."""
    ours = set(sight.bodies.of(viewer.person)) if viewer else set()
    query = sa.select(entries.c.id, entries.c.owner, entries.c.canonical).where(
        entries.c.id.in_(sorted(set(wanted))), entries.c.owner.in_(sorted(ours))
    )
    actors = {
        row.id: json.loads(bytes(row.canonical))["actor"] for row in sight.connection.execute(query)
    }
    called = names.of(sight.connection, sight.bodies, set(actors.values()))
    return {entry: {"person": actor, "name": called.get(actor)} for entry, actor in actors.items()}

"""What an exported ledger tells: who each body was, what was known of each item, which rules were
in force, at every moment. Told a second time, from the entries alone and by other means.
"""

from __future__ import annotations

import csv
import io
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from importlib import resources
from typing import Any
from zoneinfo import ZoneInfo

Json = dict[str, Any]
DEPLOYMENT = "body-deployment"
ANY = "any"
ZONE = ZoneInfo("Pacific/Auckland")


def entries(lines: Iterable[bytes | str]) -> list[Json]:
    """The entries of an export, in the order in which they came to be."""
    found = []
    for line in lines:
        read = json.loads(line) if line.strip() else {}
        if "entry" in read:
            found.append({**read["entry"], "index": read.get("index", 1 << 60)})
    return sorted(found, key=lambda each: (each["at"], each["index"]))


def instant(written: str) -> datetime:
    return datetime.fromisoformat(written)


def day_of(at: datetime) -> date:
    """The day that it is in New Zealand."""
    return at.astimezone(ZONE).date()


@dataclass
class Body:
    """One body as it stands."""

    id: str
    kawa: Json
    mandate: Json
    members: dict[str, Json]
    welcome: bool
    sequence: int = 0
    delegations: dict[str, Json] = field(default_factory=dict)
    pauses: dict[str, Json] = field(default_factory=dict)
    closures: list[Json] = field(default_factory=list)
    met: set[str] = field(default_factory=set)

    def holding(self, role: str, at: datetime) -> set[str]:
        """Who has that role at that moment."""
        return {
            person
            for person, each in self.members.items()
            if role in each["roles"] and (each["until"] is None or instant(each["until"]) > at)
        }

    def voices(self, at: datetime) -> set[str]:
        return self.holding("member", at)

    def hands(self, at: datetime) -> set[str]:
        """Who does its errands."""
        return self.voices(at) | self.holding("secretary", at)

    def spoken_for(self, at: datetime) -> dict[str, str]:
        """Member to whoever speaks for them at that moment."""
        voices = self.voices(at)
        return {
            each["person"]: each["to"]
            for each in self.delegations.values()
            if instant(each["until"]) > at and each["person"] in voices
        }

    def colleagues(self, institutions: Iterable[str]) -> set[str]:
        """Its people who work at one of these."""
        places = set(institutions)
        return {person for person, each in self.members.items() if each["institution"] in places}

    def pausing(self, at: datetime) -> bool:
        """Does it keep a pause on that day?"""
        day = day_of(at).isoformat()
        if any(
            each["first"] <= day and (each["last"] is None or day <= each["last"])
            for each in self.pauses.values()
        ):
            return True
        return any(
            each["kind"] in ("seasonal", "mourning") and _closed(each, day)
            for each in self.closures
        )

    def speaks(self, at: datetime) -> bool:
        """Is it known by the others, with a mandate that has not run out?"""
        until = self.mandate["until"]
        return self.welcome and (until is None or instant(until) > at)


def _closed(closure: Json, day: str) -> bool:
    if not closure["yearly"]:
        return bool(closure["first"] <= day <= closure["last"])
    first, last, asked = closure["first"][5:], closure["last"][5:], day[5:]
    if first <= last:
        return bool(first <= asked <= last)
    return bool(asked >= first or asked <= last)


@dataclass
class Told:
    """Everything but requests, grants and restrictions, as far as the entries have been read."""

    bodies: dict[str, Body] = field(default_factory=dict)
    adopted: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """Pack to the bodies that have adopted it."""
    said: dict[str, dict[str, Json]] = field(default_factory=lambda: defaultdict(dict))
    """Item to what each body says that it is."""
    collections: dict[str, str] = field(default_factory=dict)
    peoples: set[str] = field(default_factory=set)
    places: set[str] = field(default_factory=set)
    claims: dict[str, Json] = field(default_factory=dict)
    proposals: dict[str, Json] = field(default_factory=dict)
    reviewer: str | None = None
    desk: str | None = None

    def speaking(self, at: datetime) -> Iterator[Body]:
        """The bodies whose say counts at that moment."""
        for each in self.bodies.values():
            if each.id != DEPLOYMENT and each.speaks(at):
                yield each

    def contested(self) -> set[str]:
        """Items, peoples and places that somebody claims, until that is settled."""
        return {
            subject
            for claim in self.claims.values()
            for subject in (*claim["items"], *claim["peoples"], *claim["places"])
        }

    def item(self, name: str) -> Json | None:
        """What an item is, the strictest of all that bodies have said; None: nobody has."""
        said = list(self.said.get(name, {}).values())
        if not said:
            return None
        return {
            "classes": sorted({klass for each in said for klass in each["classes"]}),
            "peoples": sorted(self._joined(said, "peoples", self.peoples)),
            "places": sorted(self._joined(said, "places", self.places)),
            "whole": any(each["whole"] for each in said),
        }

    def _joined(self, said: list[Json], part: str, known: set[str]) -> set[str]:
        if any(each[part] == ANY for each in said):
            return set(known)
        return {one for each in said for one in each[part]}

    def read(self, entry: Json) -> None:
        """Go on by one entry."""
        kind = entry["stream"].partition("-")[0]
        for event in entry["events"]:
            if kind == "body":
                self._of_a_body(entry, event["type"], event["data"])
            elif kind == "pack":
                name = entry["stream"].removeprefix("pack-")
                if event["type"] == "Adopted":
                    self.adopted[name].add(event["data"]["body"])
                elif event["type"] in ("AdoptionWithdrawn", "AdoptionSuperseded"):
                    self.adopted[name].discard(event["data"]["body"])
            elif kind == "catalogue":
                self._of_the_catalogue(event["type"], event["data"])
        if kind == "body":
            self.bodies[entry["stream"]].sequence = entry["sequence"]

    def _of_a_body(self, entry: Json, name: str, data: Json) -> None:  # noqa: C901
        if name == "Entered":
            members = {each["person"]: each for each in data["members"]}
            self.bodies[entry["stream"]] = Body(
                entry["stream"], data["kawa"], data["mandate"], members, not data["awaits_welcome"]
            )
            return
        body = self.bodies[entry["stream"]]
        match name:
            case "Welcomed":
                body.welcome = True
            case "MemberAdded":
                body.members[data["member"]["person"]] = data["member"]
            case "MembershipEnded":
                del body.members[data["person"]]
            case "KawaSet":
                body.kawa = data["kawa"]
            case "MandateRestated":
                body.mandate = data["mandate"]
            case "Delegated":
                body.delegations[data["id"]] = data["delegation"]
            case "DelegationRevoked":
                del body.delegations[data["delegation"]]
            case "CalendarSet":
                body.closures = data["closures"]
            case "PauseBegun":
                body.pauses[data["id"]] = dict(data["pause"])
            case "PauseEnded":
                pause = body.pauses[data["pause"]]
                pause["last"] = min(filter(None, (pause["last"], data["on"])))
            case "KoreroRecorded":
                body.met.add(data["person"])
            case "Proposed":
                self.proposals[data["id"]] = {**data, "said": {}}
            case "Said":
                self.proposals[data["proposal"]]["said"][data["body"]] = data["outcome"]
            case "Settled":
                self._settled(data)

    def _settled(self, data: Json) -> None:
        change = data["change"]
        self.proposals[data["proposal"]]["agreed"] = data["agreed"]
        if data["agreed"] and change["kind"] == "reviewer":
            self.reviewer = change["subject"]
        if data["agreed"] and change["kind"] == "desk":
            self.desk = change["subject"]

    def _of_the_catalogue(self, name: str, data: Json) -> None:
        match name:
            case "NamesKnown":
                self.peoples |= set(data["peoples"])
                self.places |= set(data["places"])
            case "Confirmed":
                for item in data["items"]:
                    self.said[item][data["body"]] = data["classification"]
            case "Claimed":
                self.claims[data["claim"]] = data
            case "ClaimSettled":
                del self.claims[data["claim"]]


@cache
def lines_of(pack: str, file: str) -> tuple[Json, ...]:
    """The lines of a shipped pack's table, as they are written."""
    table = resources.files("policies").joinpath("packs", pack, file)
    if not table.is_file():
        return ()
    return tuple(csv.DictReader(io.StringIO(table.read_text(encoding="utf-8"))))


def fits(pattern: str, value: str) -> bool:
    return pattern in ("*", value)

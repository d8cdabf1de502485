"""The columns of a pack's rules, and what may stand in each.

`README.md` beside this file teaches them; a cell that is not exactly right is refused
with one sentence that says what to do.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from policies.areas import AREAS
from policies.codec import instant, written
from policies.faults import shown
from policies.permissions import COMMAND_ACTS, OTHER_ACTS
from policies.slices import ANY, Slice
from policies.table import Check, Known, Layout, nearest
from policies.types import CLASSES, NOBODY, USE_ACTS, Capacity, Level

EVERY = "*"
SELF = "self"
"""In a pack's routing line: the body that adopts it."""

ROLES = frozenset(
    f"role:{name}"
    for name in (
        "anyone", "applicant", "participant", "member", "secretary", "operator", "gateway",
        "grantee", "system",
    )
)  # fmt: skip
"""The roles that Accord itself works out from its records; nobody is given one by name."""

ANY_USE = "use"
"""In the act column: any use of data, as ODRL's `use` includes every other action."""

COMMANDS = COMMAND_ACTS | OTHER_ACTS
ACTS = COMMANDS | frozenset(USE_ACTS)

LONGEST_WHY = 500
LONGEST_ID = 200

_IDS = re.compile(r"[A-Z][A-Z0-9]*(-[A-Z0-9]+)*")
_NAMES = re.compile(r"\w[\w.\-:'ʻʼ‘’]*")
_THINGS = re.compile(r"\w[\w.\-:'ʻʼ‘’]*([ ,]+[\w.\-:'ʻʼ‘’]+)*")
"""Names of variables in lists that holders publish have spaces and commas."""
_PURPOSES = re.compile(r"[a-z0-9][a-z0-9_-]*")
_INSTANTS = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)", re.ASCII)
_DAYS = re.compile(r"\d{4}-\d\d-\d\d|\d{1,2}/\d{1,2}/\d{2,4}", re.ASCII)
_OF_OUR_TIME = range(1900, 2201)
_NO_NAMES = frozenset({"any", "all", "everyone", "everything", "none", "unknown", "-", "self"})
_CURLY = re.compile("[“”„«»]")
_LEARNT = frozenset({"LATIN", "DIGIT", "MODIFIER"})
"""How the Unicode names of the letters and digits begin that names are written in."""


def why(value: str) -> str | None:
    """A reason in words."""
    if len(value) < 8 or not re.search(r"\w \w", value):
        return "Say why, in a few words."
    return "Say why in fewer words." if len(value) > LONGEST_WHY else None


def line_id(value: str) -> str | None:
    """An id that a line keeps for ever."""
    if _IDS.fullmatch(value) and len(value) <= 60:
        return None
    if not value.isascii():
        return "An id has no macrons, so that it can be typed anywhere; the because keeps them."
    return "An id is like RIVER-01: capitals, digits, dashes."


def name(value: str) -> str | None:
    """The id of a people or a place, or ``*``."""
    return None if value == EVERY else _name_fault(value, _NAMES, "letters, digits, dots, dashes")


def thing(value: str) -> str | None:
    """The id of a collection or an item in the catalogue, or ``*``."""
    return None if value == EVERY else _name_fault(value, _THINGS, "the id in the catalogue")


def _purpose(value: str) -> str | None:
    if value == EVERY or value in AREAS:
        return None
    if fault := _name_fault(value, _PURPOSES, "small letters, digits and dashes"):
        return fault
    # A line about "imigration" would stop nobody.
    near = nearest(value, frozenset(AREAS)) if value.isalpha() else None
    if near and abs(len(near) - len(value)) <= 1 and len(value) > 4:
        return f"{shown(value)} is no area, but is nearly one; did you mean {near}?"
    return None


def _name_fault(value: str, form: re.Pattern[str], like: str) -> str | None:
    if not value:
        return "The cell is empty; write * for all."
    if value.lower() in _NO_NAMES:
        return f"Nobody is called {value}; write * for all."
    if odd := _looks_alike(value):
        return odd
    if len(value) > LONGEST_ID:
        return f"A name has at most {LONGEST_ID} characters."
    return None if form.fullmatch(value) else f"Write {like}, or * for all."


def _looks_alike(value: str) -> str | None:
    """A letter of another script that looks like one of ours makes another name."""
    if value.isascii():
        return None
    if _CURLY.search(value):
        return "Take out the curly quotation marks; a word processor put them there."
    for each in value:
        if each.isalnum() and not each.isascii():
            said, code = unicodedata.name(each, "?"), f"U+{ord(each):04X}"
            if said.split()[0] not in _LEARNT or unicodedata.normalize("NFKC", each) != each:
                return f"The letter {each} ({code}) only looks like another; type it again."
    return None


class _TwiceError(ValueError):
    """A part of a slice is written twice; JSON readers would take one and drop the other."""


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [key for key, _ in pairs]
    if twice := next((each for each in names if names.count(each) > 1), None):
        raise _TwiceError(twice)
    return dict(pairs)


def slice_fault(value: str) -> str | None:
    """A slice as JSON, or ``*``; one that could match nothing would be ignored in silence."""
    if value == EVERY:
        return None
    if _CURLY.search(value):
        return 'Write straight quotation marks: "peoples", not “peoples”.'
    try:
        parts = json.loads(value, object_pairs_hook=_once)
    except _TwiceError as twice:
        return f"The slice says {shown(str(twice))} twice; say it once."
    except (ValueError, RecursionError):
        parts = None
    if not isinstance(parts, dict):
        return 'Write * or a slice, for example {"peoples": ["…"], "places": "any"}.'
    for part, among in parts.items():
        if fault := _part_fault(part, among):
            return fault
    if all(among == ANY for among in parts.values()):
        return "The slice says nothing; name its peoples, places or years, or write *."
    try:
        return "The slice matches nothing; fill it." if Slice.from_json(parts).empty else None
    except ValueError as error:
        return f"The slice cannot be read: {error}."


def _part_fault(part: str, among: object) -> str | None:
    if part == "level":
        return "The level has a column of its own; take it out of the slice."
    if part not in ("peoples", "places", "years"):
        near = nearest(part, frozenset({"peoples", "places", "years"}))
        return f"A slice has no {shown(part)}; did you mean {near or 'peoples, places or years'}?"
    if among == ANY:
        return None
    if not isinstance(among, list):
        return f'Write the {part} as a list, ["…"], or "any".'
    if not among:
        return "A slice with an empty part matches nothing; fill it."
    if part == "years":
        good = all(type(each) is int and 1000 <= each <= 9999 for each in among)
        return None if good else "Write years as whole numbers of four digits: [2018, 2023]."
    if not all(isinstance(each, str) for each in among):
        return f'Write each of the {part} between quotation marks: ["…", "…"].'
    for each in among:
        if each == EVERY:
            return f'* is nobody\'s name; write "any" in place of the list, or name the {part}.'
        if fault := name(each):
            return f"In the slice, {shown(each)}: {fault[0].lower()}{fault[1:]}"
    return None


def instant_fault(value: str) -> str | None:
    """A day and time with its zone, or ``*``."""
    try:
        moment(value)
    except ValueError:
        like = "2026-05-03T09:00:00+12:00"
        if _DAYS.fullmatch(value):
            return f"A day alone begins at another hour in every zone; write it like {like}."
        return f"Write * or a day and time with its zone, like {like}."
    return None


def moment(value: str) -> str:
    """An instant as the ledger writes it: UTC, with microseconds and a Z. Raises ValueError."""
    if value == EVERY:
        return EVERY
    if not _INSTANTS.fullmatch(value):
        raise ValueError(value)
    at: datetime = instant(value)
    if at.year not in _OF_OUR_TIME:
        raise ValueError(value)
    return written(at)


_ROLE = Known(ROLES | {EVERY}, "role")
_ROLE_ALONE = Known(ROLES, "role")
_CLASS = Known(CLASSES | {EVERY}, "class")

RULE_COLUMNS: Mapping[str, Check] = {
    "id": line_id,
    "role": _ROLE,
    "act": Known(ACTS | {ANY_USE, EVERY}, "act"),
    "collection": thing,
    "item": thing,
    "class": _CLASS,
    "purpose": _purpose,
    "level": Known(frozenset(Level) | {EVERY}, "level"),
    "slice": slice_fault,
    "from": instant_fault,
    "until": instant_fault,
    "effect": Known(frozenset({"allow", "deny"}), "effect"),
    "because": why,
}
ROUTING_COLUMNS: Mapping[str, Check] = {
    "id": line_id,
    "body": Known(frozenset({SELF, NOBODY}), "body (self or none)"),
    "capacity": Known(frozenset(Capacity), "capacity"),
    "class": _CLASS,
    "people": name,
    "place": name,
    "because": why,
}
ROLE_COLUMNS: Mapping[str, Check] = {
    "id": line_id, "role": _ROLE_ALONE, "includes": _ROLE_ALONE, "because": why,
}  # fmt: skip

_OF_DATA = ("collection", "item", "class", "purpose", "level", "slice")


def across_rule(line: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What is wrong between the cells of a rule."""
    if line["effect"] == "allow" and line["slice"] != EVERY:
        # Lines apply where slices overlap: an allow for some records would let all through.
        yield "slice", "Only a deny line has a slice; write *."
    if line["effect"] == "deny" and line["until"] != EVERY:
        # A restriction's date means that somebody looks again, never that it opens by itself.
        yield "until", "A no ends by its body's act, not by a date; write *."
    elif EVERY not in (line["from"], line["until"]) and (
        moment(line["from"]) >= moment(line["until"])
    ):
        yield "until", "The line ends before it begins; until is the later of the two."
    if line["act"] in COMMANDS:
        for column in _OF_DATA:
            if line[column] != EVERY:
                # A command is asked about without any: the line would never apply.
                yield column, "A command is about no data, so the line would never apply; write *."


def across_routing(line: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """What is wrong between the cells of a routing line: each question about who must decide
    names a people or a place by its capacity, and a line about the other is never met."""
    capacity = line["capacity"]
    for column in ("people", "place"):
        if capacity != column and line[column] != EVERY:
            yield column, f"Who decides as {capacity} is asked without a {column}; write *."
    if line["body"] == NOBODY:
        if capacity not in (Capacity.PEOPLE, Capacity.PLACE):
            yield "capacity", "Only for a people or a place can it be said that nobody decides."
        elif line[capacity] == EVERY:
            yield capacity, f"That nobody decides for every {capacity} is nobody's to say; name it."


RULES = Layout(RULE_COLUMNS, across_rule)
ROUTING = Layout(ROUTING_COLUMNS, across_routing)
ROLE_LINES = Layout(ROLE_COLUMNS)

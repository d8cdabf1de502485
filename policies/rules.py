"""Rule packs as people write them: plain CSV with named columns, read strictly.

One rule a line, an id that never changes, a reason in words. A file with any fault
is refused whole, by file, line and column. `README.md` beside this file teaches
the columns.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from policies.permissions import COMMAND_ACTS, OTHER_ACTS
from policies.slices import Slice
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

ACTS = COMMAND_ACTS | OTHER_ACTS | frozenset(USE_ACTS)


@dataclass(frozen=True)
class Rule:
    """One line about who may do what. `adopter` is the body in whose name it is in force."""

    id: str
    role: str
    act: str
    collection: str
    item: str
    klass: str
    purpose: str
    level: str
    slice: str
    effect: str
    because: str
    adopter: str = ""
    restriction: str | None = None
    hidden: bool = False

    @property
    def row(self) -> list[str]:
        """The columns that `model.conf` names."""
        return [
            self.id, self.role, self.act, self.collection, self.item, self.klass, self.purpose,
            self.level, self.slice, self.effect,
        ]  # fmt: skip


@dataclass(frozen=True)
class RoutingRule:
    """One line about which body must decide."""

    id: str
    body: str
    capacity: str
    klass: str
    people: str
    place: str
    because: str
    adopter: str = ""

    @property
    def row(self) -> list[str]:
        """The columns that `routing.conf` names."""
        return [self.id, self.body, self.capacity, self.klass, self.people, self.place]


@dataclass(frozen=True)
class RoleRule:
    """One line saying that a role has everything that another has."""

    id: str
    role: str
    includes: str
    because: str


@dataclass(frozen=True)
class Fault:
    """One thing wrong in a rules file: where, and what to do about it."""

    file: str
    line: int
    column: str
    sentence: str

    def __str__(self) -> str:
        """As it is shown to people."""
        return f"{self.file}, line {self.line}, {self.column}: {self.sentence}"


class FaultsError(Exception):
    """A file was refused whole; `faults` tells everything that is wrong with it."""

    def __init__(self, faults: list[Fault]) -> None:
        """At least one fault."""
        self.faults = faults
        super().__init__("; ".join(map(str, faults[:3])))


@dataclass(frozen=True)
class Pack:
    """A rule pack: the lines of its three files."""

    rules: tuple[Rule, ...] = ()
    routing: tuple[RoutingRule, ...] = ()
    roles: tuple[RoleRule, ...] = ()

    def adopted_by(self, body: str, own: str = EVERY) -> Pack:
        """The pack's lines in force in the name of `body`; ids say of which adoption they are.

        `own` is the slice of the body's mandate (JSON). Its deny lines reach that far and
        no further: one voice does not speak for another (R7).
        """
        return Pack(
            tuple(
                replace(
                    r,
                    id=f"{r.id}@{body}",
                    adopter=body,
                    slice=own if r.effect == "deny" and r.slice == EVERY else r.slice,
                )
                for r in self.rules
            ),
            tuple(
                replace(
                    r, id=f"{r.id}@{body}", adopter=body, body=body if r.body == SELF else r.body
                )
                for r in self.routing
            ),
            tuple(replace(r, id=f"{r.id}@{body}") for r in self.roles),
        )


Check = Callable[[str], str | None]


def _one_of(known: frozenset[str], what: str) -> Check:
    def check(value: str) -> str | None:
        return None if value in known else f"{value!r} is no {what} that Accord knows."

    return check


def _text(value: str) -> str | None:
    return None if len(value) >= 8 else "Say why, in a few words."


def _slice(value: str) -> str | None:
    if value == EVERY:
        return None
    try:
        written = Slice.from_json(json.loads(value))
    except (ValueError, AttributeError, TypeError, RecursionError):
        return 'Write * or a slice, for example {"peoples": ["…"], "places": "any"}.'
    # Nothing overlaps an empty slice: a deny line with one would be ignored in silence.
    return "A slice with an empty part matches nothing; fill it." if written.empty else None


def _plain(value: str) -> str | None:
    good = re.fullmatch(r"[\w.\-:]+|\*", value)
    return None if good else "Use letters, digits, dots and dashes, or * for all."


_IDS = re.compile(r"[A-Z][A-Z0-9]*(-[A-Z0-9]+)*")


def _id(value: str) -> str | None:
    return None if _IDS.fullmatch(value) else "An id is like RIVER-01: capitals, digits, dashes."


_ROLE = _one_of(ROLES | {EVERY}, "role")
_CLASS = _one_of(CLASSES | {EVERY}, "class")

RULE_COLUMNS: Mapping[str, Check] = {
    "id": _id,
    "role": _ROLE,
    "act": _one_of(ACTS | {EVERY}, "act"),
    "collection": _plain,
    "item": _plain,
    "class": _CLASS,
    "purpose": _plain,
    "level": _one_of(frozenset(Level) | {EVERY}, "level"),
    "slice": _slice,
    "effect": _one_of(frozenset({"allow", "deny"}), "effect"),
    "because": _text,
}
ROUTING_COLUMNS: Mapping[str, Check] = {
    "id": _id,
    "body": _one_of(frozenset({SELF, NOBODY}), "body (self or none)"),
    "capacity": _one_of(frozenset(Capacity), "capacity"),
    "class": _CLASS,
    "people": _plain,
    "place": _plain,
    "because": _text,
}
ROLE_COLUMNS: Mapping[str, Check] = {"id": _id, "role": _ROLE, "includes": _ROLE, "because": _text}


def read_pack(files: Mapping[str, bytes]) -> Pack:
    """Read a pack's files, ``rules.csv``, ``routing.csv`` and ``roles.csv`` (any may be missing).

    Raises:
        FaultsError: anything at all is wrong; nothing is half read.
    """
    faults: list[Fault] = []
    seen: dict[str, str] = {}
    lines = {
        name: _read(name, files[name], columns, faults, seen)
        for name, columns in (
            ("rules.csv", RULE_COLUMNS),
            ("routing.csv", ROUTING_COLUMNS),
            ("roles.csv", ROLE_COLUMNS),
        )
        if name in files
    }
    faults += [
        Fault(name, 1, "name", "A pack has rules.csv, routing.csv and roles.csv only.")
        for name in files
        if name not in lines
    ]
    if faults:
        raise FaultsError(faults)
    return Pack(
        tuple(_rule(row) for row in lines.get("rules.csv", [])),
        tuple(RoutingRule(*row) for row in lines.get("routing.csv", [])),
        tuple(RoleRule(*row) for row in lines.get("roles.csv", [])),
    )


def read_table(file: str, content: bytes, columns: Mapping[str, Check]) -> list[list[str]]:
    """The lines of another table that people write, read as strictly as a pack's.

    `columns` names them in their order, each with its check; the first is the line's id.

    Raises:
        FaultsError: anything at all is wrong; nothing is half read.
    """
    faults: list[Fault] = []
    rows = _read(file, content, columns, faults, {})
    if faults:
        raise FaultsError(faults)
    return rows


def _rule(row: list[str]) -> Rule:
    names = ("klass" if name == "class" else name for name in RULE_COLUMNS)
    return Rule(**dict(zip(names, row, strict=False)))  # type: ignore[arg-type]


def _read(
    file: str,
    content: bytes,
    columns: Mapping[str, Check],
    faults: list[Fault],
    seen: dict[str, str],
) -> list[list[str]]:
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        faults.append(Fault(file, line, "encoding", "Save the file as UTF-8."))
        return []
    if not text:
        # A file cut to nothing would take a pack's deny lines away.
        faults.append(Fault(file, 1, "header", f"The columns must be {','.join(columns)}."))
        return []
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[list[str]] = []
    try:
        for row in reader:
            line = reader.line_num
            if line == 1:
                if row != list(columns):
                    faults.append(
                        Fault(file, 1, "header", f"The columns must be {','.join(columns)}.")
                    )
                    return []
                continue
            faults += _faults_of(file, line, row, columns, seen)
            rows.append(row)
    except csv.Error as error:
        faults.append(Fault(file, reader.line_num, "quoting", f"The line cannot be read: {error}."))
    return rows


def _faults_of(
    file: str, line: int, row: list[str], columns: Mapping[str, Check], seen: dict[str, str]
) -> list[Fault]:
    if len(row) != len(columns):
        return [Fault(file, line, "columns", f"Give {len(columns)} columns; here are {len(row)}.")]
    found = []
    for (name, check), value in zip(columns.items(), row, strict=True):
        if value != value.strip() or any(ord(each) < 32 for each in value):
            found.append(Fault(file, line, name, "Remove spaces at the ends and control marks."))
        elif sentence := check(value):
            found.append(Fault(file, line, name, sentence))
    named = dict(zip(columns, row, strict=True))
    if named.get("effect") == "allow" and named["slice"] != EVERY:
        # Lines apply where slices overlap: an allow for some records would let all through.
        found.append(Fault(file, line, "slice", "Only a deny line has a slice; write *."))
    if row[0] in seen:
        found.append(Fault(file, line, "id", f"{row[0]} was used before, at {seen[row[0]]}."))
    seen.setdefault(row[0], f"{file}, line {line}")
    return found

"""A pack written out as its files: the exact inverse of `read_pack`, for export and hashing.

The same pack always gives the same bytes: UTF-8 without a byte order mark, lines that end in LF,
cells quoted where RFC 4180 needs it and nowhere else, instants in UTC.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Mapping

from policies.columns import ROLE_COLUMNS, ROUTING_COLUMNS, RULE_COLUMNS
from policies.rules import PACK_FILES, Pack, RoleRule, RoutingRule, Rule
from policies.tables import TABLES


def written_pack(pack: Pack) -> dict[str, bytes]:
    """The files of `pack` by their names; a kind of which it has no line has no file.

    Raises:
        ValueError: the lines are in force in some body's name (`Pack.adopted_by`): a file
            has no column for that, and an id of theirs none of its forms.
    """
    ids = [r.id for r in pack.rules] + [r.id for r in pack.routing] + [r.id for r in pack.roles]
    if any("@" in each for each in ids):
        raise ValueError("only a pack that nobody has adopted is written to files")
    files = {}
    if pack.rules:
        files["rules.csv"] = written_table(RULE_COLUMNS, map(_rule, pack.rules))
    if pack.routing:
        files["routing.csv"] = written_table(ROUTING_COLUMNS, map(_routing, pack.routing))
    if pack.roles:
        files["roles.csv"] = written_table(ROLE_COLUMNS, map(_role, pack.roles))
    for name, rows in pack.tables.items():
        files[name] = written_table(TABLES[name].columns, rows)
    return {name: files[name] for name in PACK_FILES if name in files}


def written_table(columns: Iterable[str], rows: Iterable[Iterable[str]]) -> bytes:
    """A table as its file: the header and the rows."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue().encode()


def sha256_of(files: Mapping[str, bytes]) -> str:
    """The SHA-256 of a pack's files, as an adoption records it: each name, a zero byte, the
    content, a zero byte, in the order of the names."""
    digest = hashlib.sha256()
    for name in sorted(files):
        digest.update(name.encode() + b"\0" + files[name] + b"\0")
    return digest.hexdigest()


def _rule(r: Rule) -> tuple[str, ...]:
    return (
        r.id, r.role, r.act, r.collection, r.item, r.klass, r.purpose, r.level, r.slice, r.since,
        r.until, r.effect, r.because,
    )  # fmt: skip


def _routing(r: RoutingRule) -> tuple[str, ...]:
    return (r.id, r.body, r.capacity, r.klass, r.people, r.place, r.because)


def _role(r: RoleRule) -> tuple[str, ...]:
    return (r.id, r.role, r.includes, r.because)

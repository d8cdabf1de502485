"""Tables that people write (CSV), read strictly: every line or none.

The format is RFC 4180 in UTF-8, one line a record: a cell holds no line break. Lines end in LF
or CRLF. The one mark that is passed over is a byte order mark at the very beginning, which Excel
writes in every "CSV UTF-8" file; anywhere else it is refused like all that cannot be seen.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from policies.faults import Found, shown

MAX_FILE_BYTES = 5_000_000
"""Bytes in a file, at the most."""

MAX_LINES = 20_000
"""Lines in all files of a pack together, at the most, headers not counted."""

MAX_CELL = 10_000
"""Characters in a cell, at the most."""

Check = Callable[[str], str | None]
"""Says in one sentence what is wrong with a cell, or None."""

Across = Callable[[Mapping[str, str]], Iterator[tuple[str, str]]]
"""Says what is wrong between the cells of one line: the column, and a sentence."""

_CALCULATED = ("=", "+", "-", "@")
_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_ARCHIVE = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_BOM = "\ufeff"


@dataclass(frozen=True)
class Known:
    """A check for a closed set of words, which says what may have been meant."""

    words: frozenset[str]
    what: str

    def __call__(self, value: str) -> str | None:
        """A sentence if `value` is none of the words."""
        if value in self.words:
            return None
        if not value:
            every = ", or * for all" if "*" in self.words else ""
            return f"The cell is empty; write a {self.what}{every}."
        told = f"{shown(value)} is no {self.what} that Accord knows"
        near = nearest(value, self.words)
        return f"{told}; did you mean {near}?" if near else f"{told}; the page on rules lists them."


@dataclass(frozen=True)
class Layout:
    """What a table must look like: its columns in their order, each with its check; the first is
    the line's id. `across` looks at a whole line whose cells are right one by one."""

    columns: Mapping[str, Check]
    across: Across | None = None


def nearest(value: str, words: frozenset[str]) -> str | None:
    """The word that is most like `value`, if one is much like it."""
    plain = value[:60].lower().strip()
    short = [each for each in sorted(words) if re.split("[:.]", each)[-1] == plain]
    near = short or get_close_matches(plain, sorted(words), n=1, cutoff=0.7)
    return near[0] if near else None


def read_rows(
    file: str, content: bytes, layout: Layout, found: Found, seen: dict[str, str]
) -> list[list[str]]:
    """The lines of one file, less its header; what is wrong goes to `found`.

    `seen` are the ids used before and where, over all files of a pack; it is added to.
    The line of a fault is that which an editor shows, from 1. Since a cell holds no line
    break, the line that stands at place n of the answer is line n + 2 of the file.
    """
    text = _text_of(file, content, found)
    if text is None:
        return []
    text = _without_empty_end(text.removeprefix(_BOM))
    if text.count("\n") + len(seen) > MAX_LINES:
        found.add(file, 1, "file", f"A pack has at most {MAX_LINES:,} lines; this one has more.")
        return []
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    if sentence := _header_fault(lines[0], tuple(layout.columns)):
        found.add(file, 1, "header", sentence)
        return []
    rows = []
    good: dict[str, set[str]] = {name: set() for name in layout.columns}
    for number, line in enumerate(lines[1:], 2):
        row = _cells(file, number, line, len(layout.columns), found)
        if row is not None:
            _check(file, number, row, layout, found, good)
            _check_id(file, number, row[0], found, seen)
            rows.append(row)
    return rows


def read_table(
    file: str, content: bytes, columns: Mapping[str, Check], across: Across | None = None
) -> list[list[str]]:
    """The lines of another table that people write, read as strictly as a pack's.

    `columns` names them in their order, each with its check; the first is the line's id.

    Raises:
        FaultsError: anything at all is wrong; nothing is half read.
    """
    found = Found()
    rows = read_rows(file, content, Layout(columns, across), found, {})
    found.refuse()
    return rows


def _text_of(file: str, content: bytes, found: Found) -> str | None:
    sentence = None
    if len(content) > MAX_FILE_BYTES:
        mb = MAX_FILE_BYTES // 1_000_000
        sentence = f"A file has at most {mb} MB; this one has more. Take lines out."
    elif content.startswith(_ARCHIVE):
        sentence = "This is a spreadsheet's own file; save it as CSV UTF-8."
    elif content.startswith(_UTF16):
        sentence = "Save the file as CSV UTF-8; this is UTF-16, which some call Unicode text."
    elif b"\r" in content and b"\n" not in content:
        sentence = "The lines end as on old Macs; save the file as CSV UTF-8."
    if sentence:
        found.add(file, 1, "file", sentence)
        return None
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        found.add(file, line, "encoding", "Save the file as CSV UTF-8; a letter cannot be read.")
        return None


def _without_empty_end(text: str) -> str:
    """The text less the empty lines at its end; a line of anything else stays a line."""
    rest = text.rstrip("\r\n")
    end = text[len(rest) :].replace("\r\n", "").replace("\n", "")
    return text if end else rest


def _header_fault(line: str, columns: tuple[str, ...]) -> str | None:
    """Why the first line is not the header, as far as it can be guessed what happened."""
    try:
        there = _split(line[:MAX_CELL])
    except csv.Error:
        there = [line[:MAX_CELL]]
    if there == list(columns) and len(line) <= MAX_CELL:
        return None
    wanted = ",".join(columns)
    for mark, name in ((";", "semicolons"), ("\t", "tabs")):
        if line.split(mark) == list(columns):
            return f"The columns are separated by {name}; save the file with commas instead."
    if sentence := next(filter(None, map(_unseen, there)), None):
        return sentence
    known = [each for each in there if each in columns]
    if twice := next((each for each in known if known.count(each) > 1), None):
        return f"The column {twice} is there twice; the columns must be {wanted}."
    missing = [each for each in columns if each not in there]
    more = [each for each in there if each not in columns]
    if not missing and not more:
        return f"The columns are in another order; they must be {wanted}."
    if missing and not more:
        return f"The column {missing[0]} is missing; the columns must be {wanted}."
    if more and not missing:
        return f"There is no column {shown(more[0])}; the columns must be {wanted}."
    return f"The columns must be {wanted}."


def _split(line: str) -> list[str]:
    if '"' not in line:
        return line.split(",")
    return next(csv.reader([line], strict=True))


def _cells(file: str, number: int, line: str, count: int, found: Found) -> list[str] | None:
    """The cells of one line, if there are as many as there are columns."""
    if not line.strip(', "\t'):
        found.add(file, number, "columns", "The line is empty; take it out.")
        return None
    if len(line) > 2 * MAX_CELL * count:
        found.add(file, number, "columns", "The line is too long; shorten what it says.")
        return None
    try:
        row = _split(line)
    except csv.Error as error:
        sentence = "A quotation mark stands alone; quote the whole cell, and double those inside."
        if "unexpected end" in str(error):
            sentence = "A quotation mark is not closed on this line; a cell holds no line break."
        found.add(file, number, "quoting", sentence)
        return None
    if len(row) == count:
        return row
    sentence = f"Give {count} columns; here are {len(row)}."
    if line.startswith("#"):
        sentence = "There are no comments here; say it in a line's because."
    elif len(row) > count:
        sentence += " Put a cell that has a comma between double quotes."
    elif line.count(";") >= count - 1 or line.count("\t") >= count - 1:
        sentence += " Separate them by commas."
    found.add(file, number, "columns", sentence)
    return None


def _check(
    file: str,
    number: int,
    row: Sequence[str],
    layout: Layout,
    found: Found,
    good: Mapping[str, set[str]],
) -> None:
    before = found.count
    for (name, check), value in zip(layout.columns.items(), row, strict=True):
        # Most cells say what others in their column said before.
        if value in good[name]:
            continue
        if sentence := _unseen(value):
            found.add(file, number, name, sentence)
        elif found.full and isinstance(check, Known):
            # What may have been meant is worth looking for only where it is told.
            found.count += value not in check.words
        elif sentence := _marked(value) or check(value):
            found.add(file, number, name, sentence)
        else:
            good[name].add(value)
    if layout.across is not None and found.count == before:
        for name, sentence in layout.across(dict(zip(layout.columns, row, strict=True))):
            found.add(file, number, name, sentence)


def _unseen(value: str) -> str | None:
    """What cannot be seen would make a line miss what it means."""
    if not value.isprintable():
        mark = next(each for each in value if not each.isprintable())
        name = unicodedata.name(mark, "a control mark").lower()
        instead = " and type a plain space" if unicodedata.category(mark) == "Zs" else ""
        return f"Take out the invisible U+{ord(mark):04X} ({name}){instead}."
    if value != value.strip():
        return "Take out the spaces at the ends of this cell."
    return None


def _marked(value: str) -> str | None:
    if len(value) > MAX_CELL:
        return f"A cell has at most {MAX_CELL:,} characters; shorten this one."
    if value.startswith(_CALCULATED) and value != "-":
        return f"A cell that begins with {value[0]} is calculated by spreadsheets; write words."
    return None


def _check_id(file: str, number: int, name: str, found: Found, seen: dict[str, str]) -> None:
    if name in seen:
        found.add(file, number, "id", f"{shown(name)[1:-1]} was used before, at {seen[name]}.")
    seen.setdefault(name, f"{file}, line {number}")

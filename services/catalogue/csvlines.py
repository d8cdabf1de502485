"""Reads CSV strictly, one physical line at a time, in bounded memory.

The format is RFC 4180 in UTF-8 (RFC 3629; a byte order mark is tolerated), lines
ending in LF or CRLF, without line breaks inside a field. What is wrong is told as
a `Fault` with its line and column, so that one reading is enough to correct a file.
A file with any fault is not to be used: after an unclosed quote, for example, the
next line may read well by chance.
"""

from __future__ import annotations

import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_BOM = b"\xef\xbb\xbf"


class TooLarge(ValueError):  # noqa: N818  (named for what it says, as faults are)
    """The file holds more bytes than were allowed; it was not, or not wholly, read."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing wrong: the physical `line` (from 1; 0 is the file as a whole), the
    `column` (its name, its number from 1, or ``"byte 17"``), and a plain sentence."""

    line: int
    column: str | int
    sentence: str


@dataclass(frozen=True, slots=True)
class Row:
    """One sound line and its fields, as many as the header has, as they were written."""

    line: int
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Layout:
    """What a file must look like.

    `columns` is the header, exactly; `may_be_empty` names those whose fields may be.
    `max_bytes` is the size of the file, `max_rows` counts lines after the header,
    `max_field` characters in a field.
    """

    columns: Sequence[str]
    max_bytes: int
    max_rows: int
    max_field: int
    may_be_empty: frozenset[str] = frozenset()

    @property
    def max_line(self) -> int:
        """Bytes in a line. A character has at most four, a field two quotes and a comma;
        twice as much is room to tell by its column which field is too long."""
        return 2 * len(self.columns) * (4 * self.max_field + 3)


def rows(source: str | Path | BinaryIO, layout: Layout) -> Iterator[Row | Fault]:
    """Every line of `source` after the header: sound, or one fault for each field amiss.

    `source` is a path, or a stream opened in binary mode, which its caller closes.

    Raises:
        TooLarge: at once and unread for a path, while reading for a stream.
    """
    if not isinstance(source, str | Path):
        return _rows(source, layout)
    path = Path(source)
    try:
        status = path.stat()
    except (OSError, ValueError):
        return iter([Fault(0, "file", "The file cannot be found; check its name.")])
    # Only a regular file has a size to trust; opening a pipe would also wait for ever.
    if not stat.S_ISREG(status.st_mode):
        return iter([Fault(0, "file", "This is not a file; name a CSV file instead.")])
    if status.st_size > layout.max_bytes:
        raise _too_large(layout.max_bytes)
    return _opened(path, layout)


def _opened(path: Path, layout: Layout) -> Iterator[Row | Fault]:
    try:
        stream = path.open("rb")
    except OSError:
        yield Fault(0, "file", "The file cannot be opened; ask its owner to let you read it.")
        return
    with stream:
        yield from _rows(stream, layout)


def _too_large(max_bytes: int) -> TooLarge:
    return TooLarge(f"The file is larger than {max_bytes:,} bytes; split it, or raise the limit.")


def _lines(stream: BinaryIO, layout: Layout) -> Iterator[bytes | None]:
    """Each physical line with its end; None for one of `max_line` bytes or more."""
    limit = layout.max_line
    total = 0
    inside = False
    while piece := stream.readline(limit):
        total += len(piece)
        if total > layout.max_bytes:
            raise _too_large(layout.max_bytes)
        ended = piece.endswith(b"\n")
        if inside:
            # The rest of a line that is too long is passed over in pieces, to bound memory.
            inside = not ended
            continue
        inside = not ended and len(piece) == limit
        yield None if inside else piece


def _rows(stream: BinaryIO, layout: Layout) -> Iterator[Row | Fault]:
    lines = enumerate(_lines(stream, layout), start=1)
    number, raw = next(lines, (0, b""))
    fault = _header_fault(number, raw, layout.columns)
    if fault:
        yield fault
        return
    for number, raw in lines:
        if number > layout.max_rows + 1:
            told = f"the file has more than {layout.max_rows:,} rows; split it."
            yield Fault(number, "file", f"Line {number}: {told}")
            return
        fields = _fields(number, raw, layout)
        if isinstance(fields, Fault):
            yield fields
            continue
        faults = list(_field_faults(number, fields, layout))
        yield from faults
        if not faults:
            yield Row(number, tuple(fields))
    if number == 1:
        yield Fault(1, "file", "The file has only a header; add a line for each entry.")


def _header_fault(number: int, raw: bytes | None, columns: Sequence[str]) -> Fault | None:
    if number == 0:
        return Fault(0, "file", f"The file is empty; start it with {','.join(columns)}")
    text = "" if raw is None else raw.removeprefix(_BOM).decode("utf-8", "replace")
    if raw is None or "\0" in text or "\ufffd" in text:
        return Fault(1, "file", "Line 1: this is not CSV text; save the list as CSV in UTF-8.")
    found = _without_end(text).split(",")
    if found == list(columns):
        return None
    pairs = enumerate(zip(found, columns, strict=False), start=1)
    shorter = min(len(found), len(columns))
    at = next((n for n, (one, other) in pairs if one != other), shorter + 1)
    told = f"the header differs at column {at}; it must be exactly {','.join(columns)}"
    return Fault(1, at, f"Line 1: {told}")


def _without_end(text: str) -> str:
    return text.removesuffix("\n").removesuffix("\r")


def _fields(line: int, raw: bytes | None, layout: Layout) -> list[str] | Fault:
    if raw is None:
        told = f"the line has {layout.max_line:,} bytes or more; shorten its fields."
        return Fault(line, "line", f"Line {line}: {told}")
    try:
        text = _without_end(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        at = error.start + 1
        return Fault(
            line, f"byte {at}", f"Line {line}, byte {at}: this is not UTF-8; save it as UTF-8."
        )
    if not text.strip():
        return Fault(line, 1, f"Line {line}: the line is blank; take it out.")
    fields = text.split(",") if '"' not in text else _quoted(line, text)
    if isinstance(fields, list) and len(fields) != len(layout.columns):
        return _count_fault(line, len(fields), len(layout.columns))
    return fields


def _count_fault(line: int, found: int, wanted: int) -> Fault:
    # The column told is the first that is missing, or the first that is too many.
    at = min(found, wanted) + 1
    told = f"there are {found:,} columns where {wanted} belong; quote names that hold commas."
    return Fault(line, at, f"Line {line}, column {at}: {told}")


def _quoted(line: int, text: str) -> list[str] | Fault:
    """Take a line with quotes apart as RFC 4180 says, and keep to this one line."""
    fields: list[str] = []
    at = 0
    while True:
        column = len(fields) + 1
        if text.startswith('"', at):
            end = _closing_quote(text, at + 1)
            if end < 0:
                told = "the quote opened here does not close on this line; close it here."
                return Fault(line, column, f"Line {line}, column {column}: {told}")
            fields.append(text[at + 1 : end].replace('""', '"'))
            at = end + 1
            stray = at < len(text) and text[at] != ","
        else:
            end = text.find(",", at)
            end = len(text) if end < 0 else end
            fields.append(text[at:end])
            stray = '"' in fields[-1]
            at = end
        if stray:
            told = "a quote stands alone; quote the whole field and double quotes inside it."
            return Fault(line, column, f"Line {line}, column {column}: {told}")
        if at == len(text):
            return fields
        at += 1


def _closing_quote(text: str, start: int) -> int:
    """Where the quote that closes a field stands, or -1: a doubled one does not close."""
    end = text.find('"', start)
    while end >= 0 and text.startswith('"', end + 1):
        end = text.find('"', end + 2)
    return end


def _field_faults(line: int, fields: Sequence[str], layout: Layout) -> Iterator[Fault]:
    for name, field in zip(layout.columns, fields, strict=True):
        told = None
        if not field:
            if name not in layout.may_be_empty:
                told = "the field is empty; write the name."
        elif len(field) > layout.max_field:
            told = f"the field has {len(field):,} characters; shorten it to {layout.max_field}."
        elif field != field.strip():
            told = "the field starts or ends with a space; take it out."
        elif not field.isprintable():
            told = _unprintable(field)
        if told:
            yield Fault(line, name, f"Line {line}, column {name}: {told}")


def _unprintable(field: str) -> str:
    # Invisible marks and unusual spaces are refused with control characters: two names
    # that look the same must be the same.
    at, character = next((n, c) for n, c in enumerate(field, start=1) if not c.isprintable())
    return (
        f"a control or invisible character, U+{ord(character):04X}, is character {at}; take it out."
    )

"""The export format `accord-ledger/1`: what anyone needs to check the ledger without this system.

The format is this project's own. It is JSON Lines, UTF-8, each line RFC 8785 canonical JSON and
ended by LF:

1. `{"exported_at": instant, "format": "accord-ledger/1", "scope": "whole" or "body:<id>"}`
2. one line for each entry, in leaf order: `{"entry": {…}, "hash": hex leaf hash, "index": n}`, n
   from 0. Entries not yet sequenced come last, with `"index": null`; no head protects those.
3. `{"entries": lines of kind 2, "head": {"root": hex, "size": n},
   "streams": {stream: [last sequence, last hash]}}`

In a body's own export the entries are a subset: indexes and sequences may have gaps, and the head
is the whole ledger's, which a subset cannot prove.
"""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from services.ledger.chain import Head, Leaves, canonical, leaf_hash, read_object, utc_text

FORMAT = "accord-ledger/1"
WHOLE = "whole"
SCOPE = re.compile(r"whole|body:\S+")


class ByteSink(Protocol):
    """Anything that bytes can be written to; text files would choose their own line ends."""

    def write(self, data: bytes, /) -> object:
        """Take `data` whole."""


def entry_line(index: int | None, digest: str, entry: bytes) -> bytes:
    """One entry's line without its LF, from its leaf index, hex hash and canonical bytes.

    Canonical JSON inside canonical JSON keeps its bytes, so the line is put together around
    them, keys in RFC 8785 order.
    """
    place = b"null" if index is None else b"%d" % index
    return (
        b'{"entry":' + entry + b',"hash":"' + digest.encode("ascii") + b'","index":' + place + b"}"
    )


def write_export(
    out: ByteSink,
    entries: Iterable[tuple[int | None, bytes]],
    scope: str,
    exported_at: datetime,
    head: Head | None = None,
) -> Head:
    """Write an export line by line, and return the head that its closing line carries.

    `entries` are (leaf index from 0, canonical bytes as stored) in leaf order, then the
    unsequenced ones with None, each stream's in its own sequence. `scope` is `whole` or
    `body:<id>`; for a body, `head` is the whole ledger's at the same moment, and for the whole
    it is computed here and must not be given. `exported_at` must know its time zone.

    The stored bytes are written as they are, bad or good, so that an export shows what the store
    holds and `verify` can name the entry; only what cannot be one line of JSON stops it.
    Raises ValueError for that, for a wrong scope or head, and for indexes out of order. The
    closing line is then missing, and the file does not verify.
    """
    if not SCOPE.fullmatch(scope):
        raise ValueError("the scope is 'whole' or 'body:<id>'")
    if (scope == WHOLE) != (head is None):
        raise ValueError("a body's export needs the whole ledger's head; a whole one computes it")
    opening = {"format": FORMAT, "scope": scope, "exported_at": utc_text(exported_at)}
    out.write(canonical(opening) + b"\n")
    tree = Leaves()
    streams: dict[str, list[int | str]] = {}
    count, last, in_tail = 0, -1, False
    for index, data in entries:
        if index is None:
            in_tail = True
        else:
            if in_tail or index <= last or (scope == WHOLE and index != last + 1):
                raise ValueError(f"entry with index {index} comes out of leaf order")
            last = index
            tree.add(data)
        stream, sequence = _place(data)
        digest = leaf_hash(data).hex()
        streams[stream] = [sequence, digest]
        out.write(entry_line(index, digest, data) + b"\n")
        count += 1
    closing_head = tree.head() if head is None else head
    closing = {"head": closing_head.to_json(), "streams": streams, "entries": count}
    out.write(canonical(closing) + b"\n")
    return closing_head


def _place(data: bytes) -> tuple[str, int]:
    """The stream and sequence of a stored entry. Raises ValueError if it cannot be exported."""
    if b"\n" in data or b"\r" in data:
        raise ValueError("a stored entry holds a line end, and so is not canonical JSON")
    entry = read_object(data)
    stream, sequence = entry.get("stream"), entry.get("sequence")
    if not isinstance(stream, str) or type(sequence) is not int:
        raise ValueError("a stored entry names no stream and sequence")
    return stream, sequence

"""The checks that verification makes, one line of an export after the other.

`verify` in the module of that name is the way in; this one holds what it remembers between lines
and how each kind of line is judged. The format is described in `export`.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from services.ledger.chain import (
    FIRST_PREV,
    HEX_HASH,
    Head,
    Leaves,
    canonical,
    is_instant,
    leaf_hash,
    read_object,
    wrong_field,
)
from services.ledger.export import FORMAT, SCOPE, WHOLE, entry_line

PROBLEMS_KEPT = 20


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong, in at most 25 plain words, and where.

    `line` counts from 1 in the file; the rest is None where the line does not say it readably.
    """

    line: int
    sentence: str
    index: int | None = None
    entry_id: str | None = None
    stream: str | None = None
    sequence: int | None = None


@dataclass(frozen=True)
class Report:
    """What verification found.

    `head` is computed from the entries; in a body's export, and when there is nothing to compute
    it from, it is None. `notes` are plain sentences on what this verification could not show; who
    shows the result shows them too.
    """

    verified: bool
    scope: str | None
    entries: int
    sequenced: int
    unsequenced: int
    head: Head | None
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]

    @property
    def first_bad(self) -> Problem | None:
        """The first problem in the file's own order, or None."""
        return self.problems[0] if self.problems else None


@dataclass
class Check:
    """What has been read so far: never an entry, only its hashes and each stream's end."""

    scope: str | None = None
    closed: bool = False
    line_number: int = 0
    entries: int = 0
    sequenced: int = 0
    unsequenced: int = 0
    next_index: int = 0
    in_tail: bool = False
    bad: bool = False
    problems: list[Problem] = field(default_factory=list)
    tree: Leaves = field(default_factory=Leaves)
    streams: dict[str, tuple[int, str]] = field(default_factory=dict)
    seen: set[bytes] = field(default_factory=set)

    def problem(self, sentence: str, index: Any = None, entry: Any = None) -> None:
        """Record one problem at the current line; what the entry says of itself may be rubbish."""
        self.bad = True
        if len(self.problems) >= PROBLEMS_KEPT:
            return
        said = entry if isinstance(entry, dict) else {}
        place, name, stream = said.get("sequence"), said.get("id"), said.get("stream")
        self.problems.append(
            Problem(
                self.line_number,
                sentence,
                index if type(index) is int else None,
                name if isinstance(name, str) else None,
                stream if isinstance(stream, str) else None,
                place if type(place) is int else None,
            )
        )

    def opening(self, data: bytes) -> None:
        """Judge the first line; `scope` stays None if it is not of this format."""
        try:
            first = read_object(data)
            known = canonical(first) == data and set(first) == {"format", "scope", "exported_at"}
        except ValueError:
            known = False
        if not known or first["format"] != FORMAT or not is_instant(first["exported_at"]):
            self.problem(f"The first line is not that of an {FORMAT} export.")
        elif not isinstance(first["scope"], str) or not SCOPE.fullmatch(first["scope"]):
            self.problem("The first line says neither the whole ledger nor one body's part.")
        else:
            self.scope = first["scope"]

    def following(self, data: bytes) -> None:
        """Judge any later line, an entry's or the closing one."""
        if self.closed:
            self.problem("There is a line after the closing line.")
            return
        try:
            found = read_object(data)
        except ValueError as error:
            self.problem(f"This line cannot be read: {error}.")
            return
        if set(found) == {"entry", "hash", "index"}:
            self.entry(data, found)
        elif set(found) == {"entries", "head", "streams"}:
            self.closing(data, found)
        else:
            self.problem("This line is neither an entry nor the closing line.")

    def entry(self, data: bytes, found: dict[str, Any]) -> None:
        """Judge one entry's line, and take its hash into the tree and its stream."""
        entry, said_hash, index = found["entry"], found["hash"], found["index"]
        # Counted before it is judged: a bad line is still one of the lines that were exported.
        self.entries += 1
        stored = self._stored_bytes(data, entry, said_hash, index)
        if stored is None:
            return
        digest = leaf_hash(stored)
        if digest.hex() != said_hash:
            self.problem(
                "The entry does not match its hash: one of them was changed.", index, entry
            )
        self._order(index, entry)
        if index is None:
            self.unsequenced += 1
        else:
            self.sequenced += 1
            self.tree.add_hash(digest)
        wrong = wrong_field(entry)
        if wrong is not None:
            self.problem(f"The entry's field '{wrong}' is missing or malformed.", index, entry)
            return
        self._once(index, entry)
        self._chain(index, entry, digest.hex())

    def _stored_bytes(self, data: bytes, entry: Any, said_hash: Any, index: Any) -> bytes | None:
        """The entry's own bytes, if the line is exactly what an export would have written."""
        shaped = (
            isinstance(entry, dict)
            and isinstance(said_hash, str)
            and HEX_HASH.fullmatch(said_hash) is not None
            and (index is None or (type(index) is int and index >= 0))
        )
        if not shaped:
            self.problem("The line's entry, hash or index is malformed.", index, entry)
            return None
        try:
            stored = canonical(entry)
        except ValueError:
            self.problem("The entry holds what canonical JSON cannot write.", index, entry)
            return None
        if entry_line(index, said_hash, stored) != data:
            # Any other spelling of the same content is a changed byte, and is refused as one.
            self.problem("The line is not written in canonical form.", index, entry)
            return None
        return stored

    def _order(self, index: int | None, entry: dict[str, Any]) -> None:
        if index is None:
            self.in_tail = True
            return
        if self.in_tail:
            self.problem("A sequenced entry follows unsequenced ones.", index, entry)
        gap_is_legal = self.scope != WHOLE
        if index < self.next_index or (index > self.next_index and not gap_is_legal):
            self.problem(f"Index {self.next_index} should stand here.", index, entry)
        self.next_index = max(self.next_index, index + 1)

    def _once(self, index: int | None, entry: dict[str, Any]) -> None:
        for name in ("id", "command"):
            # Sixteen bytes of SHA-256 stand for the id, so that long ids take no more memory.
            text = f"{name} {entry[name]}".encode()
            mark = hashlib.sha256(text).digest()[:16]
            if mark in self.seen:
                self.problem(f"The entry's {name} was used by an earlier entry.", index, entry)
            self.seen.add(mark)

    def _chain(self, index: int | None, entry: dict[str, Any], digest: str) -> None:
        stream, sequence = entry["stream"], entry["sequence"]
        last, tip = self.streams.get(stream, (0, FIRST_PREV))
        if sequence == last + 1:
            if entry["prev"] != tip:
                self.problem(
                    "The entry does not follow the one before it in its stream: "
                    "one of the two was changed.",
                    index,
                    entry,
                )
        elif sequence <= last or self.scope == WHOLE:
            self.problem(f"Sequence {last + 1} of its stream should stand here.", index, entry)
        self.streams[stream] = (sequence, digest)

    def closing(self, data: bytes, found: dict[str, Any]) -> None:
        """Judge the closing line against what was computed from the entries."""
        self.closed = True
        try:
            head = Head.from_json(found["head"])
            written = canonical(found)
        except ValueError:
            self.problem("The closing line is malformed.")
            return
        if written != data:
            self.problem("The closing line is not written in canonical form.")
        if type(found["entries"]) is not int or found["entries"] != self.entries:
            self.problem("The closing line counts another number of entries.")
        tails = {stream: [sequence, digest] for stream, (sequence, digest) in self.streams.items()}
        # Compared as bytes, because Python holds 1, 1.0 and True to be equal.
        if canonical({"streams": found["streams"]}) != canonical({"streams": tails}):
            self.problem("The closing line's streams end elsewhere than the entries do.")
        if self.scope != WHOLE:
            if self.next_index > head.size:
                self.problem("An entry's index lies beyond the closing head.")
        elif head.size != self.sequenced:
            self.problem("The closing head counts another number of sequenced entries.")
        elif head != self.tree.head():
            self.problem("The closing head is not the root of these entries.")

    def against(self, earlier: Head) -> None:
        """Compare with a head kept from before."""
        if self.scope != WHOLE:
            self.problem("One body's export cannot be checked against an earlier head.")
        elif earlier.size > self.sequenced:
            self.problem(
                f"The ledger held {earlier.size} sequenced entries before, "
                f"and holds {self.sequenced} here: entries are gone."
            )
        elif self.tree.head(earlier.size) != earlier:
            self.problem(
                f"The first {earlier.size} entries are not those of the earlier head: "
                "some were changed, moved or left out."
            )

    def report(self, compared: bool = False) -> Report:
        """What was found; `compared` says whether an earlier head was given."""
        whole = self.scope == WHOLE
        return Report(
            verified=not self.bad,
            scope=self.scope,
            entries=self.entries,
            sequenced=self.sequenced,
            unsequenced=self.unsequenced,
            head=self.tree.head() if whole else None,
            problems=tuple(self.problems),
            notes=tuple(self._notes(compared)),
        )

    def _notes(self, compared: bool) -> Iterator[str]:
        if self.scope is not None and self.scope != WHOLE:
            yield "Own entries checked one by one; the whole-ledger head was not."
        elif self.scope is not None and not compared:
            yield "No earlier head was given: a cut end or a complete rewrite would not show."
        if self.unsequenced:
            yield (
                f"Entries at the end that are not sequenced yet: {self.unsequenced}. "
                "No head protects them."
            )

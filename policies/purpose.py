"""Purposes that are too broad, and the areas and kinds of use that a request picks one of.

Issue 3, "Purpose": a broad, "future-proofing" or several-in-one purpose is refused with
help; primary and secondary use are separate. The Data Protection and Use Policy (Mana
Whakahaere) finds it "not appropriate to rely on broad or 'future-proofing' purpose
statements".

What makes a purpose broad is data: lines of a table (``packs/house/purposes.csv``) that
anyone may read and edit, with the columns of `COLUMNS`. Words are compared folded, without
capitals, macrons and glottal marks, for this alone; what somebody wrote is never changed.
It finds words and understands nothing: bodies still read every purpose themselves.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from policies.areas import AREAS
from policies.columns import RULE_COLUMNS
from policies.table import Check, read_table

__all__ = [
    "AREAS", "COLUMNS", "HELP_WORDS", "MAX_GAP", "SHORT", "Broad", "PurposeLine", "UseKind",
    "read_purposes", "too_broad",
]  # fmt: skip


class UseKind(StrEnum):
    """Whether data is used for what it was collected for, or for something else."""

    PRIMARY = "primary"
    SECONDARY = "secondary"


SHORT = 10
"""Words in a purpose so short that a phrase marked ``(short)`` is all that it says."""

MAX_GAP = 3
"""Words that may stand where a phrase has ``...``."""

HELP_WORDS = 25

_SHORT_MARK = " (short)"
_STOP = "."
_WORD = re.compile(r"[^\W_](?:[^\W_]|[\u0300-\u036f]|['‘’`´](?=[^\W_]))*")
_BREAK = re.compile(r"[.;:!?](?=\s|$)|\n\s*\n")
_TOKEN = re.compile(f"{_WORD.pattern}|{_BREAK.pattern}")
_MARKS = str.maketrans("", "", "ʻʼ'‘’`´")

_BEFORE = 10
"""How many words before a phrase a "not" is looked for, as in "not kept for later studies"."""

_NO = frozenset(
    {"no", "not", "never", "nor", "neither", "none", "nothing", "nobody", "without", "cannot"}
    | {"cant", "dont", "doesnt", "isnt", "arent", "wont", "mustnt", "shouldnt", "wouldnt"}
)
_NO_LONGER = frozenset({"but", "however"})
_NOT_REALLY = frozenset({"only", "just", "limited", "merely", "solely"})
"""After these, "not" says no "no": "not only for asthma", "not limited to"."""


@dataclass(frozen=True)
class PurposeLine:
    """One line of the table: phrases that make a purpose broad, and what to write instead.

    `phrases` and `when_short` are their patterns over folded words; the second counts only
    in a purpose of at most `SHORT` words. Either is None when the line has no such phrase.
    """

    id: str
    phrases: re.Pattern[str] | None
    when_short: re.Pattern[str] | None
    help: str
    because: str


@dataclass(frozen=True)
class Broad:
    """What is too broad in a purpose, by which line, and what to write instead.

    `found` has the start and end of each place in the text, in characters, as Python slices.
    """

    line: str
    found: tuple[tuple[int, int], ...]
    help: str


def _help(value: str) -> str | None:
    if not value.endswith((".", "!", "?")):
        return "Write one whole sentence."
    few = len(value.split()) <= HELP_WORDS
    return None if few else f"Say it in {HELP_WORDS} words or fewer."


def _match(value: str) -> str | None:
    for phrase in value.split("|"):
        words = phrase.removesuffix(_SHORT_MARK).split(" ")
        gaps = [at for at, word in enumerate(words) if word == "..."]
        inside = all(0 < at < len(words) - 1 for at in gaps)
        # More gaps than two would make the reading slow, and say nothing certain.
        if not inside or len(gaps) > 2 or any(b - a == 1 for a, b in pairwise(gaps)):
            return f"In {phrase!r}, put ... only between words, and at most twice."
        if not all(word == "..." or _is_word(word.removesuffix("*")) for word in words):
            return f"{phrase!r} must be words with one space between; a word may end in *."
    return None


def _is_word(word: str) -> bool:
    """Could a text have this word? One that is taken apart there would never be found."""
    return bool(_WORD.fullmatch(word)) and bool(_folded(word))


COLUMNS: Mapping[str, Check] = {
    "id": RULE_COLUMNS["id"],
    "match": _match,
    "help": _help,
    "because": RULE_COLUMNS["because"],
}
"""Phrases in `match` are separated by ``|``. A word matches whole; ``stud*`` matches all that
begin so; ``...`` stands for up to `MAX_GAP` words; ``(short)`` at a phrase's end says that it
counts only where the whole purpose has at most `SHORT` words."""


def read_purposes(content: bytes, file: str = "purposes.csv") -> tuple[PurposeLine, ...]:
    """Read the table of what makes a purpose broad.

    Raises:
        FaultsError: anything at all is wrong with it, by `file`, line and column; nothing
            is half read.
    """
    return tuple(
        PurposeLine(row[0], *_patterns(row[1].split("|")), row[2], row[3])
        for row in read_table(file, content, COLUMNS)
    )


def too_broad(text: str, lines: Iterable[PurposeLine]) -> tuple[Broad, ...]:
    """What makes the stated purpose `text` too broad, in the order of `lines`; empty if nothing.

    A phrase within ten words after a "not" in its sentence is passed over: "used for this
    and for no other purpose" is as narrow as can be. Phrases do not reach over a sentence.
    """
    words = _Words(text)
    found = []
    for line in lines:
        patterns = [line.phrases, line.when_short if words.few else None]
        places = sorted({place for each in patterns if each for place in words.where(each)})
        if places:
            found.append(Broad(line.id, tuple(places), line.help))
    return tuple(found)


class _Words:
    """A text as its words are compared, and where each stood."""

    def __init__(self, text: str) -> None:
        self._words: list[str] = []
        self._places: list[tuple[int, int]] = []
        for token in _TOKEN.finditer(text):
            word = _folded(token[0]) if _WORD.fullmatch(token[0]) else _STOP
            if word:
                self._words.append(word)
                self._places.append(token.span())
        self._line = " ".join(self._words)
        self._starts: list[int] = []
        at = 0
        for word in self._words:
            self._starts.append(at)
            at += len(word) + 1

    @property
    def few(self) -> bool:
        return sum(word != _STOP for word in self._words) <= SHORT

    def where(self, pattern: re.Pattern[str]) -> Iterator[tuple[int, int]]:
        for match in pattern.finditer(self._line):
            first = bisect_right(self._starts, match.start()) - 1
            last = bisect_right(self._starts, match.end() - 1) - 1
            if not self._denied(first):
                yield self._places[first][0], self._places[last][1]

    def _denied(self, first: int) -> bool:
        """Does a "not" stand before the word number `first`, in its own sentence?"""
        for at in range(first - 1, max(first - 1 - _BEFORE, -1), -1):
            word = self._words[at]
            if word == _STOP or word in _NO_LONGER:
                return False
            if word in _NO and self._words[at + 1] not in _NOT_REALLY:
                return True
        return False


def _folded(word: str) -> str:
    spread = unicodedata.normalize("NFD", word.translate(_MARKS))
    kept = "".join(each for each in spread if not unicodedata.combining(each))
    return kept.casefold()


def _patterns(phrases: list[str]) -> tuple[re.Pattern[str] | None, re.Pattern[str] | None]:
    short = [each.removesuffix(_SHORT_MARK) for each in phrases if each.endswith(_SHORT_MARK)]
    return _pattern([each for each in phrases if not each.endswith(_SHORT_MARK)]), _pattern(short)


def _pattern(phrases: list[str]) -> re.Pattern[str] | None:
    written = "|".join(_phrase(each) for each in phrases)
    return re.compile(rf"(?<![^ ])(?:{written})(?![^ ])") if phrases else None


def _phrase(phrase: str) -> str:
    written = ""
    for word in phrase.split(" "):
        if word == "...":
            written += rf"(?: [^ .]+){{0,{MAX_GAP}}}?"
            continue
        whole = re.escape(_folded(word.removesuffix("*")))
        written += (" " if written else "") + whole + ("[^ .]*" if word.endswith("*") else "")
    return written

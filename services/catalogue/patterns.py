"""Words in names, and the patterns that rules files look for them with.

Names are split at everything that is neither a letter nor a digit, between letters and
digits, and where small letters turn to capitals: ``acc_cla_ethnicGrp1_ind`` has the words
*acc, cla, ethnic, grp, ind*. A stretch of letters and digits is a word as a whole, too
(*ethnicgrp1*), so that codes such as ``CORDV4`` can be told apart. Capitals, macrons and
glottal marks are folded for this search alone.

A pattern is one or more words, separated by ``|``; any one is enough. A word matches
whole; ``ethnic*`` matches every word that starts so; ``birth+country`` asks for both,
anywhere in the name; ``*`` alone is every name. There is nothing else, so that no rule
can make the reading slow.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence, Set

EVERY = "*"

_LETTERS = re.compile(r"[^\W\d_]+")
# Either small letters with the capital they start with, or a run of capitals.
_PART = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
_RUN = re.compile(r"[^\W_]+")
_GLOTTAL_MARKS = str.maketrans("", "", "ʻʼ'‘’")
_MOST_WORDS = 20_000

Group = tuple[tuple[str, ...], int]
"""Words that a name must all have, and the bit of the pattern that asks for them."""


class Patterns:
    """Many patterns at once: which of them a name has.

    A list of holders' names has few different words, so what each word means to the
    patterns is found once and kept.

    Args:
        texts: the patterns as they are written; an empty one matches no name. `faulty`
            must have found nothing wrong with them.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self._every = 0
        self._whole: dict[str, int] = {}
        self._starts: dict[str, int] = {}
        self._groups: list[Group] = []
        for number, text in enumerate(texts):
            self._add(text, 1 << number)
        self._known: dict[str, tuple[int, list[Group]]] = {}

    def _add(self, text: str, bit: int) -> None:
        if text == EVERY:
            self._every |= bit
            return
        for choice in text.split("|") if text else ():
            words = tuple(_folded(each) for each in choice.split("+"))
            if len(words) > 1:
                self._groups.append((words, bit))
                continue
            where = self._starts if choice.endswith("*") else self._whole
            word = words[0].removesuffix("*")
            where[word] = where.get(word, 0) | bit

    def of(self, parts: Set[str]) -> int:
        """The patterns that a name with these `parts` has: bit n stands for pattern n."""
        found = self._every
        groups: list[Group] = []
        for part in parts:
            settled, begun = self._known.get(part) or self._learn(part)
            found |= settled
            groups += begun
        for words, bit in groups:
            if not found & bit and all(_any_has(parts, word) for word in words[1:]):
                found |= bit
        return found

    def _learn(self, part: str) -> tuple[int, list[Group]]:
        """What `part` alone settles, and the groups of words that begin with it."""
        settled = self._whole.get(part, 0)
        for length in range(1, len(part) + 1):
            settled |= self._starts.get(part[:length], 0)
        begun = [each for each in self._groups if _has(part, each[0][0])]
        if len(self._known) >= _MOST_WORDS:
            self._known.clear()
        self._known[part] = settled, begun
        return settled, begun


def faulty(text: str) -> list[int]:
    """Which of the choices in the pattern `text`, counted from 1, no name could match."""
    if text == EVERY:
        return []
    return [
        number
        for number, choice in enumerate(text.split("|"), start=1)
        if not all(_is_part(word) for word in choice.split("+"))
    ]


def bits(found: int) -> Iterator[int]:
    """The numbers of the bits that are set in `found`, from the lowest."""
    while found:
        lowest = found & -found
        yield lowest.bit_length() - 1
        found ^= lowest


def name_parts(name: str) -> frozenset[str]:
    """The words of a name, folded: ``whānau_addressTA2`` is *whanau, address, ta* and
    *addressta2*."""
    plain = _plain(name)
    words: list[str] = []
    for run in _LETTERS.findall(plain):
        # Letters beyond a to z that do not fold are kept whole: not all have capitals.
        words += _PART.findall(run) if run.isascii() else [run]
    words += [run for run in _RUN.findall(plain) if not run.isalpha() and not run.isdigit()]
    return frozenset(word.casefold() for word in words)


def _any_has(parts: Set[str], word: str) -> bool:
    return word in parts or (word.endswith("*") and any(_has(part, word) for part in parts))


def _has(part: str, word: str) -> bool:
    return part.startswith(word[:-1]) if word.endswith("*") else part == word


def _is_part(pattern: str) -> bool:
    """Whether some name could have this word: one that names are split inside never matches."""
    word = pattern.removesuffix("*")
    folded = _folded(word)
    return bool(folded) and folded in name_parts(word)


def _folded(text: str) -> str:
    return _plain(text).casefold()


def _plain(name: str) -> str:
    if name.isascii() and "'" not in name:
        return name
    spread = unicodedata.normalize("NFD", name.translate(_GLOTTAL_MARKS))
    return "".join(each for each in spread if not unicodedata.combining(each))

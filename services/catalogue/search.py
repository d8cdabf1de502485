"""Finds items by words in their names, however their macrons and glottal marks are typed."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from policies.catalogue.classification import Classification
from policies.refusals import Code, RefusedError
from services import facts
from services.store.schema import PUBLISHED, collections, items, proposals

MAX_WORDS = 20
MAX_ROWS = 500

# ʻokina, other glottal marks, and what keyboards offer in their place.
_GLOTTAL_MARKS = str.maketrans("", "", "ʻʼ'‘’`´")


@dataclass(frozen=True)
class Guess:
    """What a rule proposes for an item, and why. It binds nobody."""

    rule: str
    klass: str
    peoples: tuple[str, ...] | str
    places: tuple[str, ...] | str
    because: str


@dataclass(frozen=True)
class Found:
    """An item as its holder named it, and `said`: what the bodies concerned have confirmed."""

    id: str
    agency: str
    collection: str
    collection_name: str
    table: str
    variable: str
    said: Classification | None
    proposals: tuple[Guess, ...]

    @property
    def confirmed(self) -> bool:
        """False for an item that is refused to everybody, because nobody has said what it is."""
        return self.said is not None


def fold(text: str) -> str:
    """`text` as it is compared in searches: no macrons, no glottal marks, no capitals.

    For searching only; a name is shown and kept as it was given.
    """
    if text.isascii():
        return text.translate(_GLOTTAL_MARKS).casefold()
    # Some marks turn into others when they are taken apart, so they are taken out on
    # both sides of it; and a few capitals give new marks when they become small.
    for _ in range(2):
        spread = unicodedata.normalize("NFKD", text.translate(_GLOTTAL_MARKS)).casefold()
        text = "".join(each for each in spread if unicodedata.category(each)[0] != "M")
    return text.translate(_GLOTTAL_MARKS)


def search(
    connection: Connection,
    words: str,
    *,
    collection: str | None = None,
    after: str | None = None,
    limit: int = 50,
) -> list[Found]:
    """Published items whose names hold every one of `words`, in the order of their ids.

    Args:
        words: separated by spaces; none finds everything.
        collection: the id of the only collection to look in.
        after: the id of the last item already seen; the answer starts behind it.
        limit: the most items to return, 1 to 500.

    Raises:
        RefusedError: more than 20 words.
    """
    wanted = fold(words).split()
    if len(wanted) > MAX_WORDS:
        raise RefusedError(
            Code.TOO_LARGE,
            field="words",
            sentence=f"A search takes at most {MAX_WORDS} words.",
            next="Search with fewer words.",
        )
    query = (
        sa.select(items, collections.c.agency, collections.c.name)
        .join(collections, collections.c.id == items.c.collection)
        .where(items.c.batch.in_(PUBLISHED))
        # A story is not listed among data, nor missed from a page that would have had it:
        # whoever knows of it asks for it by its own id.
        .where(sa.or_(items.c.id == words.strip(), sa.not_(facts.a_story(items.c.id))))
        .order_by(items.c.id)
        .limit(max(1, min(limit, MAX_ROWS)))
    )
    for word in sorted(set(wanted)):
        query = query.where(items.c.search.contains(word, autoescape=True))
    if collection is not None:
        query = query.where(items.c.collection == collection)
    if after is not None:
        query = query.where(items.c.id > after)
    rows = connection.execute(query).all()
    ids = [row.id for row in rows]
    said = {item.id: item.said for item in facts.read_items(connection, ids)}
    guesses = _guesses(connection, ids)
    return [
        Found(
            row.id, row.agency, row.collection, row.name, row.table, row.variable,
            said[row.id], guesses.get(row.id, ()),
        )
        for row in rows
    ]  # fmt: skip


def searched(*names: str) -> str:
    """The text that an item is found by, from all the names that it goes by."""
    return fold(" ".join(names))


def _guesses(connection: Connection, ids: list[str]) -> Mapping[str, tuple[Guess, ...]]:
    rows = connection.execute(
        sa.select(proposals).where(proposals.c.item.in_(ids)).order_by(proposals.c.rule)
    )
    found: dict[str, tuple[Guess, ...]] = {}
    for row in rows:
        line = row.line
        guess = Guess(
            row.rule, line["class"], _part(line["peoples"]), _part(line["places"]), line["because"]
        )
        found[row.item] = (*found.get(row.item, ()), guess)
    return found


def _part(part: Any) -> tuple[str, ...] | str:
    return part if isinstance(part, str) else tuple(part)

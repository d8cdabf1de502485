"""Where the rules are kept, so that a question meets the few that may match.

A tree that parts itself: a leaf with more than a few rules becomes a branch by the column that
parts them best, of those that the matcher pins and of the names that a function gives (the
peoples of a slice). Under a branch are a child for each name, and one for the rules that hold
for any (``*``). A question goes down to the children of the names that it goes by, and always to
the last. What it finds there still goes through the matcher, so that the tree can only leave out
rules that the matcher says no to.

How many rules are looked at follows from the leaves, not from how many there are: a leaf stays
large only where nothing that the matcher pins tells its rules apart.

Every entry holds from one position of the change log to another, so that a question is answered
as of its own position while changes come in. One writer at a time; readers take no lock.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from policies.engine.links import Links
from policies.engine.matcher import Matcher, NamesOf

FOR_EVER = 1 << 62
FEW = 6
"""How many rules a leaf has before it is parted: going through them costs less than a branch."""
SAMPLE = 200
"""How many of a leaf's rules are looked at to choose the column that it is parted by."""
WORTH = 0.7
"""What part of its rules a branch must leave to look at, at most."""

Names = Collection[str] | None


class Entry:
    """One rule: what is kept of its columns beside its payload, its effect, and while it holds."""

    __slots__ = ("added", "effect", "gone", "number", "payload", "values")

    def __init__(
        self, number: int, values: tuple[Any, ...], effect: str, payload: Any, added: int
    ) -> None:
        """`number` tells rules in the order in which they came."""
        self.number, self.values, self.effect, self.payload = number, values, effect, payload
        self.added, self.gone = added, FOR_EVER


class Column:
    """What rules can be parted by: a column that the matcher pins, or a function's names.

    Args:
        name: the column of the rules.
        of_entry: the names under which an entry stands; None for any.
        of_question: the names by which a question goes; None for every one.
    """

    __slots__ = ("name", "of_entry", "of_question")

    def __init__(
        self,
        name: str,
        of_entry: Callable[[Entry], Names],
        of_question: Callable[[Sequence[Any], Links], Names],
    ) -> None:
        """As above."""
        self.name, self.of_entry, self.of_question = name, of_entry, of_question


class Branch:
    """A parted node: by which column, the children by name, and the one for any name."""

    __slots__ = ("any", "column", "named", "used")

    def __init__(self, column: int, used: frozenset[int]) -> None:
        """No child as yet; `used` are the columns by whose names one comes here."""
        self.column, self.used = column, used
        self.named: dict[str, Node] = {}
        self.any: Node | None = None


class Node:
    """A leaf with its entries, or a branch. `body` is replaced whole when a leaf is parted."""

    __slots__ = ("body", "tried", "used")

    def __init__(self, used: frozenset[int] = frozenset()) -> None:
        """An empty leaf; `tried` is at how many entries it was last found not worth parting, and
        `used` are the columns by whose names one comes here: by these it is parted no more. (An
        entry stands under each of its names, so that it might be parted by them for ever.)"""
        self.body: list[Entry] | Branch = []
        self.tried, self.used = 0, used


class Index:
    """The tree."""

    def __init__(
        self, matcher: Matcher, read: Mapping[str, Callable[[Entry], Any]], request: Sequence[str]
    ) -> None:
        """`read` gives of an entry what it has in a column; `request` are a question's fields."""
        self._columns = [
            _pinned(p.column, read[p.column], p.literals, p.fields, p.reached, request)
            for p in matcher.pins
        ]
        if matcher.shared is not None:
            function, field, column = matcher.shared
            self._columns += [
                _shared(column, read[column], each, request.index(field)) for each in function.names
            ]
        self._root = Node()

    def add(self, entries: Iterable[Entry]) -> None:
        """Put entries in. Many at once are parted better, and faster, than one after another."""
        entries = list(entries)
        if len(entries) == 1:
            self._put(self._root, entries[0])
        elif isinstance(self._root.body, list) and not self._root.body:
            whole = Node()
            whole.body = entries
            self._part(whole)
            self._root = whole
        else:
            for entry in entries:
                self._put(self._root, entry)

    def _put(self, node: Node, entry: Entry) -> None:
        body = node.body
        if isinstance(body, list):
            # Whoever goes through the list meanwhile sees the entry, and that it is newer.
            body.append(entry)
            if len(body) > max(FEW, 2 * node.tried):
                self._part(node)
            return
        for child in self._children(body, entry, make=True):
            self._put(child, entry)

    def _children(self, branch: Branch, entry: Entry, make: bool = False) -> list[Node]:
        """The children under which an entry stands."""
        names = self._columns[branch.column].of_entry(entry)
        if names is None:
            if branch.any is None and make:
                branch.any = Node(branch.used)
            return [branch.any] if branch.any is not None else []
        if make:
            for name in names:
                if name not in branch.named:
                    branch.named[name] = Node(branch.used | {branch.column})
        return [branch.named[name] for name in names if name in branch.named]

    def _part(self, node: Node) -> None:
        """Make a branch of a leaf, and of its children, where it is worth it."""
        entries = node.body
        assert isinstance(entries, list)
        if len(entries) <= FEW:
            return
        column = self._best(entries, node.used)
        if column is None:
            node.tried = len(entries)
            return
        branch = Branch(column, node.used)
        for entry in entries:
            for child in self._children(branch, entry, make=True):
                assert isinstance(child.body, list)
                child.body.append(entry)
        for child in [*branch.named.values(), *([branch.any] if branch.any else [])]:
            self._part(child)
        # Last: until here, readers see the leaf as it was.
        node.body = branch

    def _best(self, entries: list[Entry], used: frozenset[int]) -> int | None:
        """The column by which a question has the fewest entries left to look at."""
        if len(entries) > SAMPLE:
            # A sample tells as well which column tells them apart.
            entries = entries[:: len(entries) // SAMPLE]
        best, least = None, WORTH * len(entries)
        for number, column in enumerate(self._columns):
            if number in used:
                continue
            found: set[str] = set()
            named = without = 0
            for entry in entries:
                names = column.of_entry(entry)
                if names is None:
                    without += 1
                else:
                    found.update(names)
                    named += len(names)
            left = without + (named / len(found) if found else 0)
            if found and left < least:
                best, least = number, left
        return best

    def drop(self, entry: Entry) -> None:
        """Forget an entry that holds no more for any question."""
        todo = [self._root]
        while todo:
            node = todo.pop()
            if isinstance(node.body, list):
                node.body = [each for each in node.body if each is not entry]
            else:
                todo += self._children(node.body, entry)

    def leaves(
        self, asked: Sequence[Any], links: Links, without: str | None = None
    ) -> list[list[Entry]]:
        """The leaves in which a rule may match, or would but for what it says in one column, the
        one called `without`."""
        columns = self._columns
        known: list[Any] = [self] * len(columns)
        if without is not None:
            known = [None if each.name == without else self for each in columns]
        found = []
        todo = [self._root]
        while todo:
            body = todo.pop().body
            if isinstance(body, list):
                if body:
                    found.append(body)
                continue
            if body.any is not None:
                todo.append(body.any)
            names = known[body.column]
            if names is self:
                names = known[body.column] = columns[body.column].of_question(asked, links)
            named = body.named
            if names is None:
                todo += list(named.values())
                continue
            for name in names:
                if name in named:
                    todo.append(named[name])
        return found

    def sizes(self) -> list[int]:
        """How many entries each leaf holds, the largest first: what an answer may cost."""
        found, todo = [], [self._root]
        while todo:
            body = todo.pop().body
            if isinstance(body, list):
                found.append(len(body))
            else:
                todo += [*body.named.values(), *([body.any] if body.any else [])]
        return sorted(found, reverse=True)


def _pinned(
    name: str,
    read: Callable[[Entry], Any],
    literals: frozenset[str],
    fields: Iterable[str],
    reached: Iterable[tuple[str, str]],
    request: Sequence[str],
) -> Column:
    own = tuple(request.index(each) for each in sorted(fields))
    further = tuple((relation, request.index(each)) for relation, each in sorted(reached))

    def of_entry(entry: Entry) -> Names:
        value = read(entry)
        return None if value in literals else (value,)

    def of_question(asked: Sequence[Any], links: Links) -> Names:
        if len(own) == 1 and not further:
            value = asked[own[0]]
            return (value,) if isinstance(value, str) else ()
        found = {asked[each] for each in own if isinstance(asked[each], str)}
        for relation, field in further:
            found |= links.reach(relation, asked[field])
        return found

    return Column(name, of_entry, of_question)


def _shared(name: str, read: Callable[[Entry], Any], names: NamesOf, field: int) -> Column:
    def of_entry(entry: Entry) -> Names:
        return names.of_rule(read(entry))

    def of_question(question: Sequence[Any], links: Links) -> Names:
        return names.of_question(question[field])

    return Column(name, of_entry, of_question)

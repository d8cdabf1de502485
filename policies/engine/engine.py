"""Casbin's answer to a question, with every rule that matched, from a few look-ups.

Model, role manager and effector are `pycasbin`'s; the loop over the rules is not: stock Casbin
goes through all of them, walks the matcher anew for each, and stops at the first no. Here the
matcher is compiled, an index that follows from it finds the candidates, and all that match are
told. That both say the same is tested against each other (`tests/policies/engine`).

What stock Casbin gets wrong in silence is refused in words when a model or a rule is given: an
effect by which nothing at all means yes, one that depends on the rules' order, an effect in a
rule that is neither `allow` nor `deny`, `eval` in a matcher. Where no rule can match, nobody asks
the effector: the answer is no.
"""

from __future__ import annotations

import ast
import logging
import threading
import time
from bisect import bisect_right
from collections import deque
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from types import SimpleNamespace
from typing import Any

from casbin.constant.constants import ALLOW_AND_DENY_EFFECT, ALLOW_OVERRIDE_EFFECT
from casbin.effect import effect_to_bool, get_effector
from casbin.effect.effector import Effector
from casbin.model import Model

from policies.engine import compiling, matcher
from policies.engine.index import Entry, Index
from policies.engine.links import Links
from policies.engine.matcher import Function, MatcherError

ALLOW, DENY = "allow", "deny"
KEPT_SECONDS = 60
"""How long a rule that was taken away can still be asked about, by a question that began before."""
LINKS_KEPT = 64
ALIKE = 10_000
"""How many tuples of what is kept of rules are remembered, so that equal ones are one."""
FOR_NOW = (1 << 62) - 1
_EFFECTS = {ALLOW: Effector.ALLOW, DENY: Effector.DENY}
# Casbin logs whole requests; who asked for what belongs in the ledger alone.
logging.getLogger("casbin").setLevel(logging.CRITICAL)
_ONE_PARSES = threading.Lock()
# In Python 3.11.0 to 3.11.8 two threads that parse make each other fail now and then (gh-106905).


class TooOldError(Exception):
    """What is asked about is longer ago than rules that were taken away are kept."""


@dataclass(frozen=True)
class Decision:
    """Yes or no, and the payload of every rule that matched, in the order in which they came."""

    allowed: bool
    matched: tuple[Any, ...]


class Engine:
    """One model and its rules. One thread changes it at a time; any number ask it meanwhile."""

    def __init__(
        self,
        model: str,
        functions: Mapping[str, Function] | None = None,
        held: Mapping[str, str] | None = None,
    ) -> None:
        """Read the model; there is no rule as yet.

        Args:
            model: the text of a Casbin model: one request, policy, effect and matcher.
            functions: what its matcher may call beside its relations.
            held: the columns (``item``) that rules' payloads have as attributes, with the names
                of these. They are read there, and not kept twice.

        Raises:
            MatcherError: it cannot be used; the sentence says why.
        """
        functions = functions or {}
        with _ONE_PARSES:
            parts = _parts(model)
            self.request: list[str] = parts["r"]["r"].tokens
            self.columns: list[str] = parts["p"]["p"].tokens
            relations = list(parts.get("g", {}))
            effect = parts["e"]["e"].value
            if effect not in (ALLOW_OVERRIDE_EFFECT, ALLOW_AND_DENY_EFFECT):
                raise MatcherError(
                    "Use some(where (p.eft == allow)), with && !some(where (p.eft == deny)) or"
                    " without: other effects say yes to nothing, or go by the rules' order."
                )
            self._effector = get_effector(effect)
            self.matcher = matcher.read(
                parts["m"]["m"].value, self.request, self.columns, relations, functions
            )
            names = [each for each in self.columns if each in _names(self.matcher)]
            self._held = {
                f"p_{column}": name
                for column, name in (held or {}).items()
                if f"p_{column}" in names and f"p_{column}" not in self.matcher.prepared
            }
            kept = [each for each in names if each not in self._held]
            calls = {name: each.call for name, each in functions.items()}
            self._scan, reached = compiling.scan(
                self.matcher.whole, self.request, kept, relations, calls, self._held
            )
        self._reached = [(name, self.request.index(field)) for name, field in reached]
        self._kept = {name: number for number, name in enumerate(kept)}
        self._read = [self.columns.index(name) for name in kept]
        prepared = [self.matcher.prepared.get(name) for name in kept]
        self._prepare = [each.prepare if each else None for each in prepared]
        self._alike: dict[tuple[Any, ...], tuple[Any, ...]] = {}
        self._effect = self.columns.index("p_eft") if "p_eft" in self.columns else None
        self._index = Index(self.matcher, {each: self._of(each) for each in names}, self.request)
        self._entries: dict[Hashable, Entry] = {}
        self._numbers = 0
        self._gone: deque[tuple[float, Entry]] = deque()
        self._oldest = 0
        # Since which position each set of links holds, and the sets: one tuple, replaced whole.
        self._links: tuple[list[int], list[Links]] = ([0], [Links.none(relations)])

    def add(self, name: Hashable, row: Sequence[str], payload: Any, position: int = 0) -> None:
        """Add a rule that holds from `position` of the change log on.

        Args:
            name: what to call it when it is taken away; another of that name is replaced.
            row: its columns, as the model names them.
            payload: what an answer gives back for it.

        Raises:
            MatcherError: it has not the model's columns, or an effect that is none.
        """
        self._index.add([self._entry(name, row, payload, position)])

    def add_all(
        self, rules: Iterable[tuple[Hashable, Sequence[str], Any]], position: int = 0
    ) -> None:
        """Add many at once, each as `add` takes it: into an empty engine, the faster way."""
        self._index.add([self._entry(*each, position) for each in rules])

    def _entry(self, name: Hashable, row: Sequence[str], payload: Any, position: int) -> Entry:
        if len(row) != len(self.columns):
            raise MatcherError(f"A rule has {len(self.columns)} columns; here are {len(row)}.")
        effect = ALLOW if self._effect is None else row[self._effect]
        if effect not in _EFFECTS:
            raise MatcherError(f"An effect is allow or deny; {effect!r} is neither.")
        if name in self._entries:
            self.remove(name, position)
        values = tuple(
            [
                row[at] if prepare is None else prepare(row[at])
                for at, prepare in zip(self._read, self._prepare, strict=True)
            ]
        )
        # Many rules say the same in what is kept of them.
        if len(self._alike) > ALIKE:
            self._alike = {}
        values = self._alike.setdefault(values, values)
        self._numbers += 1
        entry = self._entries[name] = Entry(self._numbers, values, effect, payload, position)
        return entry

    def _of(self, column: str) -> Callable[[Entry], Any]:
        """What reads a column of an entry."""
        if column in self._held:
            return attrgetter(f"payload.{self._held[column]}")
        at = self._kept[column]
        return lambda entry: entry.values[at]

    def remove(self, name: Hashable, position: int = 0) -> None:
        """The rule holds no more, from `position` on. Nothing happens where there is none."""
        entry = self._entries.pop(name, None)
        if entry is None:
            return
        entry.gone = position
        now = time.monotonic()
        self._gone.append((now, entry))
        while self._gone and self._gone[0][0] < now - KEPT_SECONDS:
            _, old = self._gone.popleft()
            self._oldest = max(self._oldest, old.gone)
            self._index.drop(old)

    def link(
        self,
        relation: str,
        more: Iterable[tuple[str, str]] = (),
        fewer: Iterable[tuple[str, str]] = (),
        position: int = 0,
    ) -> None:
        """Add and take away links, from `position` on. Raises MatcherError for a long chain."""
        since, kept = self._links
        links = kept[-1].changed(relation, more, fewer)
        if links is kept[-1]:
            return
        if since[-1] == position:
            since, kept = since[:-1], kept[:-1]
        self._links = ([*since[-LINKS_KEPT:], position], [*kept[-LINKS_KEPT:], links])

    def holds_since(self, position: int) -> None:
        """What is here holds as of `position`; of what was before, this cannot tell."""
        self._oldest = position

    def require(self, position: int) -> None:
        """Raises TooOldError for a position of which this cannot tell any more."""
        if position < self._oldest:
            raise TooOldError

    def ask(self, asked: Sequence[Any], position: int | None = None) -> Decision:
        """Answer as of `position` of the change log; None for as things stand.

        Args:
            asked: the question's fields, as the model names them.

        Raises:
            MatcherError: it has not the model's fields.
            TooOldError: what held at `position` is kept no more.
        """
        if len(asked) != len(self.request):
            raise MatcherError(f"A question has {len(self.request)} fields, not {len(asked)}.")
        at = FOR_NOW if position is None else position
        links = self._links_at(at)
        found: list[Entry] = []
        reached = tuple([links.reach(name, asked[field]) for name, field in self._reached])
        for entries in self._index.leaves(asked, links):
            self._scan(asked, entries, at, found, reached)
        if at < self._oldest:
            raise TooOldError
        if not found:
            # Stock Casbin can say yes where no rule is.
            return Decision(False, ())
        if len(found) > 1:
            # An entry that stands under several names may have been met more than once.
            found = sorted({each.number: each for each in found}.values(), key=_number)
        effects = {_EFFECTS[each.effect] for each in found}
        allowed = effect_to_bool(self._effector.final_effect(effects))
        return Decision(allowed, tuple([each.payload for each in found]))

    def nearly(
        self, asked: Sequence[Any], position: int | None = None
    ) -> list[tuple[Any, tuple[str, ...]]]:
        """The rules that would match but for what they say in one column, each with the columns
        of which that is so: where the matcher lets a text such as ``*`` stand for anything.

        Goes through more of the index than `ask`: for explanations, not for answers.
        """
        at = FOR_NOW if position is None else position
        links = self._links_at(at)
        reached = tuple([links.reach(name, asked[field]) for name, field in self._reached])
        found: dict[int, tuple[Any, list[str]]] = {}
        matched = {id(each) for each in self.ask(asked, position).matched}
        for column, text in self.matcher.wild.items():
            if column not in self._held and column not in self._kept:
                continue
            for entries in self._index.leaves(asked, links, column):
                rules = {each.number: each.payload for each in entries}
                hits: list[Entry] = []
                near = [self._anything(each, column, text) for each in entries]
                self._scan(asked, near, at, hits, reached)
                for each in hits:
                    if id(rules[each.number]) not in matched:
                        told = found.setdefault(each.number, (rules[each.number], []))
                        told[1].append(column)
        return [(payload, tuple(columns)) for _, (payload, columns) in sorted(found.items())]

    def _anything(self, entry: Entry, column: str, text: str) -> Entry:
        """The same rule, if it said nothing in one column."""
        values, payload = list(entry.values), entry.payload
        if column in self._kept:
            values[self._kept[column]] = text
        else:
            held = {each: getattr(payload, each) for each in self._held.values()}
            payload = SimpleNamespace(**{**held, self._held[column]: text})
        other = Entry(entry.number, tuple(values), entry.effect, payload, entry.added)
        other.gone = entry.gone
        return other

    def _links_at(self, position: int) -> Links:
        since, kept = self._links
        found = bisect_right(since, position) - 1
        if found < 0:
            raise TooOldError
        return kept[found]

    @property
    def size(self) -> int:
        """How many rules hold now."""
        return len(self._entries)

    def sizes(self) -> list[int]:
        """How many rules each leaf of the index holds, the largest first."""
        return self._index.sizes()


def _number(entry: Entry) -> int:
    return entry.number


def _names(read: matcher.Matcher) -> set[str]:
    return {each.id for each in ast.walk(read.whole) if isinstance(each, ast.Name)}


def _parts(text: str) -> Mapping[str, Mapping[str, Any]]:
    model = Model()
    try:
        model.load_model_from_text(text)
    except Exception as error:
        raise MatcherError(f"The model cannot be read: {type(error).__name__}.") from None
    parts: Mapping[str, Mapping[str, Any]] = model.model
    for section, key in (("r", "r"), ("p", "p"), ("e", "e"), ("m", "m")):
        if set(parts.get(section, {})) != {key}:
            raise MatcherError(f"A model has one definition of {section}, called {key}.")
    for name, relation in parts.get("g", {}).items():
        if [each.strip() for each in relation.tokens] != ["_", "_"]:
            raise MatcherError(f"{name} is between two names: write {name} = _, _.")
    return parts

"""The engine beside stock Casbin, on models, rules and questions that nobody thought of.

Models are drawn too: definitions, effect, links and matcher, so that what is tested is how any
`model.conf` is read and not how today's is. ``ACCORD_RULES=2000`` in the environment draws that
many rules at most; thirty otherwise.
"""

from __future__ import annotations

import os
import random
from collections.abc import Collection
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stock_casbin import Stock

from policies.engine.engine import Engine
from policies.engine.matcher import Function, MatcherError, NamesOf

MOST = int(os.environ.get("ACCORD_RULES", "30"))
EXAMPLES = 60 if MOST <= 30 else 20
FIELDS, COLUMNS = ("a", "b", "c", "who"), ("x", "y", "z", "who")
NAMES = ("ann", "bea", "cy", "di", "*", "", "Ann", "ānā", "a b", "10", "9", "role:ann", "no'body")
IN_MATCHERS = ("ann", "bea", "cy", "*", "", "10", "role:ann")
ALLOWS = "some(where (p.eft == allow))"
DENY_OVERRIDES = "some(where (p.eft == allow)) && !some(where (p.eft == deny))"


def meets(asked: Any, ruled: Any) -> bool:
    """A function as `overlap` is one: two texts that have a letter in common, or either is any."""
    return "*" in (asked, ruled) or bool(set(asked) & set(ruled))


def letters(text: Any) -> Collection[str] | None:
    return None if text == "*" else frozenset(text)


FUNCTIONS = {
    "meets": Function(meets, str, (NamesOf(letters, letters),)),
    # Without names, so that the index can make nothing of it.
    "within": Function(lambda asked, ruled: asked in ruled),
}
STOCK = {name: each.call for name, each in FUNCTIONS.items()}

names = st.sampled_from(NAMES)
texts = st.sampled_from(IN_MATCHERS).map(lambda text: f'"{text}"')
# Where a name goes first the chain can only go on: never a circle, and never ten long.
pairs = st.tuples(st.integers(0, 8), st.integers(1, 4)).map(
    lambda at: (NAMES[at[0]], NAMES[at[0] + at[1]])
)
links = st.fixed_dictionaries({"g": st.frozensets(pairs, max_size=6),
                               "g2": st.frozensets(pairs, max_size=6)})  # fmt: skip


@st.composite
def atoms(draw: st.DrawFn, fields: tuple[str, ...], columns: tuple[str, ...]) -> str:
    """One comparison or call; as often as not, one by which the index can look up."""
    field = st.sampled_from([f"r.{each}" for each in fields])
    column = st.sampled_from([f"p.{each}" for each in columns])
    anything = field | column | texts
    kind = draw(st.integers(0, 11))
    if kind <= 2:
        return draw(st.tuples(field, column).flatmap(st.permutations).map(" == ".join))
    if kind <= 4:
        return draw(st.tuples(column, texts).flatmap(st.permutations).map(" == ".join))
    if kind <= 6:
        listed = ", ".join(draw(st.lists(texts, min_size=1, max_size=3)))
        how = draw(st.sampled_from(["in", "in", "not in"]))
        return f"{draw(field | column)} {how} ({listed},)"
    if kind <= 8:
        return f"{draw(st.sampled_from(['g', 'g2']))}({draw(field)}, {draw(column)})"
    if kind == 9:
        called = draw(st.sampled_from(["meets", "meets", "within"]))
        return f"{called}({draw(field)}, {draw(column)})"
    if kind == 10:
        # Who asks stands first in a relation: what else stands there is refused.
        first = draw(field | column | texts)
        relation = draw(st.booleans()) and first.startswith("r.")
        return f"{'g' if relation else 'meets'}({first}, {draw(anything)})"
    operator = draw(st.sampled_from(["==", "!=", "<", "<=", ">", ">="]))
    return f"{draw(anything)} {operator} {draw(anything)}"


def matchers(fields: tuple[str, ...], columns: tuple[str, ...]) -> st.SearchStrategy[str]:
    """Conjunctions at the top, as matchers are written; inside, anything in anything."""

    def inside(part: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        several = st.lists(part, min_size=2, max_size=3)
        return st.one_of(
            several.map(lambda each: f"({' && '.join(each)})"),
            several.map(lambda each: f"({' || '.join(each)})"),
            part.map(lambda each: f"!({each})"),
        )

    one = st.recursive(atoms(fields, columns), inside, max_leaves=5)
    either = st.tuples(
        st.sampled_from(columns), st.sampled_from(fields), st.sampled_from(["==", "g"])
    ).map(
        lambda at: (
            f'(p.{at[0]} == "*" || r.{at[1]} == p.{at[0]})' if at[2] == "=="
            else f'(p.{at[0]} == "*" || g(r.{at[1]}, p.{at[0]}))'
        )
    )  # fmt: skip
    return st.lists(one | either, min_size=1, max_size=4).map(" && ".join)


@st.composite
def models(draw: st.DrawFn) -> tuple[str, int, list[str]]:
    """A model, the number of its request's fields, and its policy's columns."""
    fields = tuple(draw(st.permutations(FIELDS)))[: draw(st.integers(1, 4))]
    columns = tuple(draw(st.permutations(COLUMNS)))[: draw(st.integers(1, 4))]
    effect = draw(st.sampled_from([ALLOWS, DENY_OVERRIDES, DENY_OVERRIDES]))
    defined = [*columns, "eft"] if effect == DENY_OVERRIDES or draw(st.booleans()) else [*columns]
    model = f"""
[request_definition]
r = {", ".join(fields)}
[policy_definition]
p = {", ".join(defined)}
[role_definition]
g = _, _
g2 = _, _
[policy_effect]
e = {effect}
[matchers]
m = {draw(matchers(fields, columns))}
"""
    return model, len(fields), defined


def rows_of(columns: list[str]) -> st.SearchStrategy[list[list[str]]]:
    """Rules. Hypothesis draws some thirty values at a time well, and thousands not at all: of many
    it draws how many there are and the seed."""
    effects = ("allow", "allow", "deny")
    choices = [effects if each == "eft" else NAMES for each in columns]

    def many(number: int, seed: int) -> list[list[str]]:
        chance = random.Random(seed)
        return [[chance.choice(each) for each in choices] for _ in range(number)]

    if MOST > 30:
        return st.builds(many, st.integers(MOST // 2, MOST), st.integers(0, 2**32))
    row = st.tuples(*map(st.sampled_from, choices)).map(list)
    return st.lists(row, min_size=1, max_size=MOST)


@st.composite
def worlds(draw: st.DrawFn) -> tuple[str, list[list[str]], dict[str, Any], list[list[str]]]:
    """A model, its rows, links and questions."""
    model, fields, columns = draw(models())
    rows = draw(rows_of(columns))
    asked = st.lists(names | st.just("nobody"), min_size=fields, max_size=fields)
    return model, rows, draw(links), draw(st.lists(asked, min_size=1, max_size=5))


def engine_of(model: str, rows: list[list[str]], linked: dict[str, Any]) -> Engine:
    engine = Engine(model, FUNCTIONS)
    for number, row in enumerate(rows):
        engine.add(number, row, number)
    for relation, several in linked.items():
        engine.link(relation, several)
    return engine


@settings(max_examples=EXAMPLES)
@given(worlds())
def test_the_engine_says_what_stock_casbin_says_and_tells_all_that_matched(world) -> None:
    model, rows, linked, questions = world
    engine, stock = engine_of(model, rows, linked), Stock(model, rows, linked, STOCK)
    at_once = engine_of(model, [], linked)
    at_once.add_all((number, row, number) for number, row in enumerate(rows))
    for asked in questions:
        decision = engine.ask(asked)
        assert decision.allowed == stock.allows(asked)
        assert list(decision.matched) == sorted(stock.matching(asked))
        assert at_once.ask(asked) == decision


@settings(max_examples=EXAMPLES)
@given(worlds(), st.data())
def test_what_was_put_and_taken_away_leaves_the_engine_as_one_that_never_had_it(
    world, data
) -> None:
    model, rows, linked, questions = world
    changed = engine_of(model, rows, {})
    numbers = st.sampled_from(range(len(rows)))
    kept = dict(enumerate(rows))
    for number in data.draw(st.lists(numbers, max_size=8)):
        if number in kept:
            del kept[number]
            changed.remove(number)
        else:
            kept[number] = rows[number]
            changed.add(number, rows[number], number)
    for relation, several in linked.items():
        for pair in sorted(several):
            changed.link(relation, [pair])
        gone = data.draw(st.frozensets(st.sampled_from(sorted(several)))) if several else ()
        changed.link(relation, fewer=gone)
        linked = {**linked, relation: several - frozenset(gone)}
    assert changed.size == len(kept)
    fresh = engine_of(model, [], linked)
    for number, row in kept.items():
        fresh.add(number, row, number)
    for asked in questions:
        found, expected = changed.ask(asked), fresh.ask(asked)
        assert found.allowed == expected.allowed
        assert sorted(found.matched) == sorted(expected.matched)


@settings(max_examples=EXAMPLES)
@given(worlds(), st.data())
def test_every_position_of_the_log_is_answered_as_it_stood_then(world, data) -> None:
    model, rows, linked, questions = world
    engine = Engine(model, FUNCTIONS)
    held: dict[int, list[str]] = {}
    holding: dict[str, frozenset[tuple[str, str]]] = {"g": frozenset(), "g2": frozenset()}
    stood = [({}, dict(holding))]
    for position in range(1, data.draw(st.integers(1, 8)) + 1):
        if data.draw(st.booleans()):
            relation = data.draw(st.sampled_from(["g", "g2"]))
            engine.link(relation, linked[relation], holding[relation], position)
            holding[relation] = linked[relation]
            linked = {**linked, relation: data.draw(st.frozensets(pairs, max_size=4))}
        number = data.draw(st.sampled_from(range(len(rows))))
        if number in held and data.draw(st.booleans()):
            del held[number]
            engine.remove(number, position)
        else:
            held[number] = rows[number]
            engine.add(number, rows[number], number, position)
        stood.append((dict(held), dict(holding)))
    for position, (then, linked_then) in enumerate(stood):
        fresh = engine_of(model, [], linked_then)
        for number, row in then.items():
            fresh.add(number, row, number)
        for asked in questions:
            found, expected = engine.ask(asked, position), fresh.ask(asked)
            assert found.allowed == expected.allowed
            assert sorted(found.matched) == sorted(expected.matched)


@settings(max_examples=EXAMPLES)
@given(worlds())
def test_what_nearly_matched_is_what_stock_casbin_would_match_without_one_of_its_words(
    world,
) -> None:
    model, rows, linked, questions = world
    rows = rows[:30]
    engine, stock = engine_of(model, rows, linked), Stock(model, rows, linked, STOCK)
    for asked in questions[:2]:
        expected: dict[int, set[str]] = {}
        for column, text in engine.matcher.wild.items():
            at = engine.columns.index(column)
            without = [[*row[:at], text, *row[at + 1 :]] for row in rows]
            for number in Stock(model, without, linked, STOCK).matching(asked):
                expected.setdefault(number, set()).add(column)
        for number in stock.matching(asked):
            expected.pop(number, None)
        found = {number: set(columns) for number, columns in engine.nearly(asked)}
        assert found == expected


@pytest.mark.parametrize("ruled", [["ab"] * 40, ["a" + each for each in "bcdefghijk"] * 4])
def test_rules_that_the_index_cannot_tell_apart_are_all_found(ruled) -> None:
    """Each stands under several names, and one name has them all: parting them ends."""
    model = one_model("meets(r.a, p.x)", ALLOWS)
    rows = [[each, "allow"] for each in ruled]
    engine, at_once = engine_of(model, rows, {}), Engine(model, FUNCTIONS)
    at_once.add_all((number, row, number) for number, row in enumerate(rows))
    for asked in ("a", "b", "ab", "k", "*", "z"):
        expected = tuple(n for n, each in enumerate(ruled) if meets(asked, each))
        assert engine.ask([asked]).matched == at_once.ask([asked]).matched == expected


def test_where_there_is_no_rule_the_answer_is_no() -> None:
    """Stock Casbin evaluates the matcher with empty texts, and may say yes."""
    model = one_model('p.x == "" || r.a == p.x', ALLOWS)
    assert Engine(model, FUNCTIONS).ask(["ann"]).allowed is False


@pytest.mark.parametrize(
    "effect",
    [
        "!some(where (p.eft == deny))",
        "priority(p.eft) || deny",
        "subjectPriority(p.eft) || deny",
        "some(where (p.eft == deny))",
    ],
)
def test_effects_that_say_yes_to_nothing_or_go_by_the_order_are_refused(effect) -> None:
    with pytest.raises(MatcherError):
        Engine(one_model("r.a == p.x", effect), FUNCTIONS)


@pytest.mark.parametrize("effect", ["Allow", "Deny", "deny ", "", "indeterminate"])
def test_a_rule_whose_effect_is_neither_is_refused(effect) -> None:
    engine = Engine(one_model("r.a == p.x", DENY_OVERRIDES), FUNCTIONS)
    with pytest.raises(MatcherError):
        engine.add("one", ["ann", effect], "one")
    assert engine.size == 0


def one_model(matcher: str, effect: str) -> str:
    return f"""
[request_definition]
r = a
[policy_definition]
p = x, eft
[role_definition]
g = _, _
[policy_effect]
e = {effect}
[matchers]
m = {matcher}
"""

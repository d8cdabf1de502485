"""Whatever is written as a matcher, or as a model: it is compiled, or refused in words.

No crash, no hang, and nothing that a matcher has no use for: no attribute, no `eval`, no lambda, no
comprehension. What counts as a hang is processor time of this thread, so that a busy machine is
no fault.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from importlib import resources
from types import CodeType
from typing import TypeVar

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from stock_casbin import Stock

from policies.enforcer import FUNCTIONS as ENFORCERS
from policies.engine.engine import Decision, Engine
from policies.engine.matcher import Function, MatcherError, read
from policies.slices import Slice, overlap

T = TypeVar("T")
PART = '{"peoples": ["a"], "places": "any", "years": "any", "level": "aggregate"}'
LINES = [
    ["1", "role:grantee", "use", "body-a", "*", "*", "health", "*", "*", "*", "*", "*", "allow"],
    ["2", "*", "use.read", "*", "idi", "*", "*", "*", "*", PART, "*", "*", "deny"],
    ["3", "role:anyone", "*", "body-a", "*", "i", "*", "study", "*", "*", "2026", "2027", "allow"],
    ["4", "role:member", "use.link", "*", "*", "*", "*", "*", "*", "*", "2027", "*", "allow"],
]
QUESTIONS = [
    ("role:grantee", "use.read", "people:a", "idi", "i", "health", "study", "aggregate",
     Slice(frozenset({"a"})), "2026-05"),
    ("role:member", "use.link", "people:a", "other", "i", "child", "study", "aggregate",
     Slice(frozenset({"b"})), "2027-05"),
    ("role:grantee", "use.read", "people:b", "other", "i", "health", "x", "aggregate",
     Slice(frozenset({"b"})), "2025-05"),
]  # fmt: skip
REQUEST, COLUMNS, RELATIONS = ["r_a", "r_b"], ["p_x", "p_y"], ["g"]
FUNCTIONS = {
    "meets": Function(lambda asked, ruled: bool(set(asked) & set(ruled))),
    # What this reads is no text.
    "heeds": Function(lambda asked, ruled: asked == ruled, frozenset),
}
HANG = 1.0
"""Seconds of the processor."""
MOST_WORDS = 25
WORDS = (
    "r.a", "p.x", "r.b", "p.y", "r_a", "p_x", "r", "p", "g", "meets", "==", "!=", "<", ">=", "&&",
    "||", "!", "(", ")", "(", ")", "and", "or", "not", "in", "is", '"a"', "'b'", '"*"', '""', ",",
    " ", "\t", "eval", "lambda", "lambda:", "for", "if", "else", "__class__", "__import__", ".__",
    "().__class__", "[", "]", "{", "}", ":", ":=", "*", "**", "-", "~", "+", "/", "//", "%", "@",
    "0", "1", "1e999", "9" * 50, "None", "True", "...", ";", "\\", "#", "\n", "\x00", "f'{r_a}'",
    "b'a'", "await", "yield", "import", "ʻ", "ａ", "\ud800", "&", "|", "^", "=", "$", "?", "`",
)  # fmt: skip
matchers = (
    st.text(max_size=60)
    | st.lists(st.sampled_from(WORDS), max_size=25).map(" ".join)
    | st.lists(st.sampled_from(WORDS), max_size=25).map("".join)
)


def model(matcher: str) -> str:
    return f"""
[request_definition]
r = a, b
[policy_definition]
p = x, y
[role_definition]
g = _, _
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = {matcher}
"""


def compiled_or_refused(matcher: str) -> bool:
    """True where it was compiled, and then answers; False where it was refused in words."""
    engine = soon_or_refused(lambda: Engine(model(matcher), FUNCTIONS))
    if engine is None:
        return False
    only_what_a_matcher_needs(engine)
    engine.add("one", ["a", "b"], "one")
    assert isinstance(soon_or_refused(lambda: engine.ask(["a", "b"])), Decision)
    return True


def soon_or_refused(make: Callable[[], T]) -> T | None:
    """What is made; None where it is refused in a sentence."""
    began = time.thread_time()
    made, sentence = None, None
    try:
        made = make()
    except MatcherError as refused:
        sentence = str(refused)
    assert time.thread_time() - began < HANG
    assert sentence is None or 0 < len(sentence.split()) <= MOST_WORDS
    return made


def only_what_a_matcher_needs(engine: Engine) -> None:
    """Python's own names are out of reach of what was compiled, and none of them is in it."""
    assert engine._scan.__globals__["__builtins__"] == {}
    code = engine._scan.__code__
    assert not any(isinstance(each, CodeType) for each in code.co_consts), "a function in it"
    assert not any("__" in name for name in (*code.co_names, *code.co_varnames))


@settings(max_examples=300)
@given(matchers)
@example("r.a == p.x")
def test_any_text_is_compiled_or_refused_with_a_sentence(matcher) -> None:
    compiled_or_refused(matcher)


@settings(max_examples=300)
@given(matchers)
def test_any_text_given_to_the_reader_itself_is_read_or_refused(matcher) -> None:
    """A model's own reader cuts texts at line ends and comments; nothing cuts them here."""
    soon_or_refused(lambda: read(matcher, REQUEST, COLUMNS, RELATIONS, FUNCTIONS))


@settings(max_examples=100)
@given(st.text(max_size=200) | st.lists(st.sampled_from(
    ["[request_definition]", "[policy_definition]", "[policy_effect]", "[matchers]", "r = a",
     "[role_definition]", "p = x", "e = some(where (p.eft == allow))", "m = r.a == p.x", "g = _, _",
     "r2 = a", "p2 = x", "m2 = r.a == p.x", "g = _, _, _", "r = a, a", "p =", "=", "\\", "[", "]"]
), max_size=14).map("\n".join))  # fmt: skip
def test_any_text_as_a_model_is_read_or_refused_with_a_sentence(text) -> None:
    soon_or_refused(lambda: Engine(text))


HOUSE = resources.files("policies").joinpath("model.conf").read_text(encoding="utf-8")
BEFORE, OWN = HOUSE.split("\nm = ")
TOKENS = re.findall(r'[rp]\.\w+|\w+|"[^"]*"|&&|\|\||[=<>!]=?|\S', OWN)


@st.composite
def edited(draw: st.DrawFn) -> str:
    """The house's own matcher after somebody's slips: tokens lost, doubled, or others' in place."""
    tokens = list(TOKENS)
    for _ in range(draw(st.integers(1, 2))):
        at = draw(st.integers(0, len(tokens) - 1))
        # As often as not one of the same kind, so that it can still be read.
        kind = tokens[at][:2] if draw(st.booleans()) else ""
        like = [each for each in TOKENS if each.startswith(kind)]
        put = draw(st.sampled_from([[], [tokens[at]] * 2, *[[each] for each in like]]))
        tokens[at : at + 1] = put
    return f"{BEFORE}\nm = {' '.join(tokens)}\n"


@settings(max_examples=150)
@given(edited(), st.lists(st.sampled_from(LINES), min_size=1, max_size=6))
def test_slips_in_the_houses_own_matcher_are_refused_or_mean_what_they_mean_to_stock_casbin(
    text, rows
) -> None:
    engine = soon_or_refused(lambda: Engine(text, ENFORCERS))
    if engine is None:
        return
    only_what_a_matcher_needs(engine)
    links = {"g": {("role:member", "role:anyone")}, "g2": {("people:a", "body-a")},
             "g3": {("use.read", "use")}}  # fmt: skip
    for number, row in enumerate(rows):
        engine.add(number, row, number)
    for relation, pairs in links.items():
        engine.link(relation, pairs)
    stock = Stock(text, rows, links, {"overlap": overlap})
    for asked in QUESTIONS:
        decision = engine.ask(asked)
        assert decision.allowed == stock.allows(asked)
        assert set(decision.matched) == stock.matching(asked)


@pytest.mark.parametrize(
    "matcher",
    [
        'eval(p.x)', 'eval("1")', "exec(p.x)", '__import__("os")', "().__class__ == p.x",
        "r.a.__class__ == p.x", "r.a.upper() == p.x", "r.a[0] == p.x", "(lambda: True)()",
        "lambda: True", "[r.a for r.a in p.x]", "any(each == p.x for each in r.a)", "{r.a: p.x}",
        "(r.c := p.x)", "r.a if p.x else r.b", "f'{r.a}' == p.x", "b'' == p.x", "r.a + p.x == 'b'",
        "-1 == p.x", "r.a is p.x", "r.a in p.x", "r.a in r.b", 'r.a in ("a")', 'r.a in ["a"]',
        "r.a in (r.b,)", "r.a < p.x < r.b", "g(r.a)", "g(r.a, p.x, p.y)", "g(*r.a)",
        "g(r.a, x=p.x)", "g(g(r.a, p.x), p.y)", "g == p.x", "meets == p.x", "meets",
        "nothing(r.a, p.x)", "r.a == p.eft", "p.sub_rule == r.a", "True", "1", '"a"', "r.a",
        "g.__call__(r.a, p.x)", "meets.call(r.a, p.x)", "r == p", "r.nothing == p.x",
        "None == p.x", "r.a == 1", "r.a == None",
        "", " ", "()", "(", ")", "&&", "r.a == p.x &&", "!", "r.a = p.x", "r.a == p.x; r.a == p.y",
        "r.a == p.x\x00", "print(r.a)", "globals() == p.x", "_g(r.a, p.x)", "entries == p.x",
        "found.append(r.a)", "asked == p.x", "regexMatch(r.a, p.x)", "keyMatch(r.a, p.x)",
        "meets(r.a)", "meets()", "meets(r.a, p.x, p.y)",
        "heeds(r.a, p.x) && r.a < p.y", "heeds(r.a, p.x) && !(p.y >= r.a)",
        "ｅval(p.x)", "r.ａ == p.x", "yield", "await r.a", "*r.a", "r.a == p.x, r.b == p.y",
    ],
)  # fmt: skip
def test_what_a_matcher_has_no_use_for_is_refused(matcher) -> None:
    assert not compiled_or_refused(matcher)


@pytest.mark.parametrize(
    "matcher",
    [
        "(" * 5000 + "r.a == p.x" + ")" * 5000,
        "(" * 90 + "r.a == p.x" + ")" * 90,
        "!" * 4000 + "(r.a == p.x)",
        "not " * 1200 + "r.a == p.x",
        "!(" * 60 + "r.a == p.x" + ")" * 60,
        "-" * 4000 + "r.a == p.x",
        " && ".join(["r.a == p.x"] * 5000),
        'r.a == "' + "a" * 1_000_000 + '"',
        "r.a == " + "9" * 4500,
        "g(" * 80 + "r.a, p.x" + ")" * 80,
        "r.a" + ".b" * 2400 + " == p.x",
        "r.a == p.x" + " " * 200_000,
    ],
    ids=range(12),
)
def test_what_is_very_long_or_very_deep_is_compiled_or_refused(matcher) -> None:
    compiled_or_refused(matcher)


@pytest.mark.parametrize("between", [" && ", " || "])
def test_the_longest_matchers_there_may_be_are_compiled(between) -> None:
    assert compiled_or_refused(between.join(['(p.x == "*" || r.a == p.x)'] * 150))
    assert compiled_or_refused(between.join(["r.a == p.x"] * 350))


@pytest.mark.parametrize("text", ["a && b", "a || b", "!a", "r.a", "p.x", "it's # so"])
def test_a_text_in_a_matcher_that_looks_like_an_operator_is_itself_or_refused(text) -> None:
    """Casbin rewrites operators wherever they stand, also within quotes; here no rule may match
    another text than the one that somebody wrote."""
    try:
        engine = Engine(model(f'r.a == "{text}" && r.b == p.y'), FUNCTIONS)
    except MatcherError:
        return
    engine.add("one", ["x", "b"], "one")
    assert engine.ask([text, "b"]).allowed

"""What people are told when something is refused: plain, short, with a next step, no names."""

import ast
import re
from pathlib import Path

import pytest

from policies.refusals import SENTENCES, Code, Refused, RefusedError

POLICIES = Path(__file__).resolve().parents[2] / "policies"
LONGEST = 25
PROPER_NAMES = {"Accord", "Aotearoa"}


def told_elsewhere() -> list[tuple[str, str]]:
    """Every sentence and next step that a module of `policies/` writes of its own."""
    found = []
    for path in sorted(POLICIES.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Dict):
                continue
            for key, value in zip(node.keys, node.values, strict=True):
                named = isinstance(key, ast.Constant) and key.value in ("sentence", "next")
                if named and isinstance(value, ast.Constant) and isinstance(value.value, str):
                    found.append((path.stem, value.value))
    return found


ALL = [(str(code), text) for code, pair in SENTENCES.items() for text in pair] + told_elsewhere()


def test_every_code_has_a_sentence_and_a_next_step() -> None:
    assert set(SENTENCES) == set(Code)
    for code in Code:
        refused = Refused(code)
        assert refused.sentence
        assert refused.next_step
        assert refused.sentence != refused.next_step


@pytest.mark.parametrize(("where", "text"), ALL)
def test_what_is_told_is_short_and_ends_as_a_sentence_does(where, text) -> None:
    assert len(text.split()) <= LONGEST
    assert text[0].isupper()
    assert text.endswith(".")
    assert text == text.strip()


@pytest.mark.parametrize(("where", "text"), ALL)
def test_what_is_told_names_nobody(where, text) -> None:
    for sentence in re.split(r"(?<=[.;?!])\s", text):
        later = re.findall(r"[^\W\d_]+", sentence)[1:]
        assert not [w for w in later if w[0].isupper() and w not in PROPER_NAMES]
    assert not re.search(r"[{}%<>@]|person-|body-", text)


@pytest.mark.parametrize(("where", "text"), ALL)
def test_what_is_told_speaks_plainly(where, text) -> None:
    """No words of the machine's own."""
    jargon = r"\b(HTTP|JSON|null|invalid|error|exception|user|database|timeout|policy|token)\b"
    assert not re.search(jargon, text, re.IGNORECASE)


def test_the_refusal_that_a_hidden_restriction_gives_says_nothing_of_a_restriction() -> None:
    refused = Refused(Code.NOT_PERMITTED_NOW)
    for text in (refused.sentence, refused.next_step):
        assert "restrict" not in text.lower()


def test_a_refusal_may_carry_a_sentence_of_its_own() -> None:
    refused = Refused(Code.NOT_WITHIN, {"sentence": "Only this.", "next": "Do that."})
    assert (refused.sentence, refused.next_step) == ("Only this.", "Do that.")


def test_a_raised_refusal_is_the_same_refusal() -> None:
    refused = Refused(Code.STALE, {"changed": "rules"})
    assert RefusedError.of(refused).refused == refused
    assert str(RefusedError.of(refused)) == "stale"

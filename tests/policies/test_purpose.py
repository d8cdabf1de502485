"""Purposes that are too broad: what is found, what is left alone, and what nobody may use data for.

The samples are invented. Those marked `held_out` were written before the lines were, and no
line was changed for any one of them.
"""

import csv
import unicodedata
from datetime import UTC, datetime
from pathlib import Path

import pytest
from builders import PEOPLES
from hypothesis import given, settings
from hypothesis import strategies as st

from policies.enforcer import Enforcer, Question, part_of_people
from policies.purpose import (
    AREAS,
    COLUMNS,
    HELP_WORDS,
    MAX_GAP,
    SHORT,
    Broad,
    UseKind,
    read_purposes,
    too_broad,
)
from policies.refusals import Code
from policies.rules import ANY_USE, EVERY, FaultsError, Pack, Rule
from policies.slices import Slice
from policies.types import CLASSES, USE_ACTS, Level
from services.packs import shipped

PACKS = Path(__file__).resolve().parents[2] / "policies" / "packs"
PURPOSES = (PACKS / "house" / "purposes.csv").read_bytes()
LINES = read_purposes(PURPOSES)
HEADER = ",".join(COLUMNS)
WHY = "Because it is a test."
HELP = "Write something else."
RIVER, HILL, ISLAND = PEOPLES
NOW = datetime(2026, 5, 3, tzinfo=UTC)

with (Path(__file__).parent / "samples" / "purposes.csv").open(encoding="utf-8") as file:
    SAMPLES = list(csv.DictReader(file))


def line(match: str, name: str = "LINE-1") -> str:
    return f'{name},"{match}",{HELP},{WHY}'


def read(*lines: str):
    return read_purposes("".join(f"{each}\n" for each in (HEADER, *lines)).encode())


def words(text: str, *match: str) -> list[str]:
    """What is found in `text` by one line of these phrases."""
    return [
        text[start:end]
        for broad in too_broad(text, read(line("|".join(match))))
        for start, end in broad.found
    ]


# The samples.


def figures(which: str) -> tuple[int, int, int, int]:
    """Broad ones found and missed; honest ones stopped and let through."""
    counts = [0, 0, 0, 0]
    for sample in SAMPLES:
        if sample["set"] == which:
            stopped = bool(too_broad(sample["text"], LINES))
            counts[
                (0 if stopped else 1) if sample["broad"] == "yes" else (2 if stopped else 3)
            ] += 1
    return counts[0], counts[1], counts[2], counts[3]


def test_the_lines_part_what_they_were_made_for() -> None:
    """Precision 1 and recall 1, which says little: the lines were tuned to these."""
    assert figures("tuned") == (30, 0, 0, 30)


def test_what_the_lines_are_worth_on_purposes_they_were_not_made_for() -> None:
    """Precision 1, recall 0.45 (0.40 when first measured; then words that the European
    guidelines on transparency, WP260, call too vague were added). Nobody honest is stopped;
    more than half of what is broad is left for the bodies to see. `policies/README.md` says
    so; whoever changes a line or a sample corrects it there."""
    assert figures("held_out") == (9, 11, 0, 20)


def test_no_sample_stands_in_both_sets() -> None:
    assert len({sample["text"] for sample in SAMPLES}) == len(SAMPLES) == 100


# What is shipped.


def test_shipped_lines_say_why_and_what_to_write_instead() -> None:
    rows = list(csv.DictReader(PURPOSES.decode().splitlines()))
    assert len(rows) == len(LINES) > 10
    for row in rows:
        assert row["id"].startswith("PURPOSE-")
        assert row["because"].endswith((".", "?"))
        assert len(row["because"].split()) >= 4
        assert len(row["help"].split()) <= HELP_WORDS


def written(phrase: str) -> tuple[str, bool]:
    """A phrase as somebody might write it, and whether it counts only in short purposes."""
    short = phrase.endswith(" (short)")
    said = phrase.removesuffix(" (short)").replace(" ...", " quite another").replace("*", "s")
    return said, short


PHRASES = [
    (row["id"], phrase)
    for row in csv.DictReader(PURPOSES.decode().splitlines())
    for phrase in row["match"].split("|")
]


@pytest.mark.parametrize(("name", "phrase"), PHRASES)
def test_each_phrase_is_found_where_it_stands_and_passed_over_after_a_not(name, phrase) -> None:
    said, short = written(phrase)

    def found(text: str) -> list[str]:
        broad = [each for each in too_broad(text, LINES) if each.line == name]
        return [text[start:end] for each in broad for start, end in each.found]

    assert any(said in each for each in found(f"Here: {said}."))
    assert any(said.upper() in each for each in found(f"HERE, {said.upper()}!"))
    assert found(f"We do not want {said}.") == []
    long = f"Here: {said}. " + "Ten words more than any short purpose can ever have."
    assert bool(found(long)) is not short


def test_no_phrase_is_written_twice() -> None:
    assert len({phrase for _, phrase in PHRASES}) == len(PHRASES)


# How words are matched.


@pytest.mark.parametrize(
    ("text", "match", "found"),
    [
        ("For future research.", "future research", ["future research"]),
        ("FUTURE  Research", "future research", ["FUTURE  Research"]),
        ("future\nresearch", "future research", ["future\nresearch"]),
        ("Future-proofing", "future proof*", ["Future-proofing"]),
        # Whole words, in one sentence.
        ("For our futures researched", "future research", []),
        ("For the future. Research comes later.", "future research", []),
        ("The future! Research", "future research", []),
        ("The future\n\nResearch", "future research", []),
        ("the future, research", "future research", ["future, research"]),
        ("research of the future", "future research", []),
        ("studying studies, study", "stud*", ["studying", "studies", "study"]),
        # Macrons and glottal marks make no difference, on either side.
        ("mō ngā rangahau katoa", "nga rangahau", ["ngā rangahau"]),
        ("mo nga rangahau katoa", "ngā rangahau", ["nga rangahau"]),
        ("nga\u0304 rangahau", "ngā rangahau", ["nga\u0304 rangahau"]),
        ("the fa‘amatai and faʻamatai and fa'amatai", "faamatai",
         ["fa‘amatai", "faʻamatai", "fa'amatai"]),
        ("we don't know yet", "dont know yet", ["don't know yet"]),
        ("we don’t know yet", "don't know yet", ["don’t know yet"]),
        # Up to three words may stand between.
        ("any purpose", "any ... purpose", ["any purpose"]),
        ("any one two three purpose", "any ... purpose", ["any one two three purpose"]),
        ("any one two three four purpose", "any ... purpose", []),
        ("any name. Our purpose", "any ... purpose", []),
        ("any purpose and purpose", "any ... purpose", ["any purpose"]),
        # Digits are words too; nothing in a phrase is a pattern of another kind.
        ("phase 2 and phase 3", "phase 2", ["phase 2"]),
        ("any 1.5 uses", "any ... uses", ["any 1.5 uses"]),
        ("any ʻ use", "any use", ["any ʻ use"]),
        # Told where it stands, however often.
        ("etc and etc", "etc", ["etc", "etc"]),
        ("", "etc", []),
        ("…", "etc", []),
        ("ʻ ʻ", "etc", []),
    ],
)  # fmt: skip
def test_words_are_matched_whole_folded_and_within_a_sentence(text, match, found) -> None:
    assert words(text, match) == found


@pytest.mark.parametrize(
    "text",
    [
        "It is for this and no other purpose.",
        "Never kept for other purposes.",
        "Nothing is used for any other purpose.",
        "It won't serve other purposes.",
        "It won’t serve other purposes.",
        "They are not sold, lent, copied or kept for other purposes.",
        "Without other purposes.",
        "However it goes, it is not for other purposes.",
    ],
)
def test_what_is_ruled_out_is_not_too_broad(text) -> None:
    assert words(text, "other purpose*") == []


@pytest.mark.parametrize(
    "text",
    [
        "Not only for asthma and for other purposes.",
        "Including, but not limited to, other purposes.",
        "It is not sold but kept for other purposes.",
        "It is not sold; it is kept for other purposes.",
        "It is not sold, however kept for other purposes.",
        "It is not sold. Other purposes may follow.",
        "No. Other purposes.",
        "Not one two three four five six seven eight nine ten other purposes.",
        "For other purposes, not for sale.",
        "A knot of other purposes.",
    ],
)
def test_a_not_that_rules_nothing_out_does_not_hide_it(text) -> None:
    assert len(words(text, "other purpose*")) == 1


def test_a_phrase_that_counts_only_where_it_is_all_that_is_said() -> None:
    said = "inform policy (short)"
    ten = "To inform policy on nine and ten in one town."
    assert len(ten.split()) == SHORT
    assert words(ten, said) == ["inform policy"]
    assert words("Also " + ten, said) == []
    assert words("Also " + ten, said, "policy") == ["policy"]
    # Full stops are no words.
    assert words("To. Inform policy. On. Nine. And. Ten. In. One. Town.", said) == ["Inform policy"]


def test_each_line_that_fits_is_told_once_in_the_order_of_the_table() -> None:
    lines = read(line("zebra|any use", "LINE-1"), line("no such", "LINE-2"), line("use", "LINE-3"))
    assert too_broad("A use, any use, a zebra.", lines) == (
        Broad("LINE-1", ((7, 14), (18, 23)), HELP),
        Broad("LINE-3", ((2, 5), (11, 14)), HELP),
    )
    assert too_broad("A house.", lines) == ()
    assert too_broad("any use", ()) == ()


def test_phrases_of_one_line_that_meet_in_one_place_are_one_place() -> None:
    text = "for any use"
    assert too_broad(text, read(line("any use|any use (short)"))) == (
        Broad("LINE-1", ((4, 11),), HELP),
    )


some_text = st.text(max_size=300) | st.lists(
    st.sampled_from(
        ["any", "purpose", "research", "future", "not", "but", ".", ",", "\n\n", "ʻ", "and", "etc",
         "related", "data", "ngā", "a\u0304", "’", "improve", "outcomes", "purposes", "other"]
    ),
    max_size=30,
).map(" ".join)  # fmt: skip


@settings(max_examples=300)
@given(some_text)
def test_whatever_is_written_each_place_is_whole_words_of_the_text(text) -> None:
    for broad in too_broad(text, LINES):
        assert broad.found
        assert list(broad.found) == sorted(set(broad.found))
        for start, end in broad.found:
            assert 0 <= start < end <= len(text)
            assert text[start].isalnum()
            assert text[end : end + 1] == "" or not text[end].isalnum()
            # What was found is found in what was found.
            assert too_broad(text[start:end], LINES)


@settings(max_examples=200)
@given(some_text)
def test_capitals_and_how_marks_are_written_change_nothing(text) -> None:
    plain = unicodedata.normalize("NFC", text)

    def found(written: str) -> list[str]:
        return [each.line for each in too_broad(written, LINES)]

    assert found(unicodedata.normalize("NFD", plain)) == found(plain)
    if plain.upper().lower() == plain.lower():
        assert found(plain.upper()) == found(plain.lower()) == found(plain)


# Read strictly.


def faults(*lines: str) -> list[tuple[str, int, str]]:
    with pytest.raises(FaultsError) as refused:
        read(*lines)
    for fault in refused.value.faults:
        assert len(fault.sentence.split()) <= 25
    return [(each.file, each.line, each.column) for each in refused.value.faults]


def test_a_good_table_is_read_whole() -> None:
    one, other = read(line("any use|some use (short)"), line("etc", "LINE-2"))
    assert (one.id, one.help, one.because) == ("LINE-1", HELP, WHY)
    assert one.phrases is not None
    assert one.when_short is not None
    assert other.when_short is None
    assert read() == ()


@pytest.mark.parametrize(
    "match",
    [
        "", "any  use", "any use|", "|any use", "any-use", "any use.", "any, use", "*", "a*b", "**",
        "... use", "any ...", "...", "any ... ... use", "a ... b ... c ... d", "any…use", "(short)",
        " (short)", "any use(short)", "any (short) use", "a.c", "[a-z]", "a+", "ʻ", "any_use",
        "don'", "\\w",
    ],
)  # fmt: skip
def test_a_phrase_that_could_never_be_found_is_refused(match) -> None:
    assert {column for _, _, column in faults(line(match))} == {"match"}


@pytest.mark.parametrize(
    ("row", "column"),
    [
        (f"line-1,any use,{HELP},{WHY}", "id"),
        (f"LINE-1,any use,Write something else,{WHY}", "help"),
        (f"LINE-1,any use,,{WHY}", "help"),
        (f"LINE-1,any use,{'word ' * HELP_WORDS}more.,{WHY}", "help"),
        (f"LINE-1,any use,{HELP},so", "because"),
        (f"LINE-1,any use,{HELP}, {WHY}", "because"),
        (f"LINE-1,any use,{HELP}", "columns"),
        (f"LINE-1,any use,{HELP},{WHY},more", "columns"),
    ],
)
def test_each_column_is_checked(row, column) -> None:
    assert faults(row) == [("purposes.csv", 2, column)]


def test_help_may_be_as_long_as_a_sentence_is() -> None:
    assert len(read(f"LINE-1,any use,{'word ' * (HELP_WORDS - 1)}more.,{WHY}")) == 1


def test_every_fault_is_named_and_nothing_is_half_read() -> None:
    bad = f"line-3,any-use,{HELP},{WHY}"
    assert faults(line("any use"), line("any use"), bad) == [
        ("purposes.csv", 3, "id"), ("purposes.csv", 4, "id"), ("purposes.csv", 4, "match"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"id,match\n",
        b"\xff\xfe",
        f"{HEADER},note\n".encode(),
        f"\ufeff\ufeff{HEADER}\n".encode(),
    ],
)
def test_another_header_or_encoding_is_refused(content) -> None:
    with pytest.raises(FaultsError):
        read_purposes(content)


def test_a_gap_holds_as_many_words_as_is_said() -> None:
    assert MAX_GAP == 3


# Areas, and what the draft pack denies outright.

DENIED = ("policing", "immigration", "debt")


def test_areas_are_a_closed_set_of_plain_names() -> None:
    assert len(set(AREAS)) == len(AREAS)
    assert set(DENIED) < set(AREAS)
    assert [*UseKind] == ["primary", "secondary"]


def draft() -> Pack:
    return shipped("draft")[0]


def all_is_allowed() -> Pack:
    return Pack(
        tuple(
            Rule(f"ALL-{n}", "role:grantee", act, EVERY, EVERY, EVERY, EVERY, EVERY, EVERY,
                 "allow", WHY)
            for n, act in enumerate(USE_ACTS)
        )
    )  # fmt: skip


def question(purpose: str, act: str = "use.read", **but: object) -> Question:
    plain = {
        "role": "role:grantee", "act": act, "at": NOW, "whose": part_of_people(RIVER),
        "collection": "survey", "item": "survey.sleep",
        "klass": "health", "purpose": purpose, "level": "aggregate",
        "slice": Slice(frozenset({RIVER})),
    }  # fmt: skip
    return Question(**{**plain, **but})


def test_the_draft_pack_denies_three_areas_and_nothing_else() -> None:
    denied = [(each.id, each.act, each.purpose) for each in draft().rules if each.effect == "deny"]
    assert denied == [
        ("DRAFT-NO-POLICING", ANY_USE, "policing"),
        ("DRAFT-NO-IMMIGRATION", ANY_USE, "immigration"),
        ("DRAFT-NO-DEBT", ANY_USE, "debt"),
    ]


@pytest.mark.parametrize("purpose", DENIED)
def test_what_the_draft_denies_no_allow_line_lets_through(purpose) -> None:
    before = Enforcer([all_is_allowed()])
    held = Enforcer([all_is_allowed(), draft()])
    for act in USE_ACTS:
        for klass in sorted(CLASSES):
            for level in Level:
                asked = question(purpose, act, klass=klass, level=level)
                assert before.may(asked).allowed
                answer = held.may(asked)
                assert answer.code is Code.NOT_PERMITTED
                assert answer.rule.id == f"DRAFT-NO-{purpose.upper()}"


@pytest.mark.parametrize("area", [each for each in AREAS if each not in DENIED])
def test_what_the_draft_does_not_name_stays_as_it_was(area) -> None:
    held = Enforcer([all_is_allowed(), draft()])
    assert all(held.may(question(area, act)).allowed for act in USE_ACTS)


@pytest.mark.parametrize("purpose", DENIED)
def test_a_body_that_adopts_the_draft_denies_it_for_its_own_people_alone(purpose) -> None:
    speaking = [(part_of_people(RIVER), "body-river"), (part_of_people(HILL), "body-hill")]
    adopted = draft().adopted_by("body-river", own=True)
    held = Enforcer([all_is_allowed(), adopted], speaking=speaking)
    assert not held.may(question(purpose)).allowed
    hill = {"whose": part_of_people(HILL), "slice": Slice(frozenset({HILL}))}
    assert held.may(question(purpose, **hill)).allowed

"""Which rules a pack may hold, and what they propose."""

import io
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.types import CLASSES
from services.catalogue.proposals import BadRules, Proposal, load, name_parts, propose
from services.catalogue.reader import Variable, read

ROOT = Path(__file__).resolve().parents[3]
PACK = ROOT / "policies" / "packs" / "example" / "proposals.csv"
REAL = ROOT / "deploy" / "example" / "idi-variables.csv"
HEADER = "id,match,class,peoples,places,because"
WHY = "An example."


def rules_file(*lines: str) -> io.BytesIO:
    """A rules file of these lines."""
    return io.BytesIO("\n".join([HEADER, *lines, ""]).encode())


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("acc_cla_ethnic_grp1_snz_ind", {"acc", "cla", "ethnic", "grp", "snz", "ind"}),
        ("gss_supp16_SOI_qDefNZMaori", {"gss", "supp", "soi", "q", "def", "nz", "maori"}),
        ("hes_clean.hes_person.NZDep2013", {"hes", "clean", "person", "nz", "dep"}),
        ("whānau_ʻaiga", {"whanau", "aiga"}),
        ("wha\u0304nau", {"whanau"}),
        ("tu'a-reo, 2", {"tua", "reo"}),
        ("MĀORI_TūrangaWaewae", {"maori", "turanga", "waewae"}),
        ("семья_1", {"семья"}),
        ("123_", set()),
    ],
)
def test_names_are_split_into_folded_words(name: str, parts: set[str]) -> None:
    assert name_parts(name) == parts


@given(st.text(max_size=50))
def test_any_name_can_be_split(name: str) -> None:
    assert all(part for part in name_parts(name))


def test_every_rule_that_matches_proposes() -> None:
    rules = load(
        rules_file(
            f"one,ethnic*|iwi,identifiable,any,,{WHY}",
            f"two,whānau,whanau,example-a;example-b,,{WHY}",
            f"three,eth,health,any,any,{WHY}",
            f"four,whanau|grp,child,,example-valley,{WHY}",
        ),
        CLASSES,
    )
    assert propose(rules, "a_ethnicity_WhanauGrp") == [
        Proposal("one", "identifiable", "any", frozenset()),
        Proposal("two", "whanau", frozenset({"example-a", "example-b"}), frozenset()),
        Proposal("four", "child", frozenset(), frozenset({"example-valley"})),
    ]
    assert propose(rules, "method_kiwi") == []
    assert [each.rule_id for each in propose(rules, "t.eth.iwi2")] == ["one", "three"]


@pytest.mark.parametrize(
    ("line", "column"),
    [
        (f"One,iwi,health,any,,{WHY}", "id"),
        (f"one--two,iwi,health,any,,{WHY}", "id"),
        (f"first,iwi,health,any,,{WHY}", "id"),
        (f"one,,health,any,,{WHY}", "match"),
        (f"one,*,health,any,,{WHY}", "match"),
        (f"one,iwi|,health,any,,{WHY}", "match"),
        (f"one,iwi|*wi,health,any,,{WHY}", "match"),
        (f"one,i*i,health,any,,{WHY}", "match"),
        (f"one,iwi**,health,any,,{WHY}", "match"),
        (f"one,(a+)+,health,any,,{WHY}", "match"),
        (f"one,iwi grp,health,any,,{WHY}", "match"),
        (f"one,grp1,health,any,,{WHY}", "match"),
        (f"one,NZDep,health,any,,{WHY}", "match"),
        (f"one,iwi,justice,any,,{WHY}", "class"),
        (f"one,iwi,,any,,{WHY}", "class"),
        (f"one,iwi,health,any;example-a,,{WHY}", "peoples"),
        (f"one,iwi,health,example-a;,,{WHY}", "peoples"),
        (f"one,iwi,health,example-a; example-b,,{WHY}", "peoples"),
        (f"one,iwi,health,any,*,{WHY}", "places"),
        ("one,iwi,health,any,,", "because"),
        ("one,iwi,health,any", 5),
    ],
)
def test_faults_are_told_by_line_and_column(line: str, column: str | int) -> None:
    with pytest.raises(BadRules) as caught:
        load(rules_file(f"first,reo,voice,any,,{WHY}", line), CLASSES)
    (fault,) = caught.value.faults
    assert (fault.line, fault.column) == (3, column)
    assert len(fault.sentence.split()) <= 25
    assert str(caught.value) == fault.sentence


def test_all_faults_are_listed_and_nothing_is_loaded() -> None:
    with pytest.raises(BadRules) as caught:
        load(rules_file("A,*,x,,,y", "b,iwi,health,any,,y", "c,iwi,health,any,a b,y"), CLASSES)
    assert [(each.line, each.column) for each in caught.value.faults] == [
        (2, "id"), (2, "match"), (2, "class"), (4, "places"),
    ]  # fmt: skip


def test_a_missing_or_empty_rules_file_is_refused(tmp_path: Path) -> None:
    for source in (tmp_path / "none.csv", io.BytesIO(b""), rules_file()):
        with pytest.raises(BadRules):
            load(source, CLASSES)


def test_the_shipped_pack_loads_and_proposes_for_the_real_list() -> None:
    rules = load(PACK, CLASSES)
    began = time.perf_counter()
    found = {
        each.key: propose(rules, each.key) for each in read(REAL) if isinstance(each, Variable)
    }
    # It takes some 0.7 s; the rest is room for a busy machine.
    assert time.perf_counter() - began < 10
    assert all(each.peoples == "any" for proposals in found.values() for each in proposals)
    counts = Counter(each.rule_id for proposals in found.values() for each in proposals)
    assert counts["iwi"] >= 50
    assert counts["ethnicity"] > 700
    assert min(counts[each] for each in ("health", "migration", "place", "justice")) > 300
    assert 8_000 < sum(1 for proposals in found.values() if proposals) < 12_000


@pytest.mark.parametrize(
    ("key", "classes"),
    [
        ("moe_clean.enrolment.moe_enr_iwi3_code", {"whakapapa"}),
        ("dia_clean.deaths.dia_dth_hme_address_ta_code", {"deceased", "identifiable"}),
        ("moe_clean.student_leavers.moe_sl_refugee_status", {"child", "migration"}),
        ("moh_clean.maternity_baby.moh_matb_baby_eth_code3_nbr",
         {"health", "child", "whanau", "identifiable"}),
        ("example_genome.assembly.sequence", {"genomic"}),
        ("example_survey.people.language_at_home", {"voice"}),
        ("metadata.fields.field_order", set()),
    ],
)  # fmt: skip
def test_what_the_shipped_pack_proposes(key: str, classes: set[str]) -> None:
    assert {each.class_id for each in propose(load(PACK, CLASSES), key)} == classes


def test_nothing_sacred_is_proposed_by_a_machine() -> None:
    assert {each.class_id for each in load(PACK, CLASSES)}.isdisjoint({"tapu", "wahi_tapu"})


def test_every_line_of_the_shipped_pack_says_why() -> None:
    assert all(each.because.endswith(".") for each in load(PACK, CLASSES))

"""Which rules a pack may hold, and what they propose."""

import io
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policies.types import CLASSES
from services.catalogue.patterns import name_parts
from services.catalogue.proposals import BadRules, Proposal, Proposer, load, propose
from services.catalogue.reader import Variable, read

ROOT = Path(__file__).resolve().parents[3]
PACK = ROOT / "policies" / "packs" / "example" / "proposals.csv"
REAL = ROOT / "deploy" / "example" / "idi-variables.csv"
HEADER = "id,match,except,tables,except_tables,class,peoples,places,because"
WHY = "An example."


def rules_file(*lines: str) -> io.BytesIO:
    """A rules file of these lines."""
    return io.BytesIO("\n".join([HEADER, *lines, ""]).encode())


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("acc_cla_ethnic_grp1_snz_ind", {"acc", "cla", "ethnic", "grp", "grp1", "snz", "ind"}),
        ("gss_supp16_SOI_qDefNZMaori", {"gss", "supp", "supp16", "soi", "q", "def", "nz", "maori"}),
        ("hes_clean.hes_person.NZDep2013", {"hes", "clean", "person", "nz", "dep", "nzdep2013"}),
        ("gss_pq_CORPQ10_11", {"gss", "pq", "corpq", "corpq10"}),
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
            f"one,ethnic*|iwi,,,,identifiable,any,,{WHY}",
            f"two,whānau,,,,whanau,example-a;example-b,,{WHY}",
            f"three,eth,,,,health,any,any,{WHY}",
            f"four,whanau|grp,,,,child,,example-valley,{WHY}",
        ),
        CLASSES,
    )
    assert propose(rules, "a_ethnicity_WhanauGrp") == [
        Proposal("one", "identifiable", "any", frozenset()),
        Proposal("two", "whanau", frozenset({"example-a", "example-b"}), frozenset()),
        Proposal("four", "child", frozenset(), frozenset({"example-valley"})),
    ]
    assert propose(rules, "method_kiwi") == []
    assert [each.rule_id for each in propose(rules, "whanau.grp.iwi2")] == ["one"]


@pytest.mark.parametrize(
    ("line", "caught", "let_go"),
    [
        ("birth*+country,,,", "s.t.country_of_birthplace", "s.country.birth"),
        ("birth*+country|born,,,", "s.t.born", "s.t.birth"),
        ("cordv4,,,", "s.t.x_CORDV4_1", "s.t.x_CORDV41"),
        ("cordv4*,,,", "s.t.CORDV41", "s.t.CORDV"),
        ("fam,bus|inc*,,", "s.t.fam_type", "s.t.fam_income"),
        ("fam,bus+own,,", "s.t.fam_bus", "s.t.own_fam_bus"),
        ("*,,births|deaths,", "s_births.t.anything", "s.t.births"),
        ("*,,moh+event*,", "moh_clean.hosp_events.x", "moh_clean.t.event"),
        ("*,name,births,", "s.births.x", "s.births.first_name"),
        ("ta,,,hnz+transfer", "hnz.homes.x_ta", "hnz_clean.transfer_list.x_ta"),
        ("*,,moh,cohort", "moh.t.cohort", "moh.cohort_2.x"),
    ],
)
def test_where_a_line_looks(line: str, caught: str, let_go: str) -> None:
    rules = load(rules_file(f"one,{line},health,any,,{WHY}"), CLASSES)
    assert propose(rules, caught)
    assert not propose(rules, let_go)


def test_a_line_that_names_tables_stays_away_from_a_variable_alone() -> None:
    rules = load(
        rules_file(f"one,a,,t,,health,any,,{WHY}", f"two,a,,,t,health,any,,{WHY}"), CLASSES
    )
    assert [each.rule_id for each in propose(rules, "a")] == ["two"]
    assert [each.rule_id for each in propose(rules, "s.t.a")] == ["one"]


def test_a_line_of_class_none_takes_a_variable_out_wherever_it_stands() -> None:
    rules = load(
        rules_file(
            f"one,iwi,,,,whakapapa,any,,{WHY}",
            f"two,uid,,,,none,,,{WHY}",
            f"three,*,,t,,health,any,,{WHY}",
        ),
        CLASSES,
    )
    assert propose(rules, "s.t.iwi_uid") == []
    assert [each.rule_id for each in propose(rules, "s.t.iwi")] == ["one", "three"]
    lines = Proposer(rules).lines("s.t", "iwi_uid")
    assert [each.id for each in lines] == ["one", "two", "three"]


WORDS = st.sampled_from(["a", "ab", "abc", "b1", "c"])
PATTERN = st.lists(
    st.lists(
        st.builds("{}{}".format, WORDS, st.sampled_from(["", "*"])), min_size=1, max_size=3
    ).map("+".join),
    min_size=1,
    max_size=3,
).map("|".join)
NAME = st.lists(WORDS, min_size=1, max_size=4).map("_".join)


def obviously(pattern: str, name: str) -> bool:
    """Whether a name has a pattern, the slow and plain way."""

    def has(word: str) -> bool:
        parts = name_parts(name)
        return any(
            part.startswith(word[:-1]) if word.endswith("*") else part == word for part in parts
        )

    return any(all(has(word) for word in each.split("+")) for each in pattern.split("|") if each)


@given(
    st.lists(
        st.tuples(PATTERN, PATTERN | st.just(""), PATTERN | st.just(""), PATTERN | st.just("")),
        min_size=1,
        max_size=5,
    ),
    st.lists(st.tuples(NAME, NAME), min_size=1, max_size=5),
)
def test_many_lines_at_once_are_as_each_alone(
    lines: list[tuple[str, str, str, str]], names: list[tuple[str, str]]
) -> None:
    written = [f"l{n},{','.join(line)},open,any,,{WHY}" for n, line in enumerate(lines)]
    proposer = Proposer(load(rules_file(*written), CLASSES))
    for table, variable in names:
        assert [each.rule_id for each in proposer.propose(f"{table}.{variable}")] == [
            f"l{n}"
            for n, (match, unless, tables, not_tables) in enumerate(lines)
            if obviously(match, variable)
            and not obviously(unless, variable)
            and (not tables or obviously(tables, table))
            and not obviously(not_tables, table)
        ]


@pytest.mark.parametrize(
    ("line", "column"),
    [
        (f"One,iwi,,,,health,any,,{WHY}", "id"),
        (f"one--two,iwi,,,,health,any,,{WHY}", "id"),
        (f"first,iwi,,,,health,any,,{WHY}", "id"),
        (f"one,,,,,health,any,,{WHY}", "match"),
        (f"one,*,,,,health,any,,{WHY}", "match"),
        (f"one,iwi|,,,,health,any,,{WHY}", "match"),
        (f"one,iwi|*wi,,,,health,any,,{WHY}", "match"),
        (f"one,iwi|*,,t,,health,any,,{WHY}", "match"),
        (f"one,i*i,,,,health,any,,{WHY}", "match"),
        (f"one,iwi**,,,,health,any,,{WHY}", "match"),
        (f"one,(a+)+,,,,health,any,,{WHY}", "match"),
        (f"one,iwi+,,,,health,any,,{WHY}", "match"),
        (f"one,+iwi,,,,health,any,,{WHY}", "match"),
        (f"one,iwi grp,,,,health,any,,{WHY}", "match"),
        (f"one,iwi_grp,,,,health,any,,{WHY}", "match"),
        (f"one,12,,,,health,any,,{WHY}", "match"),
        (f"one,NZDep,,,,health,any,,{WHY}", "match"),
        (f"one,iwi,*,,,health,any,,{WHY}", "except"),
        (f"one,iwi,a||b,,,health,any,,{WHY}", "except"),
        (f"one,iwi,,*,,health,any,,{WHY}", "tables"),
        (f"one,iwi,,s.t,,health,any,,{WHY}", "tables"),
        (f"one,iwi,,,*,health,any,,{WHY}", "except_tables"),
        (f"one,iwi,,,-t,health,any,,{WHY}", "except_tables"),
        (f"one,iwi,,,,justice,any,,{WHY}", "class"),
        (f"one,iwi,,,,,any,,{WHY}", "class"),
        (f"one,iwi,,,,none,any,,{WHY}", "peoples"),
        (f"one,iwi,,,,none,,any,{WHY}", "places"),
        (f"one,iwi,,,,health,any;example-a,,{WHY}", "peoples"),
        (f"one,iwi,,,,health,example-a;,,{WHY}", "peoples"),
        (f"one,iwi,,,,health,example-a; example-b,,{WHY}", "peoples"),
        (f"one,iwi,,,,health,any,*,{WHY}", "places"),
        ("one,iwi,,,,health,any,,", "because"),
        ("one,iwi,,,,health,any", 8),
        ("one,iwi,health,any,,Why.", 7),
    ],
)
def test_faults_are_told_by_line_and_column(line: str, column: str | int) -> None:
    with pytest.raises(BadRules) as caught:
        load(rules_file(f"first,reo,,,,voice,any,,{WHY}", line), CLASSES)
    (fault,) = caught.value.faults
    assert (fault.line, fault.column) == (3, column)
    assert len(fault.sentence.split()) <= 25
    assert str(caught.value) == fault.sentence


def test_all_faults_are_listed_and_nothing_is_loaded() -> None:
    with pytest.raises(BadRules) as caught:
        load(
            rules_file("A,*,,,,x,,,y", "b,iwi,,,,health,any,,y", "c,iwi,,,,health,any,a b,y"),
            CLASSES,
        )
    assert [(each.line, each.column) for each in caught.value.faults] == [
        (2, "id"), (2, "match"), (2, "class"), (4, "places"),
    ]  # fmt: skip


def test_a_missing_or_empty_rules_file_is_refused(tmp_path: Path) -> None:
    for source in (tmp_path / "none.csv", io.BytesIO(b""), rules_file()):
        with pytest.raises(BadRules):
            load(source, CLASSES)


def test_the_shipped_pack_loads_and_proposes_for_the_real_list() -> None:
    proposer = Proposer(load(PACK, CLASSES))
    began = time.perf_counter()
    found = [proposer.propose(each.key) for each in read(REAL) if isinstance(each, Variable)]
    # It takes some 0.5 s; the rest is room for a busy machine.
    assert time.perf_counter() - began < 10
    assert len(found) == 17_487
    assert all(each.peoples == "any" for proposals in found for each in proposals)


@pytest.mark.parametrize(
    ("key", "classes"),
    [
        ("moe_clean.enrolment.moe_enr_iwi3_code", {"whakapapa"}),
        ("dia_clean.births.dia_bir_parent1_tribe_text", {"whakapapa", "whanau", "identifiable"}),
        ("dia_clean.deaths.dia_dth_hme_address_ta_code", {"deceased", "identifiable"}),
        ("moe_clean.student_leavers.moe_sl_refugee_status", {"child", "migration"}),
        ("moh_clean.maternity_baby.moh_matb_baby_eth_code3_nbr",
         {"health", "child", "identifiable"}),
        ("moh_clean.interrai.snz_moh_uid", set()),
        ("ir_clean.ird_ems.ir_ems_gross_earnings_amt", set()),
        ("example_genome.assembly.sequence", {"genomic"}),
        ("example_survey.people.language_at_home", {"voice"}),
        ("example_survey.people.clinic_visits", {"health"}),
        ("metadata.fields.field_order", set()),
    ],
)  # fmt: skip
def test_what_the_shipped_pack_proposes(key: str, classes: set[str]) -> None:
    assert {each.class_id for each in propose(load(PACK, CLASSES), key)} == classes


def test_nothing_sacred_is_proposed_by_a_machine() -> None:
    assert {each.class_id for each in load(PACK, CLASSES)}.isdisjoint({"tapu", "wahi_tapu"})


def test_every_line_of_the_shipped_pack_says_why() -> None:
    assert all(each.because.endswith(".") for each in load(PACK, CLASSES))

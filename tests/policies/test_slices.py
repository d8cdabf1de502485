"""A slice is a whitelist: what matches, what lies within, what overlaps, how it is written."""

import json

import pytest
from builders import PEOPLES, PLACES, YEARS, slices
from hypothesis import given
from hypothesis import strategies as st

from policies.slices import ANY, Slice, overlap, resolve
from policies.types import Level

RIVER, HILL, ISLAND = PEOPLES
MOUTH, TOP = PLACES
BOTH = Slice(frozenset({RIVER, HILL}), frozenset({MOUTH}), frozenset({2018}), Level.DEIDENTIFIED)

records = st.tuples(
    st.frozensets(st.sampled_from(PEOPLES), min_size=1),
    st.sampled_from(PLACES),
    st.sampled_from(YEARS),
)


@pytest.mark.parametrize(
    ("peoples", "place", "year", "expected"),
    [
        ({RIVER}, MOUTH, 2018, True),
        ({RIVER, HILL}, MOUTH, 2018, True),
        # Every affiliation must be in the slice: one people's yes is not another's.
        ({RIVER, ISLAND}, MOUTH, 2018, False),
        ({ISLAND}, MOUTH, 2018, False),
        ({RIVER}, TOP, 2018, False),
        ({RIVER}, MOUTH, 2023, False),
        (set(), MOUTH, 2018, False),
        ({"unknown"}, MOUTH, 2018, False),
        ({RIVER, "unknown"}, MOUTH, 2018, False),
        ({""}, MOUTH, 2018, False),
        ({RIVER, ""}, MOUTH, 2018, False),
    ],
)
def test_a_record_matches_only_by_every_affiliation_its_place_and_year(
    peoples, place, year, expected
) -> None:
    assert BOTH.matches(peoples, place, year) is expected


@pytest.mark.parametrize("peoples", [[], ["unknown"], [""], [RIVER, "unknown"]])
def test_an_unknown_affiliation_matches_not_even_any(peoples) -> None:
    assert not Slice().matches(peoples, MOUTH, 2018)
    assert not Slice(peoples=frozenset({*peoples, RIVER})).matches(peoples, MOUTH, 2018)


@pytest.mark.parametrize("part", ["peoples", "places", "years"])
def test_a_slice_with_an_empty_part_is_empty_and_overlaps_nothing(part) -> None:
    nothing = Slice(**{part: frozenset()})
    assert nothing.empty
    assert not nothing.overlaps(Slice())
    assert not Slice().overlaps(nothing)
    assert not nothing.matches({RIVER}, MOUTH, 2018)


def test_a_coarser_view_of_restricted_records_is_still_a_view_of_them() -> None:
    fine = Slice(frozenset({RIVER}), level=Level.IDENTIFIABLE)
    coarse = Slice(frozenset({RIVER}), level=Level.AGGREGATE)
    assert coarse.overlaps(fine)
    assert fine.overlaps(coarse)
    assert coarse.within(fine)
    assert not fine.within(coarse)


def test_any_is_not_within_a_list_even_of_all_that_is_known_today() -> None:
    assert not Slice().within(Slice(peoples=frozenset(PEOPLES)))
    assert resolve(ANY, frozenset(PEOPLES)) == frozenset(PEOPLES)
    assert resolve(frozenset({RIVER}), frozenset(PEOPLES)) == {RIVER}


@given(slices(), slices(), records)
def test_what_lies_within_never_matches_more(inner: Slice, outer: Slice, record) -> None:
    if inner.within(outer) and inner.matches(*record):
        assert outer.matches(*record)


@given(slices(), slices(), records)
def test_slices_that_share_a_record_overlap(one: Slice, other: Slice, record) -> None:
    if one.matches(*record) and other.matches(*record):
        assert one.overlaps(other)


@given(slices(1), slices(1))
def test_slices_that_overlap_share_some_record(one: Slice, other: Slice) -> None:
    def shared(mine, theirs, values):
        return [each for each in values if all(p == ANY or each in p for p in (mine, theirs))]

    found = [
        shared(one.peoples, other.peoples, PEOPLES),
        shared(one.places, other.places, PLACES),
        shared(one.years, other.years, YEARS),
    ]
    assert one.overlaps(other) is all(found)
    if all(found):
        record = ({found[0][0]}, found[1][0], found[2][0])
        assert one.matches(*record)
        assert other.matches(*record)


@given(slices(), slices())
def test_overlap_does_not_ask_who_is_asked_first(one: Slice, other: Slice) -> None:
    assert one.overlaps(other) is other.overlaps(one)


@given(slices(), slices(), slices())
def test_within_is_an_order(one: Slice, two: Slice, three: Slice) -> None:
    assert one.within(one)
    if one.within(two) and two.within(three):
        assert one.within(three)
    if one.within(two) and two.within(one):
        assert one == two


@given(slices(), slices(), slices())
def test_widening_a_slice_never_loses_an_overlap(inner: Slice, outer: Slice, other: Slice) -> None:
    if inner.within(outer) and inner.overlaps(other):
        assert outer.overlaps(other)


@given(slices())
def test_a_slice_is_read_as_it_was_written(asked: Slice) -> None:
    assert Slice.from_json(json.loads(json.dumps(asked.to_json()))) == asked


def test_what_is_left_out_is_any_people_place_and_year_at_the_coarsest_level() -> None:
    assert Slice.from_json({}) == Slice(ANY, ANY, ANY, Level.AGGREGATE)


@pytest.mark.parametrize(
    "value",
    [
        {"years": [True]},
        {"years": [2018, False]},
        {"years": ["2018"]},
        {"years": [2018.0]},
        {"years": 2018},
        {"years": "ANY"},
        {"peoples": RIVER},
        {"peoples": [1]},
        {"peoples": [None]},
        {"peoples": [[RIVER]]},
        {"peoples": None},
        {"peoples": {RIVER: True}},
        {"places": "*"},
        {"level": "names"},
        {"level": 0},
        [],
        [RIVER],
        RIVER,
        None,
        {"people": [RIVER]},
        {"peoples": [RIVER], "until": "2027"},
    ],
)
def test_anything_else_is_refused(value) -> None:
    with pytest.raises(ValueError, match=r"must be|has no"):
        Slice.from_json(value)


@pytest.mark.parametrize(
    "unreadable",
    [
        "",
        "any",
        "{",
        "[]",
        "[1]",
        "5",
        "null",
        '{"peoples": "river"}',
        '{"people": []}',
        "[" * 9999,
    ],
)
def test_what_cannot_be_read_overlaps_because_an_unreadable_restriction_must_bind(
    unreadable,
) -> None:
    assert overlap(Slice(frozenset({RIVER})), unreadable)
    assert overlap(unreadable, Slice(frozenset({RIVER})))


@given(slices(), slices())
def test_the_function_that_rules_call_reads_text_as_slices(one: Slice, other: Slice) -> None:
    assert overlap(one, json.dumps(other.to_json())) is one.overlaps(other)
    assert overlap(one, "*") is one.overlaps(Slice())


def test_names_keep_their_macrons_and_marks() -> None:
    name = "Ngā Kōrero ʻo e Motu"
    asked = Slice(peoples=frozenset({name}))
    assert Slice.from_json(json.loads(json.dumps(asked.to_json()))).matches({name}, MOUTH, 2018)

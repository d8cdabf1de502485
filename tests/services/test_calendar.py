"""New Zealand's days: its zone, and its public holidays as they were published."""

from datetime import UTC, date, datetime

import pytest

from policies.working_days import HORIZON_YEARS, Closure
from services import calendar
from services.calendar import holidays_of, regions, working_days, working_days_after

# As the government published them for all of New Zealand.
ALL_OF_2026 = {
    date(2026, 1, 1): "New Year's Day",
    date(2026, 1, 2): "Day after New Year's Day",
    date(2026, 2, 6): "Waitangi Day",
    date(2026, 4, 3): "Good Friday",
    date(2026, 4, 6): "Easter Monday",
    date(2026, 4, 25): "Anzac Day",
    date(2026, 4, 27): "Anzac Day (observed)",
    date(2026, 6, 1): "King's Birthday",
    date(2026, 7, 10): "Matariki",
    date(2026, 10, 26): "Labour Day",
    date(2026, 12, 25): "Christmas Day",
    date(2026, 12, 26): "Boxing Day",
    date(2026, 12, 28): "Boxing Day (observed)",
}


def test_the_holidays_of_a_year_are_those_that_were_published() -> None:
    assert dict(holidays_of(None, 2026, 2026)) == ALL_OF_2026


@pytest.mark.parametrize(
    ("day", "name"),
    [
        (date(2027, 2, 8), "Waitangi Day (observed)"),
        (date(2027, 4, 26), "Anzac Day (observed)"),
        (date(2027, 12, 27), "Christmas Day (observed)"),
        (date(2027, 12, 28), "Boxing Day (observed)"),
        (date(2028, 1, 3), "New Year's Day (observed)"),
        (date(2028, 1, 4), "Day after New Year's Day (observed)"),
        # Two on one day are one day.
        (date(2038, 4, 26), "Anzac Day (observed) with Easter Monday"),
    ],
)
def test_what_falls_on_a_weekend_is_kept_afterwards(day, name) -> None:
    assert holidays_of(None, 2026, 2040)[day] == name


@pytest.mark.parametrize(
    ("year", "month", "day"),
    [(2022, 6, 24), (2023, 7, 14), (2024, 6, 28), (2025, 6, 20), (2026, 7, 10), (2027, 6, 25),
     (2030, 6, 21), (2040, 7, 6), (2052, 6, 21)],
)  # fmt: skip
def test_matariki_is_on_the_day_that_the_act_says(year, month, day) -> None:
    named = [each for each, name in holidays_of(None, year, year).items() if name == "Matariki"]
    assert named == [date(year, month, day)]


def test_matariki_has_no_day_before_the_act_nor_after_its_list() -> None:
    for first, last in ((2000, 2021), (2053, 2060)):
        assert "Matariki" not in holidays_of(None, first, last).values()


@pytest.mark.parametrize(
    ("region", "day", "name"),
    [
        ("AUK", date(2026, 1, 26), "Auckland Anniversary Day"),
        ("WGN", date(2026, 1, 19), "Wellington Anniversary Day"),
        ("OTA", date(2026, 3, 23), "Otago Anniversary Day"),
        ("STL", date(2026, 4, 7), "Southland Anniversary Day"),
        ("CIT", date(2026, 11, 30), "Chatham Islands Anniversary Day"),
        ("South Canterbury", date(2026, 9, 28), "South Canterbury Anniversary Day"),
    ],
)
def test_a_region_has_its_own_day_beside_the_others(region, day, name) -> None:
    assert dict(holidays_of(region, 2026, 2026)) == {**ALL_OF_2026, day: name}


def test_some_regions_have_no_day_of_their_own_in_the_package() -> None:
    """The docstring of `regions` says which; a body there names the neighbour whose day it keeps.
    When the package learns them, this fails and the docstring is corrected."""
    without = {each for each in regions() if holidays_of(each, 2026, 2026) == ALL_OF_2026}
    assert without == {"BOP", "GIS", "MWT", "TAS", "WKO"}
    assert len(regions()) == 18
    assert calendar.regions.__doc__ is not None
    assert all(each in calendar.regions.__doc__ for each in without)


@pytest.mark.parametrize("region", ["XYZ", "auk", "", "Auckland"])
def test_a_region_that_is_not_known_is_refused(region) -> None:
    with pytest.raises(ValueError, match="no region"):
        holidays_of(region, 2026, 2026)


@pytest.mark.parametrize(("first", "last"), [(1893, 2026), (2026, 2101), (2027, 2026)])
def test_years_that_are_not_known_are_refused(first, last) -> None:
    with pytest.raises(ValueError, match="known from"):
        holidays_of(None, first, last)


def test_holidays_are_worked_out_once_and_nobody_can_change_them() -> None:
    held = holidays_of("AUK", 2026, 2030)
    assert holidays_of("AUK", 2026, 2030) is held
    with pytest.raises(TypeError):
        held[date(2026, 3, 2)] = "Mine"  # type: ignore[index]


def test_a_bodys_working_days_reach_as_far_as_the_clock_looks() -> None:
    shut = (Closure(date(2026, 8, 3), date(2026, 8, 4), "mourning"),)
    held = working_days("AUK", date(2026, 3, 2), shut)
    assert held.closures == shut
    assert {day.year for day in held.holidays} == set(range(2026, 2026 + HORIZON_YEARS + 1))
    assert not held.counts(date(2026, 1, 26))
    assert max(working_days(None, date(2080, 1, 1)).holidays).year == 2100


def test_working_days_after_an_instant_end_with_a_day_in_new_zealand() -> None:
    # Half past midnight on Good Friday in New Zealand, still Thursday in UTC; clocks go
    # back on Sunday, so that Tuesday ends at noon and not at eleven.
    night = datetime(2026, 4, 2, 11, 30, tzinfo=UTC)
    assert working_days_after(night, 1) == datetime(2026, 4, 7, 12, 0, tzinfo=UTC)
    evening = datetime(2026, 4, 2, 10, 30, tzinfo=UTC)
    assert working_days_after(evening, 1) == datetime(2026, 4, 7, 12, 0, tzinfo=UTC)
    assert working_days_after(evening, 1, "STL") == datetime(2026, 4, 8, 12, 0, tzinfo=UTC)
    assert working_days_after(evening, 2) == datetime(2026, 4, 8, 12, 0, tzinfo=UTC)


def test_no_working_days_after_an_instant_is_no_day() -> None:
    with pytest.raises(ValueError, match="at least one"):
        working_days_after(datetime(2026, 3, 2, tzinfo=UTC), 0)

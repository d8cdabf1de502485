"""The clock of working days: worked by hand, and against a slow, obvious one over ten years."""

from collections.abc import Iterable
from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from policies.working_days import (
    CLOSURE_KINDS,
    HORIZON_YEARS,
    LONGEST_SENTENCE,
    STOP_WHYS,
    Closure,
    Due,
    Stop,
    WorkingDays,
    due,
    elapsed,
    explained,
    stands,
)
from services.calendar import holidays_of, regions

PLAIN = WorkingDays(holidays_of(None, 2024, 2046))
AUCKLAND = WorkingDays(holidays_of("AUK", 2024, 2046))
ONE_DAY = timedelta(days=1)


def closed(*closures: Closure) -> WorkingDays:
    return WorkingDays(PLAIN.holidays, closures)


# Worked by hand, with the calendar of the year on the table.


def test_weekends_are_passed_over_and_never_mentioned() -> None:
    # Friday 13 March 2026, and the working week after it.
    assert due(date(2026, 3, 13), 1, PLAIN, ()) == Due(date(2026, 3, 16), 1)
    assert due(date(2026, 3, 13), 5, PLAIN, ()) == Due(date(2026, 3, 20), 5)
    assert due(date(2026, 3, 13), 6, PLAIN, ()) == Due(date(2026, 3, 23), 6)


def test_the_day_of_the_start_is_not_counted_whatever_it_is() -> None:
    for start in (date(2026, 3, 13), date(2026, 3, 14), date(2026, 3, 15)):
        assert due(start, 1, PLAIN, ()) == Due(date(2026, 3, 16), 1)
    # Begun on Good Friday: that day is not counted, and not told of either.
    assert due(date(2026, 4, 3), 1, PLAIN, ()) == Due(date(2026, 4, 7), 1, ("Easter Monday",))


def test_easter() -> None:
    found = due(date(2026, 4, 2), 1, PLAIN, ())
    assert found == Due(date(2026, 4, 7), 1, ("Good Friday", "Easter Monday"))


def test_matariki() -> None:
    assert due(date(2026, 7, 9), 1, PLAIN, ()) == Due(date(2026, 7, 13), 1, ("Matariki",))
    assert due(date(2026, 7, 8), 1, PLAIN, ()) == Due(date(2026, 7, 9), 1)


def test_waitangi_day_on_a_saturday_is_kept_on_monday_and_told_once() -> None:
    # 6 February 2027 is a Saturday.
    found = due(date(2027, 2, 5), 1, PLAIN, ())
    assert found == Due(date(2027, 2, 9), 1, ("Waitangi Day (observed)",))


def test_a_regions_anniversary_is_that_regions_alone() -> None:
    found = due(date(2026, 1, 23), 1, AUCKLAND, ())
    assert found == Due(date(2026, 1, 27), 1, ("Auckland Anniversary Day",))
    assert due(date(2026, 1, 23), 1, PLAIN, ()) == Due(date(2026, 1, 26), 1)


def test_a_yearly_closure_over_new_year() -> None:
    shut = Closure(date(2020, 12, 21), date(2021, 1, 9), "closure", yearly=True)
    # From Friday 18 December 2026: 21 to 24, 29 to 31, and 4 to 8 January but for its Monday.
    found = due(date(2026, 12, 18), 1, closed(shut), ())
    assert found == Due(
        date(2027, 1, 11),
        1,
        (
            "Christmas Day",
            "Boxing Day (observed)",
            "New Year's Day",
            "Day after New Year's Day (observed)",
        ),
        (("closure", 11),),
    )


def test_a_closure_that_is_not_yearly_comes_once() -> None:
    shut = closed(Closure(date(2026, 8, 3), date(2026, 8, 4), "mourning"))
    assert due(date(2026, 7, 31), 1, shut, ()) == Due(date(2026, 8, 5), 1, (), (("mourning", 2),))
    assert due(date(2027, 8, 2), 1, shut, ()) == Due(date(2027, 8, 3), 1)


@pytest.mark.parametrize(
    ("first", "last", "covered", "not_covered"),
    [
        # Begins on 29 February: in common years on 1 March.
        (date(2028, 2, 29), date(2028, 3, 2),
         [date(2028, 2, 29), date(2032, 2, 29), date(2027, 3, 1), date(2027, 3, 2)],
         [date(2027, 2, 28), date(2028, 2, 28), date(2027, 3, 3)]),
        # Ends on it: in common years on the 28th.
        (date(2028, 2, 27), date(2028, 2, 29),
         [date(2028, 2, 29), date(2027, 2, 27), date(2027, 2, 28)],
         [date(2027, 2, 26), date(2027, 3, 1), date(2028, 3, 1)]),
        # That day alone comes every fourth year.
        (date(2028, 2, 29), date(2028, 2, 29),
         [date(2028, 2, 29), date(2032, 2, 29)],
         [date(2027, 2, 28), date(2027, 3, 1)]),
        # From it until the day before it, a year later: all but nothing.
        (date(2028, 2, 29), date(2029, 2, 28),
         [date(2027, 2, 28), date(2027, 3, 1), date(2027, 12, 31), date(2027, 1, 1)],
         []),
    ],
)  # fmt: skip
def test_a_yearly_closure_at_29_february(first, last, covered, not_covered) -> None:
    shut = Closure(first, last, "seasonal", yearly=True)
    assert [day for day in covered if not shut.covers(day)] == []
    assert [day for day in not_covered if shut.covers(day)] == []


def test_a_clock_that_starts_on_29_february() -> None:
    assert due(date(2028, 2, 29), 1, PLAIN, ()) == Due(date(2028, 3, 1), 1)


def test_both_ends_of_a_stop_belong_to_it() -> None:
    # Asked on Tuesday 10, answered on Wednesday 11 March 2026: neither is counted.
    waiting = Stop(date(2026, 3, 10), date(2026, 3, 11), "waiting_for_answer")
    assert due(date(2026, 3, 9), 1, PLAIN, [waiting]) == Due(
        date(2026, 3, 12), 1, (), (("waiting_for_answer", 2),)
    )
    asked_and_answered = Stop(date(2026, 3, 10), date(2026, 3, 10), "waiting_for_answer")
    assert due(date(2026, 3, 9), 1, PLAIN, [asked_and_answered]) == Due(
        date(2026, 3, 11), 1, (), (("waiting_for_answer", 1),)
    )


def test_an_open_stop_keeps_the_day_from_coming_unless_it_came_before() -> None:
    standing = Stop(date(2026, 3, 11), None, "restriction")
    assert due(date(2026, 3, 9), 1, PLAIN, [standing]) == Due(date(2026, 3, 10), 1)
    assert due(date(2026, 3, 9), 2, PLAIN, [standing]) is None
    assert due(date(2026, 3, 11), 1, PLAIN, [standing]) is None
    assert due(date(2027, 3, 11), 1, PLAIN, [standing]) is None
    ended = Stop(date(2026, 3, 11), date(2026, 3, 12), "restriction")
    assert due(date(2026, 3, 9), 2, PLAIN, [ended]) == Due(
        date(2026, 3, 13), 2, (), (("restriction", 2),)
    )


def test_a_day_has_one_cause_what_stands_for_everyone_first() -> None:
    # Monday 6 to Monday 13 July 2026; Matariki is Friday 10.
    calendar = closed(
        Closure(date(2026, 7, 9), date(2026, 7, 10), "closure"),
        Closure(date(2026, 7, 9), date(2026, 7, 9), "mourning"),
        Closure(date(2026, 7, 8), date(2026, 7, 9), "seasonal"),
    )
    stops = [
        Stop(date(2026, 7, 6), date(2026, 7, 12), "waiting_for_answer"),
        Stop(date(2026, 7, 7), date(2026, 7, 9), "pause"),
    ]
    found = due(date(2026, 7, 5), 1, calendar, stops)
    assert found == Due(
        date(2026, 7, 13),
        1,
        ("Matariki",),
        (("mourning", 1), ("seasonal", 1), ("pause", 1), ("waiting_for_answer", 1)),
    )


@pytest.mark.parametrize("order", [1, -1])
def test_the_order_of_precedence_is_the_one_that_is_written(order) -> None:
    day = date(2026, 3, 10)
    for stronger, weaker in pairwise(STOP_WHYS):
        both = [Stop(day, day, stronger), Stop(day, day, weaker)][::order]
        assert elapsed(day - ONE_DAY, day, PLAIN, both).others == ((stronger, 1),)
    for stronger, weaker in pairwise(CLOSURE_KINDS):
        shut = closed(*[Closure(day, day, stronger), Closure(day, day, weaker)][::order])
        stopped = [Stop(day, day, why) for why in STOP_WHYS]
        assert elapsed(day - ONE_DAY, day, shut, stopped).others == ((stronger, 1),)


def test_silence_is_counted_in_working_days() -> None:
    asked = date(2026, 3, 2)
    assert elapsed(asked, asked, PLAIN, ()) == Due(asked, 0)
    assert elapsed(asked, date(2026, 3, 3), PLAIN, ()).counted == 1
    # 25 working days: five weeks, and two days more for Easter.
    assert elapsed(asked, date(2026, 4, 8), PLAIN, ()) == Due(
        date(2026, 4, 8), 25, ("Good Friday", "Easter Monday")
    )
    assert elapsed(asked, asked - ONE_DAY, PLAIN, ()).counted == 0


def test_an_open_stop_is_counted_up_to_today() -> None:
    standing = Stop(date(2026, 3, 4), None, "meeting")
    assert elapsed(date(2026, 3, 2), date(2026, 3, 10), PLAIN, [standing]) == Due(
        date(2026, 3, 10), 1, (), (("meeting", 5),)
    )


# What could never be meant.


@pytest.mark.parametrize(
    ("first", "last", "kind", "yearly"),
    [
        (date(2026, 3, 2), date(2026, 3, 1), "closure", False),
        (date(2026, 3, 2), date(2026, 3, 1), "closure", True),
        (date(2026, 3, 1), date(2026, 3, 2), "holiday", False),
        (date(2026, 3, 1), date(2026, 3, 2), "", False),
        (date(2026, 3, 1), date(2027, 3, 1), "closure", True),
        (date(2026, 3, 1), date(2027, 3, 2), "closure", True),
        (date(2026, 3, 1), date(2028, 1, 1), "closure", True),
        (date(2028, 2, 29), date(2029, 3, 1), "closure", True),
    ],
)
def test_a_closure_that_could_never_be_meant_is_refused(first, last, kind, yearly) -> None:
    with pytest.raises(ValueError, match="closure"):
        Closure(first, last, kind, yearly)


def test_a_long_closure_that_comes_once_may_be_as_long_as_it_likes() -> None:
    assert Closure(date(2026, 3, 1), date(2028, 3, 1), "mourning").covers(date(2027, 6, 1))


@pytest.mark.parametrize(
    ("until", "why"), [(date(2026, 3, 1), "pause"), (None, "because"), (None, "")]
)
def test_a_stop_that_could_never_be_meant_is_refused(until, why) -> None:
    with pytest.raises(ValueError, match=r"stop|clock"):
        Stop(date(2026, 3, 2), until, why)


@pytest.mark.parametrize("days", [0, -1])
def test_no_day_comes_after_no_working_days(days) -> None:
    with pytest.raises(ValueError, match="at least one"):
        due(date(2026, 3, 2), days, PLAIN, ())


@pytest.mark.parametrize(
    "stops", [(), (Stop(date(2026, 3, 2), date(2100, 1, 1), "pause"),)], ids=["closed", "stopped"]
)
def test_the_clock_does_not_look_for_ever(stops) -> None:
    always = closed(Closure(date(2026, 1, 1), date(2026, 12, 31), "closure", yearly=True))
    calendar = PLAIN if stops else always
    with pytest.raises(ValueError, match=f"within {HORIZON_YEARS} years"):
        due(date(2026, 3, 2), 1, calendar, stops)


def test_the_end_of_the_calendar_is_an_end() -> None:
    last = date.max
    with pytest.raises(ValueError, match="within"):
        due(last, 1, PLAIN, ())
    assert elapsed(last - ONE_DAY, last, PLAIN, ()).counted == 1


# Against a slow, obvious clock.


def every_day(first: date, last: date) -> set[date]:
    return {first + timedelta(days=n) for n in range((last - first).days + 1)}


def days_of(closure: Closure, years: Iterable[int]) -> set[date]:
    """Every single day of the closure, written out year by year."""
    if not closure.yearly:
        return every_day(closure.first, closure.last)
    found: set[date] = set()
    over_new_year = closure.last.year - closure.first.year
    for year in years:
        try:
            first = closure.first.replace(year=year)
        except ValueError:
            first = date(year, 3, 1)
        try:
            last = closure.last.replace(year=year + over_new_year)
        except ValueError:
            last = date(year + over_new_year, 2, 28)
        found |= every_day(first, last)
    return found


def slowly(
    start: date, until: date, calendar: WorkingDays, stops: list[Stop]
) -> list[tuple[date, str]]:
    """Each day after `start` up to `until`, and what became of it, in the words of the issue."""
    years = range(start.year - 2, until.year + 3)
    causes: list[tuple[str, set[date]]] = []
    for kind in ("mourning", "seasonal", "closure"):
        days = [days_of(each, years) for each in calendar.closures if each.kind == kind]
        causes.append((kind, set().union(*days)))
    for why in ("restriction", "pause", "meeting", "waiting_for_answer"):
        stood = [
            every_day(each.since, until if each.until is None else each.until)
            for each in stops
            if each.why == why
        ]
        causes.append((why, set().union(*stood)))
    told = []
    day = start
    while day < until:
        day = day + timedelta(days=1)
        if day.isoweekday() in (6, 7):
            told.append((day, "weekend"))
        elif day in calendar.holidays:
            told.append((day, "holiday"))
        else:
            told.append((day, next((name for name, days in causes if day in days), "counts")))
    return told


def as_due(told: list[tuple[date, str]], day: date, calendar: WorkingDays) -> Due:
    said = [each for at, each in told if at <= day]
    names = [calendar.holidays[at] for at, each in told if at <= day and each == "holiday"]
    order = ("mourning", "seasonal", "closure", "restriction", "pause", "meeting",
             "waiting_for_answer")  # fmt: skip
    others = tuple((each, said.count(each)) for each in order if each in said)
    return Due(day, said.count("counts"), tuple(names), others)


FIRST, TEN_YEARS = date(2024, 1, 1), date(2033, 12, 31)
some_days = st.dates(FIRST, TEN_YEARS) | st.sampled_from(
    # Where years, leap days and long weekends meet.
    [
        date(2024, 2, 29),
        date(2028, 2, 28),
        date(2028, 2, 29),
        date(2027, 12, 31),
        date(2028, 1, 1),
        date(2026, 7, 9),
    ]
)
lengths = st.integers(0, 40) | st.integers(0, 364)


def spans(longest: int = 364) -> st.SearchStrategy[tuple[date, date]]:
    return st.tuples(some_days, st.integers(0, 40) | st.integers(0, longest)).map(
        lambda each: (each[0], each[0] + timedelta(days=each[1]))
    )


some_closures = st.lists(
    st.builds(
        lambda span, kind, yearly: Closure(*span, kind, yearly),
        spans(),
        st.sampled_from(CLOSURE_KINDS),
        st.booleans(),
    ),
    max_size=4,
).map(tuple)
some_stops = st.lists(
    st.builds(lambda span, why: Stop(*span, why), spans(900), st.sampled_from(STOP_WHYS)),
    max_size=6,
)
open_stops = st.lists(st.builds(Stop, some_days, st.none(), st.sampled_from(STOP_WHYS)), max_size=1)
calendars = st.builds(
    lambda region, closures: WorkingDays(holidays_of(region, 2024, 2046), closures),
    st.sampled_from([None, *sorted(regions())]),
    some_closures,
)
waits = st.integers(1, 60) | st.integers(1, 700)


@settings(max_examples=300)
@given(some_days, waits, calendars, some_stops, open_stops)
@example(date(2026, 7, 1), 12, PLAIN, [Stop(date(2026, 7, 6), date(2026, 7, 7), STOP_WHYS[3])], [])
def test_the_clock_agrees_with_a_slow_and_obvious_one(start, days, calendar, stops, more) -> None:
    stops = [*stops, *more]
    told = slowly(start, start.replace(year=start.year + 10, day=1), calendar, stops)
    counted = [day for day, each in told if each == "counts"]
    if len(counted) >= days:
        expected = as_due(told, counted[days - 1], calendar)
        assert due(start, days, calendar, stops) == expected
        assert stands(stops) == "" or more
    elif more:
        assert due(start, days, calendar, stops) is None
        assert stands(stops).startswith("The clock stands still ")
    else:
        # Closures that leave next to nothing open: beyond what the slow clock looks at.
        assume(False)


@settings(max_examples=200)
@given(some_days, some_days, calendars, some_stops, open_stops)
def test_what_has_been_counted_agrees_with_a_slow_and_obvious_clock(
    start, today, calendar, stops, more
) -> None:
    stops = [*stops, *more]
    told = slowly(start, today, calendar, stops)
    found = elapsed(start, today, calendar, stops)
    assert found == as_due(told, today, calendar)
    weekends = sum(each == "weekend" for _, each in told)
    assert found.counted + found.uncounted + weekends == max((today - start).days, 0)
    assert [day for day, each in told if each == "counts"] == [
        day
        for day, _ in told
        if calendar.counts(day) and not any(stop.covers(day) for stop in stops)
    ]


@settings(max_examples=100)
@given(some_days, waits, calendars, some_stops)
def test_on_the_day_that_is_due_so_many_have_been_counted(start, days, calendar, stops) -> None:
    try:
        found = due(start, days, calendar, stops)
    except ValueError:
        assume(False)
    assert elapsed(start, found.day, calendar, stops) == found
    assert found.counted == days
    assert elapsed(start, found.day - ONE_DAY, calendar, stops).counted == days - 1


@settings(max_examples=100)
@given(some_days, waits, calendars, some_stops, some_stops)
def test_one_more_stop_never_brings_a_day_nearer(start, days, calendar, stops, more) -> None:
    try:
        sooner = due(start, days, calendar, stops)
        later = due(start, days, calendar, [*stops, *more])
    except ValueError:
        assume(False)
    assert later.day >= sooner.day


# In words.

DAY = date(2026, 7, 22)


@pytest.mark.parametrize(
    ("reached", "sentence"),
    [
        (
            Due(DAY, 12, ("Matariki",), (("waiting_for_answer", 2),)),
            "12 working days; Matariki and two days of waiting for you are not counted.",
        ),
        (Due(DAY, 12), "12 working days."),
        (Due(DAY, 1), "One working day."),
        (Due(DAY, 0), "No working days."),
        (Due(DAY, 10), "Ten working days."),
        (Due(DAY, 11), "11 working days."),
        (Due(DAY, 1, ("Matariki",)), "One working day; Matariki is not counted."),
        (
            Due(DAY, 2, (), (("mourning", 1),)),
            "Two working days; one day of mourning is not counted.",
        ),
        (
            Due(DAY, 2, (), (("closure", 11),)),
            "Two working days; 11 days of the body's closure are not counted.",
        ),
        (
            Due(DAY, 3, ("Good Friday", "Easter Monday"), (("pause", 1),)),
            "Three working days; Good Friday, Easter Monday and one day of pause are not counted.",
        ),
        (
            Due(DAY, 5, (), (("seasonal", 2), ("restriction", 1), ("meeting", 3))),
            "Five working days; two days of seasonal pause, one day under a restriction and "
            "three days of waiting to meet are not counted.",
        ),
        # The same feast of two years, or more than three: their number is enough.
        (
            Due(DAY, 300, ("Matariki", "Matariki")),
            "300 working days; two public holidays are not counted.",
        ),
        (
            Due(DAY, 60, ("A", "B", "C", "D"), (("closure", 1),)),
            "60 working days; four public holidays and one day of the body's closure "
            "are not counted.",
        ),
        # Where it grows too long for a sentence, it is told more shortly.
        (
            Due(DAY, 60, ("Matariki",), tuple((each, 2) for each in (*CLOSURE_KINDS, *STOP_WHYS))),
            "60 working days; one public holiday and 14 other days are not counted.",
        ),
        (
            Due(DAY, 60, (), tuple((each, 1) for each in (*CLOSURE_KINDS, *STOP_WHYS))),
            "60 working days; seven other days are not counted.",
        ),
    ],
)
def test_a_date_is_shown_with_its_reason(reached, sentence) -> None:
    assert explained(reached) == sentence


def test_who_is_not_waited_for_reads_it_so() -> None:
    reached = Due(DAY, 12, ("Matariki",), (("waiting_for_answer", 2),))
    assert explained(reached, for_you=False) == (
        "12 working days; Matariki and two days of waiting for an answer are not counted."
    )


@pytest.mark.parametrize(
    ("whys", "for_you", "sentence"),
    [
        ([], True, ""),
        (["waiting_for_answer"], True, "The clock stands still until you answer."),
        (["waiting_for_answer"], False, "The clock stands still until an answer comes."),
        (["pause"], True, "The clock stands still in a pause."),
        (["meeting"], True, "The clock stands still until the meeting."),
        (
            ["waiting_for_answer", "restriction"],
            True,
            "The clock stands still under a restriction and until you answer.",
        ),
    ],
)
def test_why_a_clock_stands_is_said(whys, for_you, sentence) -> None:
    ended = Stop(DAY, DAY, "pause")
    assert stands([ended, *(Stop(DAY, None, why) for why in whys)], for_you) == sentence


@settings(max_examples=200)
@given(
    st.integers(0, 1500),
    st.lists(st.sampled_from(sorted(set(AUCKLAND.holidays.values()))), max_size=6).map(tuple),
    st.dictionaries(
        st.sampled_from([*CLOSURE_KINDS, *STOP_WHYS]), st.integers(1, 1500), max_size=7
    ),
    st.booleans(),
)
def test_the_reason_is_one_short_sentence(counted, names, others, for_you) -> None:
    told = tuple((each, others[each]) for each in (*CLOSURE_KINDS, *STOP_WHYS) if each in others)
    sentence = explained(Due(DAY, counted, names, told), for_you)
    words = sentence.split()
    assert len(words) <= LONGEST_SENTENCE
    assert sentence.endswith(".")
    assert sentence.count(".") == 1
    assert sentence[0] == sentence[0].upper()
    # Small numbers are words; one of something is one.
    assert not {str(number) for number in range(11)} & set(words)
    for number, thing in pairwise(words):
        if number.lower() == "one":
            assert thing in ("working", "day", "public", "other")
        assert not (number.lower() == "one" and thing == "days")
    many = len(names) + sum(others.values())
    assert (" are not counted." in sentence) is (many > 1)
    assert (" is not counted." in sentence) is (many == 1)

"""The clock of working days: which days count, when so many have passed, and why so late.

It knows local days (`date`) alone: services turn instants into New Zealand's days and
bring the public holidays with them (`services/calendar.py`). Issue 3, "Clocks": the
body's own region and closures; a clock stops while a body waits for an answer, in a
pause, or under a restriction; every date is shown with its reason. The clock only says
what day it is. Nothing is approved by it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

HORIZON_YEARS = 60
"""How far ahead the clock looks. Where closures leave so few days open that the day lies
beyond, it says so and looks no further."""

CLOSURE_KINDS = ("mourning", "seasonal", "closure")
"""Why a body is closed. A day in several closures is counted under the first of these."""

STOP_WHYS = ("restriction", "pause", "meeting", "waiting_for_answer")
"""Why a clock stands. A day in several stops is counted under the first of these: waiting
for somebody comes last, so that no day is laid at their door which had another cause."""

LONGEST_SENTENCE = 25
"""The most words that a sentence to people has."""

_SATURDAY = 5
_NAMES_AT_MOST = 3


@dataclass(frozen=True)
class Closure:
    """Days on which a body does no work: its own closure, a seasonal or a mourning pause.

    Args:
        first, last: the days it begins and ends with; both belong to it.
        kind: one of `CLOSURE_KINDS`.
        yearly: the same days of every year, before and after the year of `first` as well.
            It may run over new year. One that begins or ends on 29 February goes by that
            place in the calendar: in a common year it begins on 1 March, or ends on the 28th.

    Raises:
        ValueError: another kind, an end before the beginning, or a yearly one that is as
            long as a year.
    """

    first: date
    last: date
    kind: str
    yearly: bool = False

    def __post_init__(self) -> None:
        """Refuse what could never be meant."""
        if self.kind not in CLOSURE_KINDS:
            raise ValueError(f"A closure is one of: {', '.join(CLOSURE_KINDS)}.")
        if self.last < self.first:
            raise ValueError("A closure ends on the day it begins, or later.")
        over_new_year = self.last.year == self.first.year + 1
        within_a_year = over_new_year and _in_year(self.last) < _in_year(self.first)
        if self.yearly and self.last.year != self.first.year and not within_a_year:
            raise ValueError("A closure that comes every year is shorter than a year.")

    def covers(self, day: date) -> bool:
        """Is the body closed on `day`?"""
        if not self.yearly:
            return self.first <= day <= self.last
        first, asked, last = _in_year(self.first), _in_year(day), _in_year(self.last)
        if first <= last:
            return first <= asked <= last
        return asked >= first or asked <= last


@dataclass(frozen=True)
class Stop:
    """Days on which the clock stood still.

    A day on any part of which it stood does not count, which favours the body: `since`
    and `until` both belong to the stop. `until` is None while it still stands.

    A hidden restriction is no `restriction` here but a `pause`: the sentence is read by
    people who must not learn of it.

    Raises:
        ValueError: a `why` that is none of `STOP_WHYS`, or an end before the beginning.
    """

    since: date
    until: date | None
    why: str

    def __post_init__(self) -> None:
        """Refuse what could never be meant."""
        if self.why not in STOP_WHYS:
            raise ValueError(f"A clock stands for one of: {', '.join(STOP_WHYS)}.")
        if self.until is not None and self.until < self.since:
            raise ValueError("A stop ends on the day it begins, or later.")

    def covers(self, day: date) -> bool:
        """Did the clock stand on any part of `day`?"""
        return self.since <= day and (self.until is None or day <= self.until)


@dataclass(frozen=True)
class WorkingDays:
    """The days on which a body works.

    Args:
        holidays: public holidays by day, with their names, for every year that is asked about.
        closures: the body's own.
    """

    holidays: Mapping[date, str]
    closures: tuple[Closure, ...] = ()

    def counts(self, day: date) -> bool:
        """Is `day` a working day: no weekend, no public holiday, no closure?"""
        return not (_weekend(day) or day in self.holidays or self.closed(day))

    def closed(self, day: date) -> str | None:
        """The kind of the closure that `day` lies in, the first of `CLOSURE_KINDS`; or None."""
        kinds = {closure.kind for closure in self.closures if closure.covers(day)}
        return next((kind for kind in CLOSURE_KINDS if kind in kinds), None)


@dataclass(frozen=True)
class Due:
    """A day, with what was counted on the way to it and what was not.

    Each day that was not counted has one cause, the first of: weekend (never mentioned),
    public holiday, closure, stop. So what nobody could have worked on anyway is laid at
    nobody's door.

    Args:
        day: the day that is due, or up to which was counted.
        counted: how many working days were counted.
        holidays: names of the public holidays that were not, in the order of their days.
        others: how many days were not, by kind of closure or why of stop, in the order of
            `CLOSURE_KINDS` and `STOP_WHYS`; none that is zero.
    """

    day: date
    counted: int
    holidays: tuple[str, ...] = ()
    others: tuple[tuple[str, int], ...] = ()

    @property
    def uncounted(self) -> int:
        """How many days, weekends apart, were not counted."""
        return len(self.holidays) + sum(number for _, number in self.others)


def due(start: date, days: int, calendar: WorkingDays, stops: Sequence[Stop]) -> Due | None:
    """The working day that comes `days` counted days after `start`, itself not counted.

    None while an open stop keeps it from coming; `stands` says in words what is in the way.

    Raises:
        ValueError: `days` is less than 1, or no such day comes within `HORIZON_YEARS`.
    """
    if days < 1:
        raise ValueError("A time to wait has at least one working day.")
    open_since = [stop.since for stop in stops if stop.until is None]
    stands_from = min(open_since) if open_since else None
    tally = _Tally(calendar, stops)
    for day in _days_after(start, start.toordinal() + HORIZON_YEARS * 366):
        if stands_from is not None and day >= stands_from:
            return None
        if tally.counts(day) and tally.counted == days:
            return tally.due(day)
    raise ValueError(f"No such working day comes within {HORIZON_YEARS} years.")


def elapsed(start: date, today: date, calendar: WorkingDays, stops: Sequence[Stop]) -> Due:
    """How many working days have been counted after `start`, up to and with `today`.

    On the day that `due` names, as many have been counted as were asked for.
    """
    tally = _Tally(calendar, stops)
    for day in _days_after(start, today.toordinal()):
        tally.counts(day)
    return tally.due(today)


def explained(reached: Due, for_you: bool = True) -> str:
    """The reason for a date: one sentence of at most `LONGEST_SENTENCE` words.

    "12 working days; Matariki and two days of waiting for you are not counted."

    `for_you` is True for whoever must answer, and False for everybody else, who read
    "waiting for an answer". It says only kinds of cause, never a name or a reason.
    """
    counted = f"{_number(reached.counted)} working {_days(reached.counted)}"
    sentence = f"{counted}."
    if reached.uncounted:
        verb = "is" if reached.uncounted == 1 else "are"
        for causes in _tellings(reached, for_you):
            sentence = f"{counted}; {_listed(causes)} {verb} not counted."
            if len(sentence.split()) <= LONGEST_SENTENCE:
                break
    return sentence[0].upper() + sentence[1:]


def stands(stops: Sequence[Stop], for_you: bool = True) -> str:
    """Why the clock stands still, in one sentence; empty when no stop is open.

    `for_you` as for `explained`.
    """
    whys = {stop.why for stop in stops if stop.until is None}
    words = _STANDING | ({} if for_you else {"waiting_for_answer": "until an answer comes"})
    said = [words[why] for why in STOP_WHYS if why in whys]
    return f"The clock stands still {_listed(said)}." if said else ""


class _Tally:
    """What has been counted, and what has not, while one day after another passes."""

    def __init__(self, calendar: WorkingDays, stops: Sequence[Stop]) -> None:
        self._calendar = calendar
        self._stops = stops
        self._holidays: list[str] = []
        self._others: Counter[str] = Counter()
        self.counted = 0

    def counts(self, day: date) -> bool:
        """Take note of `day`; does it count?"""
        if _weekend(day):
            return False
        if day in self._calendar.holidays:
            self._holidays.append(self._calendar.holidays[day])
            return False
        if cause := self._calendar.closed(day) or self._stopped(day):
            self._others[cause] += 1
            return False
        self.counted += 1
        return True

    def due(self, day: date) -> Due:
        """What has been noted up to `day`."""
        order = (*CLOSURE_KINDS, *STOP_WHYS)
        others = tuple((each, self._others[each]) for each in order if self._others[each])
        return Due(day, self.counted, tuple(self._holidays), others)

    def _stopped(self, day: date) -> str | None:
        whys = {stop.why for stop in self._stops if stop.covers(day)}
        return next((why for why in STOP_WHYS if why in whys), None)


def _days_after(start: date, last: int) -> Iterator[date]:
    """Every day after `start` up to the day with the ordinal `last`, or the last there is."""
    for ordinal in range(start.toordinal() + 1, min(last, date.max.toordinal()) + 1):
        yield date.fromordinal(ordinal)


def _weekend(day: date) -> bool:
    return day.weekday() >= _SATURDAY


def _in_year(day: date) -> tuple[int, int]:
    return day.month, day.day


# Words.

_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")

_NOT_COUNTED = {
    "mourning": "of mourning",
    "seasonal": "of seasonal pause",
    "closure": "of the body's closure",
    "restriction": "under a restriction",
    "pause": "of pause",
    "meeting": "of waiting to meet",
    "waiting_for_answer": "of waiting for you",
}

_STANDING = {
    "restriction": "under a restriction",
    "pause": "in a pause",
    "meeting": "until the meeting",
    "waiting_for_answer": "until you answer",
}


def _tellings(reached: Due, for_you: bool) -> Iterator[list[str]]:
    """What was not counted, told ever more shortly; the last always fits in a sentence."""
    words = _NOT_COUNTED | ({} if for_you else {"waiting_for_answer": "of waiting for an answer"})
    names = list(reached.holidays)
    others = [f"{_number(each)} {_days(each)} {words[cause]}" for cause, each in reached.others]
    many = "holiday" if len(names) == 1 else "holidays"
    number = [f"{_number(len(names))} public {many}"] if names else []
    if len(set(names)) == len(names) <= _NAMES_AT_MOST:
        yield names + others
    yield number + others
    rest = reached.uncounted - len(names)
    yield number + ([f"{_number(rest)} other {_days(rest)}"] if rest else [])


def _number(number: int) -> str:
    return _NUMBERS[number] if number < len(_NUMBERS) else str(number)


def _days(number: int) -> str:
    return "day" if number == 1 else "days"


def _listed(parts: Sequence[str]) -> str:
    return " and ".join((", ".join(parts[:-1]), parts[-1])) if len(parts) > 1 else parts[0]

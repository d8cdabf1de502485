"""Days as people here count them: New Zealand's zone, working days, public holidays.

Holidays come from the `holidays` package: those of the Holidays Act 2003 with their
Mondays in place of weekends, Matariki, and the anniversary day of a region. Which days
count, and the reason for each date, is in `policies/working_days.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from types import MappingProxyType
from zoneinfo import ZoneInfo

import holidays

from policies.working_days import HORIZON_YEARS, Closure, WorkingDays, due

ZONE = ZoneInfo("Pacific/Auckland")

_KNOWN = holidays.country_holidays("NZ")
FIRST_YEAR, LAST_YEAR = _KNOWN.start_year, _KNOWN.end_year
"""The years whose holidays the package knows. Matariki has dates by law up to 2052 (Te Kāhui
o Matariki Public Holiday Act 2022, schedule 1); later years have none as yet."""


def end_of(day: date) -> datetime:
    """The instant (UTC) at which `day` is over in New Zealand."""
    return datetime.combine(day + timedelta(days=1), time(0), ZONE).astimezone(UTC)


def start_of(day: date) -> datetime:
    """The instant (UTC) at which `day` begins in New Zealand."""
    return datetime.combine(day, time(0), ZONE).astimezone(UTC)


def today(now: datetime) -> date:
    """The day that `now` falls on in New Zealand."""
    return now.astimezone(ZONE).date()


@lru_cache(maxsize=1)
def regions() -> frozenset[str]:
    """The regions whose own day the `holidays` package knows, as it names them.

    ISO 3166-2 letters (AUK, WGN, …) and "South Canterbury". Some have no day in it (BOP, GIS,
    MWT, TAS, WKO): there, people keep a neighbour's, and a body names that neighbour.
    """
    return frozenset(_KNOWN.subdivisions)


@lru_cache(maxsize=256)
def holidays_of(region: str | None, first_year: int, last_year: int) -> Mapping[date, str]:
    """Public holidays of the years `first_year` to `last_year`, by day, with their names.

    Args:
        region: one of `regions()`, or None for what all of New Zealand keeps.
        first_year, last_year: both belong to it, from `FIRST_YEAR` to `LAST_YEAR`.

    Names are English, as the package has them; "(observed)" marks the Monday or Tuesday
    kept in place of a weekend, and two on one day read "Anzac Day with Easter Monday".

    Raises:
        ValueError: another region, or years that the package does not know.
    """
    if region is not None and region not in regions():
        raise ValueError(f"{region!r} is no region whose holidays are known; use AUK, WGN, ….")
    if not FIRST_YEAR <= first_year <= last_year <= LAST_YEAR:
        raise ValueError(f"Holidays are known from {FIRST_YEAR} to {LAST_YEAR}.")
    years = range(first_year, last_year + 1)
    known = holidays.country_holidays("NZ", subdiv=region, years=years, expand=False)
    return MappingProxyType({day: known[day].replace("; ", " with ") for day in sorted(known)})


def working_days(
    region: str | None, since: date, closures: tuple[Closure, ...] = ()
) -> WorkingDays:
    """A body's working days for clocks that start on `since` or later in that year.

    Raises:
        ValueError: as `holidays_of`.
    """
    last_year = min(since.year + HORIZON_YEARS, LAST_YEAR)
    return WorkingDays(holidays_of(region, since.year, last_year), closures)


def working_days_after(now: datetime, days: int, region: str | None = None) -> datetime:
    """The end (UTC) of the working day that comes `days` working days after `now`.

    Raises:
        ValueError: `days` is less than 1, or as `holidays_of`.
    """
    start = today(now)
    found = due(start, days, working_days(region, start), ())
    # Without a stop the clock cannot stand.
    assert found is not None
    return end_of(found.day)


def spelt(day: date | str) -> str:
    """A day as people read it: 7 March 2026. `day` may be written as in ISO 8601."""
    read = date.fromisoformat(day) if isinstance(day, str) else day
    return f"{read.day} {read:%B %Y}"

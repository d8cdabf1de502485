"""Days as people here count them: New Zealand's zone, working days, public holidays.

Holidays come from the `holidays` package (Matariki included); a region's anniversary
day counts where the deployment names its region.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import holidays

ZONE = ZoneInfo("Pacific/Auckland")


def end_of(day: date) -> datetime:
    """The instant (UTC) at which `day` is over in New Zealand."""
    return datetime.combine(day + timedelta(days=1), time(0), ZONE).astimezone(UTC)


def start_of(day: date) -> datetime:
    """The instant (UTC) at which `day` begins in New Zealand."""
    return datetime.combine(day, time(0), ZONE).astimezone(UTC)


def today(now: datetime) -> date:
    """The day that `now` falls on in New Zealand."""
    return now.astimezone(ZONE).date()


def working_days_after(now: datetime, days: int, region: str | None = None) -> datetime:
    """The end (UTC) of the working day that comes `days` working days after `now`."""
    day = today(now)
    closed = holidays.country_holidays("NZ", subdiv=region, years=range(day.year, day.year + 3))
    while days:
        day += timedelta(days=1)
        if day.weekday() < 5 and day not in closed:
            days -= 1
    return end_of(day)

"""The mapping between a day of today's world, the day of 2013 that it replays.

Days move by whole weeks only, so that a Monday replays a Monday. The year of the source starts anew
every 52 or 53 weeks, whichever keeps the seasons within four days of their place.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")
FIRST_DAY, LAST_DAY = date(2013, 1, 1), date(2013, 12, 31)
DAYS_IN_A_YEAR = 365.2425


def days_between(first: date, last: date) -> list[date]:
    """List the days from `first` to `last`, including both."""
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def source_day(day: date) -> date:
    """Return the day of 2013 that `day` replays: same weekday and same season."""
    cycle = int((day - FIRST_DAY).days / DAYS_IN_A_YEAR) + 1
    while _cycle_start(cycle) > day:
        cycle -= 1
    found = FIRST_DAY + (day - _cycle_start(cycle))
    return found if found <= LAST_DAY else found - timedelta(weeks=1)


def local_day(moment: datetime) -> date:
    """Return the calendar day in New York at an instant."""
    return moment.astimezone(NEW_YORK).date()


def start_of(day: date) -> datetime:
    """Return the instant at which a New York day begins."""
    return datetime.combine(day, datetime.min.time(), NEW_YORK)


def _cycle_start(cycle: int) -> date:
    return FIRST_DAY + timedelta(weeks=round(cycle * DAYS_IN_A_YEAR / 7))

"""The mapping between a day of today's world, the day of 2013 that it replays.

Days move by whole weeks only, so that a Monday replays a Monday. The year of the source starts anew
every 52 or 53 weeks, whichever keeps the seasons within four days of their place. Within a day the
wall clock of New York is kept, on days too on which it moves.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")
FIRST_DAY, LAST_DAY = date(2013, 1, 1), date(2013, 12, 31)
DAYS_IN_A_YEAR = 365.2425


def days_between(first: date, last: date) -> list[date]:
    """List the days from `first` to `last`, including both."""
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def source_day(day: date) -> date:
    """Return the day of 2013 that `day` replays: same weekday and same season.

    Guarantees: a day of 2013 replays itself.
    """
    if FIRST_DAY <= day <= LAST_DAY:
        return day
    cycle = int((day - FIRST_DAY).days / DAYS_IN_A_YEAR) + 1
    while _cycle_start(cycle) > day:
        cycle -= 1
    found = FIRST_DAY + (day - _cycle_start(cycle))
    return found if found <= LAST_DAY else found - timedelta(weeks=1)


def source_instant(moment: datetime) -> datetime:
    """Return the instant of 2013 that an instant replays: the same time on New York's clocks.

    Guarantees: of an hour that comes twice in one of the years alone, both times are replayed from
    what that hour was, and an hour that the clocks of 2013 skipped from the one after it.
    """
    local = moment.astimezone(NEW_YORK)
    there = datetime.combine(source_day(local.date()), local.time(), NEW_YORK)
    return there.replace(fold=local.fold).astimezone(UTC)


def local_day(moment: datetime) -> date:
    """Return the calendar day in New York at an instant."""
    return moment.astimezone(NEW_YORK).date()


def start_of(day: date) -> datetime:
    """Return the instant at which a New York day begins."""
    return datetime.combine(day, datetime.min.time(), NEW_YORK)


def _cycle_start(cycle: int) -> date:
    return FIRST_DAY + timedelta(weeks=round(cycle * DAYS_IN_A_YEAR / 7))

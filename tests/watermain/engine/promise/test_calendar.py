"""Expected partitions: a pure function of the declaration."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from tests.watermain.engine.promise.promises import FEES, june, promise
from watermain.declare import Daily, Days, Due, Hourly, Monthly, Slo
from watermain.engine.promise.calendar import Expected, Term, events, expected
from watermain.engine.promise.written import read, same_calendar, written
from watermain.testing.strategies.declared import CADENCES, PROMISES

SOON = Slo(ready_within=timedelta(hours=2))
NEW_YORK = "America/New_York"


def _at(month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


def _told(found: list[Expected]) -> list[str]:
    return [f"{e.partition} {e.due_at:%m-%d %H:%M}" for e in found]


def test_days_of_a_moved_clock_are_due_as_much_after_their_end() -> None:
    """In New York the first of November 2026 has 25 hours, the eighth of March 23."""
    local = promise(SOON, Daily(zone=NEW_YORK))
    autumn = expected(local, _at(10, 31, 12), _at(11, 3))
    assert _told([*autumn]) == ["2026-10-31 11-01 06:00", "2026-11-01 11-02 07:00"]
    spring = expected(local, _at(3, 8, 12), _at(3, 10))
    assert _told([*spring]) == ["2026-03-08 03-09 06:00"]


def test_nothing_is_expected_from_before_the_calendar_begins() -> None:
    """Its first day is the first that is due."""
    late = promise(SOON, Daily(start=date(2026, 6, 3)))
    assert _told([*expected(late, june(1), june(5))]) == ["2026-06-03 06-04 02:00"]


def test_ends_of_an_interval_are_half_open() -> None:
    """What is due at its beginning belongs to the interval before."""
    assert _told([*expected(promise(), june(2, 2), june(3, 2))]) == ["2026-06-02 06-03 02:00"]


def test_weekend_and_holiday_wait_for_the_next_working_day() -> None:
    """Thanksgiving 2026 is the 26th of November."""
    morning = promise(
        Slo(due=Due("0 7 * * mon-fri", zone=NEW_YORK, holidays="US")), Daily(zone=NEW_YORK)
    )
    found = expected(morning, _at(11, 25, 12), _at(12, 1))
    assert _told([*found]) == [
        *("2026-11-25 11-27 12:00", "2026-11-26 11-27 12:00"),
        *("2026-11-27 11-30 12:00", "2026-11-28 11-30 12:00", "2026-11-29 11-30 12:00"),
    ]


def test_days_that_are_not_expected_are_never_due() -> None:
    """A market has no partition on a weekend or on its holidays."""
    market = promise(
        Slo(ready_within=timedelta(hours=2), expected=Days(weekdays="mon-fri", holidays="XNYS")),
        Daily(),
    )
    found = expected(market, _at(11, 25, 12), _at(12, 2))
    assert [e.partition for e in found] == ["2026-11-25", "2026-11-27", "2026-11-30"]


def test_hours_and_months_are_due_after_their_ends() -> None:
    """Each rhythm by its own partitions."""
    hours = expected(promise(SOON, Hourly()), june(1, 1), june(1, 4))
    assert _told([*hours]) == [
        *("2026-05-31-23:00 06-01 02:00", "2026-06-01-00:00 06-01 03:00"),
        "2026-06-01-01:00 06-01 04:00",
    ]
    months = expected(promise(SOON, Monthly()), june(1), june(30) + timedelta(days=2))
    assert _told([*months]) == ["2026-05-01 06-01 02:00", "2026-06-01 07-01 02:00"]


def test_event_belongs_to_the_promise_that_was_in_force() -> None:
    """A partition is due once, by the first promise that named it."""
    slow = promise(Slo(ready_within=timedelta(hours=6)))
    terms = [Term(june(1), promise()), Term(june(3, 3), slow), Term(june(5), None)]
    assert _told(events(terms, june(1), june(9))) == [
        *("2026-06-01 06-02 02:00", "2026-06-02 06-03 02:00", "2026-06-03 06-04 06:00"),
    ]


@given(PROMISES, CADENCES, st.integers(0, 400), st.integers(1, 40))
def test_intervals_that_meet_expect_the_same_as_their_union(
    slo: Slo, cadence: Daily, first: int, days: int
) -> None:
    """However often it is asked, each partition is due once, and after it has ended."""
    any_promise = promise(slo, cadence)
    begin = _at(1, 1) + timedelta(days=first)
    middle, end = begin + timedelta(days=days / 2), begin + timedelta(days=days)
    whole = [*expected(any_promise, begin, end)]
    halves = [*expected(any_promise, begin, middle), *expected(any_promise, middle, end)]
    assert halves == whole
    for each in whole:
        assert begin < each.due_at <= end
        assert each.due_at >= cadence.window(each.partition).end
    assert len({e.partition for e in whole}) == len(whole)


@given(PROMISES, CADENCES)
def test_promise_makes_the_journey_through_plain_values(slo: Slo, cadence: Daily) -> None:
    """What was written down expects the same partitions."""
    again = read(written(promise(slo, cadence)))
    assert again.slo == slo
    assert again.dataset == FEES
    assert same_calendar(again, promise(slo, cadence))
    assert not same_calendar(again, None)


def test_instants_of_a_due_time_follow_the_clock_of_its_zone() -> None:
    """What the clock leaves out comes an hour later, what it repeats comes once."""
    half_past = Due("30 2 * * *", zone=NEW_YORK)
    gap = half_past.first_from(_at(3, 8, 5))
    assert gap == _at(3, 8, 7, 30)
    twice = Due("30 1 * * *", zone=NEW_YORK)
    first = twice.first_from(_at(11, 1, 4))
    assert first.astimezone(ZoneInfo(NEW_YORK)).fold == 0
    assert twice.first_from(first + timedelta(minutes=1)) == datetime(
        2026, 11, 2, 6, 30, tzinfo=UTC
    )
    assert twice.last_until(first) == first

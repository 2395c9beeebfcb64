"""Tests of the mapping between today's days, the days of 2013."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.calendar import (
    FIRST_DAY,
    LAST_DAY,
    NEW_YORK,
    days_between,
    local_day,
    source_day,
    source_instant,
    start_of,
)


@given(st.dates(min_value=date(2013, 1, 1), max_value=date(2199, 12, 31)))
def test_day_keeps_its_weekday_with_its_season(day: date) -> None:
    source = source_day(day)
    assert FIRST_DAY <= source <= LAST_DAY
    assert source.weekday() == day.weekday()
    apart = abs(source.timetuple().tm_yday - day.timetuple().tm_yday)
    assert min(apart, 365 - apart) <= 10


@given(st.dates(min_value=FIRST_DAY, max_value=LAST_DAY))
def test_day_of_2013_replays_itself(day: date) -> None:
    assert source_day(day) == day


def test_days_in_a_row_replay_days_in_a_row_but_at_the_turn_of_the_year() -> None:
    days = days_between(date(2013, 1, 1), date(2040, 12, 31))
    jumps = {(source_day(later) - source_day(earlier)).days for earlier, later in pairwise(days)}
    # back to January after 52 or 53 weeks, the 53rd being the last week of December once more
    assert jumps == {1, -363, -6}


@pytest.mark.parametrize(
    ("today", "replayed"),
    [
        (date(2026, 11, 24), date(2013, 11, 26)),
        (date(2027, 1, 1), date(2013, 1, 4)),
        (date(2028, 2, 29), date(2013, 2, 26)),
    ],
)
def test_known_days(today: date, replayed: date) -> None:
    assert source_day(today) == replayed


@pytest.mark.parametrize(
    ("moment", "day"),
    [
        (datetime(2013, 1, 2, 4, 59, tzinfo=UTC), date(2013, 1, 1)),
        (datetime(2013, 1, 2, 5, 0, tzinfo=UTC), date(2013, 1, 2)),
        (datetime(2013, 7, 2, 3, 59, tzinfo=UTC), date(2013, 7, 1)),
        (datetime(2013, 7, 2, 4, 0, tzinfo=UTC), date(2013, 7, 2)),
    ],
)
def test_day_is_that_of_new_york(moment: datetime, day: date) -> None:
    assert local_day(moment) == day


@given(st.datetimes(datetime(2013, 1, 1), datetime(2099, 12, 31), timezones=st.just(UTC)))
def test_instant_keeps_its_time_on_the_clocks_of_new_york(moment: datetime) -> None:
    there = source_instant(moment)
    assert local_day(there) == source_day(local_day(moment))
    local, found = moment.astimezone(NEW_YORK), there.astimezone(NEW_YORK)
    skipped = found.date() == date(2013, 3, 10) and local.hour == 2
    assert found.time() == (local.time().replace(hour=3) if skipped else local.time())
    if moment.year == 2013 and local.date() >= FIRST_DAY:
        assert there == moment


@pytest.mark.parametrize(
    ("today", "replayed"),
    [
        # 10 March 2013 skips 02:00, 2027 does so on 14 March; both replay a Sunday
        ("2027-03-14T06:30", "2013-03-17T05:30"),  # 01:30 EST, in 2013 EDT
        ("2027-03-14T07:30", "2013-03-17T07:30"),  # 03:30 EDT, and 02:30 never is
        ("2027-03-07T06:30", "2013-03-10T06:30"),
        ("2027-03-07T07:30", "2013-03-10T07:30"),  # 02:30 EST, which 2013 skipped: 03:30 EDT
        # 01:00 comes twice on 1 November 2026, and on 3 November 2013
        ("2026-11-01T05:30", "2013-11-03T05:30"),
        ("2026-11-01T06:30", "2013-11-03T06:30"),
        # on 7 November 2027 it comes twice, but not on 10 November 2013
        ("2027-11-07T05:30", "2013-11-10T06:30"),
        ("2027-11-07T06:30", "2013-11-10T06:30"),
    ],
)
def test_known_instants_when_the_clock_moves(today: str, replayed: str) -> None:
    moment, expected = (datetime.fromisoformat(f"{each}+00:00") for each in (today, replayed))
    assert source_instant(moment) == expected


def test_days_of_the_clock_change_are_an_hour_shorter_or_longer() -> None:
    hours = {
        day: (start_of(day + timedelta(days=1)).astimezone(UTC) - start_of(day).astimezone(UTC))
        / timedelta(hours=1)
        for day in (date(2013, 3, 10), date(2013, 6, 1), date(2013, 11, 3))
    }
    assert list(hours.values()) == [23, 24, 25]

"""Tests of the mapping between today's days, the days of 2013."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.calendar import FIRST_DAY, LAST_DAY, days_between, local_day, source_day, start_of


@given(st.dates(min_value=date(2013, 1, 1), max_value=date(2199, 12, 31)))
def test_day_keeps_its_weekday_with_its_season(day: date) -> None:
    source = source_day(day)
    assert FIRST_DAY <= source <= LAST_DAY
    assert source.weekday() == day.weekday()
    apart = abs(source.timetuple().tm_yday - day.timetuple().tm_yday)
    assert min(apart, 365 - apart) <= 10


@given(st.dates(min_value=FIRST_DAY, max_value=LAST_DAY - timedelta(days=1)))
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


def test_days_of_the_clock_change_are_an_hour_shorter_or_longer() -> None:
    hours = {
        day: (start_of(day + timedelta(days=1)).astimezone(UTC) - start_of(day).astimezone(UTC))
        / timedelta(hours=1)
        for day in (date(2013, 3, 10), date(2013, 6, 1), date(2013, 11, 3))
    }
    assert list(hours.values()) == [23, 24, 25]

"""Cadences: every instant lies in exactly one partition, on days the clock moves too."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watermain.declare import Cadence, Daily, Hourly, Monthly
from watermain.declare.errors import InvalidCadenceError, InvalidPartitionError

NEW_YORK = Daily(zone="America/New_York")
CADENCES = [
    NEW_YORK,
    Daily(),
    Daily(zone="Asia/Kathmandu"),
    Hourly(),
    Monthly(),
    Monthly(zone="America/New_York"),
]
INSTANTS = st.datetimes(
    min_value=datetime(2013, 1, 3), max_value=datetime(2033, 1, 1), timezones=st.just(UTC)
)


@given(instant=INSTANTS, cadence=st.sampled_from(CADENCES))
def test_cadence_puts_an_instant_into_the_window_of_its_key(
    instant: datetime, cadence: Cadence
) -> None:
    """The window of the key holds the instant."""
    window = cadence.window(cadence.key_of(instant))
    assert window.start <= instant < window.end


@given(instant=INSTANTS, cadence=st.sampled_from(CADENCES))
def test_cadence_windows_touch_without_gap_or_overlap(instant: datetime, cadence: Cadence) -> None:
    """Each partition ends where the next one begins."""
    key = cadence.key_of(instant)
    after = cadence.following(cadence.local(key)).strftime(cadence.format)
    assert cadence.window(key).end == cadence.window(after).start
    assert cadence.keys(key, after) == [key, after]


@pytest.mark.parametrize(
    ("key", "hours"), [("2013-03-10", 23), ("2013-11-03", 25), ("2013-07-04", 24)]
)
def test_daily_cadence_is_as_long_as_the_local_day(key: str, hours: int) -> None:
    """A New York day has 23 hours in March once, 25 in November once."""
    window = NEW_YORK.window(key)
    assert window.end - window.start == timedelta(hours=hours)


@pytest.mark.parametrize(
    "key",
    ["2013-02-30", "2013-1-1", "2012-12-31", "", "2013-01-01 ", "2013-01-01T00", "x" * 500],
)
def test_cadence_refuses_a_key_that_names_no_partition(key: str) -> None:
    """The error shows a right key."""
    with pytest.raises(InvalidPartitionError, match="use keys such as '2013-01-01'") as refused:
        NEW_YORK.window(key)
    assert len(str(refused.value).splitlines()) == 4


def test_monthly_cadence_refuses_a_day_that_begins_no_month() -> None:
    """A key is the first day of its month."""
    with pytest.raises(InvalidPartitionError):
        Monthly().window("2013-01-02")
    assert Monthly().keys("2013-11-01", "2014-02-01")[-1] == "2014-02-01"


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Daily(zone="America/New_Yrok"), "no IANA time zone"),
        (lambda: Daily(zone="../etc/passwd"), "no IANA time zone"),
        (lambda: Hourly(zone="America/New_York"), "hours repeat where clocks move"),
        (lambda: Daily(late_for=timedelta(days=-1)), "is negative"),
    ],
)
def test_cadence_refuses_a_calendar_that_does_not_exist(make: Any, says: str) -> None:
    """A typo is caught where it is written."""
    with pytest.raises(InvalidCadenceError, match=says):
        make()


def test_cadence_starts_where_it_says() -> None:
    """The first partition is the one of the start."""
    later = Daily(start=date(2020, 5, 5))
    assert later.window("2020-05-05").start == datetime(2020, 5, 5, tzinfo=UTC)
    with pytest.raises(InvalidPartitionError):
        later.window("2020-05-04")


@pytest.mark.parametrize(
    ("cadence", "first"),
    [
        (Daily(begun=date(2026, 10, 30)), "2026-10-30"),
        (Hourly(begun=date(2026, 10, 30)), "2026-10-30-00:00"),
        (Monthly(begun=date(2026, 10, 30)), "2026-10-01"),
        (Monthly(start=date(2026, 10, 30)), "2026-11-01"),
        (Monthly(start=date(2020, 2, 1), begun=date(2026, 10, 30)), "2020-02-01"),
    ],
)
def test_data_begin_within_the_first_partition(cadence: Cadence, first: str) -> None:
    """A declared start begins with a whole partition; the day of the data lies in the first."""
    assert cadence.first == first
    assert cadence.key_of(cadence.window(first).start) == first
    assert cadence == type(cadence)(start=cadence.start)

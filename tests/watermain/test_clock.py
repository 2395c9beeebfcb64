"""Instants count in microseconds of UTC since 1970, both ways."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

from hypothesis import given
from hypothesis import strategies as st

from watermain.clock import Clock, FixedClock, instant_of, micros

NEW_YORK = timezone(timedelta(hours=-5))


def test_known_instants_have_known_counts() -> None:
    """The epoch is zero, a zone does not matter, the time before 1970 counts backwards."""
    assert micros(datetime(1970, 1, 1, tzinfo=UTC)) == 0
    assert micros(datetime(1969, 12, 31, 19, 0, 0, 1, tzinfo=NEW_YORK)) == 1
    assert micros(datetime(1969, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)) == -1
    assert micros(datetime.max.replace(tzinfo=UTC)) == 253_402_300_799_999_999


@given(st.datetimes(timezones=st.just(UTC)))
def test_every_instant_comes_back(instant: datetime) -> None:
    """No microsecond is lost to floating point."""
    assert instant_of(micros(instant)) == instant
    assert FixedClock(instant).micros() == micros(instant)


def test_clock_tells_both_alike() -> None:
    """What `micros` says lies between two calls of `now`."""
    clock = Clock()
    before, counted, after = clock.now(), clock.micros(), clock.now()
    assert micros(before) <= counted <= micros(after)

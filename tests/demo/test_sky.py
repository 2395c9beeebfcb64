"""Tests of what instruments read."""

from __future__ import annotations

import csv
from datetime import UTC, datetime, timedelta

import pytest

from demo.flights import source_file
from demo.sky import AIRPORTS, INSTRUMENTS, Sky


@pytest.fixture(scope="module")
def sky() -> Sky:
    """One sky for all tests."""
    return Sky(7)


def test_readings_follow_the_observations(sky: Sky) -> None:
    """At each full hour of a week of 2013 a reading is the file's value, but for the noise."""
    with source_file("weather.csv").open(newline="") as file:
        rows = [r for r in csv.DictReader(file) if r["month"] == "6" and int(r["day"]) < 8]
    compared = 0
    for row in rows:
        for name, instrument in INSTRUMENTS.items():
            if row[instrument.column] != "NA":
                at = datetime.fromisoformat(row["time_hour"])
                read = sky.reading(row["origin"], name, at)
                assert abs(read - float(row[instrument.column])) <= instrument.noise + 0.01
                compared += 1
    assert compared > 1200


def test_reading_between_two_hours_lies_between_them(sky: Sky) -> None:
    """Pressure at half past, beside both hours."""
    at = datetime(2013, 6, 3, 14, tzinfo=UTC)
    both = [sky.reading("JFK", "pressure", at + timedelta(hours=n)) for n in (0, 1)]
    half = sky.reading("JFK", "pressure", at + timedelta(minutes=30))
    assert min(both) - 0.5 < half < max(both) + 0.5


def test_today_reads_like_its_day_of_2013(sky: Sky) -> None:
    """24 November 2026 replays 26 November 2013, at the same time of the day."""
    for airport in AIRPORTS:
        today = sky.reading(airport, "wind", datetime(2026, 11, 24, 17, tzinfo=UTC))
        then = sky.reading(airport, "wind", datetime(2013, 11, 26, 17, tzinfo=UTC))
        assert abs(today - then) <= 2 * INSTRUMENTS["wind"].noise


def test_same_seed_gives_the_same_readings(sky: Sky) -> None:
    """Seconds apart they differ, never below zero."""
    at = [datetime(2026, 11, 24, 17, tzinfo=UTC) + timedelta(seconds=5 * n) for n in range(100)]
    found = [sky.reading("LGA", "wind", each) for each in at]
    same, other = Sky(7), Sky(8)
    assert found == [same.reading("LGA", "wind", each) for each in at]
    assert found != [other.reading("LGA", "wind", each) for each in at]
    assert len(set(found)) > 40
    assert min(found) >= 0

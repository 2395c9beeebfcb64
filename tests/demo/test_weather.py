"""Tests of what the weather service publishes when."""

from __future__ import annotations

import csv
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from demo.calendar import days_between, source_instant, start_of
from demo.flights import source_file
from demo.sky import AIRPORTS
from demo.weather import FEELS_SINCE, Observatory, Shelf

NOW = datetime(2026, 11, 24, 17, 30, tzinfo=UTC)
JANUARY = days_between(date(2013, 1, 1), date(2013, 1, 31))
LIVE = dict.fromkeys(days_between(date(2026, 10, 1), date(2026, 11, 25)))
BEGIN, END = datetime(2026, 10, 1, 4, tzinfo=UTC), datetime(2026, 11, 24, 17, tzinfo=UTC)


@pytest.fixture(scope="module")
def observatory() -> Observatory:
    """One observatory for all tests; it holds nothing that changes."""
    return Observatory(7)


@pytest.fixture(scope="module")
def live(observatory: Observatory) -> list[dict[str, Any]]:
    """Eight weeks of today's world."""
    return observatory.published(LIVE, BEGIN, END)


def at(row: dict[str, Any], name: str) -> datetime:
    """Read an instant of a row."""
    return datetime.fromisoformat(row[name])


def test_archive_is_the_file(observatory: Observatory) -> None:
    """Every January observation of the CSV, at its own UTC hour, with its own numbers."""
    found = observatory.published(dict.fromkeys(JANUARY, NOW), NOW, NOW + timedelta(seconds=1))
    with source_file("weather.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["month"] == "1"]
    assert len(found) == len(rows) == 2226
    expected = {
        (row["origin"], row["time_hour"], float(row["temp"]), float(row["wind_speed"]))
        for row in rows
    }
    assert expected == {
        (f["airport"], f["observed_at"], f["temperature_f"], f["wind_speed_mph"]) for f in found
    }


def test_some_observations_are_late_some_are_corrected(live: list[dict[str, Any]]) -> None:
    """Minutes after the hour; one in 25 hours late; one in 50 told again with another value."""
    keys = {(row["airport"], row["observed_at"]) for row in live}
    first: dict[tuple[str, str], dict[str, Any]] = {}
    again = []
    for row in live:
        key = (row["airport"], row["observed_at"])
        if key in first:
            again.append((first[key], row))
        first.setdefault(key, row)
    delays = [at(row, "published_at") - at(row, "observed_at") for row in first.values()]
    assert timedelta(minutes=3) <= min(delays)
    assert max(delays) < timedelta(hours=7)
    assert 0.03 < sum(d > timedelta(hours=1) for d in delays) / len(keys) < 0.05
    assert 0.01 < len(again) / len(keys) < 0.03
    assert all(a["temperature_f"] == b["temperature_f"] + 10 for a, b in again)
    assert [at(r, "published_at") for r in live] == sorted(at(r, "published_at") for r in live)


def test_windows_give_what_one_question_gives(
    observatory: Observatory, live: list[dict[str, Any]]
) -> None:
    """No row twice, none missing, whatever days are asked for beside those that matter."""
    middle = datetime(2026, 11, 2, 6, 17, tzinfo=UTC)
    late = dict.fromkeys(days_between(date(2026, 11, 1), date(2026, 11, 25)))
    parts = [
        *observatory.published(LIVE, BEGIN, middle),
        *observatory.published(late, middle, END),
    ]
    assert parts == live


def test_same_seed_gives_the_same_weather(
    observatory: Observatory, live: list[dict[str, Any]]
) -> None:
    """Another seed lets others be late."""
    assert Observatory(7).published(LIVE, BEGIN, END) == live
    assert Observatory(8).published(LIVE, BEGIN, END) != live


@pytest.mark.parametrize(
    ("day", "hours", "missing"),
    [
        (date(2026, 3, 8), 23, 0),  # as 10 March 2013 had
        (date(2027, 3, 7), 24, 1),  # 10 March 2013 skipped 02:00, so nobody observed it
        (date(2027, 3, 14), 23, 0),  # 02:00 of 17 March 2013 is left out
        (date(2026, 11, 1), 25, 0),  # as 3 November 2013 had
        (date(2027, 11, 7), 25, 0),  # 01:00 of 10 November 2013 is told twice
        (date(2028, 11, 5), 25, 0),
        (date(2027, 10, 31), 24, 0),
    ],
)
def test_day_on_which_the_clock_moves_keeps_the_time_on_the_clock(
    observatory: Observatory, day: date, hours: int, missing: int
) -> None:
    """Each hour of the day tells what the same hour on the clock told in 2013, once each."""
    year = datetime(day.year, 1, 1, tzinfo=UTC)
    found = observatory.published({day: year}, year, year + timedelta(seconds=1))
    keys = [(row["airport"], row["observed_at"]) for row in found]
    assert len(keys) == len(set(keys))
    with source_file("weather.csv").open(newline="") as file:
        told = {
            (row["origin"], datetime.fromisoformat(row["time_hour"])): row["temp"]
            for row in csv.DictReader(file)
        }
    compared = 0
    for row in found:
        there = source_instant(at(row, "observed_at"))
        assert row["temperature_f"] == float(told[row["airport"], there])
        compared += 1
    absent = sum((a, source_instant(h)) not in told for a in AIRPORTS for h in _hours(day))
    assert compared == 3 * (hours - missing) - absent


def _hours(day: date) -> list[datetime]:
    begin, end = (start_of(d).astimezone(UTC) for d in (day, day + timedelta(days=1)))
    return [begin + timedelta(hours=n) for n in range((end - begin) // timedelta(hours=1))]


def test_shelf_remembers_days_with_the_instant_they_were_put_there(tmp_path: Path) -> None:
    """A day is archived once; live days begin once, or later with an earlier day."""
    shelf = Shelf(tmp_path / "demo" / "weather.json")
    assert shelf.days(BEGIN, NOW) == {}
    assert shelf.archive(JANUARY, NOW) == 31
    assert Shelf(shelf.path).archive(JANUARY, NOW + timedelta(days=1)) == 0
    at = NOW - timedelta(minutes=10)
    assert shelf.days(BEGIN, NOW) == dict.fromkeys(JANUARY, at)
    assert shelf.days(NOW, NOW + timedelta(days=30)) == {}
    yesterday = date(2026, 11, 23)
    assert shelf.go_live(yesterday, NOW) == 2
    assert shelf.go_live(date(2026, 11, 28), NOW + timedelta(days=5)) == 0
    found = shelf.days(NOW - timedelta(hours=2), NOW)
    assert {day for day, archived in found.items() if archived is None} == {
        yesterday,
        date(2026, 11, 24),
    }
    assert shelf.go_live(date(2026, 10, 24), NOW) == 30
    assert len(shelf.days(BEGIN, NOW)) == 32 + 31


def test_service_tells_one_thing_more_from_a_day_on(observatory: Observatory) -> None:
    """How it feels: as warm as it is, but for wind in the cold; never before that day."""
    days = days_between(FEELS_SINCE - timedelta(days=2), FEELS_SINCE + timedelta(days=1))
    for day in (*days, date(2013, 12, 25)):
        rows = observatory.published({day: NOW}, NOW, NOW + timedelta(seconds=1))
        assert rows
        assert {"feels_like_f" in row for row in rows} == {day >= FEELS_SINCE}
    windy = [r for r in rows if r["wind_speed_mph"] and r["wind_speed_mph"] >= 3]
    assert all(row["feels_like_f"] < row["temperature_f"] for row in windy)

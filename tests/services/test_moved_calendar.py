"""The demo whose days end today, brought up; its clocks on days on which they move."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from demo.calendar import NEW_YORK, days_between, local_day, source_day
from demo.flights import read_flights
from demo.pace import present
from tests.ports import free_port
from tests.services.conftest import ROOT
from tests.services.platform import Platform

pytestmark = [pytest.mark.services, pytest.mark.timeout(1500)]

Leg = tuple[str, int, str, str, int]  # carrier, number, origin, destination, minute of the day
FLIGHTS = """select carrier, flight_number, origin, destination, scheduled_departure_at as at,
  recorded_on from operations.curated.flights"""
FILLED = """query ($key: AssetKeyInput!) { assetNodeOrError(assetKey: $key) { ... on AssetNode {
  partitionKeys partitionStats { numMaterialized numPartitions numFailed } } } }"""
DATASETS = (
    ("operations", "raw", "flights"),
    ("operations", "curated", "flights"),
    ("operations", "curated", "timetable"),
    ("operations", "marts", "fct_departures"),
    ("prediction", "curated", "departures"),
)


@pytest.fixture(scope="module")
def recorded() -> dict[date, Counter[Leg]]:
    """The legs of each day of 2013, as the real data have them."""
    with duckdb.connect() as connection:
        read_flights(connection)
        rows = connection.execute(
            "select make_date(year, month, day), carrier, flight, origin, dest,"
            " hour * 60 + minute from source_flights"
        ).fetchall()
    found: dict[date, Counter[Leg]] = {}
    for day, *leg in rows:
        found.setdefault(day, Counter())[tuple(leg)] += 1  # type: ignore[index]
    return found


def flown(platform: Platform, **extra: str) -> dict[date, Counter[Leg]]:
    """The published legs of each day of New York, each with the minute on New York's clocks.

    Guarantees: each names the day of 2013 that its own day replays.
    """
    found: dict[date, Counter[Leg]] = {}
    for row in platform.facts("sql", "--limit", "100000", FLIGHTS, **extra):
        local = datetime.fromisoformat(row["at"]).astimezone(NEW_YORK)
        on = date.fromisoformat(row["recorded_on"])
        assert (on, on.weekday()) == (source_day(local.date()), local.weekday())
        leg = row["carrier"], row["flight_number"], row["origin"], row["destination"]
        minute = local.hour * 60 + local.minute
        found.setdefault(local.date(), Counter())[(*leg, minute)] += 1
    return found


@pytest.fixture(scope="module")
def moved(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Platform, date]]:
    """A platform with three days before today, and the day with which it begins."""
    platform = Platform(ROOT, tmp_path_factory.mktemp("moved"), free_port())
    since = local_day(present()) - timedelta(days=3)
    with platform.up("--days", "3"):
        yield platform, since


def test_days_keep_their_weekday_with_their_hours(
    moved: tuple[Platform, date], recorded: dict[date, Counter[Leg]]
) -> None:
    """Each leg of 2013 flies once, at the same minute on New York's clocks."""
    platform, since = moved
    found = flown(platform)
    days = days_between(since, since + timedelta(days=3))
    assert days == [day for day in sorted(found) if day <= since + timedelta(days=3)]
    for day in days:
        assert found[day] == recorded[source_day(day)], day


def test_calendars_begin_with_the_data_where_every_partition_is_filled(
    moved: tuple[Platform, date],
) -> None:
    """No empty years before, nothing failed, no day ahead that has not begun."""
    platform, since = moved
    assert f"WATERMAIN_DATA_SINCE={since}" in (platform.data / "watermain.env").read_text()
    for path in DATASETS:
        node = platform.ask(FILLED, key={"path": path})["assetNodeOrError"]
        keys, stats = node["partitionKeys"], node["partitionStats"]
        assert keys[0] == str(since), path
        assert keys[-1] <= str(local_day(present())), path
        assert len(keys) - stats["numMaterialized"] in (0, 1), path  # midnight may have passed
        assert stats["numFailed"] == 0, path


@pytest.mark.parametrize(
    ("end", "moves_on", "hours"),
    [("2026-11-02", date(2026, 11, 1), 25), ("2027-03-15", date(2027, 3, 14), 23)],
)
def test_day_on_which_the_clocks_move_keeps_its_hours(
    tmp_path: Path, recorded: dict[date, Counter[Leg]], end: str, moves_on: date, hours: int
) -> None:
    """Through the real database and the real lake: nothing falls into another day's partition."""
    platform = Platform(ROOT, tmp_path, free_port())
    began = platform.facts("up", "--data-dir", str(tmp_path), module="demo")
    words = ("--data-dir", str(tmp_path), "--days", "2", "--as-of", f"{end}T12:00")
    since = platform.facts("load", *words, module="demo")["since"]
    extra = {"WATERMAIN_DATA_SINCE": since, "WATERMAIN_SOURCE_OPERATIONS_DB": began["dsn"]}
    span = ("--from", since, "--to", end)
    try:
        platform.sound("materialize", "operations.curated.flights", *span, **extra)
        found = flown(platform, **extra)
        days = days_between(date.fromisoformat(since), date.fromisoformat(end))
        assert {day: found[day] == recorded[source_day(day)] for day in days} == dict.fromkeys(
            days, True
        )
        history = platform.facts("explain", "operations.curated.flights", **extra)["publishes"]
        rows = {each["partition"]: each["rows_out"] for each in history}
        assert [rows[str(day)] for day in days] == [found[day].total() for day in days]
    finally:
        platform.run("down")
        platform.run("down", "--data-dir", str(tmp_path), module="demo")
    midnight = [datetime(d.year, d.month, d.day, tzinfo=NEW_YORK) for d in days]
    lengths = {a.date(): b.timestamp() - a.timestamp() for a, b in zip(midnight, midnight[1:])}
    assert lengths[moves_on] == hours * 3600

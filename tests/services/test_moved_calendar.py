"""The demo whose days end today, brought up."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta

import pytest

from demo.calendar import days_between, local_day, source_day
from demo.pace import present
from tests.demo.legs import LEGS, Leg, moved_legs, recorded_legs
from tests.ports import free_port
from tests.services.conftest import ROOT
from tests.services.whole_platform import Platform

pytestmark = [pytest.mark.services, pytest.mark.timeout(1500)]

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
    """The legs of each day of 2013."""
    return recorded_legs()


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
    told = platform.sound("sql", "--limit", "100000", "--format", "json", LEGS)
    found = moved_legs(json.loads(told))
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

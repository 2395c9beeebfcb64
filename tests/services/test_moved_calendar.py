"""The demo whose days end today, brought up."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

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


FLIGHTS = "operations.curated.flights"
BACKFILLS = """{ partitionBackfillsOrError(limit: 5) { ... on PartitionBackfills { results {
  id status partitionNames error { message } } } } }"""
RUNS = """query ($id: String!) {
  runsOrError(filter: {tags: [{key: "dagster/backfill", value: $id}]}) {
  ... on Runs { results { status assetSelection { path } tags { key value } } } } }"""
FAILED = """{ runsOrError(filter: {statuses: [FAILURE, CANCELED]}) {
  ... on Runs { results { runId } } } }"""
OPEN = {"REQUESTED", "CANCELING", "COMPLETING", "FAILING"}


def test_backfill_of_past_days_launched_from_the_ui_succeeds(
    moved: tuple[Platform, date], page: Page, pictures: Path
) -> None:
    """While data flow: one run, with a name, a reason, its target; nothing becomes red."""
    platform, since = moved
    first, _, last = days_as_text(since, 3)
    page.goto(f"{platform.url}/assets/{FLIGHTS.replace('.', '/')}")
    expect(page.get_by_text("Latest materialization").first).to_be_visible()
    page.locator("button:has-text('Materialize')").first.click()
    box = page.locator("input[placeholder='No matching partitions'], input[placeholder^='ex: ']")
    box.first.fill(f"[{first}...{last}]")
    box.first.press("Enter")
    expect(page.get_by_text("3 partitions").first).to_be_visible()
    page.get_by_role("button", name="Launch backfill").click()
    ended = _ended_backfill(platform)
    assert ended["status"] == "COMPLETED_SUCCESS", ended
    assert ended["partitionNames"] == days_as_text(since, 3)
    (run,) = platform.ask(RUNS, id=ended["id"])["runsOrError"]["results"]
    tags = {tag["key"]: tag["value"] for tag in run["tags"]}
    assert run["assetSelection"] == [{"path": FLIGHTS.split(".")}]
    assert tags["watermain/run"].startswith(f"publish {FLIGHTS} [{first}")
    assert tags["watermain/why"] == f"the backfill {ended['id']}"
    assert platform.ask(FAILED)["runsOrError"]["results"] == []
    page.goto(f"{platform.url}/runs/b/{ended['id']}?tab=runs")
    for text in ("Succeeded", f"{first}...{last}", f"watermain/run: publish {FLIGHTS}"):
        expect(page.get_by_text(text).first).to_be_visible()
    page.screenshot(path=pictures / "backfill.png")


def days_as_text(since: date, count: int) -> list[str]:
    """So many days, as partitions have them."""
    return [str(since + timedelta(days=n)) for n in range(count)]


def _ended_backfill(platform: Platform) -> dict[str, Any]:
    until = time.monotonic() + 300
    while time.monotonic() < until:
        found = platform.ask(BACKFILLS)["partitionBackfillsOrError"]["results"]
        if found and found[0]["status"] not in OPEN:
            ended: dict[str, Any] = found[0]
            return ended
        time.sleep(1)
    raise AssertionError("the backfill did not end")

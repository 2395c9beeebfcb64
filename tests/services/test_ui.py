"""What a person sees in Dagster's UI, seen by a real browser."""

from __future__ import annotations

import time
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

pytestmark = [pytest.mark.services, pytest.mark.timeout(1500)]

BACKFILLS = """query { partitionBackfillsOrError(limit: 5) { ... on PartitionBackfills {
  results { status numPartitions partitionNames } } } }"""
ROWS = """query { assetNodes(assetKeys: [{path: ["operations", "curated", "flights"]}]) {
  assetMaterializations(limit: 200) { partition runId metadataEntries {
    label ... on IntMetadataEntry { intValue } } } } }"""


def ask(platform: str, query: str) -> dict[str, object]:
    """Ask the GraphQL API."""
    answer = httpx.post(f"{platform}/graphql", json={"query": query}, timeout=60)
    found: dict[str, object] = answer.raise_for_status().json()["data"]
    return found


def test_graph_shows_sources_to_marts_by_group(platform: str, page: Page, pictures: Path) -> None:
    """The group of team operations runs from what is captured to what is reported."""
    page.set_viewport_size({"width": 1600, "height": 2600})  # only what is in view is drawn
    page.goto(f"{platform}/locations/operations/asset-groups/operations/lineage")
    for name in ("planes", "dim_aircraft", "fct_departures", "fct_monthly_on_time_report"):
        expect(page.get_by_text(name, exact=True).first).to_be_visible()
    expect(page.get_by_text("dbt", exact=True).first).to_be_visible()
    expect(page.get_by_text("PostgreSQL", exact=True).first).to_be_visible()
    page.wait_for_timeout(3000)
    page.screenshot(path=pictures / "asset-graph.png")
    page.goto(f"{platform}/asset-groups")
    for group in ("operations", "upkeep"):
        expect(page.get_by_text(group, exact=True).first).to_be_visible()


def test_asset_page_shows_owner_columns_checks_freshness(
    platform: str, page: Page, pictures: Path
) -> None:
    """The declaration's words are on the asset's page."""
    page.goto(f"{platform}/assets/operations/curated/flights")
    expect(page.get_by_text("Latest materialization").first).to_be_visible()
    for text in ("one row per flight leg", "scheduled_departure_at", "non-nullable"):
        expect(page.get_by_text(text).first).to_be_visible()
    _await_freshness(page)
    owners = page.get_by_text("Owners", exact=True).locator("xpath=../..")
    expect(owners.get_by_text("operations").first).to_be_visible()
    page.screenshot(path=pictures / "asset-page.png")
    page.goto(f"{platform}/assets/operations/curated/flights?view=checks")
    for check in ("unique_key_flight_id", "accepted_values_origin", "between_distance_miles"):
        expect(page.get_by_text(check).first).to_be_visible()


def _await_freshness(page: Page) -> None:
    """Dagster's daemon looks at freshness every now and then, also for the first time."""
    until = time.monotonic() + 180
    while time.monotonic() < until and not page.get_by_text("Passing").count():
        page.wait_for_timeout(5000)
        page.reload()
        expect(page.get_by_text("Latest materialization").first).to_be_visible()
    expect(page.get_by_text("Passing").first).to_be_visible()


def test_backfill_of_three_days_launched_from_the_ui_succeeds(platform: str, page: Page) -> None:
    """A person selects three days and launches; one run does them."""
    page.goto(f"{platform}/assets/operations/curated/flights")
    expect(page.get_by_text("Latest materialization").first).to_be_visible()
    page.locator("button:has-text('Materialize')").first.click()
    page.get_by_text("Show all partitions").click()
    box = page.get_by_placeholder("ex: 2013-01-01")
    box.fill("[2013-01-02...2013-01-04]")
    box.press("Enter")
    expect(page.get_by_text("3 partitions").first).to_be_visible()
    page.get_by_role("button", name="Launch backfill").click()
    ended = _await_backfill(platform)
    assert ended["status"] == "COMPLETED_SUCCESS"
    assert ended["partitionNames"] == ["2013-01-02", "2013-01-03", "2013-01-04"]
    nodes = ask(platform, ROWS)["assetNodes"]
    latest = nodes[0]["assetMaterializations"]  # type: ignore[index]
    newest = {m["partition"]: m for m in reversed(latest)}
    runs = {newest[day]["runId"] for day in ended["partitionNames"]}  # type: ignore[attr-defined]
    assert len(runs) == 1
    entries = {e["label"]: e.get("intValue") for e in newest["2013-01-02"]["metadataEntries"]}
    assert entries["rows_published"] == 943


def _await_backfill(platform: str) -> dict[str, object]:
    until = time.monotonic() + 300
    while time.monotonic() < until:
        found = ask(platform, BACKFILLS)["partitionBackfillsOrError"]["results"]  # type: ignore[index]
        asked = [b for b in found if b["numPartitions"] == 3]
        if asked and asked[0]["status"] not in ("REQUESTED", "CANCELING", "COMPLETING"):
            ended: dict[str, object] = asked[0]
            return ended
        time.sleep(2)
    raise AssertionError("the backfill did not end")


@pytest.mark.parametrize("key", ["2012-12-31", "2013-02-30", "'; drop table flights; --"])
def test_partition_key_outside_the_cadence_is_refused_through_the_api(
    platform: str, key: str
) -> None:
    """A key sent past the UI reaches no data."""
    before = ask(platform, ROWS)
    launch = """mutation($params: ExecutionParams!) { launchRun(executionParams: $params) {
      __typename ... on LaunchRunSuccess { run { runId } }
      ... on PythonError { message } ... on RunConfigValidationInvalid { errors { message } }
      ... on InvalidSubsetError { message } } }"""
    params = {
        "selector": {
            "repositoryLocationName": "operations",
            "repositoryName": "__repository__",
            "jobName": "__ASSET_JOB",
            "assetSelection": [{"path": ["operations", "curated", "flights"]}],
        },
        "runConfigData": {},
        "executionMetadata": {"tags": [{"key": "dagster/partition", "value": key}]},
    }
    answer = httpx.post(
        f"{platform}/graphql", json={"query": launch, "variables": {"params": params}}, timeout=60
    ).json()["data"]["launchRun"]
    if answer["__typename"] == "LaunchRunSuccess":
        assert _ended(platform, answer["run"]["runId"]) == "FAILURE"
    partitions = {m["partition"] for m in _materializations(ask(platform, ROWS))}
    assert key not in partitions
    assert len(_materializations(before)) <= len(_materializations(ask(platform, ROWS)))


def _materializations(answer: dict[str, object]) -> list[dict[str, object]]:
    found: list[dict[str, object]] = answer["assetNodes"][0]["assetMaterializations"]  # type: ignore[index]
    return found


def _ended(platform: str, run: str) -> str:
    until = time.monotonic() + 120
    query = f'query {{ runOrError(runId: "{run}") {{ ... on Run {{ status }} }} }}'
    while time.monotonic() < until:
        status = ask(platform, query)["runOrError"]["status"]  # type: ignore[index]
        if status in ("SUCCESS", "FAILURE", "CANCELED"):
            return str(status)
        time.sleep(1)
    raise AssertionError(f"run {run} did not end")

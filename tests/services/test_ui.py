"""What a person sees in Dagster's UI, seen by a real browser."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

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


BOXES = ("raw", "curated", "marts", "quarantine")
TEAMS = ("operations", "weather", "prediction", "upkeep")


def test_graph_shows_stages_as_boxes_inside_teams(
    platform: str, page: Page, pictures: Path
) -> None:
    """Four teams at first; inside one its stages, and inside those what they hold."""
    page.set_viewport_size({"width": 1600, "height": 1000})
    page.goto(f"{platform}/asset-groups")
    for team in TEAMS:
        expect(page.get_by_text(team, exact=True).first).to_be_visible()
    page.goto(f"{platform}/asset-groups?expanded=global%40global%3Aoperations")
    for stage in BOXES:
        expect(page.get_by_text(stage, exact=True).first).to_be_visible()
    page.wait_for_timeout(3000)
    page.screenshot(path=pictures / "asset-graph.png")
    page.set_viewport_size({"width": 1600, "height": 2600})  # only what is in view is drawn
    page.goto(f"{platform}/assets/operations/marts/fct_departures?view=lineage")
    for name in ("fct_departures", "fct_monthly_on_time_report"):
        expect(page.get_by_text(name, exact=True).first).to_be_visible()
    expect(page.get_by_text("dbt", exact=True).first).to_be_visible()


def test_catalog_tells_each_table_in_a_sentence(platform: str, page: Page, pictures: Path) -> None:
    """What a row is, then what is done; the stage beside the name; no code of a model."""
    page.set_viewport_size({"width": 1600, "height": 2600})
    page.goto(f"{platform}/assets")
    for text in (
        "One row per aircraft. Keep each aircraft as the partner last",
        "One row per aircraft, as the partner last described it.",
        "operations/curated",
        "operations/quarantine",
    ):
        expect(page.get_by_text(text).first).to_be_visible()
    assert page.get_by_text("Raw SQL").count() == 0
    page.screenshot(path=pictures / "catalog.png")


def test_asset_page_shows_owner_columns_checks_freshness(
    platform: str, page: Page, pictures: Path
) -> None:
    """The declaration's words are on the asset's page."""
    page.set_viewport_size({"width": 1600, "height": 2000})
    page.goto(f"{platform}/assets/operations/curated/flights")
    expect(page.get_by_text("Latest materialization").first).to_be_visible()
    for text in (
        "One row per flight leg.",
        "scheduled_departure_at",
        "non-nullable",
        "Partitions ready within 1 h, at most 1 of 28 late.",
        "daily in America/New_York",
        'watermain sql "select * from operations.curated.flights limit 20"',
        "contracts/operations/curated.flights.odcs.yaml",
        "platform_assets/operations/curated.py",
        "rows of",
    ):
        expect(page.get_by_text(text).first).to_be_visible()
    assert page.get_by_text("sensitivity: internal").count() == 0
    health = page.locator('a[href$="/datasets/operations.curated.flights"]').first
    expect(health).to_be_attached()
    address = str(health.get_attribute("href"))
    assert "operations.curated.flights" in httpx.get(address, timeout=60, trust_env=False).text
    _await_freshness(page)
    owners = page.get_by_text("Owners", exact=True).locator("xpath=../..")
    expect(owners.get_by_text("operations").first).to_be_visible()
    page.screenshot(path=pictures / "asset-page.png")
    page.goto(f"{platform}/assets/operations/curated/airline_contacts")
    expect(page.get_by_text("sensitivity: personal").first).to_be_visible()


def test_check_page_says_what_is_demanded(platform: str, page: Page, pictures: Path) -> None:
    """The rule with its values, the line of the rule, the page to read."""
    page.goto(f"{platform}/assets/operations/curated/flights?view=checks")
    for check in ("unique_key_flight_id", "accepted_values_origin", "between_distance_miles"):
        expect(page.get_by_text(check).first).to_be_visible()
    page.get_by_text("accepted_values_origin").first.click()
    for text in (
        "is one of EWR, JFK, LGA; blocks the partition otherwise.",
        "docs/runbooks/rows-break-a-rule.md",
        "Passed",
    ):
        expect(page.get_by_text(text).first).to_be_visible()
    page.screenshot(path=pictures / "check-page.png")


FEATURE_CHECKS = """query { assetNodeOrError(assetKey: {path: ["prediction", "features",
  "route_delay_v2"]}) { ... on AssetNode { assetChecksOrError { ... on AssetChecks { checks {
    name executionForLatestMaterialization { status } } } } } } }"""


def test_checks_of_features_are_made_after_a_publish(platform: str) -> None:
    """By no run of their own: the sensor tells of them."""
    until, found = time.monotonic() + 480, dict[str, object]()
    wanted = ("feature_drift", "online_parity", "staleness")
    while time.monotonic() < until and not all(found.get(name) for name in wanted):
        time.sleep(5)
        node: Any = ask(platform, FEATURE_CHECKS)["assetNodeOrError"]
        checks = node["assetChecksOrError"]["checks"]
        found = {c["name"]: c["executionForLatestMaterialization"] for c in checks}
    assert [found[name] is not None for name in wanted] == [True] * 3
    assert found["online_parity"] == {"status": "SUCCEEDED"}
    assert found["feature_drift"] == {"status": "SUCCEEDED"}


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

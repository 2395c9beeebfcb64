"""What commands tell of partitions."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import dagster as dg
import pytest

from tests.watermain.engine.publish.test_publish import sales
from tests.watermain.orchestrate.test_asset import ranged, run, stocked
from watermain.cli.look import explain
from watermain.cli.look.facts import dataset_facts
from watermain.lake.lake import Lake
from watermain.orchestrate.instance.opening import open_instance
from watermain.process.instance import dagster_home, storage_url, write_instance
from watermain.settings import load_settings

__all__ = ["stocked"]


@pytest.fixture
def instance(stocked: Lake) -> Iterator[dg.DagsterInstance]:
    """The instance that the command itself opens, in which three days were asked for."""
    write_instance(load_settings())
    settings = load_settings()
    with open_instance(dagster_home(settings), storage_url(settings)) as it:
        run(stocked, it, tags=ranged("2013-01-01", "2013-01-03"))
        run(stocked, it, tags=ranged("2013-01-01", "2013-01-01"))
        yield it


def told(partition: str | None) -> dict[str, object]:
    """The facts of the checks."""
    found = explain._published(sales, partition) | explain._checked(sales, partition)
    explain._tell_standing(found)
    return found


def test_checks_of_a_partition_are_that_partition_s(instance: dg.DagsterInstance) -> None:
    """Not those of whichever partition was looked at last."""
    for key, passed in (("2013-01-01", True), ("2013-01-02", True), ("2013-01-03", False)):
        checks = {c["check"]: c for c in told(key)["checks"]}  # type: ignore[attr-defined]
        assert {c["partition"] for c in checks.values()} == {key}
        assert checks["between_amount"]["passed"] is passed
        assert checks["row_count"]["passed"] is True
    last = told(None)["checks"]
    assert {c["partition"] for c in last} == {"2013-01-01"}  # type: ignore[attr-defined]


def test_partition_that_was_never_looked_at_has_no_result(instance: dg.DagsterInstance) -> None:
    """Nothing of another partition stands in its place."""
    found = told("2013-01-09")
    assert {c["passed"] for c in found["checks"]} == {None}  # type: ignore[attr-defined]
    assert (found["held_back"], found["publishes"]) == ([], [])


def test_what_is_held_back_is_named(
    instance: dg.DagsterInstance, capsys: pytest.CaptureFixture[str]
) -> None:
    """By which check, with what readers have of it."""
    held = {"partition": "2013-01-03", "checks": ["between_amount"], "published_at": None}
    assert told(None)["held_back"] == [held]
    assert told("2013-01-03")["held_back"] == [held]
    assert told("2013-01-02")["held_back"] == []
    explain._print_held(told(None))
    assert "2013-01-03  between_amount  nothing of it" in capsys.readouterr().out


def test_error_names_the_partitions_that_are_held_back(stocked: Lake) -> None:
    """With what came of the others."""
    with dg.instance_for_test() as it:
        result = run(stocked, it, tags=ranged("2013-01-01", "2013-01-03"))
    data = result.get_step_failure_events()[0].step_failure_data
    assert data.error is not None
    assert (
        "data      not published; nothing of 2013-01-03 was ever published; the other 2 of 3"
        " partitions stand"
    ) in data.error.message


def test_status_tells_the_snapshot_of_each_dataset(
    instance: dg.DagsterInstance, stocked: Lake
) -> None:
    """The last commit that claims the dataset, which the lake writes as a list of claims."""
    with stocked.get_connection() as connection:
        snapshot = stocked.snapshot(connection)
        (fact,) = dataset_facts([sales.name], stocked)
        found = connection.execute(
            "select max(snapshot_id) from lake.snapshots()"
            " where commit_message like 'publish shop.curated.sales%'"
        ).fetchone()
    assert fact.snapshot is not None
    assert (fact.snapshot,) == found
    assert fact.snapshot <= snapshot
    assert (fact.partitions, fact.latest_partition, fact.rows) == (2, str(date(2013, 1, 2)), 5)

"""Declarations as Dagster assets, run by Dagster."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pytest

from tests.watermain.engine.feed import Feed, changes
from tests.watermain.engine.publish.test_publish import KNOWN, events, job, sales, sold
from watermain.engine.capture.ingest import capture
from watermain.lake.lake import Lake
from watermain.orchestrate.asset import asset_for

KEY = dg.AssetKey(["shop", "curated", "sales"])


@pytest.fixture
def stocked(lake: Lake) -> Lake:
    """A lake with three days of events, one of them with a negative amount."""
    given = [sold(n, 1 + n % 3, n - 1) for n in range(1, 9)] + [sold(0, 3, -4)]
    capture(events, job(lake), source=Feed(changes(given)))
    return lake


def run(lake: Lake, instance: dg.DagsterInstance, **words: Any) -> dg.ExecuteInProcessResult:
    asset = asset_for(sales, KNOWN.__getitem__)
    assert isinstance(asset, dg.AssetsDefinition)
    return dg.materialize(
        [asset], instance=instance, resources={"lake": lake}, raise_on_error=False, **words
    )


def ranged(first: str, last: str) -> dict[str, str]:
    return {
        "dagster/asset_partition_range_start": first,
        "dagster/asset_partition_range_end": last,
    }


def test_asset_says_who_owns_it_what_a_row_is_where_it_is_declared() -> None:
    """The words of the declaration are Dagster's words."""
    asset = asset_for(sales, KNOWN.__getitem__)
    spec = asset.get_asset_spec(KEY)
    assert spec.owners == ["team:shop"]
    assert spec.group_name == "shop/curated"
    assert spec.description is not None
    assert spec.description.startswith("One row per sale.")
    assert [d.asset_key.path for d in spec.deps] == [["shop", "raw", "events"]]
    columns = spec.metadata["dagster/column_schema"].columns
    assert [(c.name, c.type) for c in columns] == [
        ("id", "string"),
        ("at", "timestamp[us]"),
        ("amount", "int64"),
    ]
    assert {k.name for k in asset.check_keys} == {
        "not_null_id",
        "not_null_at",
        "unique_key_id",
        "between_amount",
        "row_count",
        "within_partition",
    }


def test_asset_records_each_partition_of_a_range_run(stocked: Lake) -> None:
    """One run; a materialization, with its own row count, for each partition."""
    with dg.instance_for_test() as instance:
        result = run(stocked, instance, tags=ranged("2013-01-01", "2013-01-02"))
        assert result.success
        found = instance.fetch_materializations(KEY, limit=10).records
        facts = {r.partition_key: r.asset_materialization.metadata for r in found}
        assert sorted(facts) == ["2013-01-01", "2013-01-02"]
        first = facts["2013-01-01"]
        assert first["dagster/partition_row_count"].value == 2
        assert first["published"].value is True
        assert first["input_snapshots"].value["shop.raw.events"] > 0
        assert first["summary"].value.startswith("2 rows of ")
        assert first["contract_hash"].value == sales.contract.hash
        checked = {
            (e.check_name, e.partition, e.passed) for e in result.get_asset_check_evaluations()
        }
        assert ("between_amount", "2013-01-02", True) in checked
        assert len(checked) == 12


def test_asset_run_publishes_good_partitions_then_fails_for_the_refused(stocked: Lake) -> None:
    """The refused partition has a failed check, no materialization; the others have theirs."""
    with dg.instance_for_test() as instance:
        result = run(stocked, instance, tags=ranged("2013-01-01", "2013-01-03"))
        assert not result.success
        found = instance.fetch_materializations(KEY, limit=10).records
        assert sorted(str(r.partition_key) for r in found) == ["2013-01-01", "2013-01-02"]
        failed = [e for e in result.get_asset_check_evaluations() if not e.passed]
        assert [(e.check_name, e.partition) for e in failed] == [("between_amount", "2013-01-03")]
        assert failed[0].metadata["sample_keys"].value == "s0"
        failure = result.get_step_failure_events()[0]
        error = failure.step_failure_data.error
        assert error is not None
        assert "1 of 4 rows break `between_amount`" in error.message


def test_asset_run_says_that_nothing_is_new(stocked: Lake) -> None:
    """A second run with the same inputs materializes, and says it published nothing."""
    with dg.instance_for_test() as instance:
        for _ in range(2):
            assert run(stocked, instance, partition_key="2013-01-01").success
        last = instance.fetch_materializations(KEY, limit=1).records[0].asset_materialization
        assert last is not None
        assert last.metadata["published"].value is False
        assert "nothing new" in str(last.metadata["reason"].value)
        assert not {"bytes", "seconds", "rows_in", "summary"} & last.metadata.keys()


@pytest.mark.parametrize("key", ["2012-12-31", "2013-1-1"])
def test_asset_run_refuses_a_partition_key_outside_the_cadence(stocked: Lake, key: str) -> None:
    """Keys in tags are not trusted."""
    with dg.instance_for_test() as instance:
        result = run(stocked, instance, tags=ranged(key, key))
        assert not result.success
        assert instance.fetch_materializations(KEY, limit=1).records == []

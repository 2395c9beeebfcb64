"""What Dagster is told of a dataset's inputs."""

from __future__ import annotations

import dagster as dg

from tests.watermain.engine.plan.field import KNOWN, conditions, readings, reports
from watermain.orchestrate.asset import asset_for
from watermain.orchestrate.policy import dependency


def test_dagster_is_told_which_inputs_are_optional() -> None:
    """In the asset's metadata; a partition of the reader may have none of the input's."""
    asset = asset_for(conditions, KNOWN.__getitem__)
    assert isinstance(asset, dg.AssetsDefinition)
    spec = asset.get_asset_spec(dg.AssetKey(conditions.name.key))
    assert spec.metadata["optional_inputs"] == "field.raw.readings"
    mapping = dependency(conditions, readings.name, readings).partition_mapping
    assert isinstance(mapping, dg.TimeWindowPartitionMapping)
    assert mapping.allow_nonexistent_upstream_partitions
    assert dependency(conditions, reports.name).partition_mapping is None

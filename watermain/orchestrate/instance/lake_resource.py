"""The lake as runs are given it: from the settings, whatever a run brings along."""

from __future__ import annotations

from dagster import ResourceDefinition

from watermain.lake.lake import Lake


def settled(lake: Lake) -> ResourceDefinition:
    """The lake as a resource without a configuration; a run that names one is refused."""
    return ResourceDefinition(
        resource_fn=lambda _: lake,
        config_schema={},
        description="The lake that the settings describe.",
    )

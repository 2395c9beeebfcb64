"""The sensor that follows upstream changes."""

from __future__ import annotations

import dagster as dg


def automation_sensor(team: str) -> dg.AutomationConditionSensorDefinition:
    """Evaluate the automation conditions of the team's assets."""
    return dg.AutomationConditionSensorDefinition(
        f"{team}_automation",
        target=dg.AssetSelection.key_prefixes([team]),
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=10,
    )

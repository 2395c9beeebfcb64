"""Plain Dagster definitions that go with the datasets of a room."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import dagster as dg
from dagster import AssetChecksDefinition, AssetsDefinition, AssetSpec, SourceAsset

_KINDS: dict[str, tuple[type[Any], ...]] = {
    "assets": (AssetsDefinition, AssetSpec, SourceAsset),
    "asset_checks": (AssetChecksDefinition,),
    "jobs": (dg.JobDefinition, type(dg.define_asset_job("any"))),
    "sensors": (dg.SensorDefinition,),
    "schedules": (dg.ScheduleDefinition,),
}


def plain_definitions(module: str) -> dg.Definitions:
    """What a module defines at its top: assets, checks, jobs, sensors and schedules.

    Raises: whatever importing the module raises, as Dagster itself would meet it.
    """
    values = list(vars(import_module(module)).values())
    found: dict[str, Any] = {
        word: [
            v
            for v in values
            if isinstance(v, kinds)
            and not (word == "assets" and isinstance(v, AssetChecksDefinition))
        ]
        for word, kinds in _KINDS.items()
    }
    whole = [v for v in values if isinstance(v, dg.Definitions)]
    return dg.Definitions.merge(dg.Definitions(**found), *whole)

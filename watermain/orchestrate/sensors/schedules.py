"""The schedules of what no sensor drives."""

from __future__ import annotations

from collections.abc import Sequence

import dagster as dg

from watermain.declare.dataset import Dataset
from watermain.orchestrate.sweep_asset import sweep_key
from watermain.orchestrate.verification_asset import is_verification


def daily_schedule(team: str, datasets: Sequence[Dataset]) -> list[dg.ScheduleDefinition]:
    """Refresh each morning the datasets that read only what the platform itself writes."""
    raw = {d.name for d in datasets if d.is_platforms}
    fed = [d for d in datasets if d.inputs and set(d.inputs.values()) <= raw]
    if not fed:
        return []
    target = dg.AssetSelection.assets(*(dg.AssetKey(d.name.key) for d in fed))
    return [
        dg.ScheduleDefinition(
            name=f"{team}_daily",
            cron_schedule="15 4 * * *",
            target=target,
            default_status=dg.DefaultScheduleStatus.RUNNING,
        )
    ]


def verification_schedule(team: str, datasets: Sequence[Dataset]) -> list[dg.ScheduleDefinition]:
    """Verify a slice of the lake's files each hour."""
    kept = [d for d in datasets if is_verification(d)]
    if not kept:
        return []
    target = dg.AssetSelection.assets(*(dg.AssetKey(d.name.key) for d in kept))
    return [
        dg.ScheduleDefinition(
            name=f"{team}_verification",
            cron_schedule="40 * * * *",
            target=target,
            default_status=dg.DefaultScheduleStatus.RUNNING,
        )
    ]


def sweep_schedule(team: str, datasets: Sequence[Dataset]) -> list[dg.ScheduleDefinition]:
    """Take away each night what interrupted writers left behind."""
    keys = [sweep_key(d) for d in datasets if is_verification(d)]
    if not keys:
        return []
    return [
        dg.ScheduleDefinition(
            name=f"{team}_sweep",
            cron_schedule="25 3 * * *",
            target=dg.AssetSelection.assets(*keys),
            default_status=dg.DefaultScheduleStatus.RUNNING,
        )
    ]

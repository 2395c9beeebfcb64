"""Runs that have not ended yet."""

from __future__ import annotations

import dagster as dg

OPEN = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]


def is_under_way(instance: dg.DagsterInstance, key: dg.AssetKey) -> bool:
    """Whether a run that has not ended yet is to materialize an asset, whoever asked for it."""
    runs = instance.get_runs(dg.RunsFilter(statuses=OPEN))
    return any(key in (run.asset_selection or ()) for run in runs)

"""Cadence, promise, drive of a dataset in Dagster's words; every preview call stands here."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cache
from math import ceil
from typing import Any

import dagster as dg
from dagster_shared.utils.warnings import BetaWarning, PreviewWarning

from platform_assets.declare.cadence import Cadence, Hourly, Monthly
from platform_assets.declare.dataset import Dataset
from platform_assets.declare.name import DatasetName
from platform_assets.declare.slo import Slo


@contextmanager
def beta_accepted() -> Iterator[None]:
    """Use Dagster's beta words for the block; tests of ours fail when an upgrade changes them."""
    with warnings.catch_warnings():
        for category in (BetaWarning, PreviewWarning):
            warnings.simplefilter("ignore", category)
        yield


@cache
def partitions(cadence: Cadence) -> dg.TimeWindowPartitionsDefinition:
    """The partitions of a cadence; the one now running is included, for data arrive live."""
    start = datetime.combine(cadence.start, datetime.min.time())
    if isinstance(cadence, Hourly):
        return dg.HourlyPartitionsDefinition(
            start_date=start.strftime(cadence.format), timezone="UTC", end_offset=1
        )
    if isinstance(cadence, Monthly):
        return dg.MonthlyPartitionsDefinition(
            start_date=cadence.floor(start).strftime(cadence.format),
            timezone=cadence.zone,
            end_offset=1,
        )
    return dg.DailyPartitionsDefinition(
        start_date=start.strftime(cadence.format), timezone=cadence.zone, end_offset=2
    )


def dependency(dataset: Dataset, name: DatasetName) -> dg.AssetDep:
    """An input, with the partitions before a partition that the body is given of it."""
    back = dataset.looks_back(name)
    if not back or dataset.cadence is None:
        return dg.AssetDep(dg.AssetKey(name.key))
    with beta_accepted():
        mapping = dg.TimeWindowPartitionMapping(
            start_offset=-ceil(back / _length(dataset.cadence)),
            allow_nonexistent_upstream_partitions=True,
        )
    return dg.AssetDep(dg.AssetKey(name.key), partition_mapping=mapping)


def _length(cadence: Cadence) -> timedelta:
    """How long the shortest partition of a unit is, to the hour."""
    return {"hour": timedelta(hours=1), "day": timedelta(hours=23)}.get(
        cadence.unit, timedelta(days=28)
    )


def freshness(slo: Slo | None, cadence: Cadence | None) -> dg.FreshnessPolicy | None:
    """Dagster's view of the promise: a courtesy; the platform measures each partition itself."""
    if slo is None:
        return None
    length = timedelta(0)
    if cadence is not None:
        length = {"hour": timedelta(hours=1), "day": timedelta(days=1)}.get(
            cadence.unit, timedelta(days=31)
        )
    fail = slo.ready_within + length
    return dg.FreshnessPolicy.time_window(fail_window=fail, warn_window=fail * 0.8)


def automation(dataset: Dataset) -> dg.AutomationCondition[Any] | None:
    """Follow upstream changes partition by partition, held back by failed blocking checks.

    Guarantees: late rows in an old partition request exactly that partition; a capture under way
    holds nothing back, for live sources are captured all the time, each batch whole.
    """
    if dataset.source is not None or (dataset.feature and dataset.feature.is_retired):
        return None
    looks_back = any(n.before for n in dataset.needs.values())
    return _following(dataset.cadence is not None, looks_back and dataset.cadence is not None)


@cache
def _following(is_partitioned: bool, looks_back: bool) -> dg.AutomationCondition[Any]:
    eager = dg.AutomationCondition.eager()
    computed: Any = dg.AutomationCondition.any_deps_in_progress().ignore(
        dg.AssetSelection.tag("stage", "raw")
    )
    eager = eager.replace("any_deps_in_progress", computed)
    if is_partitioned:
        eager = eager.without(dg.AutomationCondition.in_latest_time_window())
    if looks_back:  # what lies before the first partition is missing for ever: follow updates alone
        updated = dg.AutomationCondition.any_deps_updated()
        eager = updated.since_last_handled() & ~computed & ~dg.AutomationCondition.in_progress()
    return eager & dg.AutomationCondition.all_deps_blocking_checks_passed()

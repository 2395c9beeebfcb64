"""Cadence, promise, drive of a dataset in Dagster's words; every preview call stands here."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cache
from typing import Any

import dagster as dg
from dagster_shared.utils.warnings import BetaWarning, PreviewWarning

from platform_assets.declare.cadence import Cadence, Hourly, Monthly
from platform_assets.declare.dataset import Dataset
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
    return None if dataset.source is not None else _following(dataset.cadence is not None)


@cache
def _following(is_partitioned: bool) -> dg.AutomationCondition[Any]:
    eager = dg.AutomationCondition.eager()
    computed: Any = dg.AutomationCondition.any_deps_in_progress().ignore(
        dg.AssetSelection.tag("stage", "raw")
    )
    eager = eager.replace("any_deps_in_progress", computed)
    if is_partitioned:
        eager = eager.without(dg.AutomationCondition.in_latest_time_window())
    return eager & dg.AutomationCondition.all_deps_blocking_checks_passed()

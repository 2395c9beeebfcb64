"""Cadence, promise, drive of a dataset in Dagster's words; every preview call stands here."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from functools import cache
from math import ceil

import dagster as dg
from dagster_shared.utils.warnings import BetaWarning, PreviewWarning

from watermain.declare.cadence import Cadence, Hourly, Monthly
from watermain.declare.dataset import Dataset
from watermain.declare.name import DatasetName
from watermain.declare.slo import Slo

WHOLE = "none"  # the cadence of a table without partitions, as a tag


@contextmanager
def beta_accepted() -> Iterator[None]:
    """Use Dagster's beta words for the block; tests of ours fail when an upgrade changes them."""
    with warnings.catch_warnings():
        for category in (BetaWarning, PreviewWarning):
            warnings.simplefilter("ignore", category)
        yield


def partitions(cadence: Cadence) -> dg.TimeWindowPartitionsDefinition:
    """The partitions of a cadence, including the one now running, for data arrive live."""
    return _partitions(cadence, cadence.since)


@cache
def _partitions(cadence: Cadence, since: date) -> dg.TimeWindowPartitionsDefinition:
    start = datetime.combine(since, datetime.min.time())
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
        start_date=start.strftime(cadence.format), timezone=cadence.zone, end_offset=1
    )


def dependency(dataset: Dataset, name: DatasetName, other: Dataset | None = None) -> dg.AssetDep:
    """An input, and the partitions before a partition that the body is given of it.

    Guarantees: an optional input that has partitions of its own may begin later than its reader.
    """
    back = dataset.looks_back(name)
    may_lack = dataset.is_optional(name) and other is not None and other.cadence is not None
    if dataset.cadence is None or not (back or may_lack):
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
    """Dagster's view of the promise: a courtesy; the platform measures each partition itself.

    Guarantees: what publishes once in each partition, as late as promised, never is late to
    Dagster, also on the day of 25 hours. What is due by a calendar has no such view, for Dagster's
    knows no holidays.
    """
    if slo is None or slo.ready_within is None or cadence is None:
        return None
    longest = {"hour": timedelta(hours=1), "day": timedelta(hours=25)}
    length = longest.get(cadence.unit, timedelta(days=31, hours=1))
    return dg.FreshnessPolicy.time_window(
        fail_window=length + slo.ready_within, warn_window=length + slo.ready_within * 0.8
    )

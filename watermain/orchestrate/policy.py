"""Cadence, promise, drive of a dataset in Dagster's words; every preview call stands here."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from functools import cache
from math import ceil
from typing import Any

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
        start_date=start.strftime(cadence.format), timezone=cadence.zone, end_offset=2
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
    Dagster, also on the day of 25 hours. A table without partitions has no such view: without
    news of its inputs it is as fresh as it can be, however long ago it was published.
    """
    if slo is None or cadence is None:
        return None
    longest = {"hour": timedelta(hours=1), "day": timedelta(hours=25)}
    length = longest.get(cadence.unit, timedelta(days=31, hours=1))
    return dg.FreshnessPolicy.time_window(
        fail_window=length + slo.ready_within, warn_window=length + slo.ready_within * 0.8
    )


def automation(dataset: Dataset) -> dg.AutomationCondition[Any] | None:
    """Follow upstream changes partition by partition, but be held back by failed blocking checks.

    Guarantees: late rows in an old partition request exactly that partition; and a capture under
    way holds nothing back, for live sources are captured all the time and each batch is whole.
    """
    if not dataset.is_computed or (dataset.feature and dataset.feature.is_retired):
        return None
    names = set(dataset.inputs.values())
    optional = sorted(n.key for n in names if dataset.is_optional(n))
    none = len(optional) == len(names)
    return _following(tuple(optional), dataset.references, needs_none=none)


@cache
def _following(
    optional: tuple[tuple[str, ...], ...],
    references: tuple[DatasetName, ...] = (),
    *,
    needs_none: bool = False,
) -> dg.AutomationCondition[Any]:
    """Dagster's `eager`, but a partition is asked for as soon as there is anything to compute.

    Of each input that is not optional one of the partitions that are read is enough: the running
    month has no more of its days yet, and before the first day there is nothing to look back at.
    An input that changes while what it was before is being handled asks once more. What a check
    refers to must stand as a whole, but its news are no news of the rows.
    """
    word = dg.AutomationCondition
    updated: Any = word.any_deps_updated()
    others = dg.AssetSelection.assets(*(dg.AssetKey(n.key) for n in references))
    if references:
        updated = updated.ignore(others)
    handled: Any = word.newly_requested() | word.newly_updated()
    changed: Any = (word.newly_missing() | updated).since(
        (handled & ~updated) | word.initial_evaluation()
    )
    computed: Any = word.any_deps_in_progress().ignore(dg.AssetSelection.tag("stage", "raw"))
    there: Any = ~word.missing() | word.will_be_requested()
    enough: Any = word.any_deps_match(there) if needs_none else word.all_deps_match(there)
    if references:
        enough = enough.ignore(others - dg.AssetSelection.tag("cadence", WHOLE))
    sound: Any = word.all_deps_blocking_checks_passed()
    if optional:
        beside = dg.AssetSelection.assets(*(dg.AssetKey(key) for key in optional))
        failed: Any = word.any_checks_match(word.check_failed(), blocking_only=True)
        sound = sound.ignore(beside) & ~word.any_deps_match(failed).allow(beside)
        enough = enough if needs_none else enough.ignore(beside)
    asked: dg.AutomationCondition[Any] = changed & enough & ~computed & ~word.in_progress() & sound
    return asked

"""What is checked of feature tables beside their rows: parity, drift, staleness."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

import dagster as dg
import duckdb

from watermain.clock import Clock, instant_of
from watermain.declare.dataset import Dataset
from watermain.engine.feature.feature_drift import SHIFTED, Drift, drifts
from watermain.engine.feature.parity import parity
from watermain.lake.lake import Lake, quote, table, text
from watermain.online.opening import open_store
from watermain.settings import load_settings

PARITY, DRIFT, STALENESS = "online_parity", "feature_drift", "staleness"
RUNBOOKS = {
    PARITY: "docs/runbooks/online-features-differ.md",
    DRIFT: "docs/runbooks/features-drift.md",
    STALENESS: "docs/runbooks/stale-features.md",
}
SAMPLE = 1000
PRESENT = timedelta(days=7)  # of the newest rows is compared with what models learnt from

Look = Callable[[Dataset, Lake, datetime], dg.AssetCheckResult]


def labels(dataset: Dataset) -> list[str]:
    """The checks of a feature table that are made beside its publish."""
    feature = dataset.feature
    if feature is None or feature.is_retired:
        return []
    found = [PARITY] if feature.is_kept_online else []
    return [*found, *([DRIFT] if feature.trained_on else []), STALENESS]


def feature_checks(datasets: Iterable[Dataset]) -> list[dg.AssetChecksDefinition]:
    """Each as an asset check of its own: run with the table, by the schedule or by hand."""
    looks: dict[str, Look] = {PARITY: _parity, DRIFT: _drift, STALENESS: _staleness}
    return [_check(d, label, looks[label]) for d in datasets for label in labels(d)]


def _check(dataset: Dataset, label: str, look: Look) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=dg.AssetKey(dataset.name.key),
        name=label,
        description=f"{label} of {dataset.name}, declared at {dataset.declared}",
    )
    def check(lake: dg.ResourceParam[Lake]) -> dg.AssetCheckResult:
        return look(dataset, lake, Clock().now())

    return check


def _parity(dataset: Dataset, lake: Lake, now: datetime) -> dg.AssetCheckResult:
    """Values online are the lake's, at the instant of the store's cursor."""
    with open_store(load_settings()) as store:
        found = parity(dataset, lake, store, now, SAMPLE)
    return dg.AssetCheckResult(
        passed=not found.mismatches,
        severity=dg.AssetCheckSeverity.ERROR,
        metadata={
            "compared": found.compared,
            "missing": found.missing,
            "stale": found.stale,
            "different": found.different,
            "sample_keys": ", ".join(found.samples) or "none",
            "snapshot": found.cursor.snapshot if found.cursor else "never filled",
            **_told(dataset, PARITY),
        },
    )


def _drift(dataset: Dataset, lake: Lake, now: datetime) -> dg.AssetCheckResult:
    """The newest week is distributed like what models learnt from."""
    with lake.get_connection() as connection:
        found = present_drift(connection, dataset)
    shifted = [d.feature for d in found if d.is_shifted]
    return dg.AssetCheckResult(
        passed=not shifted,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "shifted": ", ".join(shifted) or "none",
            "limit_psi": SHIFTED,
            **{f"psi_{d.feature}": round(d.psi, 4) for d in found},
            **{f"ks_{d.feature}": round(d.ks, 4) for d in found},
            **_told(dataset, DRIFT),
        },
    )


def present_drift(connection: duckdb.DuckDBPyConnection, dataset: Dataset) -> list[Drift]:
    """How far the features of the newest week are from the training window."""
    feature, event = dataset.feature, quote(str(dataset.contract.event_time))
    days = feature.trained_between(dataset.cadence) if feature else None
    if feature is None or days is None:
        return []
    first, last = days
    of = table(dataset.name)
    begin, end = (
        f"timestamptz '{first} 00:00:00+00'",
        f"timestamptz '{last + timedelta(days=1)} 00:00:00+00'",
    )
    trained = f"(select * from {of} where {event} >= {begin} and {event} < {end})"
    newest = f"(select max({event}) from {of})"
    seconds = int(PRESENT.total_seconds())
    present = f"(select * from {of} where {event} > {newest} - interval '{seconds} seconds')"
    return drifts(connection, feature.columns(dataset.contract), trained, present)


def _staleness(dataset: Dataset, lake: Lake, now: datetime) -> dg.AssetCheckResult:
    """The newest row still answers: it is not older than the table's `max_age`."""
    newest = newest_event(lake, dataset)
    age = None if newest is None else max(0.0, (now - newest).total_seconds())
    feature = dataset.feature
    most = feature.max_age.total_seconds() if feature and feature.max_age else None
    return dg.AssetCheckResult(
        passed=age is not None and (most is None or age <= most),
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "age_seconds": age if age is not None else "no rows",
            "limit_seconds": most if most is not None else "none",
            **_told(dataset, STALENESS),
        },
    )


def newest_event(lake: Lake, dataset: Dataset) -> datetime | None:
    """The event time of the newest row that is known; None without any."""
    event = quote(str(dataset.contract.event_time))
    asked = (
        f"select epoch_us(max({event})) from {table(dataset.name)}"
        f" where {event} <= timestamptz {text(str(Clock().now()))}"
    )
    with lake.get_connection() as connection:
        try:
            row = connection.execute(asked).fetchone()
        except duckdb.CatalogException:  # nothing was ever published
            return None
    if row is None or row[0] is None:
        return None
    return instant_of(row[0])


def _told(dataset: Dataset, label: str) -> dict[str, Any]:
    return {
        "declared": dataset.declared,
        "runbook": dg.MetadataValue.path(RUNBOOKS[label]),
    }

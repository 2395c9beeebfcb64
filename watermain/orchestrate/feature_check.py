"""What is checked of feature tables beside their rows: parity, drift, staleness."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

import dagster as dg
import duckdb

from watermain.clock import Clock, instant_of
from watermain.declare.dataset import Dataset
from watermain.declare.wording import lasting
from watermain.engine.feature.feature_drift import SHIFTED
from watermain.engine.feature.parity import parity
from watermain.engine.feature.present_drift import PRESENT, Judged, present_drift
from watermain.lake.lake import Lake, quote, table, text
from watermain.online.opening import open_store
from watermain.orchestrate.page.checks import told
from watermain.orchestrate.page.links import code, page
from watermain.settings import load_settings

PARITY, DRIFT, STALENESS = "online_parity", "feature_drift", "staleness"
RUNBOOKS = {
    PARITY: "docs/runbooks/online-features-differ.md",
    DRIFT: "docs/runbooks/features-drift.md",
    STALENESS: "docs/runbooks/stale-features.md",
}
SAMPLE = 1000
PATIENCE = 20  # seconds that a push may take before a check of the store gives up


def labels(dataset: Dataset) -> list[str]:
    """The checks of a feature table that are made beside its publish."""
    feature = dataset.feature
    if feature is None or feature.is_retired:
        return []
    found = [PARITY] if feature.is_kept_online else []
    return [*found, *([DRIFT] if feature.trained_on else []), STALENESS]


def feature_checks(datasets: Iterable[Dataset]) -> list[dg.AssetChecksDefinition]:
    """Each as an asset check of its own, which a run of the table or a person executes."""
    return [_check(d, label) for d in datasets for label in labels(d)]


def evaluations(dataset: Dataset, lake: Lake, now: datetime) -> list[dg.AssetCheckEvaluation]:
    """What every check of a feature table finds, for whoever tells Dagster without a run."""
    return [
        dg.AssetCheckEvaluation(
            asset_key=dg.AssetKey(dataset.name.key),
            check_name=label,
            passed=found.passed,
            severity=found.severity,
            metadata=found.metadata,
        )
        for label in labels(dataset)
        for found in [look(dataset, label, lake, now)]
    ]


def unchecked(dataset: Dataset, error: Exception) -> list[dg.AssetCheckEvaluation]:
    """What Dagster is told of a table whose checks could not be made: they fail, and say why."""
    return [
        dg.AssetCheckEvaluation(
            asset_key=dg.AssetKey(dataset.name.key),
            check_name=label,
            passed=False,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"error": str(error), **_told(dataset, label)},
        )
        for label in labels(dataset)
    ]


def look(dataset: Dataset, label: str, lake: Lake, now: datetime) -> dg.AssetCheckResult:
    """Make one check; a table of which nothing was published has nothing to check."""
    if not _stands(lake, dataset):
        return dg.AssetCheckResult(
            passed=True,
            severity=dg.AssetCheckSeverity.WARN,
            metadata={"reason": "nothing was published yet; nothing was checked"},
        )
    return _LOOKS[label](dataset, lake, now)


def _check(dataset: Dataset, label: str) -> dg.AssetChecksDefinition:
    @dg.asset_check(
        asset=dg.AssetKey(dataset.name.key),
        name=label,
        description=f"{_demand(dataset, label)}\n\n{told(dataset.declared, RUNBOOKS[label])}",
        metadata=code(dataset.declared),
    )
    def check(lake: dg.ResourceParam[Lake]) -> dg.AssetCheckResult:
        return look(dataset, label, lake, Clock().now())

    return check


def _demand(dataset: Dataset, label: str) -> str:
    """What a check demands, in a sentence."""
    feature = dataset.feature
    age = feature.max_age if feature else None
    window = (feature.trained_between(dataset.cadence) if feature else None) or ("", "")
    return {
        PARITY: f"Of {SAMPLE:,} entities, the online store has the values that the lake had"
        " when it was filled last; fails otherwise.",
        DRIFT: f"Each feature of the newest {lasting(PRESENT)} is distributed like that of the"
        f" days that models learnt from, {window[0]} to {window[1]}: its population stability"
        f" index is at most {SHIFTED}, or that of their most unusual week; warns otherwise.",
        STALENESS: f"The newest row is at most {lasting(age)} old; warns otherwise."
        if age
        else "There are rows; warns otherwise.",
    }[label]


def _stands(lake: Lake, dataset: Dataset) -> bool:
    """Whether the lake has the table."""
    asked = (
        "select count(*) from duckdb_tables() where database_name = 'lake'"
        " and schema_name = ? and table_name = ?"
    )
    with lake.get_connection() as connection:
        row = connection.execute(asked, [dataset.name.schema, dataset.name.table]).fetchone()
    return bool(row and row[0])


def _parity(dataset: Dataset, lake: Lake, now: datetime) -> dg.AssetCheckResult:
    """Values online are the lake's, at the instant of the store's cursor."""
    with open_store(load_settings()) as store:
        found = parity(dataset, lake, store, now, SAMPLE, wait_seconds=PATIENCE)
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
    shifted = [j.drift.feature for j in found if j.is_shifted]
    return dg.AssetCheckResult(
        passed=not shifted,
        severity=dg.AssetCheckSeverity.WARN,
        metadata={
            "shifted": ", ".join(shifted) or "none",
            "compared": _compared(found),
            **{f"psi_{j.drift.feature}": round(j.drift.psi, 4) for j in found},
            **{f"limit_psi_{j.drift.feature}": round(j.limit, 4) for j in found},
            **{f"ks_{j.drift.feature}": round(j.drift.ks, 4) for j in found},
            **_told(dataset, DRIFT),
        },
    )


def _compared(found: Sequence[Judged]) -> str:
    """Which rows a drift is of, and which features have too few to be judged."""
    if not found:
        return "nothing"
    present = max(j.drift.present for j in found)
    trained = max(j.drift.trained for j in found)
    few = [j.drift.feature for j in found if not j.is_judged]
    said = f"{present:,} rows of the newest {lasting(PRESENT)} with {trained:,} of training"
    return f"{said}, at the same hours of the day" + (
        f"; too few rows to judge {', '.join(few)}" if few else ""
    )


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
            "age": "no rows" if age is None else lasting(timedelta(seconds=age)),
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
    return {"declared": dataset.declared, "runbook": page(RUNBOOKS[label])}


_LOOKS: dict[str, Callable[[Dataset, Lake, datetime], dg.AssetCheckResult]] = {
    PARITY: _parity,
    DRIFT: _drift,
    STALENESS: _staleness,
}

"""What streams committed, as the events that Dagster would have heard from runs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import dagster as dg
import duckdb

from watermain.declare.dataset import Dataset
from watermain.engine.capture.stream import PREFIX
from watermain.engine.publish.publication import check_labels
from watermain.lake import ledger
from watermain.lake.lake import Lake
from watermain.orchestrate.page.checks import places

Event = dg.AssetMaterialization | dg.AssetCheckEvaluation
_PUBLISHED = f"""
select dataset, partition, sum(rows_out)::bigint, {ledger.last("data_version")},
       list(failing) filter (failing <> '{{{{}}}}'), {ledger.last("code_version")}
from {{publishes}} where starts_with(run_id, ?) group by all order by all
"""
_CAPTURED = """
select stream, sum(rows_in)::bigint, sum(repeated)::bigint, sum(late)::bigint,
       sum(quarantined)::bigint, max_by(epoch(committed_at - newest_at), committed_at)
from {batches} where starts_with(run_id, ?) group by all
"""
_COUNTS = ("rows_read", "rows_repeated", "rows_late", "rows_quarantined")


@dataclass(kw_only=True)
class _Heard:
    """What came of one dataset since it was asked last."""

    rows: dict[str, int] = field(default_factory=dict)
    versions: dict[str, tuple[str, str]] = field(default_factory=dict)
    failing: dict[str, Counter[str]] = field(default_factory=dict)
    facts: dict[str, float | int] = field(default_factory=dict)


def streamed_events(
    lake: Lake, datasets: Sequence[Dataset], since: int | None
) -> tuple[list[Event], int]:
    """Tell what streams committed after snapshot `since`, each touched partition once.

    Guarantees: the ledger says so, in the transactions of the rows, and thus what Dagster missed
    while it was away is told later; the number given is the `since` of the next call. When the
    snapshots since then have expired, everything is told again, which costs work but never data.
    """
    with lake.get_connection() as connection:
        present = lake.snapshot(connection)
        if since is not None and since >= present:
            return [], present
        try:
            heard = _heard(connection, since, present)
        except duckdb.InvalidInputException as error:
            if "No snapshot found" not in str(error):
                raise
            heard = _heard(connection, None, present)
    known = {str(d.name): d for d in datasets}
    events: list[Event] = []
    for name, found in heard.items():
        if name in known:
            events += _events(known[name], found, present)
    return events, present


def _heard(
    connection: duckdb.DuckDBPyConnection, since: int | None, present: int
) -> dict[str, _Heard]:
    heard: dict[str, _Heard] = {}
    asked = _PUBLISHED.format(publishes=_fresh(ledger.PUBLISHES, since, present))
    for name, partition, rows, version, failing, code in connection.execute(
        asked, [PREFIX]
    ).fetchall():
        found = heard.setdefault(name, _Heard())
        found.rows[partition], found.versions[partition] = rows, (version, code)
        found.failing[partition] = Counter()
        for each in failing or []:
            found.failing[partition].update(json.loads(each))
    asked = _CAPTURED.format(batches=_fresh(ledger.BATCHES, since, present))
    for name, *counts, lag in connection.execute(asked, [PREFIX]).fetchall():
        if name in heard:
            heard[name].facts = dict(zip(_COUNTS, counts, strict=True))
            heard[name].facts |= {} if lag is None else {"lag_seconds": lag}
    return heard


def _fresh(kept: str, since: int | None, present: int) -> str:
    if since is None:
        return f"{kept} at (version => {present})"
    return ledger.inserted(kept, since, present)


def _events(dataset: Dataset, found: _Heard, snapshot: int) -> Iterator[Event]:
    severe = {c.label for c in dataset.all_checks if c.severity == "block"}
    key = dg.AssetKey(dataset.name.key)
    for partition, rows in found.rows.items():
        if severe & set(found.failing[partition]):
            continue
        version, code = found.versions[partition]
        counted = "dagster/partition_row_count" if partition else "dagster/row_count"
        yield dg.AssetMaterialization(
            asset_key=key,
            partition=partition or None,
            metadata={
                "published": True,
                "rows_published": rows,
                counted: rows,
                "output_snapshot": snapshot,
                "data_version": version,
                **found.facts,
            },
            tags={"dagster/data_version": version, "dagster/code_version": code},
        )
    failing = sum(found.failing.values(), Counter())
    stands = places(dataset)
    for label, severity in check_labels(dataset):
        yield dg.AssetCheckEvaluation(
            asset_key=key,
            check_name=label,
            passed=not failing[label],
            severity=dg.AssetCheckSeverity.ERROR
            if severity == "block"
            else dg.AssetCheckSeverity.WARN,
            blocking=False,  # rows once captured stay
            metadata={
                "failing": failing[label],
                "rows": sum(found.rows.values()),
                "declared": stands[label],
            },
        )

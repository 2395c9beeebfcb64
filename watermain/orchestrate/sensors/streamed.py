"""What streams committed, as the events that Dagster would have heard from runs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import dagster as dg
import duckdb

from watermain.declare.dataset import Dataset
from watermain.engine.capture.stream import PREFIX
from watermain.engine.publish.publication import check_labels
from watermain.lake import ledger
from watermain.lake.lake import Lake
from watermain.orchestrate.page.checks import places
from watermain.orchestrate.sensors.told import Told

Event = dg.AssetMaterialization | dg.AssetCheckEvaluation
MOST_PARTITIONS = 500  # told at once; the rest waits for the next look
CLOCKS_DIFFER = timedelta(minutes=10)
_PUBLISHED = """
select dataset, partition, sum(rows_out)::bigint, list(failing) filter (failing <> '{{}}')
from {publishes} where starts_with(run_id, ?) group by all order by all
"""
_CAPTURED = """
select stream, sum(rows_in)::bigint, sum(repeated)::bigint, sum(late)::bigint,
       sum(quarantined)::bigint, max_by(epoch(committed_at - newest_at), committed_at)
from {batches} where starts_with(run_id, ?) group by all
"""
_STANDS = f"""
select dataset, partition, {ledger.last("data_version")}, {ledger.last("code_version")},
       {ledger.last("rows_out")}, sum(rows_out)::bigint
from {ledger.PUBLISHES} where dataset in ({{names}}) and partition in ({{keys}}) group by all
"""
_COUNTS = ("rows_read", "rows_repeated", "rows_late", "rows_quarantined")
Key = tuple[str, str]
Standing = tuple[str, str, int, int]


def streamed_events(
    lake: Lake, datasets: Sequence[Dataset], told: Told, now: datetime
) -> list[Event]:
    """Tell what streams committed since the last look, as far as it is time to, and remember it.

    Guarantees: the ledger says so, in the transactions of the rows, and thus what Dagster missed
    while it was away is told later. A partition is told at once and then rarely, however often
    it changes; its last state is always told in the end. When the snapshots since the last look
    have expired, what was published since then is told, by the clock.
    """
    known = {str(d.name): d for d in datasets}
    with lake.get_connection() as connection:
        present = lake.snapshot(connection)
        if told.snapshot is None or told.snapshot < present:
            try:
                _hear(connection, known, told, present)
            except duckdb.InvalidInputException as error:
                if "No snapshot found" not in str(error):
                    raise
                told.snapshot = None
                _hear(connection, known, told, present)
        told.snapshot, told.at = present, now.timestamp()
        due = told.due(now)[:MOST_PARTITIONS]
        stand = _standing(connection, due)
    events: list[Event] = []
    for name in sorted({name for name, _ in due}):
        events += _events(known[name], [key for key in due if key[0] == name], stand, told)
    told.forget(due, now)
    return events


def _hear(
    connection: duckdb.DuckDBPyConnection, known: Mapping[str, Dataset], told: Told, present: int
) -> None:
    asked = _PUBLISHED.format(publishes=_fresh(ledger.PUBLISHES, "published_at", told, present))
    heard: list[tuple[str, str, int, Counter[str]]] = []
    for name, partition, rows, failing in connection.execute(asked, [PREFIX]).fetchall():
        counts = sum((Counter(json.loads(each)) for each in failing or ()), Counter())
        heard.append((name, partition, rows, counts))
    asked = _CAPTURED.format(batches=_fresh(ledger.BATCHES, "committed_at", told, present))
    facts = connection.execute(asked, [PREFIX]).fetchall()
    for name, partition, rows, counts in heard:
        if name in known:
            told.add(name, partition, rows, counts)
    for name, *counted, lag in facts:
        if name in known:
            told.count(name, dict(zip(_COUNTS, counted, strict=True)), lag)


def _fresh(kept: str, moment: str, told: Told, present: int) -> str:
    if told.snapshot is not None:
        return ledger.inserted(kept, told.snapshot, present)
    if not told.at:
        return f"{kept} at (version => {present})"
    since = told.at - CLOCKS_DIFFER.total_seconds()
    return f"(from {kept} at (version => {present}) where {moment} > to_timestamp({since}))"


def _standing(connection: duckdb.DuckDBPyConnection, due: Sequence[Key]) -> dict[Key, Standing]:
    """How partitions stand: versions of data and code, rows of the last publish and of all."""
    if not due:
        return {}
    names, keys = sorted({name for name, _ in due}), sorted({key for _, key in due})
    asked = _STANDS.format(names=", ".join("?" * len(names)), keys=", ".join("?" * len(keys)))
    rows = connection.execute(asked, [*names, *keys]).fetchall()
    return {(name, key): (data, code, last, ever) for name, key, data, code, last, ever in rows}


def _events(
    dataset: Dataset, due: Sequence[Key], stand: Mapping[Key, Standing], told: Told
) -> Iterator[Event]:
    severe = {c.label for c in dataset.all_checks if c.severity == "block"}
    facts = told.taken_facts(str(dataset.name))
    for key in sorted(due):
        rows, failing = told.waiting[key]
        if key not in stand or severe & set(failing):
            continue
        facts |= {"output_snapshot": told.snapshot}
        yield _materialization(dataset, key[1], rows, stand[key], facts)
    yield from _evaluations(dataset, told)


def _materialization(
    dataset: Dataset, partition: str, gained: int, standing: Standing, facts: Mapping[str, Any]
) -> dg.AssetMaterialization:
    """What a partition gained since it was told, and what it has: a capture adds to what was."""
    data, code, last, ever = standing
    counted = "dagster/partition_row_count" if partition else "dagster/row_count"
    return dg.AssetMaterialization(
        asset_key=dg.AssetKey(dataset.name.key),
        partition=partition or None,
        metadata={
            "published": True,
            "rows_published": gained if dataset.is_captured else last,
            counted: ever if dataset.is_captured else last,
            "data_version": data,
            **facts,
        },
        tags={"dagster/data_version": data, "dagster/code_version": code},
    )


def _evaluations(dataset: Dataset, told: Told) -> Iterator[dg.AssetCheckEvaluation]:
    failing, rows = told.taken_checks(str(dataset.name))
    if failing is None:
        return
    stands = places(dataset)
    for label, severity in check_labels(dataset):
        yield dg.AssetCheckEvaluation(
            asset_key=dg.AssetKey(dataset.name.key),
            check_name=label,
            passed=not failing.get(label),
            severity=dg.AssetCheckSeverity.ERROR
            if severity == "block"
            else dg.AssetCheckSeverity.WARN,
            blocking=False,  # rows once captured stay
            metadata={
                "failing": failing.get(label, 0),
                "rows": rows,
                "declared": stands[label],
            },
        )

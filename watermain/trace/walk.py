"""The way back from what was published to the traces of what it came from, by the ledger."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

import duckdb

from watermain.declare.name import DatasetName
from watermain.lake.lake import text
from watermain.lake.ledger import PUBLISHES
from watermain.trace.identity import TracePoint, batch_point, publish_point
from watermain.trace.span import MOST_LINKS


@dataclass(frozen=True)
class Origins:
    """The newest traces of several datasets, and how many there are in all."""

    points: tuple[TracePoint, ...]
    total: int


def origins(
    connection: duckdb.DuckDBPyConnection, names: Iterable[DatasetName], since: int
) -> Origins:
    """What came to some datasets after a snapshot, newest first, MOST_LINKS at most.

    Shapes: a batch of a captured dataset is one, and so is a publish of a computed one, which is
    named by the first of the partitions that it published together.
    """
    listed = ", ".join(text(str(name)) for name in names)
    if not listed:
        return Origins((), 0)
    rows = connection.execute(
        "select dataset, min(partition), arg_min(data_version, partition), run_id, epoch,"
        " input_snapshot = 0 as is_captured, count(*) over ()"
        f" from {PUBLISHES} where dataset in ({listed}) and snapshot_id > {int(since)}"
        " group by dataset, run_id, epoch, published_at, is_captured,"
        " case when input_snapshot = 0 then data_version end"
        f" order by published_at desc, dataset limit {MOST_LINKS}"
    ).fetchall()
    points = [
        batch_point(name, version, run, epoch)
        if captured
        else publish_point(name, key, version, run, epoch)
        for name, key, version, run, epoch, captured, _ in rows
    ]
    return Origins(tuple(points), int(rows[0][-1]) if rows else 0)


@dataclass(frozen=True, kw_only=True)
class TracedPublish:
    """One publish of a partition, or one batch that filled it, with where its trace is.

    Shapes: `batch` is the beginning of the batch's id, and empty of a publish, which read its
    inputs at the snapshot `read`.
    """

    dataset: str
    partition: str
    at: datetime
    run_id: str
    read: int
    batch: str
    point: TracePoint


def published(
    connection: duckdb.DuckDBPyConnection,
    name: DatasetName,
    keys: Collection[str] | None,
    until: int | None = None,
) -> tuple[list[TracedPublish], int]:
    """What filled some partitions of a dataset, or all of them, newest first, and how many in all.

    Shapes: of a computed partition its last publish, of a captured one every batch, MOST_LINKS at
    most; nothing counts that came after the snapshot `until`.
    """
    only = "true" if keys is None else f"partition in ({', '.join(map(text, keys))})"
    upto = "true" if until is None else f"snapshot_id <= {int(until)}"
    if keys is not None and not keys:
        return [], 0
    rows = connection.execute(
        "select partition, published_at, run_id, epoch, input_snapshot, data_version, first_key,"
        " first_version, count(*) over () from (select *, min(partition) over same as first_key,"
        f" arg_min(data_version, partition) over same as first_version from {PUBLISHES}"
        f" where dataset = {text(str(name))} and {upto}"
        " window same as (partition by run_id, epoch, published_at))"
        f" where {only} qualify input_snapshot = 0 or row_number() over (partition by partition"
        " order by epoch desc, published_at desc) = 1"
        f" order by published_at desc, partition limit {MOST_LINKS}"
    ).fetchall()
    return [_published(str(name), row) for row in rows], int(rows[0][-1]) if rows else 0


def _published(name: str, row: tuple[object, ...]) -> TracedPublish:
    key, at, run, epoch, read, version, first, first_version, _ = row
    batch = str(version) if read == 0 else ""
    words = (str(run), int(epoch))  # type: ignore[call-overload]
    point = (
        batch_point(name, batch, *words)
        if batch
        else publish_point(name, str(first), str(first_version), *words)
    )
    return TracedPublish(
        dataset=name,
        partition=str(key),
        at=at,  # type: ignore[arg-type]
        run_id=str(run),
        read=int(read),  # type: ignore[call-overload]
        batch=batch,
        point=point,
    )

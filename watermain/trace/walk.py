"""The way back from what was published to the traces of what it came from, by the ledger."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

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

"""What the ledger with the lake knows about datasets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import duckdb

from watermain.declare.dataset import Dataset
from watermain.declare.errors import TransientError, WatermainError
from watermain.declare.name import STAGES, DatasetName
from watermain.engine.rooms.connections import connections
from watermain.lake import checkpoint, ledger
from watermain.lake.lake import table
from watermain.settings import Settings
from watermain.source.opening import open_source

MOST_ASKED = 16  # sources at once
LATEST = f"""
select dataset, count(*), max(published_at), max(case when partition <> '' then partition end)
from {ledger.last_publishes()} group by dataset
"""
SNAPSHOTS = """
with committed as (
    select snapshot_id, commit_extra_info::json as told
    from lake.snapshots() where commit_extra_info is not null
),
claims as (
    select snapshot_id, unnest(case when json_type(told) = 'ARRAY'
        then json_extract(told, '$[*]') else [told] end) as claim
    from committed
)
select json_extract_string(claim, '$.dataset') as dataset, max(snapshot_id)
from claims group by 1
"""
PARTITIONS = f"""
select partition, rows_in, rows_out, seconds, bytes, published_at, run_id, contract_version,
       input_snapshot, data_version
from {ledger.last_publishes("dataset = ?")} order by partition
"""
CAPTURED = f"""
select shard, count(*) as batches, sum(rows) as rows, sum(quarantined) as quarantined,
       max(committed_at) as committed_at
from {ledger.BATCHES} where stream = ? group by shard order by committed_at desc, shard
"""
QUARANTINED = f"""
select reason, count(*) as rows, max(quarantined_at) as latest_at, any_value(payload) as sample
from {ledger.QUARANTINE} where dataset = ? group by reason order by rows desc limit 5
"""


@dataclass(frozen=True, kw_only=True)
class DatasetFacts:
    """How a dataset stands."""

    dataset: str
    rows: int | None = None
    partitions: int = 0
    latest_partition: str | None = None
    published_at: datetime | None = None
    snapshot: int | None = None
    backlog: str = ""

    def as_dict(self) -> dict[str, object]:
        """The facts by their names."""
        return asdict(self)


def dataset_facts(
    datasets: Mapping[DatasetName, Dataset],
    connection: duckdb.DuckDBPyConnection,
    settings: Settings,
) -> list[DatasetFacts]:
    """How every dataset stands, upstream shelves first."""
    with ThreadPoolExecutor(MOST_ASKED) as pool:  # each source may take its time
        waiting = {n: pool.submit(backlog, d, settings) for n, d in datasets.items()}
        standing = stands(datasets, connection)
    return [
        DatasetFacts(dataset=str(name), backlog=waiting[name].result(), **standing[name])
        for name in sorted(datasets, key=_order)
    ]


def stands(
    datasets: Mapping[DatasetName, Dataset], connection: duckdb.DuckDBPyConnection
) -> dict[DatasetName, dict[str, Any]]:
    """What the lake has of each dataset."""
    latest = {str(row[0]): row[1:] for row in connection.execute(LATEST).fetchall()}
    snapshots = dict(connection.execute(SNAPSHOTS).fetchall())
    tables = {
        (str(s), str(t))
        for s, t in connection.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = 'lake'"
        ).fetchall()
    }
    stand = [n for n in datasets if (n.schema, n.table) in tables]
    counts, found = _counts(connection, stand), {}
    for name, dataset in datasets.items():
        partitions, published_at, last = latest.get(str(name), (0, None, None))
        found[name] = {
            "rows": counts.get(name),
            "partitions": int(partitions) if dataset.cadence else 0,
            "latest_partition": last,
            "published_at": published_at,
            "snapshot": snapshots.get(str(name)),
        }
    return found


def backlog(dataset: Dataset, settings: Settings) -> str:
    """What waits at a dataset's source, in words."""
    if not dataset.is_captured:
        return ""

    try:
        waiting = open_source(dataset, settings, connections()).backlog()
    except TransientError:
        return "unreachable"
    except WatermainError as error:
        return error.what
    if waiting.is_empty:
        return "nothing"
    known = (("rows", waiting.rows), ("files", waiting.files), ("bytes", waiting.bytes))
    return next(f"{count:,} {unit}" for unit, count in known if count)


def rows_of(
    connection: duckdb.DuckDBPyConnection, query: str, name: DatasetName
) -> list[dict[str, Any]]:
    """The rows that one of the queries above finds for a dataset."""
    found: list[dict[str, Any]] = (
        connection.execute(query, [str(name)]).to_arrow_table().to_pylist()
    )
    return found


def positions(connection: duckdb.DuckDBPyConnection, stream: DatasetName) -> list[dict[str, Any]]:
    """Where each shard of a stream stands, the last to commit first.

    A shard whose batches are no chain stands at several positions, each of which is told.
    """
    ends: dict[str, list[str]] = {}
    for shard, position in checkpoint.stands(connection, stream):
        ends.setdefault(shard, []).append(position)
    return [
        {"shard": row["shard"], "position": position} | row
        for row in rows_of(connection, CAPTURED, stream)
        for position in ends.get(row["shard"], [])
    ]


def _counts(
    connection: duckdb.DuckDBPyConnection, names: Sequence[DatasetName]
) -> dict[DatasetName, int]:
    """The rows of several tables, asked at once."""
    asked = (f"select {at}, count(*) from {table(name)}" for at, name in enumerate(names))
    rows = connection.execute(" union all ".join(asked)).fetchall() if names else []
    return {names[at]: int(count) for at, count in rows}


def _order(name: DatasetName) -> tuple[str, int, str]:
    return name.team, STAGES.index(name.stage), name.table

"""What the ledger with the lake knows about datasets."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import duckdb

from watermain.declare.name import STAGES, DatasetName
from watermain.lake import checkpoint, ledger
from watermain.lake.lake import Lake
from watermain.lake.rest.census import row_counts

if TYPE_CHECKING:
    from watermain.declare.dataset import Dataset

LATEST = f"""
select dataset, count(*) filter (partition <> ''), max(published_at),
    max(partition) filter (partition <> '')
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
ROWS_OF_BATCHES = f"""
select partition, sum(rows_out)::bigint from {ledger.PUBLISHES} where dataset = ? group by 1
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
    backlog: str | None = None

    def as_dict(self) -> dict[str, object]:
        """The facts by their names."""
        return asdict(self)


def dataset_facts(names: Collection[DatasetName], lake: Lake) -> list[DatasetFacts]:
    """How every dataset stands, upstream shelves first."""
    with lake.get_connection() as connection:
        standing = stands(names, connection)
    return [DatasetFacts(dataset=str(n), **standing[n]) for n in sorted(names, key=_order)]


def stands(
    names: Collection[DatasetName], connection: duckdb.DuckDBPyConnection
) -> dict[DatasetName, dict[str, Any]]:
    """What the lake has of each dataset."""
    latest = {str(row[0]): row[1:] for row in connection.execute(LATEST).fetchall()}
    snapshots = dict(connection.execute(SNAPSHOTS).fetchall())
    counts, found = row_counts(Lake.from_settings(), connection, names), {}
    for name in names:
        partitions, published_at, last = latest.get(str(name), (0, None, None))
        found[name] = {
            "rows": counts.get(name),
            "partitions": int(partitions),
            "latest_partition": last,
            "published_at": published_at,
            "snapshot": snapshots.get(str(name)),
        }
    return found


def partitions(connection: duckdb.DuckDBPyConnection, dataset: Dataset) -> list[dict[str, Any]]:
    """Each partition as last published; of what is captured, with the rows of all batches."""
    found = rows_of(connection, PARTITIONS, dataset.name)
    if dataset.is_computed:
        return found
    rows = dict(connection.execute(ROWS_OF_BATCHES, [str(dataset.name)]).fetchall())
    return [{**each, "rows_out": rows[each["partition"]]} for each in found]


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


def _order(name: DatasetName) -> tuple[str, int, str]:
    return name.team, STAGES.index(name.stage), name.table

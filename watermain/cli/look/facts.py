"""What the ledger with the lake knows about datasets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import duckdb

from watermain.declare.dataset import Dataset
from watermain.declare.errors import TransientError, WatermainError
from watermain.declare.name import STAGES, DatasetName
from watermain.lake import ledger
from watermain.lake.lake import table
from watermain.settings import Settings
from watermain.source.opening import open_source

LATEST = f"""
with latest as (
    select *, row_number() over (
        partition by dataset, partition order by epoch desc, published_at desc
    ) as place
    from {ledger.PUBLISHES}
)
select dataset, count(*), max(published_at), max(case when partition <> '' then partition end)
from latest where place = 1 group by dataset
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
from {ledger.PUBLISHES} where dataset = ?
qualify row_number() over (partition by partition order by epoch desc, published_at desc) = 1
order by partition
"""
POSITIONS = f"""
select shard, arg_max(to_position, (epoch, committed_at, rowid)) as position, count(*) as batches,
       sum(rows) as rows, sum(quarantined) as quarantined, max(committed_at) as committed_at
from {ledger.BATCHES} where stream = ? group by shard order by committed_at desc
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
    latest = {str(row[0]): row[1:] for row in connection.execute(LATEST).fetchall()}
    snapshots = dict(connection.execute(SNAPSHOTS).fetchall())
    tables = {
        (str(s), str(t))
        for s, t in connection.execute(
            "select schema_name, table_name from duckdb_tables() where database_name = 'lake'"
        ).fetchall()
    }
    found = []
    for name, dataset in sorted(datasets.items(), key=lambda item: _order(item[0])):
        partitions, published_at, last = latest.get(str(name), (0, None, None))
        stands = (name.schema, name.table) in tables
        found.append(
            DatasetFacts(
                dataset=str(name),
                rows=_count(connection, name) if stands else None,
                partitions=int(partitions) if dataset.cadence else 0,
                latest_partition=last,
                published_at=published_at,
                snapshot=snapshots.get(str(name)),
                backlog=backlog(dataset, settings),
            )
        )
    return found


def backlog(dataset: Dataset, settings: Settings) -> str:
    """What waits at a dataset's source, in words."""
    if dataset.source is None or dataset.source.kind == "platform":
        return ""

    try:
        waiting = open_source(dataset, settings).backlog()
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


def _count(connection: duckdb.DuckDBPyConnection, name: DatasetName) -> int:
    row = connection.execute(f"select count(*) from {table(name)}").fetchone()
    return int(row[0]) if row else 0


def _order(name: DatasetName) -> tuple[str, int, str]:

    return name.team, STAGES.index(name.stage), name.table

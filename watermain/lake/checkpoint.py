"""Where a captured stream stands, told without reading its whole ledger each time."""

from __future__ import annotations

import json
from datetime import datetime
from itertools import pairwise
from typing import Any, NamedTuple

import duckdb

from watermain.declare.name import DatasetName
from watermain.lake import ledger
from watermain.lake.lake import text

EVERY = 500  # batches
_TO_A_SHARD = 4  # batches; where there are fewer, a checkpoint is as long as what it stands for
_CATALOG = "__ducklake_metadata_lake"
_SHAPE = {"shard": "varchar", "position": "varchar"} | dict.fromkeys(
    ("newest_at", "seen_at", "watermark_at"), "timestamptz"
)
# A checkpoint reads like the ledger, with one batch for each shard.
_ENDS = f"""
with batches as (
    select shard, from_position, to_position, newest_at, watermark_at,
        case when rows > 0 and newest_at is not null then committed_at end as seen_at
    from %s where stream = $stream
    union all by name
    select * exclude (position), '' as from_position, position as to_position
    from (select unnest(from_json($known, '{json.dumps([_SHAPE])}'), recursive := true))
), steps as (
    select shard, unnest([to_position, from_position]) as position, unnest([1, -1]) as arrivals
    from batches
)
select shard, position, newest_at, seen_at, watermark_at, batches
from (select shard, position from steps group by all having sum(arrivals) > 0)
join (
    select shard, max(newest_at) as newest_at, max(seen_at) as seen_at,
        max(watermark_at) as watermark_at, count(*) as batches
    from batches group by shard
) using (shard) order by 1, 2
"""
_LEDGER = (
    "(select t.table_uuid from ducklake_table as t join ducklake_schema as s using (schema_id)"
    " where s.schema_name = 'upkeep_raw' and t.table_name = 'batches'"
    " and t.end_snapshot is null and s.end_snapshot is null)"
)
_KEPT = (
    "select snapshot, ends from watermain.checkpoint"
    f" where stream = {{stream}} and ledger = {_LEDGER}"
)


class End(NamedTuple):
    """Where a shard ends: its last position and its newest event time.

    Units: `seen_at` is when its last rows came, and `watermark_at` the stream's watermark then.
    """

    position: str
    newest_at: datetime | None
    seen_at: datetime | None
    watermark_at: datetime | None


def ends(connection: duckdb.DuckDBPyConnection, stream: DatasetName) -> dict[str, End]:
    """The end of each shard's chain of batches; ask under the stream's lease.

    Guarantees: no clock is asked; a position may come back, for a chain ends where it arrives
    once more often than it leaves. The ledger up to a snapshot never changes, so that a later call
    begins where an earlier one ended; when it cannot, all of the ledger is read.
    Raises: LedgerGapError, when a shard's batches are no chain.
    """
    present = _present(connection)
    rows = _rows(connection, stream, present)
    for (shard, end, *_), (other, another, *_) in pairwise(rows):
        if shard == other:
            raise ledger.gap(
                f"{stream}: shard {shard} ends at {end!r} as well as at {another!r}", stream
            )
    found = {shard: End(*facts) for shard, *facts, _ in rows}
    if sum(row[-1] for row in rows) >= max(EVERY, _TO_A_SHARD * len(rows)):
        _keep(connection, stream, present, found)
    return found


def stands(connection: duckdb.DuckDBPyConnection, stream: DatasetName) -> list[tuple[str, str]]:
    """Each shard and where it ends, for people; a shard that is no chain has several ends.

    Guarantees: as `ends`; nothing is written, so that no lease is needed.
    """
    return [(shard, end) for shard, end, *_ in _rows(connection, stream, _present(connection))]


def _present(connection: duckdb.DuckDBPyConnection) -> int:
    """The snapshot that a connection sees."""
    row = connection.execute("select id from lake.current_snapshot()").fetchone()
    return int(row[0]) if row else 0


def _rows(
    connection: duckdb.DuckDBPyConnection, stream: DatasetName, present: int
) -> list[tuple[Any, ...]]:
    """Each shard with its ends, its times and the number of batches read for it."""
    kept = connection.execute(
        f"from postgres_query('{_CATALOG}', {text(_KEPT.format(stream=text(str(stream))))})"
    ).fetchone()
    if kept and kept[0] < present:
        fresh = ledger.inserted(ledger.BATCHES, kept[0], present)
        try:
            return _asked(connection, stream, fresh, kept[1])
        except duckdb.InvalidInputException as error:
            if "No snapshot found" not in str(error):
                raise  # else the snapshots since then have expired
    if kept and kept[0] == present:
        return _asked(connection, stream, f"(from {ledger.BATCHES} limit 0)", kept[1])
    return _asked(connection, stream, f"{ledger.BATCHES} at (version => {present})", "[]")


def _asked(
    connection: duckdb.DuckDBPyConnection, stream: DatasetName, relation: str, known: str
) -> list[tuple[Any, ...]]:
    given = {"stream": str(stream), "known": known}
    return connection.execute(_ENDS % relation, given).fetchall()


def _keep(
    connection: duckdb.DuckDBPyConnection, stream: DatasetName, present: int, found: dict[str, End]
) -> None:
    names = list(_SHAPE)
    known = [dict(zip(names, (shard, *end), strict=True)) for shard, end in found.items()]
    told = json.dumps(known, default=datetime.isoformat)
    connection.execute(
        f"call postgres_execute('{_CATALOG}', "
        + text(
            f"insert into watermain.checkpoint values ({text(str(stream))}, {_LEDGER}, {present},"
            f" {text(told)}) on conflict (stream) do update set ledger = excluded.ledger,"
            " snapshot = excluded.snapshot, ends = excluded.ends"
        )
        + ")"
    )

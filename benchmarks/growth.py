"""What a living platform keeps for ever, told from what levels off.

Three things are never forgotten: the rows that datasets hold, the ledger's rows, and the last state
of every asset and check in Dagster's storage. They are counted twice, and weighed by what such a
row takes once it was packed; everything else is kept for a window that a setting names, so that it
levels off at its rate times that window.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import psycopg

from watermain.lake.lake import Lake
from watermain.lake.rest.inlined import LEDGER

DATASETS, BOOKS, STATES = "rows of datasets", "rows of the ledger", "states in Dagster"
PLANS = "plans of Dagster's jobs"
# A row weighs what it does in the largest file of its table; where there is none, in the catalog.
_LAKE = """
select s.schema_name = %s, t.table_id,
    coalesce(sum(f.record_count - coalesce(d.delete_count, 0)), 0),
    coalesce((array_agg(f.file_size_bytes::float / nullif(f.record_count, 0)
        order by f.record_count desc))[1], 0)
from ducklake_table t join ducklake_schema s using (schema_id)
left join ducklake_data_file f on f.table_id = t.table_id and f.end_snapshot is null
left join ducklake_delete_file d on d.data_file_id = f.data_file_id and d.end_snapshot is null
where t.end_snapshot is null and s.end_snapshot is null group by 1, 2
"""
_HELD = "select table_id, table_name from ducklake_inlined_data_tables"
_INLINED = """
select count(*), coalesce(avg(pg_column_size(h)), 0)::float from {} h where end_snapshot is null
"""
_STATES = """
select (select coalesce(sum(pg_column_size(e) + %(index)s), 0) from event_logs e where id in (
        select max(id) from event_logs where asset_key is not null
        and dagster_event_type in ('ASSET_MATERIALIZATION', 'ASSET_OBSERVATION',
            'FRESHNESS_STATE_CHANGE', 'FRESHNESS_STATE_EVALUATION')
        group by asset_key, partition, dagster_event_type))
    + (select coalesce(sum(pg_column_size(c) + %(index)s), 0) from asset_check_executions c
        where id in (select max(id) from asset_check_executions
        where execution_status <> 'PLANNED' group by asset_key, check_name, partition))
"""
_PLANS = "select coalesce(sum(pg_column_size(s) + %(index)s), 0) from snapshots s"
_WEIGHT = {"index": 200}  # bytes of a row in the indexes of its table
_TABLES = """
select c.oid::regclass::text, pg_total_relation_size(c.oid), pg_indexes_size(c.oid)
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r' and n.nspname not in ('pg_catalog', 'information_schema')
"""


@dataclass(frozen=True)
class Filling:
    """What the tables of a database take: living rows, indexes, and space to be used again."""

    rows: int
    indexes: int
    free: int


def for_ever(lake: Lake, dagster: str) -> Counter[str]:
    """The bytes of what is never forgotten, each row as heavy as it is once it was packed."""
    found: Counter[str] = Counter()
    with psycopg.connect(lake.dsn()) as connection:
        rows = connection.execute(_LAKE, [LEDGER]).fetchall()
        held: Counter[int] = Counter()
        weight: dict[int, float] = {}
        for number, name in connection.execute(_HELD).fetchall():
            row = connection.execute(_INLINED.format(name)).fetchone()  # type: ignore[arg-type]
            assert row is not None
            held[number] += row[0]
            weight[number] = row[1]
    for is_ledger, number, count, each in rows:
        total = (int(count) + held[number]) * (each or weight.get(number, 0.0))
        found[BOOKS if is_ledger else DATASETS] += round(total)
    with psycopg.connect(dagster) as connection:
        for kind, asked in ((STATES, _STATES), (PLANS, _PLANS)):
            row = connection.execute(asked, _WEIGHT).fetchone()
            found[kind] += int(row[0]) if row else 0
    return found


def room(database: str) -> Filling:
    """What a database holds, and what later rows may use."""
    rows = indexes = total = 0
    with psycopg.connect(database) as connection:
        for name, size, index in connection.execute(_TABLES).fetchall():
            asked = f"select coalesce(sum(pg_column_size(t)), 0) from {name} t"
            row = connection.execute(asked).fetchone()  # type: ignore[arg-type]
            rows += int(row[0]) if row else 0
            indexes, total = indexes + int(index), total + int(size)
    return Filling(rows=rows, indexes=indexes, free=max(0, total - indexes - rows))

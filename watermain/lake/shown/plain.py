"""Which tables of the lake are no more than their files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import sql

from watermain.declare.name import DatasetName
from watermain.lake.fence import unreachable
from watermain.lake.lake import Lake

# A row deleted within a file, a file of several snapshots or an encrypted one, or a column that
# changed since the oldest file: the lake alone reads those.
PLAIN = """
select t.table_id
from {place}.ducklake_table as t join {place}.ducklake_schema as s using (schema_id)
where s.schema_name = %(schema)s and t.table_name = %(table)s
    and t.begin_snapshot <= %(at)s and (t.end_snapshot is null or t.end_snapshot > %(at)s)
    and s.begin_snapshot <= %(at)s and (s.end_snapshot is null or s.end_snapshot > %(at)s)
    and not exists (
        select from {place}.ducklake_data_file as f
        where f.table_id = t.table_id
            and f.begin_snapshot <= %(at)s and (f.end_snapshot is null or f.end_snapshot > %(at)s)
            and (f.partial_max is not null or f.encryption_key is not null)
    )
    and not exists (
        select from {place}.ducklake_delete_file as d
        where d.table_id = t.table_id
            and d.begin_snapshot <= %(at)s and (d.end_snapshot is null or d.end_snapshot > %(at)s)
    )
    and not exists (
        select from {place}.ducklake_column as c
        where c.table_id = t.table_id and c.begin_snapshot <= %(at)s
            and greatest(c.begin_snapshot, coalesce(c.end_snapshot, 0)) > (
                select min(f.begin_snapshot) from {place}.ducklake_data_file as f
                where f.table_id = t.table_id and f.begin_snapshot <= %(at)s
                    and (f.end_snapshot is null or f.end_snapshot > %(at)s)
            )
    )
"""
# What of a table the catalog itself holds: rows and deletes.
HELD = """
select c.relname from pg_class as c join pg_namespace as n on n.oid = c.relnamespace
where n.nspname = %(place)s and c.relkind = 'r'
    and (c.relname like %(rows)s or c.relname = %(deletes)s)
"""


def plain_tables(lake: Lake, names: Sequence[DatasetName], snapshot: int) -> frozenset[DatasetName]:
    """The tables of which the catalog has no more to say than where their files are."""
    if not names:
        return frozenset()
    try:
        with psycopg.connect(lake.catalog) as connection:
            found = {n for n in names if _is_plain(connection, lake, n, snapshot)}
    except psycopg.OperationalError as error:
        raise unreachable(error) from error
    return frozenset(found)


def _is_plain(
    connection: psycopg.Connection[Any], lake: Lake, name: DatasetName, snapshot: int
) -> bool:
    place = lake.schema_of_catalog if lake.branch else "public"
    words = {"schema": name.schema, "table": name.table, "at": snapshot}
    query = sql.SQL(PLAIN).format(place=sql.Identifier(place))
    rows = connection.execute(query, words).fetchall()
    return len(rows) == 1 and not _holds(connection, place, int(rows[0][0]))


def _holds(connection: psycopg.Connection[Any], place: str, table_id: int) -> bool:
    """Whether the catalog itself holds rows or deletes of the table, of whichever snapshot."""
    words = {
        "place": place,
        "rows": f"ducklake\\_inlined\\_data\\_{table_id}\\_%",
        "deletes": f"ducklake_inlined_delete_{table_id}",
    }
    for (held,) in connection.execute(HELD, words).fetchall():
        row = connection.execute(
            sql.SQL("select exists (select from {})").format(sql.Identifier(place, held))
        ).fetchone()
        if row is None or row[0]:
            return True
    return False

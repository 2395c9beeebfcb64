"""Rows of datasets that the catalog itself holds, instead of a data file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from watermain.declare.name import DatasetName
from watermain.lake.lake import Lake

LEDGER = "upkeep_raw"  # the one schema whose rows may lie in the catalog
_HOLDERS = """
select s.schema_name, t.table_name, t.table_id,
    (select coalesce(array_agg(i.table_name order by i.schema_version), '{}')
     from ducklake_inlined_data_tables as i where i.table_id = t.table_id),
    to_regclass('ducklake_inlined_delete_' || t.table_id)::text
from ducklake_table as t join ducklake_schema as s using (schema_id)
where t.end_snapshot is null and s.end_snapshot is null and s.schema_name <> %s
order by 1, 2
"""
_DELETES = """
select count(*) from {} join ducklake_data_file as f on f.data_file_id = file_id
where f.end_snapshot is null
"""


@dataclass(frozen=True)
class Inlined:
    """What the catalog holds of a table, as readers of today see it.

    Shapes: `holders` are the catalog's tables with `rows`; `deletes` are of rows in files.
    """

    schema: str
    table: str
    table_id: int
    holders: tuple[str, ...]
    rows: int
    deletes: int

    @property
    def name(self) -> DatasetName:
        """The dataset whose table it is."""
        team, _, stage = self.schema.rpartition("_")
        return DatasetName(team, stage, self.table)


def inlined(lake: Lake) -> list[Inlined]:
    """The tables of datasets of which the catalog holds rows, or deletes, by name."""
    with catalog(lake) as connection:
        found = connection.execute(_HOLDERS, (LEDGER,)).fetchall()
        held = [_counted(connection, row) for row in found]
    return [each for each in held if each.rows or each.deletes]


def catalog(lake: Lake) -> psycopg.Connection[tuple[Any, ...]]:
    """A connection to the catalog's own tables, those of the branch that is worked in."""
    connection = psycopg.connect(lake.catalog)
    if lake.branch:
        place = sql.Identifier(lake.schema_of_catalog)
        connection.execute(sql.SQL("set search_path to {}").format(place))
    return connection


def _counted(connection: psycopg.Connection[tuple[Any, ...]], row: tuple[Any, ...]) -> Inlined:
    schema, table, table_id, holders, deleted = row
    alive = sql.SQL("select count(*) from {} where end_snapshot is null")
    counts = {h: _one(connection, alive.format(sql.Identifier(h))) for h in holders}
    deletes = _one(connection, sql.SQL(_DELETES).format(sql.SQL(deleted))) if deleted else 0
    full = tuple(h for h in holders if counts[h])
    return Inlined(schema, table, table_id, full, sum(counts.values()), deletes)


def _one(connection: psycopg.Connection[tuple[Any, ...]], query: sql.SQL | sql.Composed) -> int:
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0

"""How many rows each table of the lake has, by the books of its catalog."""

from __future__ import annotations

from collections.abc import Collection

import duckdb

from watermain.declare.name import DatasetName
from watermain.lake.lake import Lake, table
from watermain.lake.rest.inlined import LEDGER, catalog

_ROWS = """
select s.schema_name, t.table_name,
    coalesce((select sum(f.record_count) from ducklake_data_file as f
        where f.table_id = t.table_id and f.end_snapshot is null), 0)
    - coalesce((select sum(d.delete_count) from ducklake_delete_file as d
        where d.table_id = t.table_id and d.end_snapshot is null), 0)
from ducklake_table as t join ducklake_schema as s using (schema_id)
where t.end_snapshot is null and s.end_snapshot is null
"""


def row_counts(
    lake: Lake, connection: duckdb.DuckDBPyConnection, names: Collection[DatasetName]
) -> dict[DatasetName, int]:
    """The rows of those datasets that have a table.

    Guarantees: no data file is opened. The ledger's own tables, of which the catalog holds rows,
    are counted.
    """
    with catalog(lake) as books:
        booked = {(str(s), str(t)): int(rows) for s, t, rows in books.execute(_ROWS).fetchall()}
    stand = {n: booked[n.schema, n.table] for n in names if (n.schema, n.table) in booked}
    held = [n for n in stand if n.schema == LEDGER]
    asked = (f"select {at}, count(*) from {table(name)}" for at, name in enumerate(held))
    counted = connection.execute(" union all ".join(asked)).fetchall() if held else []
    return stand | {held[at]: int(count) for at, count in counted}

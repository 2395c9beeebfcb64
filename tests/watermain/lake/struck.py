"""An engine ended for real, by what DuckLake cannot read back."""

from __future__ import annotations

import duckdb

from watermain.lake.lake import Lake

DEADLY = "select * from lake.shop_raw.dated"


def lay_trap(lake: Lake) -> None:
    """Let the catalog hold a struct with a date, at whose reading the engine ends itself."""
    with lake.get_connection() as connection:
        connection.execute("create schema if not exists lake.shop_raw")
        connection.execute("create table lake.shop_raw.dated (s struct(d date))")
        inline(connection, "shop_raw", "dated")
        connection.execute("insert into lake.shop_raw.dated values ({'d': date '2013-01-01'})")


def inline(connection: duckdb.DuckDBPyConnection, schema: str, table: str, most: int = 500) -> None:
    """Let the catalog hold rows of a table, as lakes did before."""
    connection.execute(
        f"call lake.set_option('data_inlining_row_limit', {most},"
        f" schema => '{schema}', table_name => '{table}')"
    )

"""The files that a catalog names."""

from __future__ import annotations

import os

import duckdb


def named(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """Every file that the catalog names now."""
    tables = connection.execute(
        "select schema_name, table_name from duckdb_tables() where database_name = 'lake'"
    ).fetchall()
    return [
        path
        for schema, name in tables
        for row in connection.execute(
            "select data_file, delete_file from"
            f" ducklake_list_files('lake', '{name}', schema => '{schema}')"
        ).fetchall()
        for path in row
        if path
    ]


def lost(paths: list[str]) -> list[str]:
    """Those that are not there, or empty."""
    return [path for path in paths if not os.path.exists(path) or os.path.getsize(path) == 0]

"""The files that a catalog names."""

from __future__ import annotations

import os

import duckdb

from watermain.lake.rest.lake_files import StoredFiles
from watermain.settings import load_settings


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
    remote = [path for path in paths if path.startswith("s3://")]
    found = _stored(remote) if remote else {}
    return [path for path in paths if not (found[path] if path in found else _size(path))]


def _size(path: str) -> int:
    return os.path.getsize(path) if os.path.exists(path) else 0


def _stored(paths: list[str]) -> dict[str, int]:
    """How large each object is, as the store itself lists it."""
    settings = load_settings()
    prefix = settings.lake_folder
    sizes = {prefix + each.path: each.size for each in StoredFiles(prefix, settings).listed()}
    return {path: sizes.get(path, 0) for path in paths}

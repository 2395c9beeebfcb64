"""The plugin that lets stock dbt run inside an engine with the lake attached."""

from __future__ import annotations

from typing import Any

import duckdb
from dbt.adapters.duckdb.plugins import BasePlugin

from watermain.lake.lake import Lake
from watermain.settings import load_settings


class Plugin(BasePlugin):  # type: ignore[misc]  # dbt ships no types
    """Attach the lake to dbt's engine, as every engine of the platform has it.

    Guarantees: the catalog's address stays out of dbt's profile and so out of its logs.
    """

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        """Tell the adapter that `lake` is a DuckLake."""
        if self.creds is not None:
            self.creds._ducklake_dbs.add("lake")

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """Load the extensions of the wheels and attach the lake."""
        settings = load_settings()
        Lake.from_settings(settings)._attach(conn, settings)

    def configure_cursor(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Keep the session's time zone UTC."""
        cursor.execute("set timezone = 'UTC'")

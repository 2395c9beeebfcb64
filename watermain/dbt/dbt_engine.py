"""The plugin that lets stock dbt run inside an engine with the lake attached."""

from __future__ import annotations

from typing import Any

import duckdb
from dbt.adapters.duckdb.plugins import BasePlugin

from watermain.lake.lake import Lake
from watermain.settings import load_settings


class Plugin(BasePlugin):  # type: ignore[misc]  # dbt ships no types
    """Attach the lake, or the branch of it that `config: {branch: ...}` names, to dbt's engine.

    Guarantees: the catalog's address stays out of dbt's profile and so out of its logs.
    Raises: BranchError, for a branch that is not there.
    """

    def initialize(self, plugin_config: dict[str, Any]) -> None:
        """Tell the adapter that `lake` is a DuckLake."""
        self._branch = str(plugin_config.get("branch") or "")
        if self.creds is not None:
            self.creds._ducklake_dbs.add("lake")

    def configure_connection(self, conn: duckdb.DuckDBPyConnection) -> None:
        """Load the extensions of the wheels and attach the lake."""
        settings = load_settings()
        lake = Lake.from_settings(settings)
        place = lake.on(self._branch) if self._branch else lake
        place._attach(conn, settings)

    def configure_cursor(self, cursor: duckdb.DuckDBPyConnection) -> None:
        """Keep the session's time zone UTC."""
        cursor.execute("set timezone = 'UTC'")

"""The target of dbt's own tests: a branch of a lake that was made for them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.lakes import UNSYNCED, use
from watermain.lake import branch, ledger
from watermain.lake.lake import Lake
from watermain.process.postgres import EmbeddedPostgres

BRANCH = "suite"


@pytest.fixture(scope="session")
def dbt_profile_target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The target `branch` of a project's profile."""
    folder = tmp_path_factory.mktemp("lake")
    server = EmbeddedPostgres(folder / "postgres", settings=UNSYNCED)
    server.start()
    with pytest.MonkeyPatch.context() as patch:
        server.ensure_database("lake")
        use(patch, folder, server.dsn("lake"))
        lake = Lake.from_settings()
        lake.initialize()
        with lake.get_connection() as connection:
            ledger.create(connection)
        branch.create(lake, BRANCH)
        lake.forget()
        yield {
            "type": "duckdb",
            "path": ":memory:",
            "database": "lake",
            "attach": [{"path": ":memory:", "alias": "lake", "is_ducklake": True}],
            "threads": 1,
            "plugins": [{"module": "watermain.dbt.dbt_engine", "config": {"branch": BRANCH}}],
        }
    server.stop()

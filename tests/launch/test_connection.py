"""The storages of a process share one connection that heals."""

from __future__ import annotations

import os
from pathlib import Path

import psycopg
from dagster import DagsterInstance
from sqlalchemy.pool import NullPool

from launch.connection import keep_connection
from resources.postgres import EmbeddedPostgres
from tests.launch.scene import scene

SESSIONS = """
    select pid from pg_stat_activity
    where datname = %s and backend_type = 'client backend' and pid <> pg_backend_pid()
"""


def use(instance: DagsterInstance) -> None:
    """Ask each of the three storages something."""
    instance.get_runs(limit=1)
    instance.get_asset_keys()
    instance.all_instigator_state()


def test_storages_share_one_kept_connection(postgres: EmbeddedPostgres, tmp_path: Path) -> None:
    """One session stays; ended by the server, another takes its place unnoticed."""
    with (
        scene(postgres, tmp_path) as opened,
        psycopg.connect(postgres.dsn("postgres"), autocommit=True) as watcher,
    ):
        instance = opened.instance
        database = instance.run_storage._engine.url.database  # type: ignore[attr-defined]

        def sessions() -> list[tuple[int]]:
            return watcher.execute(SESSIONS, [database]).fetchall()

        assert isinstance(instance.run_storage._engine.pool, NullPool)  # type: ignore[attr-defined]
        use(instance)
        assert sessions() == []
        keep_connection(instance)
        use(instance)
        (kept,) = sessions()
        use(instance)
        assert sessions() == [kept]
        watcher.execute("select pg_terminate_backend(%s, 5000)", kept)
        use(instance)
        (other,) = sessions()
        assert other != kept
        forked = os.fork()
        if forked == 0:
            use(instance)
            os._exit(0)
        assert os.waitpid(forked, 0)[1] == 0
        use(instance)
        assert sessions() == [other]
        instance.run_storage._engine.dispose()  # type: ignore[attr-defined]


def test_other_storage_is_left_alone() -> None:
    """An instance in memory has no connection to keep."""
    with DagsterInstance.ephemeral() as instance:
        keep_connection(instance)
        assert instance.get_runs() == []

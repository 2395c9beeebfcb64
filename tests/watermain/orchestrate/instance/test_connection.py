"""The storages of a process share one connection that heals."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import dagster as dg
import psycopg
from dagster import DagsterInstance
from sqlalchemy import event
from sqlalchemy.pool import NullPool

from tests.watermain.orchestrate.launch.scene import scene, soon
from watermain.orchestrate.instance.connection import LOCK, keep_connection
from watermain.process.postgres import EmbeddedPostgres

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
        soon(lambda: not sessions())  # the server ends a closed one in its own time
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


def test_tables_that_stand_are_not_looked_for_again(
    postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    """The first look asks the catalog, and the second only what it wants to know."""
    with scene(postgres, tmp_path) as opened:
        instance = opened.instance
        keep_connection(instance)
        asked: list[str] = []
        engine = instance.run_storage._engine  # type: ignore[attr-defined]
        event.listen(engine, "before_cursor_execute", lambda *words: asked.append(words[2]))
        told = dg.AssetMaterialization("flights", tags={"k": "v"})
        counts = []
        for _ in range(2):
            asked.clear()
            use(instance)
            instance.report_runless_asset_event(told)
            counts.append(len([one for one in asked if "pg_catalog" in one]))
        assert counts[0] > 0
        assert counts[1] == 0
        assert len(asked) == 6
        engine.dispose()


def test_other_storage_is_left_alone() -> None:
    """An instance in memory has no connection to keep."""
    with DagsterInstance.ephemeral() as instance:
        keep_connection(instance)
        assert instance.get_runs() == []


OPEN = """
import sys
from dagster_postgres import event_log, run_storage, schedule_storage
from watermain.orchestrate.instance.connection import KeptPostgresStorage
for module in (event_log.event_log, run_storage.run_storage, schedule_storage.schedule_storage):
    module.retry_pg_creation_fn = lambda make: make()  # a collision is not to be tried away
storage = KeptPostgresStorage(sys.argv[1])
assert storage.run_storage.get_runs() == []
assert storage.schedule_storage.all_instigator_state() == []
"""
WAITING = """
    select count(*) from pg_locks join pg_database on pg_database.oid = database
    where locktype = 'advisory' and not granted and datname = 'opened_by_many'
"""


def test_a_new_database_may_be_opened_by_many_at_once(postgres: EmbeddedPostgres) -> None:
    """The tables are made once, whoever comes first; the others wait for them."""
    postgres.ensure_database("opened_by_many")
    url = postgres.url("opened_by_many").replace("postgresql://", "postgresql+psycopg2://")
    with psycopg.connect(postgres.dsn("opened_by_many"), autocommit=True) as watcher:
        watcher.execute("select pg_advisory_lock(%s)", [LOCK])
        opening = [
            subprocess.Popen([sys.executable, "-c", OPEN, url], stderr=subprocess.PIPE, text=True)
            for _ in range(4)
        ]
        while watcher.execute(WAITING).fetchone() != (4,):
            assert all(process.poll() is None for process in opening)
            time.sleep(0.05)
        made = "select count(*) from information_schema.tables where table_schema = 'public'"
        assert watcher.execute(made).fetchone() == (0,)
        watcher.execute("select pg_advisory_unlock(%s)", [LOCK])
        told = [process.communicate()[1] for process in opening]
    assert [process.returncode for process in opening] == [0] * 4, told

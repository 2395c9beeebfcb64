"""One kept PostgreSQL connection for the Dagster storages of a process.

Dagster's storages open a connection for every single query, which costs a step more than the step.
A process of ours keeps one: checked before each use, so a restarted server is not noticed.
"""

from __future__ import annotations

from dagster import DagsterInstance
from dagster_postgres.event_log import PostgresEventLogStorage
from dagster_postgres.run_storage import PostgresRunStorage
from dagster_postgres.schedule_storage import PostgresScheduleStorage
from dagster_postgres.utils import create_pg_engine
from sqlalchemy.engine import Engine

PostgresStorage = PostgresRunStorage | PostgresEventLogStorage | PostgresScheduleStorage


def keep_connection(instance: DagsterInstance) -> None:
    """Let the storages of `instance` share one kept connection; leave other storages alone."""
    engines: dict[str, Engine] = {}
    for storage in _postgres_storages(instance):
        url = storage.postgres_url
        if url not in engines:
            engines[url] = create_pg_engine(
                url,
                storage._token_provider,
                isolation_level="AUTOCOMMIT",
                pool_size=1,
                max_overflow=-1,
                pool_pre_ping=True,
            )
        storage._engine = engines[url]


def forget_connection(instance: DagsterInstance) -> None:
    """Drop the connection inherited by fork without closing it under the parent's feet."""
    for storage in _postgres_storages(instance):
        storage._engine.dispose(close=False)


def _postgres_storages(instance: DagsterInstance) -> list[PostgresStorage]:
    storages = (instance.run_storage, instance.event_log_storage, instance.schedule_storage)
    return [storage for storage in storages if isinstance(storage, PostgresStorage)]

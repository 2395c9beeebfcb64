"""Dagster's storages on PostgreSQL with connections that are kept.

Dagster's own open a connection for every query: fifty a second in the daemon alone, each of which
costs the server a process and costs a run more than its work. Ours keep a few for all the storages
of a process, however many instances it opens: checked before each use, so that a restarted server
is not noticed, and never shared with a fork. Nor do ours ask before each look whether its table
stands, as Dagster's do. Tables that are missing are made by one process at a time, since the web
server, the daemon and the rooms open a new database together.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from dagster import DagsterInstance
from dagster._serdes import ConfigurableClassData
from dagster_postgres import DagsterPostgresStorage
from dagster_postgres.auth import PgTokenProvider
from dagster_postgres.event_log import PostgresEventLogStorage
from dagster_postgres.run_storage import PostgresRunStorage
from dagster_postgres.schedule_storage import PostgresScheduleStorage
from dagster_postgres.utils import (
    create_pg_engine,
    get_token_provider_from_config,
    pg_url_from_config,
    retry_pg_connection_fn,
)
from sqlalchemy import text
from sqlalchemy.engine import Engine
from sqlalchemy.pool import NullPool

PostgresStorage = PostgresRunStorage | PostgresEventLogStorage | PostgresScheduleStorage
KEPT = 4  # for the threads of a daemon; a run uses one
LOCK = 7_205_831_019  # PostgreSQL's advisory lock on the making of tables
LACKS_TABLES = text("""
    select bool_or(to_regclass(one) is null)
    from unnest(array['runs', 'instance_info', 'event_logs', 'jobs', 'instigators']) as named(one)
""")
# What the storages ask PostgreSQL's catalog before they look at a table; once true, always true.
ASKED_ONCE = (
    *("has_table", "has_asset_key_index_cols"),
    *("has_instigators_table", "_has_instigators_table", "has_secondary_index_table"),
    *("_has_asset_daemon_asset_evaluations_table", "has_built_index", "has_run_stats_index_cols"),
    *("has_bulk_actions_selector_cols", "has_bulk_action_job_name_column"),
    *("has_backfill_id_column", "has_backfill_tags_table"),
)
_engines: dict[str, Engine] = {}


class KeptPostgresStorage(DagsterPostgresStorage):
    """The storage of `dagster.yaml`."""

    def __init__(
        self,
        postgres_url: str,
        should_autocreate_tables: bool = True,
        inst_data: ConfigurableClassData | None = None,
        token_provider: PgTokenProvider | None = None,
    ) -> None:
        engine = _engine(postgres_url, token_provider)
        with _alone_if_tables_lack(engine) as lack:
            make = should_autocreate_tables and lack
            super().__init__(postgres_url, make, inst_data, token_provider)
        _keep([self._run_storage, self._event_log_storage, self._schedule_storage])

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> KeptPostgresStorage:
        """Build the storage from dagster.yaml, whose words are those of dagster-postgres."""
        told: Any = config_value
        return cls(
            pg_url_from_config(told),
            told.get("should_autocreate_tables", True),
            inst_data,
            get_token_provider_from_config(told),
        )


def keep_connection(instance: DagsterInstance) -> None:
    """Let the storages of `instance` share kept connections; leave other storages alone."""
    _keep(_postgres_storages(instance))


def _keep(storages: list[PostgresStorage]) -> None:
    for storage in storages:
        for name in (each for each in ASKED_ONCE if hasattr(storage, each)):
            setattr(storage, name, _remembered(getattr(storage, name)))
        if isinstance(storage._engine.pool, NullPool):
            storage._engine = _engine(storage.postgres_url, storage._token_provider)


def _remembered(ask: Callable[..., bool]) -> Callable[..., bool]:
    """Ask until the answer is yes, for each name that is asked for; a connection names nothing."""
    known: set[tuple[str, ...]] = set()

    def told(*words: object) -> bool:
        key = tuple(word for word in words if isinstance(word, str))
        if key not in known and ask(*words):
            known.add(key)
        return key in known

    return told


def _engine(url: str, token_provider: PgTokenProvider | None) -> Engine:
    engine = create_pg_engine(  # it connects to nothing before it is used
        url,
        token_provider,
        isolation_level="AUTOCOMMIT",
        pool_size=KEPT,
        max_overflow=-1,
        pool_pre_ping=True,
    )
    return _engines.setdefault(url, engine)


@contextmanager
def _alone_if_tables_lack(engine: Engine) -> Iterator[bool]:
    """Say whether tables are to be made; if they are, no other process makes them meanwhile."""
    if not retry_pg_connection_fn(lambda: _lacks_tables(engine)):
        yield False
        return
    with engine.connect() as connection:
        connection.execute(text("select pg_advisory_lock(:lock)"), {"lock": LOCK})
        try:
            yield _lacks_tables(engine)
        finally:
            connection.execute(text("select pg_advisory_unlock(:lock)"), {"lock": LOCK})


def _lacks_tables(engine: Engine) -> bool:
    with engine.connect() as connection:
        return bool(connection.execute(LACKS_TABLES).scalar())


def _postgres_storages(instance: DagsterInstance) -> list[PostgresStorage]:
    storages = (instance.run_storage, instance.event_log_storage, instance.schedule_storage)
    return [storage for storage in storages if isinstance(storage, PostgresStorage)]


def _forget() -> None:
    """Drop connections inherited by fork without closing them under the parent's feet."""
    for engine in _engines.values():
        engine.dispose(close=False)


os.register_at_fork(after_in_child=_forget)

"""What Dagster's storage forgets: Dagster itself forgets its ticks alone, after days.

A pass walks over the tables in short pieces, each a transaction of its own, and may be ended
anywhere. What the UI's states are made of stays: the last event of each kind for every asset and
partition, the last evaluation of every check and partition, the plan of a run that failed until
something was materialized since, and the rows of runs that any of these belong to.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from dagster import DagsterInstance
from dagster_postgres.run_storage import PostgresRunStorage
from sqlalchemy import text
from sqlalchemy.engine import Connection

from watermain.settings import Settings

PIECE = 5_000  # rows that one statement looks at
TABLES = (
    "event_logs",
    "asset_check_executions",
    "asset_event_tags",
    "runs",
    "run_tags",
    "snapshots",
    "bulk_actions",
    "job_ticks",
)
_ENDED = """(r.status = 'SUCCESS' and r.update_timestamp < :succeeded
    or r.status in ('FAILURE', 'CANCELED') and r.update_timestamp < :failed)"""
# A row without a run was told from elsewhere; one of a run that is gone is as old as it may be.
_OLD = f"""(case when x.run_id = '' then x.{{at}} < :told
    else x.{{at}} < :succeeded and coalesce(
        (select {_ENDED} from runs r where r.run_id = x.run_id), x.{{at}} < :failed) end)"""
_NEWER = """exists (select 1 from event_logs n where n.asset_key = x.asset_key
    and n.dagster_event_type = {kind} and n.id > x.id
    and n.partition {same})"""


def _superseded(kind: str) -> str:
    """Whether a later event of a kind stands for the same asset and partition."""
    alone = _NEWER.format(kind=kind, same="is null")
    parted = _NEWER.format(kind=kind, same="= x.partition")
    return f"(case when x.partition is null then {alone} else {parted} end)"


# Of a run that succeeded it is soon of no use that its checks were to come and that they passed,
# nor how its processes came to be.
_DETAIL = """(x.{at} < :told and exists (
    select 1 from runs r where r.run_id = x.run_id and r.status = 'SUCCESS') and {which})"""
_PASSED = """(x.dagster_event_type in ('ASSET_CHECK_EVALUATION_PLANNED', 'STEP_OUTPUT',
        'RESOURCE_INIT_STARTED', 'RESOURCE_INIT_SUCCESS', 'STEP_WORKER_STARTING',
        'STEP_WORKER_STARTED', 'ENGINE_EVENT')
    or x.dagster_event_type = 'ASSET_CHECK_EVALUATION' and x.event like '%"success": true%')"""
_EVENTS = f"""
with gone as (
    delete from event_logs x where x.id > :after and x.id <= :upto
    and ({_DETAIL.format(at="timestamp", which=_PASSED)} or {_OLD.format(at="timestamp")} and (
        x.asset_key is null
        or x.dagster_event_type in ('ASSET_CHECK_EVALUATION', 'ASSET_CHECK_EVALUATION_PLANNED')
        or {_superseded("x.dagster_event_type")}
        or x.dagster_event_type = 'ASSET_MATERIALIZATION_PLANNED' and (
            {_superseded("'ASSET_MATERIALIZATION'")}
            or not exists (select 1 from runs r where r.run_id = x.run_id and r.status = 'FAILURE'))
    )) returning x.id
), untagged as (
    delete from asset_event_tags t using gone where t.event_id = gone.id
)
select count(*) from gone
"""
_LAST_CHECKS = """
create temp table watermain_last_checks as select max(id) as id from asset_check_executions
where execution_status <> 'PLANNED' group by asset_key, check_name, partition
"""
_CHECKS = f"""
with gone as (
    delete from asset_check_executions x where x.id > :after and x.id <= :upto
    and ({_DETAIL.format(at="create_timestamp", which="x.execution_status <> 'FAILED'")}
        or {_OLD.format(at="create_timestamp")})
    and not exists (select 1 from watermain_last_checks k where k.id = x.id) returning x.id
)
select count(*) from gone
"""
_PIECE = """
select max(id), min({at}) from (
    select id, {at} from {table} where id > :after order by id limit :piece
) as piece
"""
_RUNS = f"""
with gone as materialized (
    select r.run_id from runs r where {_ENDED}
    and not exists (select 1 from event_logs e where e.run_id = r.run_id)
    and not exists (select 1 from asset_check_executions c where c.run_id = r.run_id)
    limit :piece
), untagged as (
    delete from run_tags t using gone where t.run_id = gone.run_id
), deleted as (
    delete from runs r using gone where r.run_id = gone.run_id
)
select count(*) from gone
"""
_BACKFILLS = """
with gone as (
    delete from bulk_actions b where b.timestamp < :failed
    and b.status in ('COMPLETED', 'COMPLETED_SUCCESS', 'COMPLETED_FAILED', 'FAILED', 'CANCELED')
    and not exists (select 1 from runs r where r.backfill_id = b.key) returning b.key
), untagged as (
    delete from backfill_tags t using gone where t.backfill_id = gone.key
)
select count(*) from gone
"""
# A look that found nothing, once a later one stands.
_TICKS = """
with gone as (
    delete from job_ticks t where t.status = 'SKIPPED' and t.timestamp < :told and exists (
        select 1 from job_ticks n where n.selector_id = t.selector_id
        and n.timestamp > t.timestamp) returning t.id
)
select count(*) from gone
"""
_SIZE = "select coalesce(sum(pg_total_relation_size(to_regclass(one))), 0) from unnest(:names) one"


@dataclass(frozen=True, kw_only=True)
class Terms:
    """How long what is kept: of runs that succeeded, of those that failed, of what was told."""

    succeeded: timedelta
    failed: timedelta
    told: timedelta

    @classmethod
    def of(cls, settings: Settings) -> Terms:
        """The terms that the settings name."""
        return cls(
            succeeded=timedelta(days=settings.history_days),
            failed=timedelta(days=settings.failed_history_days),
            told=timedelta(hours=settings.told_hours),
        )

    def ends(self, now: datetime) -> dict[str, datetime]:
        """The moments before which things are old, as Dagster's tables write moments."""
        at = now.astimezone(UTC).replace(tzinfo=None)
        failed = at - max(self.failed, self.succeeded)
        return {"succeeded": at - self.succeeded, "failed": failed, "told": at - self.told}


@dataclass(frozen=True, kw_only=True)
class Forgotten:
    """How many rows went, and what the tables take on disk before and after.

    Guarantees: the space of what went is used again; the files themselves may stay as large.
    """

    events: int = 0
    checks: int = 0
    runs: int = 0
    backfills: int = 0
    ticks: int = 0
    bytes_before: int = 0
    bytes_after: int = 0

    @property
    def rows(self) -> int:
        """All rows that went."""
        return self.events + self.checks + self.runs + self.backfills + self.ticks


def forget(instance: DagsterInstance, terms: Terms, *, now: datetime | None = None) -> Forgotten:
    """Delete what is older than the terms and stands for nothing any more.

    Guarantees: nothing of a run that has not ended is touched; a storage that is not in PostgreSQL
    is left alone.
    """
    storage = instance.run_storage
    if not isinstance(storage, PostgresRunStorage):
        return Forgotten()
    ends = terms.ends(now or datetime.now(UTC))
    with storage._engine.connect() as connection:
        before = _bytes(connection)
        events = _walked(connection, "event_logs", "timestamp", _EVENTS, ends)
        checks = _checks(connection, ends)
        runs = _repeated(connection, _RUNS, ends)
        backfills = _count(connection, _BACKFILLS, ends)
        ticks = _count(connection, _TICKS, ends)
        if events + checks + runs + backfills + ticks:
            _reuse(connection)
        return Forgotten(
            events=events,
            checks=checks,
            runs=runs,
            backfills=backfills,
            ticks=ticks,
            bytes_before=before,
            bytes_after=_bytes(connection),
        )


def ended(
    instance: DagsterInstance, run_ids: Sequence[str], terms: Terms, now: datetime
) -> set[str]:
    """Those of the runs whose term is over; so is that of a run which nobody knows any more."""
    storage = instance.run_storage
    if not isinstance(storage, PostgresRunStorage) or not run_ids:
        return set()
    kept = text(f"select r.run_id from runs r where r.run_id = any(:ids) and not {_ENDED}")
    with storage._engine.connect() as connection:
        rows = connection.execute(kept, {"ids": list(run_ids), **terms.ends(now)}).fetchall()
    return set(run_ids) - {str(row[0]) for row in rows}


def _checks(connection: Connection, ends: Mapping[str, datetime]) -> int:
    connection.execute(text("drop table if exists watermain_last_checks"))
    connection.execute(text(_LAST_CHECKS))
    try:
        connection.execute(text("analyze watermain_last_checks"))
        return _walked(connection, "asset_check_executions", "create_timestamp", _CHECKS, ends)
    finally:
        connection.execute(text("drop table watermain_last_checks"))


def _walked(
    connection: Connection, table: str, at: str, delete: str, ends: Mapping[str, datetime]
) -> int:
    """Delete piece by piece, the oldest first, until a piece is younger than every term."""
    piece, after, total = text(_PIECE.format(table=table, at=at)), 0, 0
    while True:
        row = connection.execute(piece, {"after": after, "piece": PIECE}).one()
        if row[0] is None or row[1] >= max(ends.values()):
            return total
        total += _count(connection, delete, {"after": after, "upto": row[0], **ends})
        after = row[0]


def _repeated(connection: Connection, delete: str, ends: Mapping[str, datetime]) -> int:
    total = 0
    while found := _count(connection, delete, {"piece": PIECE, **ends}):
        total += found
    return total


def _count(connection: Connection, statement: str, values: Mapping[str, Any]) -> int:
    named = text(statement)
    wanted = {name: values[name] for name in named._bindparams}
    return int(connection.execute(named, wanted).scalar() or 0)


def _reuse(connection: Connection) -> None:
    """Let later rows lie where the deleted ones lay."""
    for table in TABLES:
        connection.execute(text(f"vacuum (analyze, skip_locked) {table}"))


def _bytes(connection: Connection) -> int:
    return int(connection.execute(text(_SIZE), {"names": list(TABLES)}).scalar() or 0)

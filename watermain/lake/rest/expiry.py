"""Old snapshots of a lake forgotten, with the files that no other snapshot reads.

The engine's own call decides at its commit what goes, where nothing can be proved beforehand. So
the catalog is changed here in one transaction of its own, which ends with a proof. Files are put on
the list of those to be deleted, and stay there for a time of grace; then the sweep takes them,
unless a branch reads them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import psycopg

from watermain.clock import Clock
from watermain.declare.errors import ChangedRowsError
from watermain.failpoint import failpoint
from watermain.lake import branch
from watermain.lake.catalog import unreachable
from watermain.lake.lake import Lake
from watermain.lake.rest import pinned
from watermain.lake.rest.sweep import GRACE, SKEW, begun
from watermain.settings import Settings

MOST = 20_000  # snapshots that one transaction forgets
# Of each span of time the last snapshot stays, for it is what stood until the next.
_GONE = f"""
create temp table watermain_gone on commit drop as
select snapshot_id from (
    select snapshot_id, snapshot_time, max(snapshot_id) over (
        partition by date_bin(%(every)s, snapshot_time, timestamptz 'epoch')) as last
    from ducklake_snapshot
) as known
where (snapshot_time < %(old)s or snapshot_time < %(dense)s and snapshot_id <> last)
    and snapshot_id not in ({pinned.NEEDED}) and snapshot_id <> all(%(needed)s::bigint[])
order by snapshot_id limit {MOST}
"""
# What was ended before any kept snapshot, or after the last before the next: nobody reads it.
_UNREAD = """
create temp table watermain_unread_{kind} on commit drop as
select f.{kind}_file_id as id from ducklake_{kind}_file f
where f.end_snapshot is not null and not exists (
    select from ducklake_snapshot s
    where s.snapshot_id >= f.begin_snapshot and s.snapshot_id < f.end_snapshot)
"""
_SCHEDULE = """
insert into ducklake_files_scheduled_for_deletion (data_file_id, path, path_is_relative,
    schedule_start)
select f.{kind}_file_id,
    case when not f.path_is_relative then f.path else
        (case when not t.path_is_relative then '' else s.path end) || t.path || f.path end,
    f.path_is_relative and t.path_is_relative and s.path_is_relative, %s
from ducklake_{kind}_file f join watermain_unread_{kind} on id = f.{kind}_file_id
join (select distinct on (table_id) * from ducklake_table order by table_id, begin_snapshot desc) t
    using (table_id)
join (select distinct on (schema_id) * from ducklake_schema order by schema_id, begin_snapshot desc)
    s using (schema_id)
"""
_OF_FILES = ("ducklake_file_column_stats", "ducklake_file_partition_value")
_OF_FILES_MAYBE = ("ducklake_file_variant_stats",)
_SHRUNK = (
    "ducklake_snapshot",
    "ducklake_snapshot_changes",
    "ducklake_data_file",
    "ducklake_delete_file",
    *_OF_FILES,
)
_TABLES = """
select relname from pg_class
where relnamespace = current_schema()::regnamespace and relname = any(%s)
"""
_CONTENT = """
select s.snapshot_id, k.kind, count(f.id), coalesce(sum(f.rows), 0)::bigint,
    md5(string_agg(f.id::text, ',' order by f.id))
from unnest(%s::bigint[]) as s(snapshot_id) cross join (values ('data'), ('delete')) as k(kind)
left join (
    select 'data' as kind, data_file_id as id, begin_snapshot, end_snapshot, record_count as rows
    from ducklake_data_file
    union all select 'delete', delete_file_id, begin_snapshot, end_snapshot, delete_count
    from ducklake_delete_file
) f on f.kind = k.kind and f.begin_snapshot <= s.snapshot_id
    and (f.end_snapshot is null or f.end_snapshot > s.snapshot_id)
group by 1, 2 order by 1, 2
"""
_PROVED = f"""
select snapshot_id from ducklake_snapshot
where snapshot_id not in (select snapshot_id from watermain_gone)
and (snapshot_id in ({pinned.NEEDED}) or snapshot_id = any(%s::bigint[])
    or snapshot_id < (select max(snapshot_id) from watermain_gone)
    or snapshot_id = (select min(snapshot_id) from ducklake_snapshot
        where snapshot_id > (select max(snapshot_id) from watermain_gone)))
"""
_RELEASE = """
with gone as (
    delete from ducklake_files_scheduled_for_deletion where schedule_start < %s returning 1
) select count(*) from gone
"""


@dataclass(frozen=True, kw_only=True)
class Depth:
    """How far back the lake can be read: at each commit, and before that at few of them.

    Units: of each `every` the last commit stays; of what is older than `old` none does.
    """

    old: timedelta
    dense: timedelta = timedelta(hours=6)
    every: timedelta = timedelta(hours=1)

    @classmethod
    def of(cls, settings: Settings) -> Depth:
        """The terms that the settings name."""
        return cls(
            old=timedelta(days=settings.snapshot_days),
            dense=timedelta(hours=settings.snapshot_hours),
            every=timedelta(minutes=settings.snapshot_minutes),
        )


@dataclass(frozen=True, kw_only=True)
class Expired:
    """How many snapshots went, files that wait to be deleted, and files given to the sweep."""

    snapshots: int = 0
    files: int = 0
    bytes: int = 0
    released: int = 0
    oldest: int = 0


def expire(
    lake: Lake, depth: Depth, *, needed: Collection[int] = (), clock: Clock | None = None
) -> Expired:
    """Forget what the lake was before, but for snapshots that somebody needs.

    Guarantees: all of it or nothing; no file is deleted here. The present snapshot stays, and so
    do those that a branch began as, that a training set was made from, that a stream reads on
    from, that are `needed`, and that are younger than the terms or than a transaction which is
    open on the catalog. Each of them that lies among those which go lists the same files with as
    many rows before and after, or nothing is changed.
    Raises: ChangedRowsError or UnreachableSystemError.
    """
    now, open_since = (clock or Clock()).now(), begun(lake) - SKEW
    wanted = {
        "old": min(now - depth.old, open_since),
        "dense": min(now - min(depth.dense, depth.old), open_since),
        "every": depth.every,
        "needed": sorted(needed),
    }
    with _catalog(lake) as connection:
        connection.execute(branch.DDL)
        connection.execute(pinned.DDL)
        connection.execute(_GONE, wanted)
        proved = [row[0] for row in connection.execute(_PROVED, (wanted["needed"],))]
        then = _content(connection, proved)
        count, size, snapshots = 0, 0, _forgotten(connection)
        if snapshots:
            count, size = _scheduled(connection, now)
        _prove(then, _content(connection, proved))
        failpoint("expiry.before_commit")
        row = connection.execute("select min(snapshot_id) from ducklake_snapshot").fetchone()
    if snapshots:
        _reuse(lake)
    return Expired(snapshots=snapshots, files=count, bytes=size, oldest=row[0] if row else 0)


def release(lake: Lake, *, grace: timedelta = GRACE, clock: Clock | None = None) -> int:
    """Give files that have waited for the time of grace to the sweep; give their number.

    Raises: UnreachableSystemError.
    """
    with _catalog(lake) as connection:
        row = connection.execute(_RELEASE, ((clock or Clock()).now() - grace,)).fetchone()
    return int(row[0]) if row else 0


def _reuse(lake: Lake) -> None:
    """Let later rows of the catalog lie where the deleted ones lay."""
    try:
        with psycopg.connect(lake.dsn(), autocommit=True) as connection:
            for (name,) in connection.execute(_TABLES, [[*_SHRUNK]]).fetchall():
                connection.execute(f"vacuum (analyze, skip_locked) {name}")
    except psycopg.OperationalError as error:
        raise unreachable(error, data="unchanged; the space is used again later") from error


def _forgotten(connection: psycopg.Connection[Any]) -> int:
    for table in ("ducklake_snapshot_changes", "ducklake_snapshot"):
        done = connection.execute(
            f"delete from {table} where snapshot_id in (select snapshot_id from watermain_gone)"
        )
    return done.rowcount


def _scheduled(connection: psycopg.Connection[Any], now: datetime) -> tuple[int, int]:
    """Take files that nobody reads off the catalog, and put them on the list; count them."""
    count = size = 0
    for kind in ("data", "delete"):
        connection.execute(_UNREAD.format(kind=kind))
    for kind in ("delete", "data"):
        connection.execute(_SCHEDULE.format(kind=kind), (now,))
        row = connection.execute(
            f"with gone as (delete from ducklake_{kind}_file f using watermain_unread_{kind} u"
            f" where f.{kind}_file_id = u.id returning f.file_size_bytes)"
            " select count(*), coalesce(sum(file_size_bytes), 0) from gone"
        ).fetchone()
        assert row is not None
        count, size = count + int(row[0]), size + int(row[1])
    known = connection.execute(_TABLES, [[*_OF_FILES, *_OF_FILES_MAYBE]]).fetchall()
    for (table,) in known:
        connection.execute(
            f"delete from {table} s using watermain_unread_data u where s.data_file_id = u.id"
        )
    return count, size


def _content(connection: psycopg.Connection[Any], snapshots: Sequence[int]) -> list[Any]:
    return connection.execute(_CONTENT, (list(snapshots),)).fetchall()


def _prove(before: list[Any], after: list[Any]) -> None:
    """Compare what kept snapshots list with what they would list.

    Raises: ChangedRowsError.
    """
    for then, now in zip(before, after, strict=True):
        if then != now:
            raise ChangedRowsError(
                f"snapshot {then[0]}: {then[2]} files of {then[1]} with {then[3]} rows would have"
                f" become {now[2]} with {now[3]}",
                declared="watermain/lake/rest/expiry.py",
                data="unchanged; no snapshot was forgotten",
                next="watermain verify",
            )


@contextmanager
def _catalog(lake: Lake) -> Iterator[psycopg.Connection[Any]]:
    """One transaction over the catalog; nobody makes a branch meanwhile."""
    try:
        with psycopg.connect(lake.dsn()) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.execute("select pg_advisory_xact_lock(hashtext('watermain branch'))")
            yield connection
    except psycopg.OperationalError as error:
        raise unreachable(error, data="unchanged; no snapshot was forgotten") from error

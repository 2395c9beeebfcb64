"""The right to commit to a dataset, held by one writer at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

from watermain.declare.errors import LostLeaseError
from watermain.lake.catalog import unreachable

# The trigger runs inside the PostgreSQL transaction that commits a lake snapshot, so a writer
# whose epoch is no longer the dataset's cannot commit, whatever its clock or connection says.
# What a commit retires are damaged data files: the engine would have to read them to delete their
# rows, so the catalog takes them out of the very snapshot that holds the rows computed anew.
# A renewal touches a row of its own: a commit that found its lease row changed since its
# transaction began would have to start over.
DDL = """
create schema if not exists watermain;
create table if not exists watermain.lease (
    dataset text primary key, epoch bigint not null, holder_pid int
);
create table if not exists watermain.heartbeat (
    dataset text primary key, renewed_at timestamptz not null
);
create table if not exists watermain.lake (id uuid primary key);
insert into watermain.lake select gen_random_uuid() where not exists (select from watermain.lake);
create table if not exists watermain.checkpoint (
    stream text primary key, ledger uuid not null, snapshot bigint not null, ends text not null
);
create table if not exists watermain.attempt (
    dataset text, partition text, wanted text not null, tries int not null, state text not null,
    why text not null, run text not null, at timestamptz not null, primary key (dataset, partition)
);
create or replace function watermain.fence() returns trigger language plpgsql as $$
declare
    claim jsonb;
    current_epoch bigint;
    files text;
begin
    if new.commit_extra_info is null then
        return new;
    end if;
    for claim in select * from jsonb_array_elements(new.commit_extra_info::jsonb) loop
        select epoch into current_epoch from watermain.lease
            where dataset = claim->>'dataset' for share;
        if current_epoch is distinct from (claim->>'epoch')::bigint then
            raise exception 'watermain lost lease: % held epoch %, now %',
                claim->>'dataset', claim->>'epoch', current_epoch;
        end if;
        if claim ? 'retired' then
            foreach files in array array['ducklake_data_file', 'ducklake_delete_file'] loop
                execute format('update %I.%I set end_snapshot = $1 where end_snapshot is null'
                    ' and data_file_id in (select jsonb_array_elements_text($2)::bigint)',
                    tg_table_schema, files) using new.snapshot_id, claim->'retired';
            end loop;
        end if;
    end loop;
    return new;
end $$;
create or replace trigger watermain_fence before insert on ducklake_snapshot_changes
    for each row execute function watermain.fence();
"""
# The same trigger on the catalog of a branch, whose schema is filled in.
TRIGGER = """
create trigger watermain_fence before insert on {}.ducklake_snapshot_changes
    for each row execute function watermain.fence();
"""

RUN, STREAM = "watermain-lease", "watermain-stream"
_STREAMED = """
select exists (
    select from watermain.lease as l
    join watermain.heartbeat as b using (dataset)
    join pg_stat_activity as a on a.pid = l.holder_pid
    where l.dataset = %s and a.application_name = %s
      and b.renewed_at > now() - make_interval(secs => %s)
)
"""


@dataclass(frozen=True)
class Lease:
    """The right to commit to `dataset` while `epoch` is its latest, in a branch if one is named."""

    dataset: str
    epoch: int
    branch: str = ""

    @property
    def claim(self) -> dict[str, object]:
        """What the commit shows to the fence."""
        return {"dataset": _held(self.dataset, self.branch), "epoch": self.epoch}


class Fence:
    """Hand out leases on datasets through the catalog's PostgreSQL.

    Guarantees: one live lease for each dataset; a dead holder's lease is free at once (its
    connection is gone), and a silent holder's after `lease_seconds`; a commit under an older epoch
    is refused by the catalog itself.
    """

    def __init__(self, dsn: str, *, lease_seconds: int, branch: str = "") -> None:
        self._dsn, self._seconds, self._branch = dsn, lease_seconds, branch

    @contextmanager
    def lease(
        self, dataset: str, *, wait_seconds: float = 3600, holder: str = RUN
    ) -> Iterator[Lease]:
        """Wait for the dataset's lease, and hold it for the block."""
        connection, held = self._connect(holder), _held(dataset, self._branch)
        try:
            try:
                epoch = self._acquire(connection, held, time.monotonic() + wait_seconds)
            except psycopg.OperationalError as error:
                raise unreachable(error) from error
            done = threading.Event()
            beat = threading.Thread(
                target=self._renew, args=(connection, held, epoch, done), daemon=True
            )
            beat.start()
            try:
                yield Lease(dataset, epoch, self._branch)
            finally:
                done.set()
                beat.join()
        finally:
            connection.close()

    def streamed(self, dataset: str) -> bool:
        """Whether a live stream holds the dataset's lease; none does before the lake is made."""
        try:
            with self._connect(RUN) as connection:
                return bool(_one(connection, _STREAMED, (dataset, STREAM, self._seconds)))
        except psycopg.errors.UndefinedTable:
            return False
        except psycopg.OperationalError as error:
            raise unreachable(error) from error

    def outcome(self, dataset: str, claim: str, *, wait_seconds: int = 10) -> int | None:
        """Give the snapshot that a commit became, or None when there will never be one.

        Guarantees: a commit still under way is waited for, as it locks its dataset's lease.
        Raises: UnreachableSystemError, when the catalog cannot tell.
        """
        with self._connect(RUN) as connection:
            try:
                connection.execute(f"set lock_timeout = '{wait_seconds}s'")
                connection.execute(
                    "select 1 from watermain.lease where dataset = %s for update",
                    (_held(dataset, self._branch),),
                )
                catalog = f"{catalog_schema(self._branch)}." if self._branch else ""
                found = _one(
                    connection,
                    f"select snapshot_id from {catalog}ducklake_snapshot_changes"
                    " where commit_extra_info = %s",
                    (claim,),
                )
            except psycopg.OperationalError as error:
                raise unreachable(error, data="unknown: the catalog could not be asked") from error
        return None if found is None else int(str(found))

    def _connect(self, holder: str) -> psycopg.Connection[tuple[object, ...]]:
        try:
            return psycopg.connect(self._dsn, autocommit=True, application_name=holder)
        except psycopg.OperationalError as error:
            raise unreachable(error) from error

    def _acquire(
        self, connection: psycopg.Connection[tuple[object, ...]], dataset: str, until: float
    ) -> int:
        while not _one(
            connection,
            "select pg_try_advisory_lock(hashtext('watermain'), hashtext(%s))",
            (dataset,),
        ):
            self._evict(connection, dataset)
            if time.monotonic() > until:
                raise LostLeaseError(
                    f"{dataset}: another writer held the lease all the time",
                    declared="watermain/lake/fence.py",
                    data="nothing was published; what readers had stands as it was",
                    next="watermain status",
                )
            time.sleep(0.05)
        epoch = _one(
            connection,
            "with beat as (insert into watermain.heartbeat values (%s, now())"
            " on conflict (dataset) do update set renewed_at = now())"
            " insert into watermain.lease (dataset, epoch, holder_pid)"
            " values (%s, 1, pg_backend_pid()) on conflict (dataset) do update"
            " set epoch = lease.epoch + 1, holder_pid = pg_backend_pid() returning epoch",
            (dataset, dataset),
        )
        return int(str(epoch))

    def _evict(self, connection: psycopg.Connection[tuple[object, ...]], dataset: str) -> None:
        connection.execute(
            "select pg_terminate_backend(l.holder_pid) from watermain.lease l"
            " join watermain.heartbeat b using (dataset)"
            " join pg_stat_activity a on a.pid = l.holder_pid"
            " and a.application_name in (%s, %s)"
            " where l.dataset = %s and b.renewed_at < now() - make_interval(secs => %s)",
            (RUN, STREAM, dataset, self._seconds),
        )

    def _renew(
        self,
        connection: psycopg.Connection[tuple[object, ...]],
        dataset: str,
        epoch: int,
        done: threading.Event,
    ) -> None:
        while not done.wait(self._seconds / 4):
            try:
                connection.execute(
                    "update watermain.heartbeat set renewed_at = now() where dataset = %s"
                    " and (select epoch from watermain.lease where dataset = %s) = %s",
                    (dataset, dataset, epoch),
                )
            except psycopg.Error:
                return  # the lease is lost; the trigger refuses the commit


def catalog_schema(branch: str) -> str:
    """The PostgreSQL schema that holds the catalog of a branch."""
    return f"branch_{branch}"


def _held(dataset: str, branch: str) -> str:
    """The name under which a lease is held: a branch has leases of its own."""
    return f"{branch}:{dataset}" if branch else dataset


def _one(
    connection: psycopg.Connection[tuple[object, ...]], sql: str, values: tuple[object, ...]
) -> object:
    row = connection.execute(sql, values).fetchone()
    return row[0] if row else None

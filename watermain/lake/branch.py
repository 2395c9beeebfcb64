"""Branches of the lake: writable beside it, without a copy of its data."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from watermain.declare.errors import BranchError, quoted
from watermain.failpoint import failpoint
from watermain.lake.catalog import unreachable
from watermain.lake.fence import TRIGGER
from watermain.lake.lake import Lake

_NAME = re.compile(r"[a-z][a-z0-9_]{0,40}")
DDL = """
create table if not exists watermain.branch (
    name text primary key, base_snapshot bigint not null, created_at timestamptz not null
)"""
# What a branch begins without: files that the lake is about to delete are not its to delete.
_EMPTY = ("ducklake_files_scheduled_for_deletion",)
_LATEST = ("ducklake_snapshot", "ducklake_snapshot_changes")
_OF_FILES = ("ducklake_file_column_stats", "ducklake_file_partition_value")
_FILES = {
    "ducklake_data_file": "table_id",
    "ducklake_delete_file": "table_id",
}


@dataclass(frozen=True, kw_only=True)
class Branch:
    """A branch as the catalog knows it; `base` is the snapshot that it began as."""

    name: str
    base: int
    created_at: datetime


def create(lake: Lake, name: str) -> Branch:
    """Make a branch of the lake as it stands now.

    Guarantees: all of it or nothing; no data file is copied; what the branch writes lies in a
    folder of its own, and readers of the lake never see it.
    Raises: BranchError.
    """
    if not _NAME.fullmatch(name):
        raise _wrong(f"`{name}` is no name of a branch", "use lower-case letters, digits, `_`")
    with _catalog(lake) as connection:
        if name in {b.name for b in _known(connection)}:
            raise _wrong(f"the branch `{name}` stands already", f"watermain branch drop {name}")
        _copy(connection, lake, name)
        row = connection.execute(
            "insert into watermain.branch select %s, max(snapshot_id), now()"
            " from ducklake_snapshot returning name, base_snapshot, created_at",
            (name,),
        ).fetchone()
        # Epochs go on from the lake's: of two ledger rows the higher epoch counts.
        connection.execute(
            "insert into watermain.lease (dataset, epoch) select %s || ':' || dataset, epoch"
            " from watermain.lease where position(':' in dataset) = 0",
            (name,),
        )
        failpoint("branch.after_copy_before_commit")
    assert row is not None
    return Branch(name=row[0], base=row[1], created_at=row[2])


def branches(lake: Lake) -> list[Branch]:
    """Every branch, the oldest first."""
    with _catalog(lake) as connection:
        return _known(connection)


def find(lake: Lake, name: str) -> Branch:
    """The branch of that name.

    Raises: BranchError, listing those that there are.
    """
    known = {b.name: b for b in branches(lake)}
    if name not in known:
        right = f"use one of {quoted(known)}" if known else f"watermain branch create {name}"
        raise _wrong(f"there is no branch `{name}`", right)
    return known[name]


def drop(lake: Lake, name: str) -> None:
    """Forget a branch, and then delete the files that it alone wrote.

    Guarantees: done again it ends what was begun: files of a branch that is forgotten go.
    Raises: BranchError.
    """
    own = lake.on(name)
    if _is_left(own, branches(lake)):
        shutil.rmtree(own.folder)
        return
    find(lake, name)
    with _catalog(lake) as connection:
        connection.execute(sql.SQL("drop schema {} cascade").format(_schema(own)))
        connection.execute("delete from watermain.branch where name = %s", (name,))
        connection.execute("delete from watermain.lease where dataset like %s", (f"{name}:%",))
    own.forget()
    failpoint("branch.after_forgetting_before_files")
    if not own.folder.startswith("s3://"):
        shutil.rmtree(own.folder, ignore_errors=True)


def _is_left(own: Lake, known: list[Branch]) -> bool:
    """Whether files remain of a branch that is known no more."""
    if own.branch in {b.name for b in known} or not _NAME.fullmatch(own.branch):
        return False
    return Path(own.folder).is_dir() and any(Path(own.folder).iterdir())


def _copy(connection: psycopg.Connection[Any], lake: Lake, name: str) -> None:
    """Copy what is alive in the catalog; every path becomes absolute."""
    branch = lake.on(name)
    tables = connection.execute(
        "select relname, array_agg(attname::text order by attnum) from pg_class"
        " join pg_attribute on attrelid = pg_class.oid and attnum > 0 and not attisdropped"
        r" where relnamespace = current_schema()::regnamespace and relname like 'ducklake\_%'"
        " and relkind = 'r' group by relname order by relname"
    ).fetchall()
    with connection.pipeline():  # eighty statements, each of which answers nothing
        connection.execute(sql.SQL("create schema {}").format(_schema(branch)))
        for table, names in tables:
            source, target = sql.Identifier(table), sql.Identifier(branch.schema_of_catalog, table)
            like = sql.SQL("create table {} (like {} including all)").format(target, source)
            connection.execute(like)
            if table not in _EMPTY:
                rows = sql.SQL(_rows(table, names))
                connection.execute(sql.SQL("insert into {} {}").format(target, rows), _folder(lake))
        connection.execute(
            sql.SQL("update {}.ducklake_metadata set value = %s where key = 'data_path'").format(
                _schema(branch)
            ),
            (branch.folder,),
        )
    connection.execute(sql.SQL(TRIGGER).format(_schema(branch)))


def _rows(table: str, names: list[str]) -> str:
    """The query for the rows of a catalog's table that a branch begins with."""
    if table in _LATEST:
        return f"select * from {table} order by snapshot_id desc limit 1"
    if table in _FILES:
        return _absolute(table, names)
    if table in _OF_FILES:
        return (
            f"select * from {table} where data_file_id in"
            " (select data_file_id from ducklake_data_file where end_snapshot is null)"
        )
    alive = " where end_snapshot is null" if "end_snapshot" in names else ""
    return f"select * from {table}{alive}"


def _absolute(table: str, names: list[str]) -> str:
    """Files that are alive, with their paths read from the root."""
    path = (
        "case when not f.path_is_relative then f.path else"
        " (case when not t.path_is_relative then '' else"
        " (case when not s.path_is_relative then '' else %(folder)s end) || s.path end)"
        " || t.path || f.path end"
    )
    replaced = {"path": path, "path_is_relative": "false"}
    columns = ", ".join(replaced.get(n, f"f.{n}") for n in names)
    return (
        f"select {columns} from {table} f join ducklake_table t using (table_id)"
        " join ducklake_schema s using (schema_id)"
        " where f.end_snapshot is null and t.end_snapshot is null and s.end_snapshot is null"
    )


def _folder(lake: Lake) -> dict[str, str]:
    return {"folder": lake.folder if lake.folder.endswith("/") else f"{lake.folder}/"}


def _schema(branch: Lake) -> sql.Identifier:
    return sql.Identifier(branch.schema_of_catalog)


def _known(connection: psycopg.Connection[Any]) -> list[Branch]:
    rows = connection.execute(
        "select name, base_snapshot, created_at from watermain.branch order by created_at, name"
    ).fetchall()
    return [Branch(name=r[0], base=r[1], created_at=r[2]) for r in rows]


@contextmanager
def _catalog(lake: Lake) -> Iterator[psycopg.Connection[Any]]:
    """One transaction over the catalog, from one snapshot of it."""
    try:
        with psycopg.connect(lake.dsn()) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            connection.execute("select pg_advisory_xact_lock(hashtext('watermain branch'))")
            connection.execute(DDL)
            yield connection
    except psycopg.OperationalError as error:
        raise unreachable(error) from error


def _wrong(what: str, next: str) -> BranchError:
    return BranchError(
        what, declared="watermain branch list", data="nothing was changed", next=next
    )

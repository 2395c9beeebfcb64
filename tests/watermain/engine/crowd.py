"""A table of many small files, some of them with deletes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from watermain.declare import DatasetName
from watermain.lake.lake import Lake, table

NAME = DatasetName("shop", "curated", "visits")
FILES = 30


def crowd(lake: Lake, files: int = FILES, *, name: DatasetName = NAME) -> int:
    """Write the same two months once more with each file; give the snapshot that has them all."""
    target = table(name)
    with lake.get_connection() as connection:
        connection.execute(f"create schema if not exists lake.{name.schema}")
        connection.execute(
            f"create table {target} (n bigint, seen_at timestamp, price double,"
            " facts struct(word varchar, days date[], deep map(varchar, struct(x double))))"
        )
        cut = "year(seen_at), month(seen_at)"
        connection.execute(f"alter table {target} set partitioned by ({cut})")
        for n in range(files):
            connection.execute(
                f"insert into {target} select {n} * 10 + m, make_timestamp(2013, m, 1, 0, 0, 0),"
                f" case when {n} % 3 = 0 then 'nan'::double else {n} / 7 end, {{'word': 'it''s \\',"
                " 'days': [date '2013-01-01', null], 'deep': map {'k': {'x': 'inf'::double}}}"
                " from range(1, 3) as r(m)"
            )
        connection.execute(f"delete from {target} where n in (11, 22)")
        return lake.snapshot(connection)


def rows(
    lake: Lake, snapshot: int | None = None, *, name: DatasetName = NAME
) -> list[tuple[Any, ...]]:
    """What readers of the present, or of a snapshot, are given; as text, for NaN equals nothing."""
    at = "" if snapshot is None else f" at (version => {snapshot})"
    with lake.get_connection() as connection:
        return connection.execute(
            f"select n, seen_at, price::varchar, facts::varchar from {table(name)}{at} order by n"
        ).fetchall()


def listed(lake: Lake, name: DatasetName = NAME) -> list[tuple[str, str | None]]:
    """The files of the present snapshot, each with its deletes."""
    with lake.get_connection() as connection:
        return connection.execute(
            "select data_file, delete_file from ducklake_list_files('lake', ?, schema => ?)",
            [name.table, name.schema],
        ).fetchall()


def on_disk(lake: Lake) -> set[Path]:
    """Every file of the table, whoever reads it."""
    return set((Path(lake.folder) / NAME.schema).rglob("*.parquet"))

"""A branch made of a small lake, of one with 100,000 files; its difference beside a scan of both.

Making a branch has no peer: `peer` is the time that it may take: 0.1 s, and then 1 s. The small
lake has as many tables, days and columns as the demo after a month, written for real. The large one
has one real file; the catalog's rows of it are copied by SQL until 100,000 stand there with their
statistics, each under a path of its own where nothing lies, for a branch reads the catalog and no
file. The difference: two versions of a table of 5 million rows, of which the newer is written whole
again with one row of a hundred changed. Equal: lake, snapshots, columns and warm files. Its peer
reads every column of both versions once, by a hash of each row. Not equal, on purpose: ours
compares, joins by key, counts by column and samples.
Run it: `python -m benchmarks.branch`, with `--small` for a tenth of the files and of the rows.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from itertools import count

import psycopg
from psycopg import sql

from benchmarks.fixtures.claim import Figure, measure
from benchmarks.fixtures.shop import Shop, shop, standing
from watermain.engine.table.difference import difference
from watermain.lake import branch
from watermain.lake.lake import Lake, table

TABLES, DAYS, COLUMNS = 20, 31, 8
FILES, ROWS = 100_000, 5_000_000
SMALL_SECONDS, LARGE_SECONDS, SCANS = 0.1, 1.0, 2.0
TURNS = 5
NUMBERS = count()
# Rows of the catalog that speak of one file.
OF_FILE = ("ducklake_data_file", "ducklake_file_column_stats", "ducklake_file_partition_value")


def seconds(work: Callable[[], object]) -> float:
    """How long the work takes."""
    began = time.monotonic()
    work()
    return time.monotonic() - began


def written(place: Shop, name: str, tables: int, days: int) -> Lake:
    """Make a lake of tables with a file for each day."""
    lake = place.job(name).lake
    columns = ", ".join(f"n * {k} as c{k}" for k in range(COLUMNS - 1))
    with lake.get_connection() as connection:
        connection.execute("create schema lake.made")
        for number in range(tables):
            target = f"lake.made.t{number}"
            connection.execute(
                f"create table {target} as select n % {days} as day, {columns}"
                f" from range({days * 10}) r(n) limit 0"
            )
            connection.execute(f"alter table {target} set partitioned by (day)")
            connection.execute(
                f"insert into {target} select n % {days}, {columns} from range({days * 10}) r(n)"
            )
    return lake


def multiply(lake: Lake, files: int) -> None:
    """Copy the catalog's rows of the one file until there are that many files."""
    with psycopg.connect(lake.catalog) as connection:
        row = connection.execute(
            "select data_file_id from ducklake_data_file join ducklake_table using (table_id)"
            " where table_name = 't0'"
        ).fetchone()
        assert row is not None
        for name in OF_FILE:
            found = connection.execute(
                "select column_name from information_schema.columns where table_name = %s"
                " and table_schema = current_schema() order by ordinal_position",
                (name,),
            ).fetchall()
            changed = {"data_file_id": "1000000 + n", "path": "path || '.' || n"}
            values = ", ".join(changed.get(column, column) for (column,) in found)
            connection.execute(
                sql.SQL(
                    f"insert into {name} select {values} from {name}, generate_series(2, %s) n"
                    " where data_file_id = %s"
                ),
                (files, row[0]),
            )
    with psycopg.connect(lake.catalog, autocommit=True) as connection:
        connection.execute("analyze")


def made(lake: Lake, files: int) -> float:
    """Seconds of making a branch, which is then dropped; it names every file and has none."""
    name = f"b{next(NUMBERS)}"
    took = seconds(lambda: branch.create(lake, name))
    schema = lake.on(name).schema_of_catalog
    with psycopg.connect(lake.catalog) as connection:
        found = connection.execute(
            sql.SQL("select count(*) from {}.ducklake_data_file where not path_is_relative").format(
                sql.Identifier(schema)
            )
        ).fetchone()
    assert found is not None
    assert found[0] >= files
    branch.drop(lake, name)
    return took


def creation(lake: Lake, files: int, limit_seconds: float) -> Figure:
    """Measure the making beside the time that it may take."""
    return measure(
        f"branch of a lake of {files:,} files beside {limit_seconds} s, seconds",
        lambda: made(lake, files),
        lambda: limit_seconds,
        limit=1.0,
        turns=TURNS,
    )


def versions(lake: Lake, rows: int) -> tuple[str, str]:
    """Write two versions of the table, of which the newer has one row of a hundred changed."""
    name = table(standing.name)
    values = (
        f"select n as id, timestamp '2013-01-01' + to_minutes(n * 44640 // {rows}) as at,"
        " 'as said ' || n % 1000 as note, ({})::decimal(12, 2) as amount"
        f" from range({rows}) r(n)"
    )
    with lake.get_connection() as connection:
        connection.execute(f"create schema lake.{standing.name.schema}")
        connection.execute(f"create table {name} as {values.format('n % 9999')}")
        before = lake.snapshot(connection)
        newer = values.format("case when n % 100 = 0 then 0.5 else n % 9999 end")
        connection.execute("begin")
        connection.execute(f"delete from {name}")
        connection.execute(f"insert into {name} {newer}")
        connection.execute("commit")
    return f"{name} at (version => {before})", name


def told(lake: Lake, pair: tuple[str, str], rows: int) -> float:
    """Seconds of the difference."""
    with lake.get_connection() as connection:
        began = time.monotonic()
        found = difference(connection, standing, *pair)
        took = time.monotonic() - began
    assert (found.added, found.removed, found.changed) == (0, 0, -(-rows // 100))
    return took


def scanned(lake: Lake, pair: tuple[str, str]) -> float:
    """Seconds of reading every column of both versions."""
    with lake.get_connection() as connection:
        began = time.monotonic()
        for relation in pair:
            connection.execute(f"select bit_xor(hash(t)) from (from {relation}) t").fetchall()
        return time.monotonic() - began


def main() -> int:
    """Print all three."""
    share = 10 if "--small" in sys.argv else 1
    with shop() as place:
        small = written(place, "small", TABLES, DAYS)
        missed = creation(small, TABLES * DAYS, SMALL_SECONDS).tell()
        large = written(place, "large", 1, 1)
        multiply(large, FILES // share)
        missed |= creation(large, FILES // share, LARGE_SECONDS).tell()
        lake, rows = place.job("versions").lake, ROWS // share
        pair = versions(lake, rows)
        missed |= measure(
            f"difference of two versions of {rows:,} rows beside a scan of both, seconds",
            lambda: told(lake, pair, rows),
            lambda: scanned(lake, pair),
            limit=SCANS,
            turns=3,
        ).tell()
    return missed


if __name__ == "__main__":
    sys.exit(main())

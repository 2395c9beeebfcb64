"""A lake of an earlier release is written into files, with proof."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.faults import crew
from tests.watermain.engine.crowd import listed
from tests.watermain.lake.struck import inline
from watermain.declare import DatasetName
from watermain.declare.errors import LostLeaseError, UnreadableRowsError
from watermain.engine.table.file_resident import settle
from watermain.lake import branch
from watermain.lake.lake import Lake, table
from watermain.lake.rest.inlined import catalog, inlined
from watermain.lake.rest.rewrite import Rewrite, recorded

DAYS = DatasetName("shop", "curated", "days")
FACTS = DatasetName("shop", "raw", "facts")
VALUES = (
    (r"{'word': 'it''s', 'day': date '2013-01-01', 'deep': {'x': ['a''b', null], 'y': map()}}"),
    (r"{'word': 'C:\x', 'day': null, 'deep': {'x': [], 'y': map {'k''': 0.30000000000000004}}}"),
    (r"{'word': '', 'day': date '9999-12-31', 'deep': null}"),
    (r"{'word': 'NULL', 'day': null, 'deep': {'x': null, 'y': map {'}::': 'nan'::double}}}"),
    ("null"),
)


def settles() -> None:
    """Move what lies in the catalog of the settings into files."""
    list(settle(Lake.from_settings()))


def old_lake(lake: Lake) -> int:
    """Publish as lakes did before: rows, deletes of files, structs in the catalog."""
    days, facts = table(DAYS), table(FACTS)
    with lake.get_connection() as connection:
        for name in (DAYS, FACTS):
            connection.execute(f"create schema lake.{name.schema}")
        connection.execute(f"create table {days} (n bigint, day date, word varchar)")
        connection.execute(f"alter table {days} set partitioned by (year(day), month(day))")
        connection.execute(
            f"create table {facts} (n bigint, what struct(word varchar, day date,"
            ' deep struct(x varchar[], y map(varchar, double))), "of" varchar[])'
        )
        for name in (DAYS, FACTS):
            inline(connection, name.schema, name.table)
            connection.execute(
                "call lake.set_option('parquet_version', 2, schema => ?, table_name => ?)",
                [name.schema, name.table],
            )
        connection.execute(
            f"insert into {days} select n, date '2013-01-01' + n::int % 59, 'it''s ' || n"
            " from range(1000) as r(n)"
        )
        connection.execute(f"delete from {days} where n < 10")
        connection.execute(
            f"insert into {days} values (1001, '2013-03-01', 'alone'), (1002, null, '')"
        )
        for n, value in enumerate(VALUES):
            connection.execute(f"insert into {facts} select {n}, {value}, ['a''b', null]")
        return lake.snapshot(connection)


def days(lake: Lake, snapshot: int | None = None) -> list[tuple[Any, ...]]:
    """The rows of the plain table."""
    at = "" if snapshot is None else f" at (version => {snapshot})"
    with lake.get_connection() as connection:
        return connection.execute(f"from {table(DAYS)}{at} order by n").fetchall()


def facts(lake: Lake) -> list[tuple[Any, ...]]:
    """The rows of the table of structs, as text."""
    with lake.get_connection() as connection:
        return connection.execute(f"select what::varchar from {table(FACTS)} order by n").fetchall()


def wanted(lake: Lake) -> list[tuple[Any, ...]]:
    """What was published."""
    kind = "struct(word varchar, day date, deep struct(x varchar[], y map(varchar, double)))"
    with lake.get_connection() as connection:
        return [
            connection.execute(f"select (({value})::{kind})::varchar").fetchall()[0]
            for value in VALUES
        ]


def files(lake: Lake, name: DatasetName) -> Iterator[dict[str, Any]]:
    """What another engine finds in the files that the snapshot lists."""
    for path, deletes in listed(lake, name):
        assert deletes is None
        yield from pq.ParquetFile(path).read().to_pylist()


def test_older_lake_is_written_into_files_once(lake: Lake) -> None:
    """Rows, deletes, structs that could not be read: all of it, by every reader; history stays."""
    then = old_lake(lake)
    before = days(lake)
    assert [(h.name, h.rows, h.deletes) for h in inlined(lake)] == [(DAYS, 2, 10), (FACTS, 5, 0)]
    first, second = settle(lake)
    assert isinstance(first, Rewrite)
    assert isinstance(second, Rewrite)
    assert [(d.dataset, d.reason, d.rows) for d in (first, second)] == [
        (str(DAYS), "into files", 992),
        (str(FACTS), "into files", 5),
    ]
    assert (first.files_before, first.files_after, first.snapshot_before) == (2, 4, then)
    assert inlined(lake) == []
    assert days(lake) == days(lake, then) == before
    assert sorted(row["n"] for row in files(lake, DAYS)) == [row[0] for row in before]
    assert facts(lake) == wanted(lake)
    assert {row["n"]: (row["what"] or {}).get("word") for row in files(lake, FACTS)} == {
        0: "it's",
        1: "C:\\x",
        2: "",
        3: "NULL",
        4: None,
    }
    with lake.get_connection() as connection:
        assert recorded(connection, str(DAYS)) == [first]
        connection.execute(f"insert into {table(DAYS)} values (1, '2013-02-01', 'new')")
    assert list(settle(lake)) == []
    parts = {os.path.dirname(path).rpartition("/days/")[2] for path, _ in listed(lake, DAYS)}
    assert "year=2013/month=2" in parts
    with catalog(lake) as asked:
        kept = asked.execute(
            "select count(*) from ducklake_metadata join ducklake_table on table_id = scope_id"
            " where scope = 'table' and key = 'parquet_version' and end_snapshot is null"
        ).fetchone()
    assert kept == (2,)


@pytest.mark.parametrize(
    ("failpoint", "happened"),
    [
        ("files.after_rows_before_proof", False),
        ("files.after_ledger_before_commit", False),
        ("publish.before_commit", False),
        ("publish.after_commit", True),
    ],
)
def test_killed_move_is_whole_or_nothing(failpoint: str, happened: bool, lake: Lake) -> None:
    """Begun again it ends; readers see the same rows all the time."""
    old_lake(lake)
    before = days(lake)
    crew.dies(settles, at=failpoint)
    assert days(lake) == before
    assert len(inlined(lake)) == (1 if happened else 2)
    assert len(list(settle(lake))) == (1 if happened else 2)
    assert days(lake) == before
    assert facts(lake) == wanted(lake)


def test_branch_is_moved_beside_the_lake(lake: Lake) -> None:
    """What a branch was given inlined it keeps in files of its own."""
    old_lake(lake)
    before = days(lake)
    branch.create(lake, "trial")
    moved = [each.dataset for each in settle(lake) if isinstance(each, Rewrite)]
    assert moved == [str(DAYS), str(FACTS), str(DAYS), str(FACTS)]
    other = lake.on("trial")
    assert inlined(lake) == inlined(other) == []
    assert days(other) == before
    assert facts(other) == wanted(lake)


def test_struct_that_cannot_be_read_is_named(lake: Lake) -> None:
    """Its table stays as it is; the others are moved; nobody's engine ends."""
    then = old_lake(lake)
    with catalog(lake) as connection:
        (held,) = [each for each in inlined(lake) if each.name == FACTS]
        connection.execute(
            f"update {held.holders[0]} set what = '{{read_text(''/x'')}}' where n = 0"
        )
    _, told = settle(lake)
    assert isinstance(told, UnreadableRowsError)
    assert told.what == (
        "shop.raw.facts: of 5 rows that the catalog holds, structs in `what`"
        " cannot be read back as they were published"
    )
    assert told.declared == f"snapshot {then + 2}, rows that DuckLake kept in its catalog"
    assert told.next.startswith("watermain replay shop.raw.facts")
    assert [each.name for each in inlined(lake)] == [FACTS]


def test_table_of_a_living_writer_is_left_for_later(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for a stream; it is told."""
    old_lake(lake)
    monkeypatch.setattr("watermain.engine.table.file_resident.WAIT_SECONDS", 0.1)
    with lake.fence.lease(str(DAYS)):
        told, done = settle(lake)
    assert isinstance(told, LostLeaseError)
    assert isinstance(done, Rewrite)
    assert [each.name for each in inlined(lake)] == [DAYS]

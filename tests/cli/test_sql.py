"""Questions in SQL: names as declared, one pinned snapshot, nothing but reading."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from platform_assets import read
from platform_assets.__main__ import app
from platform_assets.declare.errors import UnknownDatasetError
from platform_assets.declare.name import DatasetName
from platform_assets.read import RefusedQueryError
from resources.lake import Lake, table

SALES = "shop.curated.sales"


@pytest.fixture
def shop(lake: Lake) -> list[int]:
    """Two snapshots of a small table: two rows, then three."""
    snapshots = []
    with lake.get_connection() as connection:
        connection.execute("create schema lake.shop_curated")
        target = table(DatasetName.parse(SALES))
        connection.execute(f"create table {target} as select 1 as id, 'a' as word, 1.5 as price")
        for row in ("(2, 'b', 2.5)", "(3, null, 3.5)"):
            connection.execute(f"insert into {target} values {row}")
            snapshots.append(lake.snapshot(connection))
    return snapshots


def ask(sql: str, snapshot: int | None = None) -> list[dict[str, object]]:
    """The rows of an answer."""
    rows: list[dict[str, object]] = read.query(sql, snapshot=snapshot).rows.to_pylist()
    return rows


def test_query_takes_names_as_declared(shop: list[int]) -> None:
    """`team.stage.table` stands where a table stands."""
    assert ask(f"select max(id) as top from {SALES}") == [{"top": 3}]


ORDINARY = {
    f"select * from {SALES} s join {SALES} t on s.id = t.id": 3,
    f"with s as (select * from {SALES}) select * from s where id > 1": 2,
    f"select sales.id from {SALES} where sales.id = 1": 1,
    f"select * from {SALES} where id in (select id from {SALES} where price > 2)": 2,
    f"select id from {SALES} union all select id from {SALES}": 6,
    f"select * from {SALES}, range(2)": 6,
    f"from {SALES}": 3,
    f"select * from {SALES} -- a remark": 3,
}


def test_query_speaks_ordinary_sql(shop: list[int]) -> None:
    """Joins, CTEs, subqueries, unions, aliases: names are found wherever they stand."""
    assert {sql: len(ask(sql)) for sql in ORDINARY} == ORDINARY


def test_query_reads_the_snapshot_it_is_told(shop: list[int]) -> None:
    """An older snapshot has fewer rows; the answer names what it read."""
    older, newest = shop
    assert len(ask(f"from {SALES}", older)) == 2
    assert len(ask(f"from {SALES}", newest)) == 3
    assert read.query(f"from {SALES}").snapshot == newest


def pinned(sql: str) -> str:
    """The query as it is sent to the engine, at snapshot 7."""
    return read.pin(read.parse(sql), 7, frozenset({DatasetName.parse(SALES)}))


def test_every_table_of_a_query_is_pinned_to_one_snapshot() -> None:
    """The same number stands at each table."""
    sql = pinned(f"select * from {SALES} a join {SALES} b using (id)")
    assert sql.count('lake."shop_curated"."sales" at (version => 7)') == 2


@pytest.mark.parametrize(
    "sql",
    [
        f"delete from {SALES}",
        f"insert into {SALES} values (9, 'x', 1)",
        f"update {SALES} set id = 1",
        f"create table {SALES} as select 1",
        f"drop table {SALES}",
        f"select 1; drop table {SALES}",
        "attach 'other.db'",
        "copy (select 1) to 'out.csv'",
        "pragma database_list",
        "set threads = 9",
        "call lake.snapshots()",
        "",
        "select from where",
    ],
)
def test_query_that_is_no_single_select_is_refused(sql: str) -> None:
    """Writing, several statements, nonsense: four lines before any connection is opened."""
    with pytest.raises(RefusedQueryError, match="was not run") as caught:
        read.parse(sql)
    assert len(str(caught.value).splitlines()) == 4


@pytest.mark.parametrize(
    "relation",
    ["read_csv('/etc/passwd')", "read_text('/etc/passwd')", "glob('/*')", "duckdb_secrets()"],
)
def test_query_reads_nothing_but_datasets(relation: str) -> None:
    """Table functions that reach files or settings are refused."""
    with pytest.raises(RefusedQueryError, match="no dataset"):
        pinned(f"select * from {relation}")


@pytest.mark.parametrize("name", ["'/etc/passwd'", "sales", "lake.shop_curated.sales", "a.b.c.d"])
def test_query_knows_no_other_tables(name: str) -> None:
    """A file, a bare word, the lake's own names: unknown."""
    with pytest.raises(UnknownDatasetError, match="no room declares"):
        pinned(f"select * from {name}")


def test_unknown_dataset_lists_near_names() -> None:
    """The four lines hold the name that was meant."""
    with pytest.raises(UnknownDatasetError) as caught:
        pinned("select * from shop.curated.sale")
    assert caught.value.next == f"use one of `{SALES}`"


def test_unknown_snapshot_names_those_there_are(shop: list[int]) -> None:
    """A snapshot that does not exist is no reason for a stack trace."""
    with pytest.raises(UnknownDatasetError, match="snapshot 999 is not in the lake") as caught:
        ask(f"from {SALES}", 999)
    assert f"to {shop[-1]}" in caught.value.declared


def test_table_reads_a_whole_dataset(shop: list[int]) -> None:
    """What a notebook imports."""
    assert read.table(SALES, columns=("id",)).to_pydict() == {"id": [1, 2, 3]}


def test_command_prints_each_format(shop: list[int]) -> None:
    """A table for people, CSV with empty nulls, JSON with the types kept."""
    sql = f"select id, word from {SALES} order by id"
    runner = CliRunner()
    shown = runner.invoke(app, ["sql", sql])
    assert shown.exit_code == 0
    assert shown.stdout.splitlines()[0].split() == ["id", "word"]
    assert f"3 rows as of snapshot {shop[-1]}" in shown.stderr
    assert runner.invoke(app, ["sql", sql, "--format", "csv"]).stdout == "id,word\n1,a\n2,b\n3,\n"
    told = json.loads(runner.invoke(app, ["sql", sql, "--format", "json"]).stdout)
    assert told[2] == {"id": 3, "word": None}


def test_lake_that_does_not_answer_is_unreachable(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No catalog: the error tells what to run."""
    monkeypatch.delenv("WATERMAIN_POSTGRES")
    result = CliRunner().invoke(app, ["sql", "select 1"])
    assert "watermain doctor" in str(result.exception)

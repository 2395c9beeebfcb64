"""Questions in SQL: names as declared, one pinned snapshot, nothing but reading."""

from __future__ import annotations

import getpass
import json
from pathlib import Path

import psycopg
import pyarrow as pa
import pytest
from typer.testing import CliRunner

from watermain import read
from watermain.__main__ import app
from watermain.declare import Column, Contract, dataset
from watermain.declare.errors import UnknownDatasetError, UnknownSnapshotError
from watermain.declare.name import DatasetName
from watermain.lake.branch import create
from watermain.lake.lake import Lake, table
from watermain.read import RefusedQueryError

SALES = "shop.curated.sales"
COLUMNS = (Column("id", pa.int64(), "the sale"), Column("word", pa.string(), "a word"))
DECLARED = dataset(
    SALES,
    contract=Contract(grain="one row per sale", key=("id",), columns=COLUMNS),
    owner="team:shop",
)(lambda: None)


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
    answer = read.query(sql, snapshot=snapshot, declared=lambda: {DECLARED.name: DECLARED})
    rows: list[dict[str, object]] = answer.rows.to_pylist()
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
    """Table functions that reach files or settings are refused by name, in a lateral too."""
    for sql in (f"select * from {relation}", f"select * from range(1), lateral {relation}"):
        with pytest.raises(RefusedQueryError, match="no dataset"):
            read.parse(sql)


@pytest.mark.parametrize(
    "name", ["'/etc/passwd'", "sales", "lake.shop_curated.sales", "a.b.c.d", "duckdb_tables"]
)
def test_query_knows_no_other_tables(shop: list[int], name: str) -> None:
    """A file, a bare word, the lake's own names, the engine's own: unknown."""
    with pytest.raises((UnknownDatasetError, RefusedQueryError)) as caught:
        ask(f"select * from {name}")
    assert len(str(caught.value).splitlines()) == 4


def test_names_of_a_question_are_its_own_where_they_are_seen(shop: list[int]) -> None:
    """A `with` hides nothing outside of its scope: the engine resolves names, no list of words."""
    assert ask(f"with sales as (select 7 as n) select n from sales, {SALES} limit 1") == [{"n": 7}]
    with pytest.raises(RefusedQueryError, match="was not run"):
        ask('select * from (with "/etc/hostname" as (select 1) select 1) a, "/etc/hostname"')


def test_unknown_dataset_lists_near_names(shop: list[int]) -> None:
    """The four lines hold the name that was meant."""
    with pytest.raises(UnknownDatasetError) as caught:
        ask("select * from shop.curated.sale")
    assert caught.value.next == f"use one of `{SALES}`"


def test_table_can_be_summarized(shop: list[int]) -> None:
    """What tells of a dataset is answered; what tells of the engine is refused by name."""
    told = ask(f"summarize {SALES}")
    assert [(r["column_name"], r["max"]) for r in told] == [
        ("id", "3"),
        ("word", "b"),
        ("price", "3.5"),
    ]
    assert [r["column_name"] for r in ask(f"describe {SALES}")] == ["id", "word", "price"]
    with pytest.raises(RefusedQueryError, match="tells of the engine"):
        ask("show databases")


def test_unknown_snapshot_names_those_there_are(shop: list[int]) -> None:
    """A snapshot that does not exist is no reason for a stack trace."""
    with pytest.raises(UnknownSnapshotError, match="snapshot 999 is not in the lake") as caught:
        ask(f"from {SALES}", 999)
    assert f"to {shop[-1]}" in caught.value.declared


def test_table_reads_a_whole_dataset(people: Lake) -> None:
    """What a notebook imports."""
    assert read.table(FLIGHTS, columns=("id",)).to_pydict() == {"id": [1, 2]}


def test_dataset_that_nothing_declares_is_not_shown(shop: list[int]) -> None:
    """Nobody says which of its columns are personal; a recorded reason shows it none the less."""
    with pytest.raises(UnknownDatasetError, match="personal is not known") as caught:
        read.query(f"from {SALES}")
    assert "--unmask" in caught.value.next
    assert read.query(f"from {SALES}", unmask="the room is gone").rows.num_rows == 3


FLIGHTS, PEOPLE = "operations.curated.flights", "operations.curated.airline_contacts"


@pytest.fixture
def people(lake: Lake) -> Lake:
    """Two flights, one contact, whose declarations are those of the room."""
    with lake.get_connection() as connection:
        connection.execute("create schema lake.operations_curated")
        for name, rows in (
            (FLIGHTS, "values (1, 'a'), (2, null)) t(id, word)"),
            (PEOPLE, "values (7, 'Ann', 'ann@example.org')) t(contact_id, name, email)"),
        ):
            target = table(DatasetName.parse(name))
            connection.execute(f"create table {target} as from ({rows}")
    return lake


def test_personal_columns_are_masked_for_people(people: Lake) -> None:
    """Asterisks by default; the answer says for which columns."""
    answer = read.query(f"select * from {PEOPLE}")
    assert answer.rows.to_pylist() == [{"contact_id": 7, "name": "***", "email": "***"}]
    assert answer.masked == (f"{PEOPLE}.name", f"{PEOPLE}.email")
    told = CliRunner().invoke(app, ["sql", f"select name from {PEOPLE}", "--format", "csv"])
    assert told.stdout == "name\n***\n"
    assert f"masked: {PEOPLE}.name, {PEOPLE}.email" in told.stderr


def test_unmasking_is_recorded(people: Lake) -> None:
    """Who, when, why, which statement: in the catalog before the rows are seen."""
    told = CliRunner().invoke(
        app, ["sql", f"select name from {PEOPLE}", "--format", "csv", "--unmask", "a complaint"]
    )
    assert told.stdout == "name\nAnn\n"
    with psycopg.connect(people.catalog) as connection:
        rows = connection.execute(
            "select asked_by, reason, statement, datasets from watermain.disclosure"
        ).fetchall()
    assert rows == [(getpass.getuser(), "a complaint", f"select name from {PEOPLE}", [PEOPLE])]


ASIDE = "upkeep.raw.quarantine"
TOLD = {  # dataset, what tells of its row
    PEOPLE: "mail ann@example.org is no name",
    SALES: "`id` is not int64",
    "shop.raw.gone": "`name` Ann is odd",
    "no dataset": "Bob",
}


def aside(unmask: str | None = None) -> tuple[dict[str, tuple[str, str, str]], tuple[str, ...]]:
    """By dataset what is shown of the row that was put aside; the columns that were masked."""
    answer = read.query(
        f"select dataset, position, reason, payload from {ASIDE}",
        declared=lambda: {DECLARED.name: DECLARED},
        unmask=unmask,
    )
    rows = answer.rows.to_pylist()
    return {r["dataset"]: (r["position"], r["reason"], r["payload"]) for r in rows}, answer.masked


def put_aside(lake: Lake, *datasets: str) -> None:
    """One row of each dataset."""
    with lake.get_connection() as connection:
        for name in datasets:
            connection.execute(
                "insert into lake.upkeep_raw.quarantine (dataset, position, reason, payload)"
                " values (?, ?, ?, '{}')",
                [name, f"key {name}", TOLD[name]],
            )


def test_what_tells_of_rows_put_aside_is_masked_where_they_may_be_personal(people: Lake) -> None:
    """Their place, the reason: of a dataset with personal columns, of one that nobody knows."""
    put_aside(people, *TOLD)
    hidden = ("***", "***", "***")
    found, masked = aside()
    assert found == {
        PEOPLE: hidden,
        SALES: (f"key {SALES}", TOLD[SALES], "***"),
        "shop.raw.gone": hidden,
        "no dataset": hidden,
    }
    assert masked == tuple(f"{ASIDE}.{c}" for c in ("position", "reason", "payload"))
    told = CliRunner().invoke(
        app, ["sql", f"select reason from {ASIDE} where reason like '%@%'", "--format", "csv"]
    )
    assert (told.exit_code, told.stdout) == (0, "reason\n")
    shown, masked = aside(unmask="a complaint")
    assert shown == {name: (f"key {name}", why, "{}") for name, why in TOLD.items()}
    assert masked == ()


def test_what_tells_of_rows_put_aside_is_shown_where_nothing_is_personal(lake: Lake) -> None:
    """The payload alone is masked."""
    put_aside(lake, SALES)
    assert aside() == (
        {SALES: (f"key {SALES}", TOLD[SALES], "***")},
        (f"{ASIDE}.payload",),
    )


def test_branch_is_read_behind_the_same_wall(people: Lake) -> None:
    """What a branch holds is masked, too; its files lie where the lake's lie."""
    create(people, "trial")
    runner = CliRunner()
    for sql, shown in (
        (f"select name from {PEOPLE}", "name\n***\n"),
        (f"select count(*) as n from {FLIGHTS}", "n\n2\n"),
    ):
        told = runner.invoke(app, ["sql", sql, "--format", "csv", "--branch", "trial"])
        assert told.stdout == shown


def test_command_prints_each_format(people: Lake) -> None:
    """A table for people, CSV with empty nulls, JSON with the types kept."""
    sql = f"select id, word from {FLIGHTS} order by id"
    runner = CliRunner()
    shown = runner.invoke(app, ["sql", sql])
    assert shown.exit_code == 0
    assert shown.stdout.splitlines()[0].split() == ["id", "word"]
    assert "2 rows as of snapshot" in shown.stderr
    assert runner.invoke(app, ["sql", sql, "--format", "csv"]).stdout == "id,word\n1,a\n2,\n"
    told = json.loads(runner.invoke(app, ["sql", sql, "--format", "json"]).stdout)
    assert told == [{"id": 1, "word": "a"}, {"id": 2, "word": None}]


def test_lake_that_does_not_answer_is_unreachable(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No catalog: the error tells what to run."""
    monkeypatch.delenv("WATERMAIN_POSTGRES")
    result = CliRunner().invoke(app, ["sql", "select 1"])
    assert "watermain up" in str(result.exception)

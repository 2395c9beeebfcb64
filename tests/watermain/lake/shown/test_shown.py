"""A table is shown by its files only where they say the same as the lake."""

from __future__ import annotations

import duckdb
import pytest

from watermain.declare.name import DatasetName
from watermain.lake.branch import create
from watermain.lake.lake import Lake, table
from watermain.lake.shown.disclosure import Disclosure, disclose
from watermain.lake.shown.shown import Shown, shown
from watermain.lake.shown.wall import walled

SALES = DatasetName.parse("shop.raw.sales")
TARGET = table(SALES)
ROWS = "select range as id, 'w' || range as word, (range / 3)::decimal(12, 2) as fee"
EVERYTHING = "select * from shop.raw.sales order by all"


def look(lake: Lake, at: int | None = None) -> tuple[Shown, bool]:
    """How the table is shown; whether readers see what the lake says."""
    with lake.get_connection() as connection:
        snapshot = lake.snapshot(connection) if at is None else at
        (found,) = shown(lake, connection, snapshot, {SALES: lambda _: False})
        truth = connection.execute(f"{found.query} order by all").fetchall()
        with walled(lake, connection, [found]) as engine:
            return found, engine.execute(EVERYTHING).fetchall() == truth


def change(lake: Lake, *statements: str) -> int:
    """Run statements on the lake; give the snapshot afterwards."""
    with lake.get_connection() as connection:
        for statement in statements:
            connection.execute(statement)
        return lake.snapshot(connection)


@pytest.fixture
def sales(lake: Lake) -> Lake:
    """A table of two files."""
    change(
        lake,
        "create schema lake.shop_raw",
        f"create table {TARGET} as {ROWS} from range(1000)",
        f"insert into {TARGET} {ROWS} from range(1000, 2000)",
    )
    return lake


def test_whole_files_are_read_as_they_lie(sales: Lake) -> None:
    """Two files of one shape hold the table."""
    found, same = look(sales)
    assert (len(found.files), same) == (2, True)


CHANGES = {
    "a row deleted within a file": (f"delete from {TARGET} where id = 7",),
    "a row changed": (f"update {TARGET} set word = 'x' where id = 1700",),
    "a row held by the catalog": (
        "call lake.set_option('data_inlining_row_limit', 10,"
        " schema => 'shop_raw', table_name => 'sales')",
        f"insert into {TARGET} values (9999, 'few', 1)",
    ),
    "a new column": (f"alter table {TARGET} add column note varchar default 'n'",),
    "a column gone": (f"alter table {TARGET} drop column word",),
    "a column with another name": (f"alter table {TARGET} rename column word to term",),
    "names exchanged": (
        f"alter table {TARGET} rename column word to other",
        f"alter table {TARGET} rename column fee to word",
    ),
    "no row left": (f"delete from {TARGET}",),
}


@pytest.mark.parametrize("name", CHANGES)
def test_what_files_do_not_tell_is_copied(sales: Lake, name: str) -> None:
    """Each change reads as the lake reads it, before as after."""
    before = change(sales)
    change(sales, *CHANGES[name])
    found, same = look(sales)
    assert (found.files, same) == ((), True)
    earlier, same = look(sales, before)
    assert (len(earlier.files), same) == (2, True) or (earlier.files, same) == ((), True)


def test_files_of_several_snapshots_are_not_taken_for_one(sales: Lake) -> None:
    """Merged files hold rows that an older snapshot must not show."""
    newest = change(sales)
    change(sales, "call ducklake_merge_adjacent_files('lake')")
    for at in (newest - 1, newest, None):
        assert look(sales, at)[1]


def test_partitioned_table_keeps_its_own_columns(lake: Lake) -> None:
    """The folders of its files add no column, change none."""
    change(
        lake,
        "create schema lake.shop_raw",
        f"create table {TARGET} (id bigint, day date)",
        f"alter table {TARGET} set partitioned by (year(day), month(day))",
        f"insert into {TARGET} select range, date '2013-01-01' + range::int from range(900)",
    )
    found, same = look(lake)
    assert same
    assert list(found.columns) == ["id", "day"]


def test_branch_shows_the_files_of_the_lake(sales: Lake) -> None:
    """Its own rows lie elsewhere; both are opened."""
    create(sales, "trial")
    branch = sales.on("trial")
    assert (len(look(branch)[0].files), look(branch)[1]) == (2, True)
    change(branch, f"insert into {TARGET} {ROWS} from range(5000, 6000)")
    assert (len(look(branch)[0].files), look(branch)[1]) == (3, True)
    assert len(look(sales)[0].files) == 2


def test_masks_keep_the_type_of_a_column(sales: Lake) -> None:
    """Text becomes asterisks, a number null; no file of the table is opened."""
    with sales.get_connection() as connection:
        at = sales.snapshot(connection)
        (found,) = shown(sales, connection, at, {SALES: lambda c: c != "id"})
        with walled(sales, connection, [found]) as engine:
            row = engine.execute("from shop.raw.sales limit 1").fetchone()
            kinds = engine.execute("describe shop.raw.sales").fetchall()
            allowed = engine.execute("select current_setting('allowed_paths')").fetchone()
    assert row is not None
    assert row[1:] == ("***", None)
    assert [kind[1] for kind in kinds] == ["BIGINT", "VARCHAR", "DECIMAL(12,2)"]
    assert allowed == ([],) or not [p for p in allowed[0] if p.endswith(".parquet")]  # type: ignore[index]


def test_disclosures_are_never_changed(sales: Lake) -> None:
    """Neither by an update, a delete nor a truncate."""
    import psycopg

    disclose(sales, Disclosure("why", statement="select 1", snapshot=1, datasets=[SALES]))
    for words in ("update", "delete from", "truncate"):
        tail = " set reason = 'x'" if words == "update" else ""
        with (
            psycopg.connect(sales.catalog) as connection,
            pytest.raises(psycopg.errors.RaiseException, match="never changed"),
        ):
            connection.execute(f"{words} watermain.disclosure{tail}")


def test_statement_of_a_shown_table_is_valid_sql(sales: Lake) -> None:
    """Names with quotes stay names."""
    found = Shown(name=SALES, snapshot=1, columns={'a"b': "VARCHAR"}, masked=frozenset({'a"b'}))
    assert duckdb.extract_statements(found.query.replace("at (version => 1)", ""))
    assert '"a""b"' in found.query

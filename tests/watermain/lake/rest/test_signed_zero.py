"""A negative zero is read back as one, whatever lies beside it."""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from watermain.declare.errors import BrokenContractError
from watermain.lake.lake import Lake
from watermain.lake.rest.signed_zero import _together, copied, floating, written

TARGET = "lake.shop_curated.signs"
COLUMNS = "id bigint, a double, b float, s struct(x double, deep struct(y double)), word varchar"
SIGNS = "signbit(a), signbit(b), signbit(s.x), signbit(s.deep.y)"
# Twelve hundred rows of few values, so that the engine writes dictionaries; four kinds of nothing.
ROWS = """
select range as id,
    case range % 4 when 0 then '-0.0' when 1 then '0' when 2 then null else '1' end::double as a,
    case when range % 3 = 0 then '-0.0' else '0.0' end::float as b,
    case when range % 5 > 0 then {'x': (case when range % 7 = 0 then '-0.0' else '0' end)::double,
        'deep': case when range % 11 > 0
            then {'y': (case when range % 13 = 0 then '-0.0' else '0' end)::double} end} end as s,
    case when range % 2 = 0 then '-0.0' else '0.0' end as word
from range(1200)
"""


@pytest.fixture(params=["1", "2"])
def signs(request: pytest.FixtureRequest, lake: Lake) -> Lake:
    """An empty table, written as that version of Parquet."""
    with lake.get_connection() as connection:
        connection.execute("create schema lake.shop_curated")
        connection.execute(f"create table {TARGET} ({COLUMNS})")
        connection.execute(
            f"call lake.set_option('parquet_version', '{request.param}',"
            " schema => 'shop_curated', table_name => 'signs')"
        )
    return lake


def put(connection: duckdb.DuckDBPyConnection, select: str) -> int:
    """Write rows."""
    return copied(connection, TARGET, f"({select})")


def files(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """The data files of the table."""
    return [
        str(row[0])
        for row in connection.execute(
            "select data_file from ducklake_list_files('lake', 'signs', schema => 'shop_curated')"
        ).fetchall()
    ]


def test_both_zeros_read_back_as_written(signs: Lake) -> None:
    """Of columns, of structs, of structs in them, by DuckDB and by pyarrow; nulls stay nulls."""
    with signs.get_connection() as connection:
        wanted = connection.execute(f"select id, {SIGNS} from ({ROWS}) order by id").fetchall()
        assert put(connection, ROWS) == 1200
        select = f"select id, {SIGNS} from {TARGET} order by id"
        assert connection.execute(select).fetchall() == wanted
        assert len(files(connection)) == 2**4  # of four columns, each of which has both
        connection.register(
            "others", pa.concat_tables(pq.ParquetFile(f).read() for f in files(connection))
        )
        found = connection.execute(f"select id, {SIGNS} from others order by id").fetchall()
        assert found == wanted


def test_rows_of_one_zero_are_one_file(signs: Lake) -> None:
    """Nothing is left out, nothing is asked twice where there is no negative zero."""
    with signs.get_connection() as connection:
        assert put(connection, ROWS.replace("'-0.0'", "'0'")) == 1200
        assert len(files(connection)) == 1
        assert put(connection, ROWS.replace("'-0.0'", "'0'")) == 1200
        found = connection.execute(f"select distinct {SIGNS} from {TARGET} where id = 6").fetchall()
    assert found == [(None, False, False, False)]


def test_engine_still_merges_zeros_in_dictionaries(signs: Lake) -> None:
    """Once it does not, there is no need for several files."""
    with signs.get_connection() as connection:
        connection.execute(f"insert into {TARGET} by name {ROWS}")
        found = connection.execute(f"select distinct signbit(b) from {TARGET}").fetchall()
    assert found == [(True,)]


def test_rows_share_a_file_where_their_zeros_agree() -> None:
    """What has no zero in a column goes with what has one; only both signs are kept apart."""
    alone = [(-1, 0, 0), (0, -1, 0), (0, 0, -1)]
    assert _together(alone) == [(-1, -1, -1)]
    assert _together([*alone, (1, -1, 0), (-1, 1, 0)]) == [(1, -1, -1), (-1, 1, 0)]
    assert _together([]) == []


def test_lists_hold_no_numbers_that_are_told_apart() -> None:
    """One value of a list may have both zeros: no choice of files keeps them apart."""
    of = {
        "plain": pa.float64(),
        "it's": pa.struct([('a"b', pa.float32()), ("n", pa.int64())]),
        "many": pa.list_(pa.float64()),
        "named": pa.map_(pa.string(), pa.float64()),
        "exact": pa.decimal128(9, 2),
    }
    assert floating(pa.schema(list(of.items()))) == [
        '"plain"',
        "struct_extract(\"it's\", 'a\"b')",
    ]


def test_rows_that_differ_when_asked_again_are_refused(signs: Lake) -> None:
    """Those with a negative zero are asked for twice: none may be lost or doubled on the way."""
    with signs.get_connection() as connection:
        connection.execute("create temp sequence turn")
        rows = (
            "select range as id, case when nextval('turn') <= 3 then '-0.0' else '1' end::double"
            " as a from range(10)"
        )
        with pytest.raises(BrokenContractError, match="3 rows with a negative zero") as told:
            written(connection, TARGET, rows, ['"a"'])
        assert len(str(told.value).splitlines()) == 4

"""Columns of a model that nobody wrote down."""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pytest

from watermain.engine.mart.inferred import inferred

ORDERS = pa.schema(
    [("id", pa.int32()), ("price", pa.decimal128(16, 2)), ("seen", pa.timestamp("us", "UTC"))]
)


def columns(sql: str) -> dict[str, pa.DataType]:
    """What the engine makes of a query over orders."""
    return dict(inferred(sql, {"input_orders": ORDERS})[1])


def test_types_are_the_engines() -> None:
    """Of columns as they are, of what is computed, in the order of the query."""
    found = columns(
        "select price, id, seen, id / 2 as half, seen::date as day, 'x' as word, true as yes,"
        " [id] as listed, {'a': id} as packed from input_orders"
    )
    assert list(found) == ["price", "id", "seen", "half", "day", "word", "yes", "listed", "packed"]
    assert found["price"] == pa.decimal128(16, 2)
    assert found["seen"] == pa.timestamp("us", "UTC")
    assert found["half"] == pa.float64()
    assert found["day"] == pa.date32()
    assert found["listed"] == pa.list_(pa.int32())
    assert found["packed"] == pa.struct([("a", pa.int32())])


@pytest.mark.parametrize(
    ("made", "kind", "value"),
    [
        ("sum(id)", pa.int64(), None),
        ("null", pa.int32(), None),
        ("'11111111-1111-1111-1111-111111111111'::uuid", pa.string(), "1" * 8),
        ("'2013-01-01 00:00:00.123456789'::timestamp_ns", pa.timestamp("us"), None),
        ("'b'::enum('a', 'b')", pa.string(), "b"),
    ],
)
def test_type_that_no_file_keeps_becomes_the_nearest(
    made: str, kind: pa.DataType, value: str | None
) -> None:
    """The SQL says so itself; other columns stay as they are."""
    sql, schema = inferred(f"select {made} as x from input_orders", {"input_orders": ORDERS})
    assert dict(schema)["x"] == kind
    with duckdb.connect() as connection:
        connection.execute(
            "create table input_orders as select 1 as id, 2.0 as price, now() as seen"
        )
        (row,) = connection.execute(sql).fetchall()
        assert value is None or str(row[0]).startswith(value)


def test_sum_that_is_too_large_ends_the_query() -> None:
    """No value is changed to fit."""
    sql, _ = inferred(
        "select sum(big) as x from input_t", {"input_t": pa.schema([("big", "int64")])}
    )
    with duckdb.connect() as connection:
        connection.execute(f"create table input_t as select {2**63 - 1} as big from range(2)")
        with pytest.raises(duckdb.ConversionException):
            connection.execute(sql)


@pytest.mark.parametrize(
    "sql", ["select * from '/etc/passwd'", "select * from read_text('/etc/hostname')"]
)
def test_no_file_is_read(sql: str) -> None:
    """Whatever the SQL asks for."""
    with pytest.raises(duckdb.Error):
        inferred(sql, {})

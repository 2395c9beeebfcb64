"""What bodies are given, what they hand back, what is said when they raise."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import ibis
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from watermain.declare import Column, Contract, Dataset, dataset
from watermain.declare.errors import BrokenBodyError, BrokenContractError
from watermain.engine.table.body import staged_sql

BIG = 2**53 + 1
MONEY = pa.decimal128(12, 2)
COLUMNS = (
    Column("id", pa.string(), "the thing"),
    Column("amount", pa.int64(), "how many", nullable=True),
)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """An engine with one input."""
    with duckdb.connect(config={"temp_directory": str(tmp_path / "spill")}) as made:
        made.execute(
            "create view input_rows as select * from"
            f" (values ('a', {BIG}, 10.25::decimal(12, 2)), ('b', null, 0.10)) t(id, amount, fee)"
        )
        yield made


def declare(body: Any, *more: Column) -> Dataset:
    """A dataset of that body."""
    made: Dataset = dataset(
        "shop.curated.sales",
        inputs={"rows": "shop.raw.rows"},
        contract=Contract(grain="one row per thing", key=("id",), columns=(*COLUMNS, *more)),
        owner="team:shop",
    )(body)
    return made


def staged(connection: duckdb.DuckDBPyConnection, made: Dataset, **words: Any) -> list[Any]:
    """The rows that the body yields."""
    sql = staged_sql(connection, made, {"rows": "input_rows"}, **words)
    return connection.execute(f"{sql} order by id").fetchall()


def of_ibis(rows: ibis.Table) -> ibis.Table:
    return rows.select("id", "amount")


def of_arrow(rows: pa.Table) -> pa.Table:
    return rows.select(["amount", "id"])


def of_pandas(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[["id", "amount"]]


def of_polars(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.select("id", "amount")


def of_lazy(rows: pl.LazyFrame) -> pl.LazyFrame:
    return rows.select("id", "amount")


def of_batches(rows: pa.RecordBatchReader) -> pa.RecordBatchReader:
    schema = pa.schema([("id", pa.string()), ("amount", pa.int64())])
    return pa.RecordBatchReader.from_batches(
        schema, (batch.select(["id", "amount"]) for batch in rows)
    )


@pytest.mark.parametrize(
    "body", [of_ibis, of_arrow, of_pandas, of_polars, of_lazy, of_batches], ids=lambda b: b.__name__
)
def test_large_integer_beside_a_null_goes_through_every_kind_of_table(
    connection: duckdb.DuckDBPyConnection, body: Any
) -> None:
    """A frame would make floats of them, which leave integers out."""
    assert staged(connection, declare(body)) == [("a", BIG), ("b", None)]


def test_reader_is_taken_batch_by_batch_through_a_file_that_is_gone(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """More rows than one batch holds; nothing stays in the folder where the engine spills."""
    connection.execute("create or replace view input_rows as select range::varchar as id, range"
                       " as amount from range(200_000)")  # fmt: skip

    def body(rows: pa.RecordBatchReader) -> pa.RecordBatchReader:
        def counted() -> Iterator[pa.RecordBatch]:
            for number, batch in enumerate(rows):
                numbers = pa.array([number] * batch.num_rows, pa.int64())
                yield pa.record_batch([batch["id"], numbers], names=["id", "amount"])

        return pa.RecordBatchReader.from_batches(rows.schema, counted())

    sql = staged_sql(connection, declare(body), {"rows": "input_rows"})
    query = f"select count(*), count(distinct id), count(distinct amount) > 2 from ({sql})"
    assert connection.execute(query).fetchall() == [(200_000, 200_000, True)]
    assert list((tmp_path / "spill").glob("tmp*")) == []


@pytest.mark.parametrize(
    ("compute", "kind", "says"),
    [
        (lambda r: r.fee * r.fee, MONEY, r"`fee` as DECIMAL\(18,4\), which DECIMAL\(12,2\)"),
        (lambda r: r.fee * 1.5, MONEY, r"`fee` as DECIMAL\(14,3\), which"),
        (lambda r: r.fee.mean().over(), MONEY, r"`fee` as DOUBLE, which DECIMAL\(12,2\)"),
        (lambda r: r.fee.sum().over(), MONEY, r"`fee` as DECIMAL\(38,2\)"),
        (lambda r: r.amount / 2, pa.int64(), "`fee` as DOUBLE, which BIGINT"),
        (lambda r: r.amount, pa.int32(), "`fee` as BIGINT, which INTEGER"),
        (lambda r: r.id, pa.int32(), "`fee` as VARCHAR, which INTEGER"),
    ],
)
def test_the_engines_type_decides_not_ibis_guess(
    connection: duckdb.DuckDBPyConnection, compute: Any, kind: pa.DataType, says: str
) -> None:
    """What would be rounded is refused by name; whoever follows the message rounds on purpose."""

    def body(rows: ibis.Table) -> ibis.Table:
        return rows.select("id", "amount", fee=compute(rows))

    with pytest.raises(BrokenContractError, match=says) as refused:
        staged(connection, declare(body, Column("fee", kind, "the fee")))
    casts = refused.value.next.partition("`.cast('")[2].removesuffix("')`")
    through, to = casts.split("').cast('")

    def mended(rows: ibis.Table) -> ibis.Table:
        return rows.select("id", "amount", fee=compute(rows).cast(through).cast(to))

    if kind is MONEY:
        rows = staged(connection, declare(mended, Column("fee", kind, "the fee")))
        assert [type(fee) for *_, fee in rows] == [Decimal] * 2


def test_mean_of_decimals_is_what_the_engine_makes_of_it(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    """Ibis takes it for a decimal; it is a float, which the contract may say."""

    def body(rows: ibis.Table) -> ibis.Table:
        return rows.select("id", "amount", fee=rows.fee.mean().over())

    made = declare(body, Column("fee", pa.float64(), "the mean fee"))
    assert {fee for *_, fee in staged(connection, made)} == {5.175}


def test_sum_of_integers_is_an_integer_of_the_contract(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    """The engine makes it wider; what does not fit ends the publish, nothing is changed."""

    def body(rows: ibis.Table) -> ibis.Table:
        return rows.select("id", amount=rows.amount.sum().over() * rows.count().over())

    sql = staged_sql(connection, declare(body), {"rows": "input_rows"})
    found = connection.execute(f"select distinct amount::bigint from ({sql})").fetchall()
    assert found == [(2 * BIG,)]


def test_exception_of_a_body_comes_in_four_lines(connection: duckdb.DuckDBPyConnection) -> None:
    """With the line that raised, and what it said where nothing sensitive is about."""

    def body(rows: pa.Table) -> pa.Table:
        raise ValueError(f"no rate for {rows['id'][0]}")

    made = declare(body)
    with pytest.raises(BrokenBodyError) as told:
        staged(connection, made)
    line = body.__code__.co_firstlineno + 1
    assert str(told.value).splitlines() == [
        "shop.curated.sales: the body raised ValueError: no rate for a",
        f"  declared  {made.declared}, raised at tests/watermain/engine/table/test_body.py:{line}",
        "  data      not published; what readers had stands as it was",
        "  next      call the body with rows of your own, as its test does, and mend it",
    ]


def test_exception_of_a_body_hides_its_message_where_columns_are_sensitive(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    """It may show a value that nobody may see."""

    def body(rows: pa.Table) -> pa.Table:
        raise ValueError(f"no rate for {rows['id'][0]}")

    with pytest.raises(BrokenBodyError, match="raised ValueError: its message is left out") as told:
        staged(connection, declare(body), secretive=True)
    assert "no rate" not in str(told.value)


def test_exception_of_a_reader_is_the_bodys(connection: duckdb.DuckDBPyConnection) -> None:
    """It is raised when its rows are taken."""

    def body(rows: pa.RecordBatchReader) -> pa.RecordBatchReader:
        def broken() -> Iterator[pa.RecordBatch]:
            yield from rows
            raise KeyError("gone")

        return pa.RecordBatchReader.from_batches(rows.schema, broken())

    with pytest.raises(BrokenBodyError, match="raised KeyError"):
        staged(connection, declare(body, Column("fee", MONEY, "the fee")))


def test_tables_can_be_created_in_and_dropped_from_ibis() -> None:
    """Ibis and sqlglot are pinned to releases that understand each other."""
    engine = ibis.duckdb.connect()
    engine.create_table("one", pa.table({"a": [1]}), overwrite=True)
    engine.create_table("two", engine.table("one"))
    engine.create_table("three", schema=ibis.schema({"a": "int64"}), temp=True)
    engine.create_view("four", engine.table("two"))
    engine.drop_view("four")
    engine.drop_table("one")
    assert sorted(engine.list_tables()) == ["three", "two"]
    assert engine.execute(engine.table("two")).to_dict("list") == {"a": [1]}

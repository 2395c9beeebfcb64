"""Needs of readers, checked on the rows that they are given."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import duckdb
import pyarrow as pa
import pytest

from watermain.declare import (
    Check,
    Column,
    Contract,
    Dataset,
    DatasetName,
    Sensitivity,
    accepted_values,
    between,
    dataset,
    matches,
    needs,
    not_null,
    refers_to,
    row_count,
    unique,
)
from watermain.declare.errors import BrokenContractError
from watermain.engine.audit.need_check import audit_needs, need_labels, need_samples, need_sql
from watermain.engine.publish.publication import Job
from watermain.engine.publish.publish import publish
from watermain.engine.table.staged import runbook
from watermain.lake.lake import Lake

SALES = "shop.curated.sales"
CONTRACT = Contract(
    grain="one row per sale",
    key=("id",),
    columns=(Column("id", pa.int64(), "the sale"), Column("fee", pa.int64(), "its price")),
)


def reader(*guarantees: Check, columns: dict[str, pa.DataType] | None = None) -> Dataset:
    """A dataset that relies on guarantees of sales."""
    needed = needs(SALES, columns=columns or {"id": pa.int64(), "fee": pa.int64()},
                   guarantees=guarantees)  # fmt: skip

    @dataset("shop.curated.fees", inputs={"sales": needed}, contract=CONTRACT, owner="team:shop")
    def fees(sales: pa.Table) -> pa.Table:
        return sales

    return fees


@pytest.fixture
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    """Five sales: a null, a repetition, a negative price; things that two of them refer to."""
    with duckdb.connect() as connection:
        connection.execute(
            'create table "the sales" as select * from (values (1::bigint, 10::bigint),'
            " (2, null), (3, -5), (3, 7), (null, 7)) as t(id, fee)"
        )
        connection.execute("create table things as select 1::bigint as id union all select 2")
        yield connection


def found(connection: duckdb.DuckDBPyConnection, made: Dataset) -> dict[str, int]:
    """How many rows break each need."""
    views = {"sales": '"the sales"'}
    findings = audit_needs(connection, made, views, ["2013-01-01"], lambda name: name.table)
    return {f.check: f.failing for f in findings}


def test_each_guarantee_is_counted(connection: duckdb.DuckDBPyConnection) -> None:
    """Nulls, bounds, sets, keys, references, the number of rows: as the rows are."""
    guarantees = (
        not_null("id"),
        between("fee", low=0, severity="warn"),
        accepted_values("fee", (7, 10)),
        unique("id"),
        refers_to("id", "shop.curated.things"),
        row_count(low=6),
    )
    assert found(connection, reader(*guarantees)) == {
        "needs_sales_columns": 0,
        "needs_sales_not_null_id": 1,
        "needs_sales_between_fee": 1,
        "needs_sales_accepted_values_fee": 1,
        "needs_sales_unique_key_id": 1,
        "needs_sales_refers_to_id": 2,
        "needs_sales_row_count": 1,
    }


def test_needs_are_checks_with_their_severity(connection: duckdb.DuckDBPyConnection) -> None:
    """Dagster is told of each; a warning holds nothing back."""
    made = reader(not_null("id"), between("fee", low=0, severity="warn"))
    assert need_labels(made) == [
        ("needs_sales_columns", "block"),
        ("needs_sales_not_null_id", "block"),
        ("needs_sales_between_fee", "warn"),
    ]
    views = {"sales": '"the sales"'}
    findings = audit_needs(connection, made, views, ["a", "b"], str)
    assert [(f.check, f.partition, f.blocks) for f in findings if not f.passed] == [
        ("needs_sales_not_null_id", "a", True),
        ("needs_sales_not_null_id", "b", True),
        ("needs_sales_between_fee", "a", False),
        ("needs_sales_between_fee", "b", False),
    ]


def test_column_that_is_gone_breaks_the_need(connection: duckdb.DuckDBPyConnection) -> None:
    """A missing column, one of another type; every row breaks what was said of it."""
    kinds = {"id": pa.int32(), "tax": pa.int64(), "fee": pa.int64()}
    assert found(connection, reader(not_null("tax"), not_null("fee"), columns=kinds)) == {
        "needs_sales_columns": 2,
        "needs_sales_not_null_tax": 5,
        "needs_sales_not_null_fee": 1,
    }


def test_one_scan_counts_all_guarantees() -> None:
    """The query names its table once, unless a reference asks for another."""
    wanted = reader(not_null("id"), unique("id"), row_count(low=1)).needs["sales"]
    assert need_sql(wanted, "sales", str) == (
        'select count(*), count(*) filter ("id" is null),'
        ' count(*) - count(distinct row("id")), (count(*) < 1)::int from sales'
    )


def test_identifiers_are_quoted(connection: duckdb.DuckDBPyConnection) -> None:
    """Quotes, unicode, spaces in names are names."""
    odd = 'fee "größe" ☂'
    quoted_odd = odd.replace('"', '""')
    connection.execute(f'alter table "the sales" rename fee to "{quoted_odd}"')
    made = reader(not_null(odd), matches(odd, r"\d+"), columns={odd: pa.int64()})
    replaced = replace(
        made, needs={"sales": replace(made.needs["sales"], guarantees=(not_null(odd),))}
    )
    assert found(connection, replaced) == {
        "needs_sales_columns": 0,
        f"needs_sales_not_null_{odd}": 1,
    }


def samples(
    connection: duckdb.DuckDBPyConnection, made: Dataset, sensitivity: Sensitivity
) -> dict[str, list[str]]:
    """What is told of each failed need, the producer's key of a sensitivity."""
    views, columns = {"sales": '"the sales"'}, CONTRACT.columns
    hidden = replace(columns[0], sensitivity=sensitivity)
    producer = replace(made, contract=replace(CONTRACT, columns=(hidden, columns[1])))
    findings = audit_needs(connection, made, views, [""], lambda name: name.table)
    return need_samples(connection, made, views, lambda _: producer, findings)


def test_failed_needs_name_keys_of_the_input(connection: duckdb.DuckDBPyConnection) -> None:
    """Sensitive ones masked; of what many rows break together nothing is named."""
    made = reader(not_null("fee"), between("fee", low=0), unique("id"), row_count(low=9))
    told = samples(connection, made, Sensitivity.INTERNAL)
    assert {label: sorted(keys) for label, keys in told.items()} == {
        "needs_sales_not_null_fee": ["2"],
        "needs_sales_between_fee": ["3"],
        "needs_sales_unique_key_id": ["3", "3"],
        "needs_sales_row_count": [],
    }
    told = samples(connection, made, Sensitivity.PERSONAL)
    assert told["needs_sales_unique_key_id"] == ["***", "***"]


def test_missing_column_is_named(connection: duckdb.DuckDBPyConnection) -> None:
    """Nothing is read of rows by a column that is not there."""
    gone = reader(not_null("gate"), columns={"gate": pa.string(), "id": pa.int64()})
    assert samples(connection, gone, Sensitivity.INTERNAL) == {
        "needs_sales_columns": ["gate"],
        "needs_sales_not_null_gate": [],
    }


def test_failed_need_leads_to_its_own_page() -> None:
    """The needs of a reader are not rules about its rows."""
    made = reader(not_null("fee"))
    page = "docs/runbooks/an-input-lacks-what-is-needed.md"
    assert [runbook(made, label) for label, _ in need_labels(made)] == [page, page]
    assert runbook(made, "needs_nothing") == "docs/runbooks/rows-break-a-rule.md"


def test_reader_is_held_back_by_what_its_input_lacks(lake: Lake) -> None:
    """The publish checks the pinned input: nothing is visible where a need is not met."""
    rows = pa.table({"id": [1, 2], "fee": [10, None]}, schema=CONTRACT.schema)

    @dataset(SALES, contract=CONTRACT, owner="team:shop")
    def sales() -> pa.Table:
        return rows

    met, unmet = reader(not_null("id"), unique("id")), reader(not_null("fee"))
    job = Job(lake=lake, find={d.name: d for d in (sales, met)}.__getitem__, rebuild=True)
    publish(sales, None, job).refuse_blocked()
    publish(met, None, job).refuse_blocked()
    done = publish(unmet, None, job)
    with pytest.raises(BrokenContractError) as refused:
        done.refuse_blocked()
    assert str(refused.value).splitlines() == [
        f"shop.curated.fees [whole table]: it needs {SALES}, of which 1 of 2 rows break"
        " `needs_sales_not_null_fee`, such as 2",
        f"  declared  {done.place('needs_sales_not_null_fee')}  needs_sales_not_null_fee,"
        " severity block",
        f"  data      {refused.value.data}",
        f"  next      watermain explain {SALES}",
    ]
    assert "tests/watermain/engine/audit/test_need_check.py:" in done.place(
        "needs_sales_not_null_fee"
    )
    assert done.place("needs_sales_not_null_fee") != unmet.declared
    assert done.place("needs_sales_columns") == unmet.declared
    assert DatasetName.parse(SALES) in met.inputs.values()

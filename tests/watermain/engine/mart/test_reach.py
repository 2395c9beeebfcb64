"""What the SQL of a model may reach."""

from __future__ import annotations

import pytest

from watermain.declare.errors import InvalidDeclarationError
from watermain.engine.mart.reach import parsed

OWN = 'select * from "memory"."shop_curated"."orders"'


def model(sql: str) -> dict[str, str]:
    """A model of this SQL, which stands in the third line of its file."""
    return {
        "resource_type": "model",
        "name": "fct",
        "original_file_path": "models/fct.sql",
        "raw_code": f"-- a comment\n\n{sql}",
        "compiled_code": sql,
    }


@pytest.mark.parametrize(
    ("sql", "name"),
    [
        ("select * from read_csv('https://example.com/a.csv')", "read_csv"),
        ("from read_parquet('/etc/x.parquet')", "read_parquet"),
        ("select * from parquet_scan('x')", "parquet_scan"),
        ("select * from glob('/etc/*')", "glob"),
        ("select * from sniff_csv('/etc/passwd')", "sniff_csv"),
        ("select * from postgres_query('a', 'select 1')", "postgres_query"),
        ("select * from query('select 1')", "query"),
        ("select * from duckdb_secrets()", "duckdb_secrets"),
        (f"{OWN} where id in (select size from read_text('/etc/passwd'))", "read_text"),
        (f"{OWN} union all select * from read_json_auto('x')", "read_json_auto"),
        (f"with a as (select * from glob('x')) {OWN}", "glob"),
        (f"{OWN} as o join lateral glob(o.place) on true", "glob"),
    ],
)
def test_a_function_that_reads_is_refused_at_its_line(sql: str, name: str) -> None:
    """Files, the network, other databases, the engine's own secrets: nobody declared them."""
    with pytest.raises(InvalidDeclarationError) as caught:
        parsed(model(sql))
    assert caught.value.what == f"dbt model `fct` reads by `{name}`"
    assert caught.value.declared.endswith("models/fct.sql:3")
    assert "watermain new source" in caught.value.next


@pytest.mark.parametrize("name", ["file.parquet", "https://example.com/a.csv", "orders", "frame"])
def test_a_table_that_dbt_knows_nothing_of_is_refused(name: str) -> None:
    """The engine would take a file, or a variable of our own process, for a table."""
    with pytest.raises(InvalidDeclarationError) as caught:
        parsed(model(f'select * from "{name}"'))
    assert caught.value.what == f"dbt model `fct` reads `{name}` by hand"
    assert caught.value.declared.endswith("models/fct.sql:3")


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        (f"{OWN}; drop table x", "`select` and `drop`"),
        ("copy (select 1) to '/tmp/x'", "`copy`"),
        ("insert into x select 1", "`insert`"),
        ("attach '/tmp/x.duckdb'", "`attach`"),
        ("-- nothing", "nothing"),
    ],
)
def test_sql_that_does_more_than_ask_is_refused(sql: str, said: str) -> None:
    """A second statement is not silently left out."""
    with pytest.raises(InvalidDeclarationError) as caught:
        parsed(model(sql))
    assert caught.value.what == f"dbt model `fct` says {said}"


@pytest.mark.parametrize(
    "sql",
    [
        OWN,
        f"with Steps as ({OWN}), more as (select * from steps) select * from MORE",
        "select * from generate_series(date '2023-01-01', date '2023-02-01', interval 1 day)",
        "select * from range(5) as t(x), unnest([1, 2])",
        "values (1), (2)",
        f"with recursive a as (select 1 as n union all select n + 1 from a) {OWN}",
    ],
)
def test_sql_that_reads_its_inputs_is_taken(sql: str) -> None:
    """Steps of its own and rows that it makes itself need no declaration."""
    assert parsed(model(sql)).sql(dialect="duckdb")

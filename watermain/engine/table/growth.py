"""The next rows of a dataset, taken in among its own last ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime

import duckdb

from watermain.declare.body.mart import NEW, NOW, THIS, Growth
from watermain.declare.dataset import Dataset
from watermain.declare.errors import BrokenContractError
from watermain.engine.table.body import staged_sql
from watermain.lake.lake import text

COMING = "watermain_coming"


def tell_instant(connection: duckdb.DuckDBPyConnection, now: datetime) -> None:
    """Let the SQL of a growing mart read the instant of its publish, which is no part of it."""
    instant = now.astimezone(UTC).replace(tzinfo=None).isoformat(sep=" ")
    connection.execute(f"set variable {NOW} = timestamp {text(instant)}")


def grown(
    connection: duckdb.DuckDBPyConnection,
    dataset: Dataset,
    growth: Growth,
    views: Mapping[str, str],
    target: str,
    *,
    secretive: bool = False,
) -> str:
    """Compute what is new, make room for it in the table, and give the SQL of what to write.

    Guarantees: all is computed before the first row goes; rows that stay are not written again.
    Raises: BrokenContractError, where keys that come more than once match rows that stand.
    """
    own = f"input_{THIS}"
    connection.execute(f"create or replace temp view {own} as select * from {target}")
    given = {**views, THIS: own}
    sql = staged_sql(connection, _later(dataset, growth), given, secretive=secretive)
    connection.execute(f"create or replace temp table {NEW} as {sql}")
    _refuse_repeats(connection, dataset, growth)
    connection.execute(f"create or replace temp table {COMING} as {growth.written}")
    if growth.gone:
        connection.execute(f"delete from {target} as {growth.target} where {growth.gone}")
    return f"select * from {COMING}"


def _later(dataset: Dataset, growth: Growth) -> Dataset:
    """The dataset whose SQL gives the rows that come."""
    if dataset.mart is None or not growth.sql:
        return dataset
    return replace(dataset, mart=replace(dataset.mart, sql=growth.sql))


def _refuse_repeats(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, growth: Growth
) -> None:
    if not growth.repeats:
        return
    found = connection.execute(growth.repeats).fetchone()
    if found and found[0]:
        raise BrokenContractError.not_published(
            f"{dataset.name}: {found[0]} keys that come more than once match rows that stand, so"
            " which of them a row becomes is left open",
            declared=dataset.declared,
            next="let the model give each `unique_key` once, as by `qualify row_number()`",
        )

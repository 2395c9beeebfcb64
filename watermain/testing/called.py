"""A dataset's body, called with rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from tempfile import gettempdir

import duckdb
import pyarrow as pa

from watermain.declare.contract import Contract
from watermain.declare.dataset import Dataset
from watermain.declare.errors import quoted
from watermain.engine.table.body import staged_sql
from watermain.engine.table.table import engine_types
from watermain.lake.lake import quote
from watermain.testing.captured_columns import as_stored
from watermain.testing.declared_input import declaration
from watermain.testing.given_rows import (
    NOTHING,
    Given,
    GivenRowsError,
    TypedRows,
    as_table,
    guessed,
)
from watermain.testing.moved_clock import BEGINNING

MADE = "watermain_made"


def run(dataset: Dataset, /, *known: Dataset, **inputs: Given) -> TypedRows:
    """Call the body of a dataset with rows for each of its inputs, and give the rows that it makes.

    Shapes: rows are dicts or a table of Arrow, pandas, polars or ibis. An input has the types of
    its contract where a room declares it or where it is one of `known`; a column left out is null.
    Of a raw input the columns that capture writes are filled in, in the order of the rows.
    Guarantees: the body runs as in a publish, on DuckDB or on the tables that it asks for, and
    its result is held against the contract. Rows come typed by the contract and in the order of
    the key.
    Raises: GivenRowsError, for an input that is not declared or left out, an unknown column, or
    a value that its type cannot hold; and what a publish raises of a body.
    """
    tables = _tables(dataset, known, inputs)
    with engine() as connection:
        views = {}
        for alias, table in tables.items():
            connection.register(f"given_{alias}", table)
            connection.execute(f"create temp view input_{alias} as from given_{alias}")
            views[alias] = f"input_{alias}"
        sql = staged_sql(connection, dataset, views)
        keep(connection, dataset, sql, MADE)
        return TypedRows(ordered(connection, dataset.contract, MADE))


@contextmanager
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    """An engine of its own, in memory, that reaches for nothing outside."""
    connection = duckdb.connect(
        ":memory:",
        config={
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "temp_directory": gettempdir(),
        },
    )
    try:
        connection.execute("set timezone = 'UTC'")
        yield connection
    finally:
        connection.close()


def keep(connection: duckdb.DuckDBPyConnection, dataset: Dataset, sql: str, name: str) -> None:
    """Write rows into a table of the contract's types, as a publish writes them into the lake's."""
    types = engine_types(connection, dataset.contract.schema)
    columns = ", ".join(f"{quote(column)} {kind}" for column, kind in types.items())
    connection.execute(f"create temp table {name} ({columns})")
    connection.execute(f"insert into {name} by name {sql}")


def ordered(
    connection: duckdb.DuckDBPyConnection, contract: Contract, relation: str, where: str = "true"
) -> pa.Table:
    """Rows in the contract's types and in the order of their key."""
    names = contract.schema.names
    order = ", ".join(quote(n) for n in dict.fromkeys((*contract.key, *names)))
    columns = ", ".join(map(quote, names))
    found = connection.execute(f"select {columns} from {relation} where {where} order by {order}")
    return found.to_arrow_table().cast(contract.schema)


def _tables(
    dataset: Dataset, known: Iterable[Dataset], inputs: Mapping[str, Given]
) -> dict[str, pa.Table]:
    """A table for each input, in the order of their declaration."""
    if dataset.body is None:
        raise _refused(dataset, "is captured from a source, it has no body", "give it rows")
    strange = [alias for alias in inputs if alias not in dataset.inputs]
    if strange:
        takes = f"use {quoted(dataset.inputs) or 'none: it has no inputs'}"
        raise _refused(dataset, f"does not declare the input {quoted(strange)}", takes)
    missing = [
        alias
        for alias, name in dataset.inputs.items()
        if alias not in inputs and not dataset.is_optional(name)
    ]
    if missing:
        said = ", ".join(f"{alias}=[...]" for alias in missing)
        raise _refused(dataset, f"was given no rows for {quoted(missing)}", f"add {said}")
    every = (*known, dataset)
    return {alias: _input(dataset, alias, every, inputs.get(alias, ())) for alias in dataset.inputs}


def _input(dataset: Dataset, alias: str, known: Iterable[Dataset], given: Given) -> pa.Table:
    name = dataset.inputs[alias]
    other = declaration(name, known)
    if other is not None:
        return as_stored(given, other, BEGINNING)
    columns = dataset.needs[alias].columns if alias in dataset.needs else {}
    of = f"`{alias}` ({name})"
    if columns and all(columns.values()):
        schema = pa.schema([(n, kind) for n, kind in columns.items() if kind is not None])
        return as_table(given, schema, of=of, declared=dataset.declared)
    table = guessed(given, of=of, declared=dataset.declared)
    for column in columns.keys() - set(table.column_names):
        table = table.append_column(column, pa.nulls(table.num_rows, columns[column] or pa.null()))
    if not table.column_names:
        what = f"was given no rows for `{alias}`, and {name} is declared nowhere"
        raise _refused(
            dataset, what, "name its declaration behind the dataset: run(dataset, other, ...)"
        )
    return table


def _refused(dataset: Dataset, what: str, next: str) -> GivenRowsError:
    return GivenRowsError(
        f"{dataset.name} {what}", declared=dataset.declared, data=NOTHING, next=next
    )

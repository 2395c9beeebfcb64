"""A dataset that was never published, as a table that has no row."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import duckdb

from watermain.declare.dataset import Dataset
from watermain.declare.name import DatasetName
from watermain.engine.table.table import engine_types, is_there, stored_schema
from watermain.lake.lake import quote, table


def is_absent(reader: Dataset, other: Dataset, standing: Mapping[str, object]) -> bool:
    """Whether a reader may do without an input of which no partition was ever published.

    What the platform itself writes has no publishes and is never absent.
    """
    if other.is_platforms:
        return False
    return not standing and reader.is_optional(other.name)


def nothing_of(connection: duckdb.DuckDBPyConnection, other: Dataset) -> str:
    """The query that gives each stored column of a dataset, in its type and in no row."""
    types = engine_types(connection, stored_schema(other))
    columns = [f"cast(null as {kind}) as {quote(name)}" for name, kind in types.items()]
    return f"select {', '.join(columns)} where false"


def gained(connection: duckdb.DuckDBPyConnection, other: Dataset, relation: str) -> str:
    """The columns that a captured dataset declares and its table lacks, to be selected beside it.

    Guarantees: they are null, as they are in rows of before once the next capture has added them.
    """
    found = connection.execute(f"describe select * from {relation}").fetchall()
    there = {str(row[0]) for row in found}
    lacking = [n for n in stored_schema(other).names if n not in there]
    types = engine_types(connection, stored_schema(other)) if lacking else {}
    return "".join(f", cast(null as {types[n]}) as {quote(n)}" for n in lacking)


def referred(
    connection: duckdb.DuckDBPyConnection,
    name: DatasetName,
    find: Callable[[DatasetName], Dataset],
) -> str:
    """What a check that refers to a dataset reads: its table, or no row where there is none.

    What is captured lands whatever its checks say, so none of them waits for another dataset.
    """
    return table(name) if is_there(connection, name) else f"({nothing_of(connection, find(name))})"

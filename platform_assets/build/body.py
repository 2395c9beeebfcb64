"""A body's tables, given to it, taken from it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import duckdb
import ibis
import pyarrow as pa
from ibis.expr.operations import InMemoryTable

from platform_assets.build.code import code_version
from platform_assets.declare.dataset import Dataset
from platform_assets.declare.errors import BrokenContractError, quoted
from resources.lake import quote

RESULT = "watermain_result"
_COMPILED: dict[tuple[object, ...], str] = {}  # at most one entry for each version of a body


def staged_sql(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, views: Mapping[str, str]
) -> str:
    """Run the body on views of its inputs; give the SQL that yields its rows.

    Guarantees: columns come in the contract's order, with the contract's types.
    Raises: BrokenContractError, when the body returns other columns or types.
    """
    seen = _seen(connection, dataset, views)
    if seen in _COMPILED:
        return _COMPILED[seen]
    backend = ibis.duckdb.from_connection(connection)
    wanted = _annotations(dataset)
    tables = {
        alias: _given(connection, backend, view, wanted.get(alias, ""))
        for alias, view in views.items()
    }
    result = dataset(**tables)
    if isinstance(result, ibis.Table):
        _compare(dataset, result.schema().to_pyarrow())
        sql = str(backend.compile(result))
    else:
        arrow = _arrow(dataset, result)
        _compare(dataset, arrow.schema)
        connection.register(RESULT, arrow)
        sql = f"select * from {RESULT}"
    columns = ", ".join(quote(c.name) for c in dataset.contract.columns)
    staged = f"select {columns} from ({sql}) as body"
    if isinstance(result, ibis.Table) and not result.op().find(InMemoryTable):
        _COMPILED[seen] = staged
    return staged


def _seen(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, views: Mapping[str, str]
) -> tuple[object, ...]:
    """What decides the SQL of a body: its code, the columns that it is given."""
    columns = [connection.execute(f"describe {v}").fetchall() for v in views.values()]
    return (dataset.body, code_version(dataset), repr(views), repr(columns))


def _annotations(dataset: Dataset) -> dict[str, str]:
    if dataset.body is None or dataset.labels.get("sql"):
        return {}
    found = inspect.signature(dataset.body).parameters
    return {name: str(p.annotation) for name, p in found.items()}


def _given(connection: duckdb.DuckDBPyConnection, backend: Any, view: str, kind: str) -> Any:
    if "DataFrame" in kind:
        return connection.execute(f"select * from {view}").to_arrow_table().to_pandas()
    if "pa." in kind or "pyarrow" in kind:
        return connection.execute(f"select * from {view}").to_arrow_table()
    return backend.table(view)


def _arrow(dataset: Dataset, result: Any) -> pa.Table:
    if isinstance(result, pa.Table):
        return result
    if hasattr(result, "to_parquet") and hasattr(result, "columns"):
        names = {c.name for c in dataset.contract.columns}
        if set(result.columns) != names:
            _refuse(dataset, _difference(set(result.columns), names))
        try:
            return pa.Table.from_pandas(
                result, schema=dataset.contract.schema, preserve_index=False
            )
        except pa.ArrowException as error:
            _refuse(dataset, f"the body's frame does not fit the contract's types: {error}")
    _refuse(dataset, f"the body returned a {type(result).__name__}")
    raise AssertionError


def _compare(dataset: Dataset, found: pa.Schema) -> None:
    wanted = dataset.contract.schema
    if set(found.names) != set(wanted.names) or len(found.names) != len(wanted.names):
        _refuse(dataset, _difference(set(found.names), set(wanted.names)))
    for field in wanted:
        got = found.field(field.name).type
        if not _same(got, field.type):
            _refuse(dataset, f"the body returned `{field.name}` as {got}, not {field.type}")


def _difference(found: set[str], wanted: set[str]) -> str:
    lacks, adds = quoted(wanted - found), quoted(found - wanted)
    parts = [f"lacks {lacks}"] if lacks else []
    parts += [f"adds {adds}"] if adds else []
    return f"the body's table {' and '.join(parts) or 'names a column twice'}"


def _same(got: pa.DataType, wanted: pa.DataType) -> bool:
    if pa.types.is_timestamp(got) and pa.types.is_timestamp(wanted):
        return (got.tz is None) == (wanted.tz is None)
    if pa.types.is_large_string(got):
        got = pa.string()
    return bool(got == wanted)


def _refuse(dataset: Dataset, what: str) -> None:
    raise BrokenContractError(
        f"{dataset.name}: {what}",
        declared=dataset.declared,
        data="not published; readers still see the snapshot before",
        next="make the body return the contract's columns, or give the contract a new version",
    )

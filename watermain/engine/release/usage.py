"""Which columns of its inputs a dataset uses."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import ibis
import pyarrow as pa
import sqlglot
from ibis.common.exceptions import IbisError
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.pushdown_projections import pushdown_projections
from sqlglot.optimizer.qualify import qualify
from sqlglot.optimizer.scope import traverse_scope

from watermain.declare.body.frame import Frame, asked
from watermain.declare.body.mart import THIS
from watermain.declare.dataset import Dataset
from watermain.declare.name import DatasetName
from watermain.engine.table.table import stored_schema

Used = Mapping[DatasetName, frozenset[str]]


def columns_used(reader: Dataset, find: Callable[[DatasetName], Dataset]) -> Used | None:
    """The columns of each input that decide the reader's rows, or None where only a run can tell.

    Guarantees: nothing is read; a body that takes frames or Arrow tables is not called.
    """
    schemas = {alias: stored_schema(find(name)) for alias, name in reader.inputs.items()}
    texts = _texts(reader) if reader.mart else [_sql(reader, schemas)]
    known = {**schemas, THIS: reader.contract.schema} if reader.growth else schemas
    each = [None if sql is None else _columns(sql, known) for sql in texts]
    told = [columns for columns in each if columns is not None]
    if len(told) < len(each):
        return None
    found = {alias: frozenset().union(*(columns[alias] for columns in told)) for alias in schemas}
    used: dict[DatasetName, frozenset[str]] = {}
    for alias, name in reader.inputs.items():
        used[name] = used.get(name, frozenset()) | found[alias]
    return used


def _texts(mart: Dataset) -> list[str | None]:
    """Every form of a mart's SQL; of one that reads tables without SQL nothing is known."""
    if mart.mart is None or (mart.inputs and not mart.mart.is_sql):
        return [None]
    return [mart.mart.sql, *([mart.growth.sql] if mart.growth else [])]


def _sql(reader: Dataset, schemas: Mapping[str, pa.Schema]) -> str | None:
    if reader.body is None:
        return None
    if any(kind is not Frame.IBIS for kind in asked(reader.body).values()):
        return None
    try:
        tables = {
            alias: ibis.table(ibis.Schema.from_pyarrow(schema), name=f"input_{alias}")
            for alias, schema in schemas.items()
        }
        result = reader(**tables)
        return ibis.to_sql(result, dialect="duckdb") if isinstance(result, ibis.Table) else None
    except (IbisError, AttributeError):  # a body that looks at rows, or at a column that is gone
        return None


def _columns(sql: str, schemas: Mapping[str, pa.Schema]) -> dict[str, frozenset[str]] | None:
    known: dict[str, object] = {
        f"input_{a}": {f.name: "unknown" for f in s} for a, s in schemas.items()
    }
    try:
        tree = sqlglot.parse_one(str(sql), dialect="duckdb")
        tree = qualify(tree, schema=known, dialect="duckdb", quote_identifiers=False)
        scopes = traverse_scope(pushdown_projections(tree))
    except SqlglotError:
        return None
    found: dict[str, set[str]] = {alias: set() for alias in schemas}
    for scope in scopes:
        for column in scope.columns:
            source = scope.sources.get(column.table)
            alias = source.name.removeprefix("input_") if isinstance(source, exp.Table) else None
            if alias in found:
                found[alias].add(column.name)
    return {alias: frozenset(names) for alias, names in found.items()}

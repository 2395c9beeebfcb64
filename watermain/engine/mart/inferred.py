"""The columns of a model as the engine would make them, where nobody wrote them down."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache

import duckdb
import pyarrow as pa
from duckdb.sqltypes import DuckDBPyType

from watermain.engine.exchange.physical_type import physical_type

Schema = tuple[tuple[str, pa.DataType], ...]
# What a table of the engine has instead of a type that no file keeps, and what is cast to it: a sum
# of integers is one of 64 bits, and one that is too large ends the publish.
_INSTEAD = {
    "hugeint": ("bigint", pa.int64()),
    "uhugeint": ("ubigint", pa.uint64()),
    "null": ("integer", pa.int32()),
    "uuid": ("varchar", pa.string()),
    "enum": ("varchar", pa.string()),
    "bit": ("varchar", pa.string()),
    "timestamp_ns": ("timestamp", pa.timestamp("us")),
    "timestamp_ms": ("timestamp", pa.timestamp("us")),
    "timestamp_s": ("timestamp", pa.timestamp("us")),
}


def inferred(sql: str, inputs: Mapping[str, pa.Schema]) -> tuple[str, Schema]:
    """The same SQL with columns that can be kept, and those columns with their types.

    Shapes: `inputs` are the tables that the SQL reads. No row is read, and no file.
    Raises: duckdb.Error, for SQL that the engine refuses.
    """
    return _inferred(sql, tuple(sorted(inputs.items(), key=lambda item: item[0])))


@lru_cache(maxsize=4096)
def _inferred(sql: str, inputs: tuple[tuple[str, pa.Schema], ...]) -> tuple[str, Schema]:
    with duckdb.connect(config={"threads": 1, "enable_external_access": False}) as connection:
        connection.execute("set timezone = 'UTC'")
        for name, schema in inputs:
            connection.register(name, schema.empty_table())
        relation = connection.sql(sql)
        found = dict(zip(relation.columns, relation.types, strict=True))
        shaped = {name: _kept(name, kind) for name, kind in found.items()}
        if all(word == _quoted(name) for name, (word, _) in shaped.items()):
            kept = sql
        else:
            kept = f"select {', '.join(word for word, _ in shaped.values())} from ({sql}) as model"
        plain = connection.sql(kept).limit(0).to_arrow_table().schema
    return kept, tuple((f.name, shaped[f.name][1] or _plain(f.type)) for f in plain)


def _kept(name: str, kind: DuckDBPyType) -> tuple[str, pa.DataType | None]:
    word, arrow = _INSTEAD.get(kind.id, ("", None))
    if not word:
        return _quoted(name), physical_type(str(kind))
    return f"cast({_quoted(name)} as {word}) as {_quoted(name)}", arrow


def _plain(kind: pa.DataType) -> pa.DataType:
    """A type without what the engine adds on its way to Arrow."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'

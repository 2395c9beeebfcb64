"""The type that a contract promises for a column that stands outside."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pyarrow as pa

from watermain.declare.column.kept_type import unkept
from watermain.declare.column.own_column import OWN_PREFIX, own_columns
from watermain.declare.errors import quoted
from watermain.declare.outside.source import Files
from watermain.engine.adopt.piece import refused

T = pa.types


def promised(kind: pa.DataType) -> pa.DataType:
    """What a contract says for a type: what it holds, however it is laid out in memory."""
    return next((of(kind) for belongs, of in _PROMISED if belongs(kind)), kind)


def _is_text(kind: pa.DataType) -> bool:
    return bool(T.is_large_string(kind) or T.is_string_view(kind))


def _is_binary(kind: pa.DataType) -> bool:
    return bool(T.is_large_binary(kind) or T.is_binary_view(kind) or T.is_fixed_size_binary(kind))


def _is_list(kind: pa.DataType) -> bool:
    return bool(T.is_list(kind) or T.is_large_list(kind) or T.is_list_view(kind))


_PROMISED: tuple[tuple[Callable[[pa.DataType], bool], Callable[[Any], pa.DataType]], ...] = (
    (lambda k: T.is_dictionary(k) or T.is_run_end_encoded(k), lambda k: promised(k.value_type)),
    (lambda k: isinstance(k, pa.BaseExtensionType), lambda k: promised(k.storage_type)),
    (_is_text, lambda k: pa.string()),
    (_is_binary, lambda k: pa.binary()),
    (T.is_timestamp, lambda k: pa.timestamp("us", "UTC" if k.tz else None)),
    (T.is_date, lambda k: pa.date32()),
    (
        lambda k: T.is_decimal(k) and not T.is_decimal256(k),
        lambda k: pa.decimal128(k.precision, k.scale),
    ),
    (_is_list, lambda k: pa.list_(promised(k.value_type))),
    (T.is_struct, lambda k: pa.struct([pa.field(f.name, promised(f.type)) for f in k])),
    (T.is_map, lambda k: pa.map_(promised(k.key_type), promised(k.item_type))),
)


def columns_of(schema: pa.Schema, where: str, without: Iterable[str] = ()) -> pa.Schema:
    """The columns that a contract would have.

    Raises: UnadoptableTableError, for a type that no contract has, a name that stands twice, or
    one that the platform writes itself.
    """
    left = set(without)
    if unknown := left - set(schema.names):
        left -= unknown  # a folder's name, which is no column
    fields = [field for field in schema if field.name not in left]
    lower = [f.name.lower() for f in fields]
    if twice := sorted({n for n in lower if lower.count(n) > 1}):
        raise refused(
            f"the column {quoted(twice)} is named twice, or in two cases", where, "name each once"
        )
    ours = own_columns(Files(connection="x", pattern="x", format="parquet"))
    for field in fields:
        if field.name in ours or field.name.startswith(OWN_PREFIX) or not field.name:
            raise refused(
                f"`{field.name}` is a column that the platform writes itself",
                where,
                _without(field.name),
            )
        kind = promised(field.type)
        for complaint, instead in unkept(kind, field.name):
            raise refused(
                f"no contract has the type of a column: {complaint}",
                where,
                f"{instead}; or {_without(field.name)}",
            )
        if T.is_null(kind):
            raise refused(
                f"`{field.name}` has no type, for it has no values", where, _without(field.name)
            )
    if not fields:
        raise refused("no column is left", where, "leave fewer out")
    return pa.schema([pa.field(f.name, promised(f.type)) for f in fields])


def _without(name: str) -> str:
    return f"do without it: --leave-out {name}"

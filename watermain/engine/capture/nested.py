"""The SQL that turns JSON text into a nested value, each of its leaves by the rule of its type."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from watermain.engine.capture.exact_leaf import exact, is_text
from watermain.engine.table.table import engine_types
from watermain.lake.lake import quote, text
from watermain.source.spill import SUFFIX
from watermain.source.text.json_shape import is_listed, shaper, text_type


def is_nested(kind: pa.DataType) -> bool:
    """Whether values of the type have parts."""
    return bool(pa.types.is_nested(kind))


def shaped_name(name: str) -> str:
    """The column that holds the texts of a nested column's leaves, beside its JSON text."""
    return f"{name} shaped"


def with_shapes(rows: pa.Table, kinds: Mapping[str, pa.DataType]) -> pa.Table:
    """Take the JSON texts of nested columns apart, each into a column beside it."""
    for name, kind in kinds.items():
        shape, parts = shaper(kind), text_type(kind)
        chunks = [shape(chunk) for chunk in rows.column(name).chunks]
        rows = rows.append_column(shaped_name(name), pa.chunked_array(chunks, parts))
    return rows


def shaped_file(path: Path, kinds: Mapping[str, pa.DataType]) -> Path:
    """Do the same for rows in a file, group by group; give a file of its own beside it."""
    made = path.with_name(f"{path.name.removesuffix(SUFFIX)}.shaped{SUFFIX}")
    with pq.ParquetFile(path) as rows:
        schema = with_shapes(rows.schema_arrow.empty_table(), kinds).schema
        with pq.ParquetWriter(made, schema) as writer:
            for group in range(rows.num_row_groups):
                writer.write_table(with_shapes(rows.read_row_group(group), kinds))
    return made


def nested(column: str, kind: pa.DataType, engine_type: str) -> str:
    """The SQL expression of texts in the shape of a nested type; null where a leaf does not fit."""
    whole = f"case when x is not null and {_fits('x', kind, 1)} then {_built('x', kind, 1)} end"
    found = f"list_transform([{column}], lambda x: {whole})[1]"
    return f"try_cast({found} as {engine_type})"


def _fits(value: str, kind: pa.DataType, depth: int) -> str:
    """The SQL condition that every leaf is null or fits; never null itself."""
    each = f"x{depth}"
    if is_listed(kind):
        inner = _fits(each, kind.value_type, depth + 1)
        return f"coalesce(len(list_filter({value}, lambda {each}: not {inner})) = 0, true)"
    if pa.types.is_map(kind):
        key, held = f"{each}.key", f"{each}.value"
        inner = (
            f"{key} is not null and {_fits(key, kind.key_type, depth + 1)}"
            f" and {_fits(held, kind.item_type, depth + 1)}"
        )
        keys = f"list_transform({value}, lambda {each}: {_built(key, kind.key_type, depth + 1)})"
        return (
            f"(coalesce(len(list_filter({value}, lambda {each}: not ({inner}))) = 0, true)"
            f" and coalesce(len(list_distinct({keys})) = len({value}), true))"
        )
    if pa.types.is_struct(kind):
        return f"({' and '.join(_fits(_part(value, f.name), f.type, depth) for f in kind)})"
    if is_text(kind):
        return "true"
    return f"({value} is null or {_leaf(value, kind)} is not null)"


def _built(value: str, kind: pa.DataType, depth: int) -> str:
    """The SQL expression of the value, of whose leaves each fits."""
    each = f"x{depth}"
    if is_listed(kind):
        return f"list_transform({value}, lambda {each}: {_built(each, kind.value_type, depth + 1)})"
    if pa.types.is_map(kind):
        key = _built(f"{each}.key", kind.key_type, depth + 1)
        held = _built(f"{each}.value", kind.item_type, depth + 1)
        pair = f"struct_pack(k := {key}, v := {held})"
        return f"map_from_entries(list_transform({value}, lambda {each}: {pair}))"
    if pa.types.is_struct(kind):
        parts = ", ".join(
            f"{quote(f.name)} := {_built(_part(value, f.name), f.type, depth)}" for f in kind
        )
        return f"case when {value} is not null then struct_pack({parts}) end"
    return _leaf(value, kind)


def _part(value: str, name: str) -> str:
    return f"struct_extract({value}, {text(name)})"


def _leaf(value: str, kind: pa.DataType) -> str:
    return exact(value, kind, _leaf_type(kind))


@cache
def _leaf_type(kind: pa.DataType) -> str:
    with duckdb.connect() as engine:
        return engine_types(engine, pa.schema([("leaf", kind)]))["leaf"]

"""Arrow tables as the engine reads them right."""

from __future__ import annotations

import pyarrow as pa

T = pa.types


def scannable(rows: pa.Table) -> pa.Table:
    """The same values, bytes of one length inside of nested columns as bytes of any.

    DuckDB 1.5.5 writes zeros for them into a file where one of their structs is null.
    """
    fields = [f.with_type(_type(f.type)) if T.is_nested(f.type) else f for f in rows.schema]
    return rows if fields == list(rows.schema) else rows.cast(pa.schema(fields))


def _type(kind: pa.DataType) -> pa.DataType:
    if T.is_fixed_size_binary(kind):
        return pa.binary()
    if T.is_struct(kind):
        return pa.struct([_field(field) for field in kind])
    if T.is_map(kind):
        return pa.map_(_field(kind.key_field), _field(kind.item_field), kind.keys_sorted)
    if T.is_large_list(kind):
        return pa.large_list(_field(kind.value_field))
    if T.is_list(kind):
        return pa.list_(_field(kind.value_field))
    return kind


def _field(field: pa.Field) -> pa.Field:
    return field.with_type(_type(field.type))

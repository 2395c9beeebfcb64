"""The fingerprint of a table's values."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

T = pa.types


def fingerprint(table: pa.Table) -> str:
    """Hash names, types, values and their order.

    Guarantees: how rows are chunked, how texts are encoded and what lies in memory beneath a null
    do not count; another version of Arrow gives the same.
    """
    told = hashlib.sha256(f"{table.num_rows}".encode())
    for name, column in zip(table.column_names, table.columns, strict=True):
        plain = pa.chunked_array([plain_text(c) for c in column.chunks], plain_type(column.type))
        told.update(f"\0{name}\0{plain.type}\0".encode())
        for part in _bytes(_whole(plain)):
            told.update(part)
    return told.hexdigest()


def plain_type(kind: pa.DataType) -> pa.DataType:
    """The type without its encoding: every kind of text is a string.

    Within nested types 64-bit offsets stay: those of a column too large for others would not fit.
    """
    return pa.string() if T.is_large_string(kind) else _unviewed(kind)


def _unviewed(kind: pa.DataType) -> pa.DataType:
    """The type whose values lie one after the other, where Arrow has functions for them."""
    if T.is_dictionary(kind) or T.is_run_end_encoded(kind):
        return plain_type(kind.value_type)
    return next((plain(kind) for holds, plain in _PLAIN if holds(kind)), kind)


def _field(field: pa.Field) -> pa.Field:
    return field.with_type(_unviewed(field.type))


_PLAIN: tuple[tuple[Callable[[pa.DataType], bool], Callable[[Any], pa.DataType]], ...] = (
    (T.is_string_view, lambda _: pa.string()),
    (T.is_binary_view, lambda _: pa.binary()),
    (T.is_struct, lambda kind: pa.struct([_field(field) for field in kind])),
    (T.is_map, lambda k: pa.map_(_field(k.key_field), _field(k.item_field), k.keys_sorted)),
    (T.is_fixed_size_list, lambda k: pa.list_(_field(k.value_field), k.list_size)),
    (lambda k: T.is_list(k) or T.is_list_view(k), lambda k: pa.list_(_field(k.value_field))),
    (
        lambda k: T.is_large_list(k) or T.is_large_list_view(k),
        lambda k: pa.large_list(_field(k.value_field)),
    ),
)


def plain_text(values: pa.Array) -> pa.Array:
    """The values without their encoding."""
    kind = plain_type(values.type)
    if values.type == kind:
        return values
    if "list_view<" in str(values.type):  # whose cast gives lists that are not sound
        return pa.array(values.to_pylist(), kind)
    return values.cast(kind)


def _whole(column: pa.ChunkedArray) -> pa.Array:
    if T.is_string(column.type):
        column = column.cast(pa.large_string())  # whose chunks always fit one array
    elif T.is_binary(column.type):
        column = column.cast(pa.large_binary())
    whole = column.combine_chunks()
    return whole if isinstance(whole, pa.Array) else pa.concat_arrays(whole.chunks)


def _bytes(values: pa.Array) -> Iterator[Any]:
    """What counts of an array, level by level."""
    if values.null_count:
        yield np.packbits(values.is_valid().to_numpy(zero_copy_only=False)).tobytes()
        values = values.drop_null()
    yield len(values).to_bytes(8, "little")
    kind = values.type
    if T.is_null(kind):
        return
    if T.is_boolean(kind):
        yield np.packbits(values.to_numpy(zero_copy_only=False)).tobytes()
    elif T.is_struct(kind):
        for field in values.flatten():
            yield from _bytes(field)
    elif T.is_map(kind) or T.is_list(kind) or T.is_large_list(kind):
        as_list = values.cast(pa.list_(kind.field(0).type)) if T.is_map(kind) else values
        yield pc.list_value_length(as_list).cast(pa.int64()).to_numpy().tobytes()
        yield from _bytes(as_list.flatten())
    elif T.is_fixed_size_list(kind):
        yield from _bytes(values.flatten())
    elif T.is_fixed_size_binary(kind) or T.is_primitive(kind) or T.is_decimal(kind):
        width = kind.bit_width // 8
        yield _slice(values.buffers()[1], values.offset * width, len(values) * width)
    else:
        yield from _text(values)


def _text(values: pa.Array) -> Iterator[Any]:
    large = values.cast(pa.large_string() if T.is_string(values.type) else pa.large_binary())
    yield pc.binary_length(large).cast(pa.int64()).to_numpy().tobytes()
    _, offsets, data = large.buffers()
    bounds = np.frombuffer(offsets, np.int64)[large.offset : large.offset + len(large) + 1]
    if len(bounds) and bounds[-1] > bounds[0]:
        yield _slice(data, int(bounds[0]), int(bounds[-1] - bounds[0]))


def _slice(buffer: pa.Buffer | None, start: int, length: int) -> Any:
    return b"" if buffer is None or not length else memoryview(buffer)[start : start + length]

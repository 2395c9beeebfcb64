"""The content hash of rows, equal for equal rows however they are chunked or stored."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc


def content_hash(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> str:
    """Hash names, types, nulls and values, column by column, in row order.

    Guarantees: the hash depends on the rows only, not on chunk borders or on file layout.
    """
    shapes = [hashlib.sha256() for _ in schema]
    values = [hashlib.sha256() for _ in schema]
    rows = 0
    for batch in batches:
        for at, column in enumerate(batch.columns):
            shapes[at].update(_shape(column, rows))
            values[at].update(_value(column))
        rows += batch.num_rows
    whole = hashlib.sha256(f"{rows}\0".encode())
    for at, field in enumerate(schema):
        whole.update(f"{field.name}\0{field.type}\0".encode())
        whole.update(shapes[at].digest() + values[at].digest())
    return whole.hexdigest()


def _shape(column: pa.Array, before: int) -> memoryview:
    """The length of each text, -1 for a null; where all have one length, which rows are null."""
    if pa.types.is_string(column.type):
        return _numbers(pc.fill_null(pc.binary_length(column), -1))
    if not column.null_count:
        return memoryview(b"")
    return (np.flatnonzero(pc.is_null(column)) + before).data


def _value(column: pa.Array) -> memoryview:
    kind = column.type
    if pa.types.is_string(kind):
        return _text(_whole(column, ""))
    if pa.types.is_decimal(kind):
        return _wide(_whole(column, pa.scalar(0, kind)))
    if pa.types.is_boolean(kind):
        column = column.cast(pa.int8())
    elif not (pa.types.is_floating(kind) or pa.types.is_uint64(kind)):
        if pa.types.is_date32(kind) or pa.types.is_time32(kind):
            column = column.cast(pa.int32())  # the engine casts them by way of their own width
        column = column.cast(pa.int64())
    return _numbers(_whole(column, 0))


def _whole(column: pa.Array, filler: object) -> pa.Array:
    return pc.fill_null(column, filler) if column.null_count else column


def _wide(column: pa.Array) -> memoryview:
    _, data = column.buffers()
    width = column.type.byte_width
    if data is None or not len(column):
        return memoryview(b"")
    return memoryview(data)[column.offset * width : (column.offset + len(column)) * width]


def _numbers(column: pa.Array) -> memoryview:
    return memoryview(column.to_numpy())


def _text(column: pa.StringArray) -> memoryview:
    _, offsets, data = column.buffers()
    if data is None or not len(column):
        return memoryview(b"")
    edge = pa.Array.from_buffers(pa.int32(), len(column) + 1, [None, offsets], offset=column.offset)
    return memoryview(data)[edge[0].as_py() : edge[-1].as_py()]

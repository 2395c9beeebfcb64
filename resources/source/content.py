"""The content hash of rows, equal for equal rows however they are chunked or stored."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc


def content_hash(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> str:
    """Hash names, types, nulls and values, column by column, in row order.

    Guarantees: the hash depends on the rows only, not on chunk borders or on file layout.
    """
    sizes = [hashlib.sha256() for _ in schema]
    values = [hashlib.sha256() for _ in schema]
    for batch in batches:
        for at, column in enumerate(batch.columns):
            size, value = _fed(column)
            sizes[at].update(size)
            values[at].update(value)
    whole = hashlib.sha256()
    for at, field in enumerate(schema):
        whole.update(f"{field.name}\0{field.type}\0".encode())
        whole.update(sizes[at].digest() + values[at].digest())
    return whole.hexdigest()


def _fed(column: pa.Array) -> tuple[memoryview, memoryview]:
    if pa.types.is_string(column.type):
        size = pc.fill_null(pc.binary_length(column), -1).cast(pa.int64())
        return _values(size), _text(pc.fill_null(column, "") if column.null_count else column)
    nulls = _values(pc.is_null(column).cast(pa.int8()))
    if pa.types.is_decimal(column.type):
        return nulls, _wide(pc.fill_null(column, pa.scalar(0, column.type)))
    if pa.types.is_floating(column.type) or pa.types.is_uint64(column.type):
        return nulls, _values(pc.fill_null(column, 0))
    return nulls, _values(pc.fill_null(column.cast(pa.int64()), 0))


def _wide(column: pa.Array) -> memoryview:
    _, data = column.buffers()
    width = column.type.byte_width
    if data is None or not len(column):
        return memoryview(b"")
    return memoryview(data)[column.offset * width : (column.offset + len(column)) * width]


def _values(column: pa.Array) -> memoryview:
    return memoryview(column.to_numpy(zero_copy_only=False))


def _text(column: pa.StringArray) -> memoryview:
    _, offsets, data = column.buffers()
    if data is None or not len(column):
        return memoryview(b"")
    edge = pa.Array.from_buffers(pa.int32(), len(column) + 1, [None, offsets], offset=column.offset)
    return memoryview(data)[edge[0].as_py() : edge[-1].as_py()]

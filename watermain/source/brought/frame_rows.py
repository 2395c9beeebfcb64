"""Frames of any library as rows of text that say exactly what they held."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from watermain.source.arrow_text import exact_text
from watermain.source.extra import EXTRA, any_text, distinct, packed_columns, told
from watermain.source.protocol import Shape

KINDS = ("pandas", "polars", "Arrow", "ibis", "a list of dicts")
_WHOLE = 2**53  # the first integer beyond which a double leaves some out


class NoFrameError(Exception):
    """Report a value that is no frame; its text is what it is instead."""


def arrow_of(frame: Any) -> pa.Table:
    """A frame as Arrow; a column of mixed values as their texts.

    Raises: NoFrameError.
    """
    if isinstance(frame, pa.RecordBatch):
        frame = pa.Table.from_batches([frame])
    if isinstance(frame, pa.RecordBatchReader):
        frame = frame.read_all()
    if isinstance(frame, pa.Table):
        return frame
    library, word = type(frame).__module__.partition(".")[0], type(frame).__name__
    if library == "polars" and word == "LazyFrame":
        frame, word = frame.collect(), "DataFrame"
    if library == "polars" and word == "DataFrame":
        table: pa.Table = frame.to_arrow()
        return table
    if library == "pandas" and word == "DataFrame":
        names = [str(name) for name in frame.columns]
        values = [frame.iloc[:, at] for at in range(len(names))]
        return _joined(names, [_column(each, from_pandas=True) for each in values], len(frame))
    if library == "ibis" and hasattr(frame, "to_pyarrow"):
        found: pa.Table = frame.to_pyarrow()
        return found
    if isinstance(frame, list) and all(isinstance(row, dict) for row in frame):
        names = list(dict.fromkeys(str(name) for row in frame for name in row))
        return _joined(names, [_column([r.get(n) for r in frame]) for n in names], len(frame))
    raise NoFrameError(f"a {library}.{word}" if library != "builtins" else f"a {word}")


def texts(table: pa.Table, shape: Shape) -> tuple[pa.Table, tuple[str, ...], tuple[str, ...]]:
    """The declared columns as text, with the names of unknown ones and of those that it lacks.

    Guarantees: reading a text gives the same value; what nobody declared is packed.
    """
    names = table.column_names
    kinds = dict(zip(shape.columns, shape.types, strict=True)) if shape.types else {}
    columns = []
    for name in shape.columns:
        if name not in names:
            columns.append(pa.nulls(table.num_rows, pa.string()))
            continue
        columns.append(_text(name, whole(table.column(names.index(name))), kinds.get(name)))
    beyond = distinct(names, shape.columns)
    packed = {n: any_text(n, whole(table.column(at))) for at, n in beyond.items()}
    columns.append(packed_columns(packed, table.num_rows))
    rows = pa.table(columns, names=[*shape.columns, EXTRA])
    missing = tuple(sorted(set(shape.columns) - set(names)))
    return rows, tuple(sorted(beyond.values())), missing


def _text(name: str, column: pa.Array, kind: pa.DataType | None) -> pa.Array:
    if kind is not None and pa.types.is_integer(kind) and pa.types.is_floating(column.type):
        return _integers(name, column)
    held = column.type
    if pa.types.is_nested(held) or pa.types.is_duration(held):
        return any_text(name, column)
    return exact_text(name, column, kind)


def _integers(name: str, column: pa.Array) -> pa.Array:
    """Integers that a frame keeps as floats, as pandas does beside nulls."""
    column = column.cast(pa.float64())
    small = pc.less(pc.abs(column), float(_WHOLE))
    fits = pc.fill_null(pc.and_(small, pc.equal(pc.floor(column), column)), False)
    numbers = pc.if_else(fits, column, pa.scalar(None, pa.float64()))
    return pc.if_else(
        fits, numbers.cast(pa.int64()).cast(pa.string()), exact_text(name, column, pa.float64())
    )


def _column(values: Any, *, from_pandas: bool = False) -> pa.Array:
    try:
        return whole(pa.array(values, from_pandas=from_pandas))
    except (pa.ArrowException, OverflowError, TypeError, ValueError):
        plain = values.tolist() if hasattr(values, "tolist") else values
        return pa.array([None if _is_nothing(v) else _said(v) for v in plain], pa.string())


def _is_nothing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def _said(value: Any) -> str:
    return told(value) if isinstance(value, str | bytes | dict | list) else str(value)


def _joined(names: Sequence[str], columns: Sequence[pa.Array], rows: int) -> pa.Table:
    if not columns:
        return pa.table({"": pa.nulls(rows)}).select([])
    return pa.Table.from_arrays(list(columns), names=list(names))


def whole(column: pa.ChunkedArray | pa.Array) -> pa.Array:
    """A column in one piece."""
    if isinstance(column, pa.Array):
        return column
    found = column.combine_chunks()
    return found if isinstance(found, pa.Array) else pa.concat_arrays(found.chunks)

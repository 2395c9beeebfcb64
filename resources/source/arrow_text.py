"""Arrow values written as text that says exactly what was stored."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from resources.source.delivery import UnreadableFileError


def exact_text(name: str, column: pa.Array) -> pa.Array:
    """Write a column as text.

    Guarantees: reading the text gives the same number, all digits of decimals, instants in UTC.
    Raises: UnreadableFileError, for what has no single text.
    """
    kind = column.type
    if pa.types.is_dictionary(kind):
        return exact_text(name, column.dictionary_decode())
    if pa.types.is_nested(kind) or pa.types.is_duration(kind) or pa.types.is_interval(kind):
        raise UnreadableFileError(f"`{name}` is {kind}, which has no single text")
    if pa.types.is_float16(kind):
        column = column.cast(pa.float32())
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        column = column.cast(pa.timestamp(kind.unit, "UTC"))
    text = column.cast(pa.string())
    if pa.types.is_decimal(kind) and pc.any(pc.match_substring(text, "E")).as_py():
        return pa.array([None if v is None else f"{v:f}" for v in column.to_pylist()], pa.string())
    return text

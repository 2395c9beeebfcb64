"""Arrow values written as text that says exactly what was stored."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from watermain.source.delivery import UnreadableFileError
from watermain.source.poison import UnreadableRecordError
from watermain.source.text.exact_text import hex_text


def exact_text(name: str, column: pa.Array, kind: pa.DataType | None = None) -> pa.Array:
    """Write a column as text, as a column of `kind` wants it read.

    Guarantees: reading the text gives the same number, all digits of decimals, instants in UTC,
    and each byte.
    Raises: UnreadableFileError, for a type that has no single text; or UnreadableRecordError,
    for bytes that are none.
    """
    texts, odd = sound_text(name, column, kind)
    if odd:
        raise UnreadableRecordError(f"has bytes in `{name}` that are no UTF-8")
    return texts


def sound_text(
    name: str, column: pa.Array, kind: pa.DataType | None = None
) -> tuple[pa.Array, list[int]]:
    """Write a column as text like `exact_text`; give also the places of bytes that are none.

    Raises: UnreadableFileError, for what has no single text.
    """
    held = column.type
    if pa.types.is_dictionary(held):
        return sound_text(name, column.dictionary_decode(), kind)
    if pa.types.is_nested(held) or pa.types.is_duration(held) or pa.types.is_interval(held):
        raise UnreadableFileError(f"`{name}` is {held}, which has no single text")
    if are_bytes(held):
        return _bytes(column, wanted=kind is not None and are_bytes(kind))
    if _are_texts(held):
        return _decoded(column.cast(pa.large_binary()))
    return _written(column, kind), []


def are_bytes(kind: pa.DataType) -> bool:
    """Whether values of the type are bytes, however Arrow lays them out."""
    return (
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_fixed_size_binary(kind)
        or pa.types.is_binary_view(kind)
    )


def _are_texts(kind: pa.DataType) -> bool:
    return (
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def _bytes(column: pa.Array, *, wanted: bool) -> tuple[pa.Array, list[int]]:
    if not wanted:
        return _decoded(column.cast(pa.large_binary()))
    texts = [None if each is None else hex_text(each) for each in column.to_pylist()]
    return pa.array(texts, pa.string()), []


def _decoded(column: pa.Array) -> tuple[pa.Array, list[int]]:
    """Bytes as the text that they are in UTF-8, or null at the places where they are none."""
    try:
        return column.cast(pa.string()), []
    except pa.ArrowInvalid:
        texts, odd = list[str | None](), list[int]()
    for at, each in enumerate(column.to_pylist()):
        try:
            texts.append(None if each is None else each.decode())
        except UnicodeDecodeError:
            texts.append(None)
            odd.append(at)
    return pa.array(texts, pa.string()), odd


def _written(column: pa.Array, kind: pa.DataType | None) -> pa.Array:
    held = column.type
    if pa.types.is_timestamp(held):
        # Without its zone, for with one a year beyond 32767 is written as another.
        text = column.view(pa.timestamp(held.unit)).cast(pa.string())
        if pc.any(pc.starts_with(text, "<")).as_py():
            raise UnreadableRecordError("has an instant that lies in no calendar")
        return text if held.tz is None else pc.binary_join_element_wise(text, "Z", "")
    if pa.types.is_float16(held):
        column = column.cast(pa.float32())
    if pa.types.is_float32(column.type) and kind is not None and pa.types.is_float64(kind):
        column = column.cast(pa.float64())  # the same number, where the shortest text is another
    text = column.cast(pa.string())
    if pa.types.is_decimal(held) and pc.any(pc.match_substring(text, "E")).as_py():
        return pa.array([None if v is None else f"{v:f}" for v in column.to_pylist()], pa.string())
    return text

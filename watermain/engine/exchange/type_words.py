"""Arrow types as words that YAML can hold."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import duckdb
import pyarrow as pa

from watermain.declare.errors import UnreadableContractError, quoted
from watermain.engine.exchange.dbt_sources import sql_type

T = pa.types
_PLAIN = {
    str(kind): kind
    for kind in (
        *(pa.null(), pa.bool_(), pa.string(), pa.large_string(), pa.string_view()),
        *(pa.binary(), pa.large_binary(), pa.binary_view(), pa.date32(), pa.date64()),
        *(pa.int8(), pa.int16(), pa.int32(), pa.int64()),
        *(pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()),
        *(pa.float16(), pa.float32(), pa.float64(), pa.month_day_nano_interval()),
        *(pa.time32("s"), pa.time32("ms"), pa.time64("us"), pa.time64("ns")),
        *(pa.duration(unit) for unit in ("s", "ms", "us", "ns")),
        *(pa.timestamp(unit) for unit in ("s", "ms", "us", "ns")),
    )
}
_DECIMALS = {"32": pa.decimal32, "64": pa.decimal64, "128": pa.decimal128, "256": pa.decimal256}
_SHAPES: tuple[tuple[re.Pattern[str], Callable[..., pa.DataType]], ...] = (
    (
        re.compile(r"decimal(32|64|128|256)\((\d{1,2}), (-?\d{1,2})\)"),
        lambda width, precision, scale: _DECIMALS[width](int(precision), int(scale)),
    ),
    (re.compile(r"timestamp\[(s|ms|us|ns), tz=([^\]]+)\]"), pa.timestamp),
    (re.compile(r"fixed_size_binary\[(\d{1,9})\]"), lambda size: pa.binary(int(size))),
)
_LISTS: Mapping[str, Callable[[pa.Field], pa.DataType]] = {
    "list": pa.list_,
    "largeList": pa.large_list,
}
_LOGICAL = (
    (lambda k: T.is_string(k) or T.is_large_string(k) or T.is_string_view(k), "string"),
    (T.is_boolean, "boolean"),
    (T.is_integer, "integer"),
    (lambda k: T.is_floating(k) or T.is_decimal(k), "number"),
    (T.is_date, "date"),
    (T.is_timestamp, "timestamp"),
    (T.is_time, "time"),
    (lambda k: T.is_struct(k) or T.is_map(k), "object"),
    (lambda k: T.is_list(k) or T.is_large_list(k) or T.is_fixed_size_list(k), "array"),
)
OF_LOGICAL: Mapping[str, pa.DataType] = {
    "string": pa.string(),
    "boolean": pa.bool_(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "date": pa.date32(),
    "timestamp": pa.timestamp("us", "UTC"),
    "time": pa.time64("us"),
}


def logical_type(kind: pa.DataType) -> str:
    """The standard's word for a type; text where it has none, for it asks for one."""
    return next((word for belongs, word in _LOGICAL if belongs(kind)), "string")


@lru_cache(maxsize=1024)
def engine_type(kind: pa.DataType) -> str | None:
    """The engine's own word for a type, or None where the engine has no such type."""
    word = sql_type(kind)
    if word != str(kind) or T.is_decimal(kind):
        return word
    with duckdb.connect() as connection:
        try:
            empty = pa.table({"x": pa.array([], kind)})
            return str(connection.from_arrow(empty).types[0]).lower()
        except (duckdb.Error, pa.ArrowException):
            return None


def type_word(kind: pa.DataType) -> Any:
    """A type as text, or as a mapping where it holds other types.

    Raises: UnreadableContractError, for the types that no table can have.
    """
    word = str(kind)
    if word in _PLAIN or any(shape.fullmatch(word) for shape, _ in _SHAPES):
        return word
    if T.is_struct(kind):
        return {"struct": [_field_word(f) for f in kind]}
    if T.is_map(kind):
        return {"map": [_field_word(kind.key_field), _field_word(kind.item_field)]}
    if T.is_fixed_size_list(kind):
        return {"fixedSizeList": [_field_word(kind.value_field), kind.list_size]}
    for name, belongs in (("list", T.is_list), ("largeList", T.is_large_list)):
        if belongs(kind):
            return {name: _field_word(kind.value_field)}
    raise _unreadable(f"the type {kind} cannot be written")


def type_of(word: Any) -> pa.DataType:
    """The type that such a word names.

    Raises: UnreadableContractError.
    """
    try:
        return _type_of(word)
    except (KeyError, TypeError, ValueError, AttributeError, pa.ArrowException) as error:
        raise _unreadable(f"{str(word)[:200]!r} names no type") from error


def _type_of(word: Any) -> pa.DataType:
    if isinstance(word, str):
        if word in _PLAIN:
            return _PLAIN[word]
        for shape, make in _SHAPES:
            if found := shape.fullmatch(word):
                return make(*found.groups())
        raise KeyError(word)
    ((name, inner),) = word.items()
    if name == "struct":
        return pa.struct([_field_of(f) for f in inner])
    if name == "map":
        key, item = map(_field_of, inner)
        return pa.map_(key, item)
    if name == "fixedSizeList":
        return pa.list_(_field_of(inner[0]), int(inner[1]))
    return _LISTS[name](_field_of(inner))


def _field_word(field: pa.Field) -> dict[str, Any]:
    nullable = {} if field.nullable else {"nullable": False}
    return {"name": field.name, "type": type_word(field.type), **nullable}


def _field_of(word: Mapping[str, Any]) -> pa.Field:
    return pa.field(str(word["name"]), _type_of(word["type"]), nullable=word.get("nullable", True))


def _unreadable(what: str) -> UnreadableContractError:
    return UnreadableContractError(
        what,
        declared="the column's type",
        data="nothing was written",
        next=f"use {quoted(_PLAIN)}, decimals, zoned timestamps, lists, maps or structs of them",
    )

"""Types as the databases of others spell them."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pyarrow as pa

from watermain.engine.exchange.dbt_sources import arrow_type

_SHAPE = re.compile(r"\s*([a-z][a-z0-9_ ]*)(?:\(([^()]*)\)([a-z ]*))?", re.IGNORECASE)
_DECIMALS = {"numeric", "decimal", "dec", "number", "fixed"}
_TEXTS = {
    *("varchar", "char", "character", "nvarchar", "nchar", "bpchar", "varchar2", "nvarchar2"),
    *("character varying", "char varying"),
}
_MOST_DIGITS = 38
_UTC, _LOCAL = pa.timestamp("us", "UTC"), pa.timestamp("us")
_PLAIN: Mapping[str, pa.DataType] = {
    **dict.fromkeys((*_TEXTS, "text", "string", "clob", "longtext", "mediumtext"), pa.string()),
    **dict.fromkeys(("byteint", "int8_t"), pa.int8()),
    **dict.fromkeys(("int2", "int16", "short", "smallserial", "smallint"), pa.int16()),
    **dict.fromkeys(("int", "integer", "int4", "int32", "serial", "mediumint"), pa.int32()),
    **dict.fromkeys(("bigint", "int8", "int64", "long", "bigserial"), pa.int64()),
    **dict.fromkeys(("uint8", "utinyint"), pa.uint8()),
    **dict.fromkeys(("uint16", "usmallint"), pa.uint16()),
    **dict.fromkeys(("uint32", "uinteger"), pa.uint32()),
    **dict.fromkeys(("uint64", "ubigint"), pa.uint64()),
    **dict.fromkeys(("real", "float4", "float32"), pa.float32()),
    **dict.fromkeys(("double precision", "float8", "float64", "binary_double"), pa.float64()),
    **dict.fromkeys(("bool", "boolean", "logical"), pa.bool_()),
    **dict.fromkeys(("bytes", "bytea", "varbinary", "binary", "blob"), pa.binary()),
    **dict.fromkeys(("timestamp_ntz", "timestamp without time zone", "datetime"), _LOCAL),
    **dict.fromkeys(("datetime2", "timestampntz"), _LOCAL),
    **dict.fromkeys(("timestamp_tz", "timestamp with time zone", "timestamp_ltz"), _UTC),
    **dict.fromkeys(("timestampltz", "datetimeoffset", "timestamp with local time zone"), _UTC),
    **dict.fromkeys(("time", "time without time zone"), pa.time64("us")),
    "timestamp_s": pa.timestamp("s"),
    "timestamp_ms": pa.timestamp("ms"),
    "timestamp_ns": pa.timestamp("ns"),
}


def physical_type(word: str) -> pa.DataType | None:
    """The type that a database's word names, or None where it names none for certain.

    Guarantees: digits and scale are kept; a word that means different types in different
    databases, such as `NUMERIC` alone, is none.
    """
    known = arrow_type(word)
    if known is not None:
        return known
    name, digits = _parts(word)
    if name in _DECIMALS:
        return _decimal(digits)
    kind = _PLAIN.get(name) or arrow_type(name)
    if kind is None or not digits:
        return kind
    if name in _TEXTS or pa.types.is_binary(kind) or pa.types.is_integer(kind):
        return kind  # of text the length is a rule; of MySQL's integers it is a width of the screen
    if pa.types.is_timestamp(kind) or pa.types.is_time(kind):
        return kind if digits[0] <= 6 else _finer(kind)
    return None


def most_signs(word: str) -> int | None:
    """The signs that a text type such as `VARCHAR(18)` holds at most."""
    name, digits = _parts(word)
    return digits[0] if name in _TEXTS and len(digits) == 1 else None


def _parts(word: str) -> tuple[str, list[int]]:
    found = _SHAPE.fullmatch(word)
    if found is None:
        return "", []
    name, inner, after = found.groups()
    given = [p.strip() for p in (inner or "").split(",") if p.strip()]
    if not all(re.fullmatch(r"-?[0-9]{1,9}", p) for p in given):
        return "", []
    return " ".join(f"{name} {after or ''}".lower().split()), [int(p) for p in given]


def _decimal(digits: list[int]) -> pa.DataType | None:
    if not 1 <= len(digits) <= 2:
        return None
    precision, scale = digits[0], digits[1] if len(digits) == 2 else 0
    if not 1 <= precision <= _MOST_DIGITS or not 0 <= scale <= precision:
        return None
    return pa.decimal128(precision, scale)


def _finer(kind: pa.DataType) -> pa.DataType | None:
    if pa.types.is_time(kind):
        return None
    return pa.timestamp("ns", kind.tz) if kind.tz is None else None

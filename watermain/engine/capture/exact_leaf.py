"""The SQL that turns one text into one value, or into null where the two are not the same."""

from __future__ import annotations

import pyarrow as pa

_YEAR = r"(?:[1-9]\d{3,4}|0[1-9]\d\d|00[1-9]\d|000[1-9])"
_DATE = _YEAR + r"-\d\d-\d\d"
_HOUR, _SIXTY = r"(?:[01]\d|2[0-3])", r"[0-5]\d"
_ZONE = rf"(?:Z| UTC|[+-]{_HOUR}(?::?{_SIXTY}|:{_SIXTY}:{_SIXTY})?)"
_UUID = "-".join(f"[0-9A-Fa-f]{{{count}}}" for count in (8, 4, 4, 4, 12))
_BYTES = r"\\x(?:[0-9A-Fa-f]{2})*|(?:\\x[0-9A-Fa-f]{2})*"
_NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_NO_NUMBER = r"(?i)[+-]?(?:nan|inf|infinity)"
_MORE_THAN_ZERO = "^[^eE]*[1-9]"
_TRUTH = "(?i)true|false|t|f|yes|no|y|n|1|0"
_DIGITS = {"s": 0, "ms": 3, "us": 6, "ns": 9}
_MICROSECONDS = 6
# A float of 32 bits is written with so many digits: fewer say less, and more say nothing new.
_FLOAT_DIGITS = (6, 7, 8, 9)


def is_text(kind: pa.DataType) -> bool:
    """Whether a text of that type is what came, as it came."""
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or _is_view(kind)


def exact(column: str, kind: pa.DataType, engine_type: str) -> str:
    """The SQL expression of a text in a type that is not nested.

    Guarantees: written back at the type's own unit, the value equals the text; a double is the
    one that lies nearest to it. Everything else is null.
    """
    if is_text(kind):
        return column
    cast = f"try_cast({column} as {engine_type})"
    if pa.types.is_floating(kind):
        return _float(column, cast, is_narrow=engine_type == "FLOAT")
    if pa.types.is_integer(kind) or pa.types.is_decimal(kind):
        # A number that is written as the engine writes it has the shape: no pattern is tried.
        plain = f"when {cast}::varchar = {column} then {cast} "
        return f"case {plain}when {_matches(column, _whole(kind))} then {cast} end"
    if is_bytes(kind):
        return _bytes(column, kind)
    form = _form(kind, engine_type)
    fits = f"{cast}::varchar = {column}" if form is None else _matches(column, form)
    return f"case when {fits} then {cast} end"


def narrowed(column: str, engine_type: str) -> str:
    """The SQL expression of a double in a float of 32 bits; null where that would lose digits."""
    return f"case when {_says(f'try_cast({column} as {engine_type})', column)} then {column} end"


def is_bytes(kind: pa.DataType) -> bool:
    """Whether values of the type are bytes, however Arrow lays them out."""
    return bool(
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_fixed_size_binary(kind)
        or pa.types.is_binary_view(kind)
    )


def _is_view(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string_view(kind))


def _matches(column: str, form: str) -> str:
    return f"regexp_full_match({column}, '{form}')"


def _whole(kind: pa.DataType) -> str:
    if pa.types.is_integer(kind):
        return r"[+-]?\d+"
    return rf"[+-]?\d*(?:\.\d{{0,{kind.scale}}}0*)?"


def _form(kind: pa.DataType, engine_type: str) -> str | None:
    """The pattern of what a type takes, where the engine would take more."""
    if pa.types.is_date(kind):
        return _DATE
    if pa.types.is_timestamp(kind):
        zone = "" if kind.tz is None else f"{_ZONE}?"
        most = 9 if engine_type == "TIMESTAMP_NS" else _MICROSECONDS
        return f"{_DATE}(?:[T ]{_clock(_HOUR, kind.unit, most, zone)})?"
    if pa.types.is_time(kind):
        return _clock(_HOUR, kind.unit, 9 if engine_type == "TIME_NS" else _MICROSECONDS)
    if pa.types.is_duration(kind):
        return "-?" + _clock(r"\d{2,7}", kind.unit, _MICROSECONDS)
    if pa.types.is_boolean(kind):
        return _TRUTH
    return _UUID if engine_type == "UUID" else None


def _clock(hours: str, unit: str, most: int, zone: str = "") -> str:
    """Hours, minutes and seconds with as many digits as the unit has; zeros beyond say nothing."""
    digits = min(_DIGITS[unit], most)
    fraction = rf"(?:\.(?:\d{{1,{digits}}}0*|0+))?" if digits else r"(?:\.0+)?"
    return f"{hours}:{_SIXTY}(?::{_SIXTY}{fraction}{zone})?"


def _float(column: str, cast: str, *, is_narrow: bool) -> str:
    """A number whose double is finite, and zero only if it says so; or a word for what is none."""
    double = f"try_cast({column} as double)"
    number = (
        f"{_matches(column, _NUMBER)} and isfinite({double})"
        f" and ({double} <> 0 or not regexp_matches({column}, '{_MORE_THAN_ZERO}'))"
    )
    if is_narrow:
        number += f" and {_says(cast, double)}"
    return f"case when {number} then {cast} when {_matches(column, _NO_NUMBER)} then {cast} end"


def _says(narrow: str, double: str) -> str:
    """Whether a float of 32 bits is the double, or is written as the double is."""
    ways = [f"{narrow}::double = {double}", f"{narrow}::varchar::double = {double}"]
    ways += [
        f"format('{{:.{digits}g}}', {narrow}::double)::double = {double}"
        for digits in _FLOAT_DIGITS
    ]
    return f"({' or '.join(ways)})"


def _bytes(column: str, kind: pa.DataType) -> str:
    r"""Bytes as hexadecimal digits behind `\x`, of all of them or of each."""
    value = rf"unhex(replace({column}, '\x', ''))"
    fits = _matches(column, _BYTES)
    if pa.types.is_fixed_size_binary(kind):
        fits += f" and octet_length({value}) = {kind.byte_width}"
    return f"case when {fits} then {value} end"

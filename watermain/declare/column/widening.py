"""Which Arrow type can take the place of which, without a reader noticing."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa

T = pa.types
_TICKS = {"s": 0, "ms": 1, "us": 2, "ns": 3}
_MICROSECOND = _TICKS["us"]


def widens(old: pa.DataType, new: pa.DataType) -> bool:
    """Whether a column may change from the old type to the new one under its readers' feet.

    Guarantees: each value of the old type is exactly a value of the new one and of the same kind;
    the relation is reflexive and transitive, and goes one way only except between two layouts of
    one type. An integer never becomes a float or a decimal, nor a date a timestamp, nor a zone
    another: the values would fit, but what a reader computes from them would not.
    """
    old, new = logical(old), logical(new)
    if old == new or T.is_null(old):
        return True
    return any(belongs(old) and rule(old, new) for belongs, rule in _RULES)


def logical(kind: pa.DataType) -> pa.DataType:
    """The type whose values a type holds, whatever its layout in memory is."""
    if T.is_dictionary(kind) or T.is_run_end_encoded(kind):
        return logical(kind.value_type)
    if T.is_large_string(kind) or T.is_string_view(kind):
        return pa.string()
    if T.is_large_binary(kind) or T.is_binary_view(kind):
        return pa.binary()
    if T.is_date(kind):
        return pa.date32()
    return kind


def _integer(old: pa.DataType, new: pa.DataType) -> bool:
    if not T.is_integer(new):
        return False
    if T.is_signed_integer(old) == T.is_signed_integer(new):
        return bool(old.bit_width <= new.bit_width)
    return bool(T.is_unsigned_integer(old) and old.bit_width < new.bit_width)


def _floating(old: pa.DataType, new: pa.DataType) -> bool:
    return bool(T.is_floating(new) and old.bit_width <= new.bit_width)


def _decimal(old: pa.DataType, new: pa.DataType) -> bool:
    if not T.is_decimal(new):
        return False
    before, after = old.precision - old.scale, new.precision - new.scale
    return bool(before <= after and old.scale <= new.scale)


def _timestamp(old: pa.DataType, new: pa.DataType) -> bool:
    return T.is_timestamp(new) and old.tz == new.tz and _finer(old, new)


def _duration(old: pa.DataType, new: pa.DataType) -> bool:
    return T.is_duration(new) and _finer(old, new)


def _finer(old: pa.DataType, new: pa.DataType) -> bool:
    """Nanoseconds end in the year 2262, so no coarser unit widens to them."""
    return _TICKS[old.unit] <= _TICKS[new.unit] and (
        _TICKS[new.unit] <= _MICROSECOND or old.unit == new.unit
    )


def _time(old: pa.DataType, new: pa.DataType) -> bool:
    return T.is_time(new) and _TICKS[old.unit] <= _TICKS[new.unit]


def _fixed_binary(old: pa.DataType, new: pa.DataType) -> bool:
    return bool(T.is_binary(new))


def _list(old: pa.DataType, new: pa.DataType) -> bool:
    if T.is_fixed_size_list(new):
        same = T.is_fixed_size_list(old) and old.list_size == new.list_size
        return bool(same and _field(old.value_field, new.value_field))
    return _is_list(new) and _field(old.value_field, new.value_field)


def _map(old: pa.DataType, new: pa.DataType) -> bool:
    return (
        T.is_map(new)
        and _field(old.key_field, new.key_field)
        and _field(old.item_field, new.item_field)
        and (old.keys_sorted or not new.keys_sorted)
    )


def _struct(old: pa.DataType, new: pa.DataType) -> bool:
    """A struct may gain fields, as a table may gain columns."""
    if not T.is_struct(new) or len(set(_names(new))) < new.num_fields:
        return False
    found = {field.name: field for field in new}
    return all(f.name in found and _field(f, found[f.name]) for f in old)


def _names(kind: pa.DataType) -> list[str]:
    return [field.name for field in kind]


def _field(old: pa.Field, new: pa.Field) -> bool:
    """A value that was always there stays there."""
    return widens(old.type, new.type) and (old.nullable or not new.nullable)


def _is_list(kind: pa.DataType) -> bool:
    return bool(
        T.is_list(kind)
        or T.is_large_list(kind)
        or T.is_list_view(kind)
        or T.is_large_list_view(kind)
        or T.is_fixed_size_list(kind)
    )


_RULES: tuple[
    tuple[Callable[[pa.DataType], bool], Callable[[pa.DataType, pa.DataType], bool]], ...
] = (
    (T.is_integer, _integer),
    (T.is_floating, _floating),
    (T.is_decimal, _decimal),
    (T.is_timestamp, _timestamp),
    (T.is_duration, _duration),
    (T.is_time, _time),
    (T.is_fixed_size_binary, _fixed_binary),
    (_is_list, _list),
    (T.is_map, _map),
    (T.is_struct, _struct),
)

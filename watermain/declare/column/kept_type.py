"""The Arrow types that the lake gives back as they came."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

import pyarrow as pa

T = pa.types
_LISTS = (T.is_list, T.is_large_list, T.is_list_view, T.is_large_list_view)
_PLAIN: tuple[Callable[[pa.DataType], bool], ...] = (
    *(T.is_null, T.is_boolean, T.is_integer, T.is_float32, T.is_float64),
    *(T.is_string, T.is_large_string, T.is_string_view),
    *(T.is_binary, T.is_large_binary, T.is_binary_view, T.is_fixed_size_binary),
    *(T.is_date, T.is_time32),
    lambda kind: T.is_time64(kind) and kind.unit == "us",
    lambda kind: T.is_timestamp(kind) and (kind.tz is None or kind.unit != "ns"),
    lambda kind: T.is_decimal(kind) and not T.is_decimal256(kind) and kind.scale >= 0,
)
# What to declare instead, by the kind of type; the first that holds.
_INSTEAD: tuple[tuple[Callable[[pa.DataType], bool], str], ...] = (
    (T.is_float16, "the engine has no half floats; use float32"),
    (T.is_decimal256, "the engine's decimals have 38 digits at most; use decimal128, or string"),
    (T.is_decimal, "the engine's decimals have no negative scale; use scale 0, or string"),
    (T.is_time64, "files keep times of day to the microsecond; use time64[us]"),
    (T.is_timestamp, "instants are kept to the microsecond; use timestamp[us], or int64"),
    (T.is_duration, "it comes back as an interval; use int64 with a unit"),
    (T.is_interval, "its nanoseconds are lost; use int64 with a unit for each part"),
    (T.is_fixed_size_list, "the lake has no lists of one length; use list_, or a struct"),
    (T.is_dictionary, "nested dictionaries end the engine; use the type of their values"),
    (T.is_union, "the lake has no unions; use a struct with a field for each"),
)


def unkept(kind: pa.DataType, path: str) -> Iterator[tuple[str, str]]:
    """Give each part of a type that would not come back equal, and what to declare instead."""
    if T.is_dictionary(kind) or T.is_run_end_encoded(kind):  # as whole columns they are decoded
        yield from _nested(kind.value_type, path)
        return
    yield from _nested(kind, path)


def _nested(kind: pa.DataType, path: str) -> Iterator[tuple[str, str]]:
    if T.is_struct(kind):
        fields = [kind.field(n) for n in range(kind.num_fields)]
        names = Counter(field.name.lower() for field in fields)
        if not names:
            yield f"`{path}` is a struct without fields", "leave the column out"
        if "" in names:
            yield f"`{path}` has a field without a name", "name the field"
        for name in (n for n, times in names.items() if times > 1):
            yield f"fields of `{path}` named `{name}` differ by case alone", "rename one of them"
        for field in fields:
            yield from _nested(field.type, f"{path}.{field.name}")
    elif T.is_map(kind):
        yield from _nested(kind.key_type, f"{path}.key")
        yield from _nested(kind.item_type, f"{path}.value")
    elif any(holds(kind) for holds in _LISTS):
        yield from _nested(kind.value_type, f"{path}[]")
    elif not any(holds(kind) for holds in _PLAIN):
        instead = next((says for holds, says in _INSTEAD if holds(kind)), "use a plain type")
        yield f"`{path}` is {kind}, which the lake does not keep as it is", instead

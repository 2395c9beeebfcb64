"""What a body handed back, as Arrow of the contract's types."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NoReturn

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as is_

from watermain.declare.body.frame import FRAMES
from watermain.declare.contract import Contract

Refuse = Callable[[str], NoReturn]
FLOAT_DIGITS = 2**53  # the first integer beyond which a double leaves some out
_WIDE = (
    is_.is_large_string,
    is_.is_string_view,
    is_.is_large_binary,
    is_.is_binary_view,
    is_.is_fixed_size_binary,
)


def batches(contract: Contract, result: Any, refuse: Refuse) -> Iterator[pa.RecordBatch]:
    """The rows that a body handed back, typed by the contract.

    Guarantees: a value is kept only if, written back in the type that the body gave it, it equals
    what the body gave; nothing is rounded, cut or taken to be in a zone that it does not name.
    A reader is read batch by batch.
    Raises: what `refuse` raises, given what does not fit.
    """
    given = _arrow(result, refuse)
    _named(contract, list(given.schema.names), refuse)
    for name in contract.schema.names:
        got, wanted = given.schema.field(name).type, contract.schema.field(name).type
        if not kin(got, wanted):
            refuse(f"the body returned `{name}` as {got}, not {wanted}{_why(got, wanted)}")
    first = 0
    for batch in given.to_batches() if isinstance(given, pa.Table) else given:
        arrays = [_typed(contract, batch, name, first, refuse) for name in contract.schema.names]
        yield pa.record_batch(arrays, schema=contract.schema)
        first += batch.num_rows


def _arrow(result: Any, refuse: Refuse) -> pa.Table | pa.RecordBatchReader:
    if isinstance(result, (pa.Table, pa.RecordBatchReader)):
        return result
    library, word = type(result).__module__.partition(".")[0], type(result).__name__
    if library == "polars" and word == "LazyFrame":
        result, word = result.collect(), "DataFrame"
    try:
        if library == "polars" and word == "DataFrame":
            return result.to_arrow()
        if library == "pandas" and word == "DataFrame":
            strays = [c for c in result.columns if not isinstance(c, str)]
            if strays:
                refuse(f"the body's frame has columns that are no names: {strays[:3]}")
            return pa.Table.from_pandas(result, preserve_index=False)
    except (pa.ArrowException, OverflowError, TypeError, ValueError) as error:
        refuse(f"the body's frame is no table of the contract's types: {error}")
    return refuse(f"the body returned a {library}.{word}; it may return {', '.join(FRAMES)}")


def _named(contract: Contract, names: list[str], refuse: Refuse) -> None:
    difference = differs(names, contract.schema.names)
    if difference:
        refuse(difference)


def differs(found: list[str], wanted: list[str]) -> str:
    """How the columns of a body's table differ from the contract's; empty if they do not."""
    lacks, adds = sorted(set(wanted) - set(found)), sorted(set(found) - set(wanted))
    parts = [f"lacks {', '.join(f'`{n}`' for n in lacks)}"] if lacks else []
    parts += [f"adds {', '.join(f'`{n}`' for n in adds)}"] if adds else []
    twice = sorted({n for n in found if found.count(n) > 1})
    parts += [f"names {', '.join(f'`{n}`' for n in twice)} twice"] if twice else []
    return f"the body's table {' and '.join(parts)}" if parts else ""


def kin(got: pa.DataType, wanted: pa.DataType) -> bool:
    """Whether values of a type can be values of the other, if each of them fits."""
    if is_.is_dictionary(got):
        got = got.value_type
    got, wanted = _plain(got), _plain(wanted)
    if got == wanted or is_.is_null(got):
        return True
    if is_.is_nested(got) or is_.is_nested(wanted):
        return _is_kin_nested(got, wanted)
    if is_.is_timestamp(got) and is_.is_timestamp(wanted):
        return (got.tz is None) == (wanted.tz is None)
    midnight = is_.is_date64(got) or (is_.is_timestamp(got) and got.tz is None)
    if midnight and is_.is_date(wanted):
        return True
    alike = (_is_number, is_.is_time, is_.is_duration, is_.is_date)
    return any(both(got) and both(wanted) for both in alike)


def _is_kin_nested(got: pa.DataType, wanted: pa.DataType) -> bool:
    if is_.is_struct(got) and is_.is_struct(wanted):
        same = [f.name for f in got] == [f.name for f in wanted]
        return same and all(_is_kin_leaf(a.type, b.type) for a, b in zip(got, wanted, strict=True))
    if is_.is_map(got) and is_.is_map(wanted):
        values = _is_kin_leaf(got.item_type, wanted.item_type)
        return values and _is_kin_leaf(got.key_type, wanted.key_type)
    lists = _is_list(got) and _is_list(wanted)
    return lists and _is_kin_leaf(got.value_type, wanted.value_type)


def _is_kin_leaf(got: pa.DataType, wanted: pa.DataType) -> bool:
    """As `kin`, but no float becomes a decimal: in a list Arrow does that inexactly."""
    same = is_.is_decimal(got) == is_.is_decimal(wanted)
    return is_.is_null(got) or (same and kin(got, wanted))


def _is_number(kind: pa.DataType) -> bool:
    return bool(is_.is_integer(kind) or is_.is_floating(kind) or is_.is_decimal(kind))


def _is_list(kind: pa.DataType) -> bool:
    plain = is_.is_list(kind) or is_.is_large_list(kind) or is_.is_fixed_size_list(kind)
    return bool(plain or is_.is_list_view(kind) or is_.is_large_list_view(kind))


def _plain(kind: pa.DataType) -> pa.DataType:
    """Text as text and bytes as bytes, however Arrow lays them out."""
    if is_.is_large_string(kind) or is_.is_string_view(kind):
        return pa.string()
    return pa.binary() if any(wide(kind) for wide in _WIDE) else kind


def _why(got: pa.DataType, wanted: pa.DataType) -> str:
    if is_.is_timestamp(got) and is_.is_timestamp(wanted):
        naive = "a wall clock names no instant" if got.tz is None else "an instant is no wall clock"
        return f": {naive} until the body says in which zone"
    return ""


def _typed(
    contract: Contract, batch: pa.RecordBatch, name: str, first: int, refuse: Refuse
) -> pa.Array:
    """A column in the contract's type, if that keeps all of its values."""
    array, wanted = batch.column(name), contract.schema.field(name).type
    if array.type == wanted:
        return array
    kept = kept_as(array, wanted)
    if kept is not None:
        return kept
    row = _first_lost(array, wanted)
    shown = "a value" if contract.is_sensitive(name) else repr(array[row].as_py())
    return refuse(
        f"row {first + row} of `{name}` holds {shown}, which {wanted} cannot hold as it is"
    )


def kept_as(array: pa.Array, wanted: pa.DataType) -> pa.Array | None:
    """The same values in another type; None where one of them would be another."""
    if is_.is_null(array.type):
        return pa.nulls(len(array), wanted)
    if is_.is_dictionary(array.type):
        array = array.dictionary_decode()
    try:
        made = _cast(array, wanted)
        if _plain(array.type) == _plain(wanted):  # the same bytes, laid out in another way
            return made
        back = _cast(made, array.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None
    if _is_rounded_number(array, wanted):
        return None
    same = back.equals(array) or all(map(_equal, back.to_pylist(), array.to_pylist()))
    return made if same else None


def _cast(array: pa.Array, wanted: pa.DataType) -> pa.Array:
    """Cast; between floats and decimals by their shortest texts, for Arrow's own way is inexact."""
    for one, other in ((array.type, wanted), (wanted, array.type)):
        if is_.is_decimal(one) and is_.is_floating(other):
            array = array.cast(pa.string())
    return array.cast(wanted)


def _is_rounded_number(array: pa.Array, wanted: pa.DataType) -> bool:
    """Whether integers come as floats so large that a float leaves integers out there."""
    if not (is_.is_floating(array.type) and is_.is_integer(wanted)):
        return False
    return bool(pc.any(pc.greater_equal(pc.abs(array), FLOAT_DIGITS)).as_py())


def _equal(left: Any, right: Any) -> bool:
    """Whether two values are the same, NaN being NaN."""
    if isinstance(left, float) and isinstance(right, float):
        return left == right or (math.isnan(left) and math.isnan(right))
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return left.keys() == right.keys() and all(_equal(left[k], right[k]) for k in left)
    if isinstance(left, (list, tuple)) and isinstance(right, (list, tuple)):
        return len(left) == len(right) and all(map(_equal, left, right))
    return bool(left == right)


def _first_lost(array: pa.Array, wanted: pa.DataType) -> int:
    low, high = 0, len(array)
    while high - low > 1:
        middle = (low + high) // 2
        if kept_as(array.slice(low, middle - low), wanted) is None:
            high = middle
        else:
            low = middle
    return low

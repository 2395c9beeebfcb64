"""Hypothesis strategies of the values that an Arrow type holds."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import reduce
from math import floor
from typing import Any

import hypothesis.strategies as st
import pyarrow as pa
import pyarrow.types as is_

Values = st.SearchStrategy[Any]
FIRST, LAST = datetime(1000, 1, 2), datetime(9998, 12, 30)  # in the calendar of every zone
NANO = (datetime(1678, 1, 1), datetime(2262, 1, 1))  # in 64 bits of nanoseconds
UNITS = {"s": 1_000_000, "ms": 1000, "us": 1}  # in microseconds
# Instants around which clocks move or that programs trip over, as UTC.
ODD_INSTANTS = (
    *(datetime(2013, 3, 10, 6, 59, 59, 999_999), datetime(2013, 3, 10, 7)),  # New York, forward
    *(datetime(2013, 11, 3, 5, 30), datetime(2013, 11, 3, 6, 30)),  # the hour that came twice
    *(datetime(2013, 3, 31, 0, 59, 59), datetime(2013, 3, 31, 1)),  # Europe, forward
    *(datetime(2013, 10, 27, 0, 30), datetime(2013, 10, 27, 1, 30)),  # and the hour twice
    datetime(2011, 12, 30, 9, 59, 59),  # before Samoa left a day out
    datetime(2013, 10, 5, 15, 30),  # Lord Howe, by half an hour
    *(datetime(2012, 2, 29, 23, 59, 59), datetime(2013, 1, 1), datetime(2012, 12, 31, 23, 59, 59)),
    *(datetime(1970, 1, 1), datetime(1969, 12, 31, 23, 59, 59), datetime(2038, 1, 19, 3, 14, 8)),
)
# Wall clocks of those nights: 2:30 that New York skipped and 1:30 that it had twice.
ODD_CLOCKS = (*ODD_INSTANTS, datetime(2013, 3, 10, 2, 30), datetime(2013, 11, 3, 1, 30))
CHARACTERS = st.characters(codec="utf-8", exclude_characters="\0")
TEXTS = st.text(CHARACTERS, max_size=8)
ODD_TEXTS = st.sampled_from(
    ["", " ", "null", "NaN", "'", '"', "\\N", "a,b", "two\nlines", "ünïcödé 東京", "Robert'); --"]
)


def values(kind: pa.DataType, *, low: Any = None, high: Any = None) -> Values:
    """Any value of a type, between bounds where there are any, including extremes and odd ones.

    Shapes: values are Python's, as Arrow gives them back; instants lie in the years that every
    calendar of four digits holds. NaN comes only where there are no bounds.
    """
    if is_.is_dictionary(kind) or is_.is_run_end_encoded(kind):
        return values(kind.value_type, low=low, high=high)
    for holds, made in _BY_TYPE:
        if holds(kind):
            return made(kind, low, high)
    raise TypeError(f"no strategy for {kind}")


def _integers(kind: pa.DataType, low: Any, high: Any) -> Values:
    signed = is_.is_signed_integer(kind)
    least = -(2 ** (kind.bit_width - 1)) if signed else 0
    most = 2 ** (kind.bit_width - signed) - 1
    return _whole(max(least, _up(low, least)), min(most, _down(high, most)))


def _whole(first: int, last: int) -> Values:
    """Whole numbers, including the ends; nothing where there are none."""
    if first > last:
        return st.nothing()
    return st.integers(first, last) | st.sampled_from([first, last])


def _up(bound: Any, otherwise: int) -> int:
    return otherwise if bound is None else -int(-Decimal(str(bound)) // 1)


def _down(bound: Any, otherwise: int) -> int:
    return otherwise if bound is None else int(Decimal(str(bound)) // 1)


def _floats(kind: pa.DataType, low: Any, high: Any) -> Values:
    width: Any = kind.bit_width
    if low is None and high is None:
        return st.floats(width=width)
    between = st.floats(
        None if low is None else float(low),
        None if high is None else float(high),
        allow_nan=False,
        width=64,
    )
    if width == 64:
        return between
    inside = _inside(low, high)
    return between.map(lambda v: pa.scalar(v, kind).as_py()).filter(inside)


def _inside(low: Any, high: Any) -> Callable[[Any], bool]:
    return lambda v: (low is None or v >= low) and (high is None or v <= high)


def _decimals(kind: pa.DataType, low: Any, high: Any) -> Values:
    """Whole numbers of the last digit, so that no context rounds them."""
    most = 10**kind.precision - 1
    first = -most if low is None else max(-most, -_digits(low, kind.scale, up=True))
    last = most if high is None else min(most, _digits(high, kind.scale))
    return _whole(first, last).map(lambda n: _scaled(n, kind.scale))


def _digits(bound: Any, scale: int, *, up: bool = False) -> int:
    """A bound counted in units of the last digit and rounded down, or its negative when up."""
    exact = Fraction(str(bound)) * 10**scale
    return floor(-exact if up else exact)


def _scaled(whole: int, scale: int) -> Decimal:
    digits = tuple(map(int, str(abs(whole))))
    return Decimal((int(whole < 0), digits, -scale))


def _instants(kind: pa.DataType, low: Any, high: Any) -> Values:
    zone = UTC if kind.tz else None
    ends = NANO if kind.unit == "ns" else (FIRST, LAST)
    first, last = (_clock(b, end) for b, end in zip((low, high), ends, strict=True))
    if first > last:
        return st.nothing()
    odd = [at for at in (ODD_INSTANTS if zone else ODD_CLOCKS) if first <= at <= last]
    made = st.datetimes(first, last) | st.sampled_from([first, last, *odd])
    step = UNITS.get(kind.unit, 1)

    def cut(at: datetime) -> datetime:
        whole = at.replace(microsecond=at.microsecond // step * step, fold=0)
        later = whole + timedelta(microseconds=step if whole < first else 0)
        return later.replace(tzinfo=zone)

    return made.map(cut)


def _clock(bound: Any, otherwise: datetime) -> datetime:
    if bound is None:
        return otherwise
    at = bound if isinstance(bound, datetime) else datetime.combine(bound, time())
    at = at.astimezone(UTC).replace(tzinfo=None) if at.tzinfo else at
    return min(max(at, FIRST), LAST)


def _dates(kind: pa.DataType, low: Any, high: Any) -> Values:
    first = FIRST.date() if low is None else _day(low)
    last = LAST.date() if high is None else _day(high)
    if first > last:
        return st.nothing()
    odd = sorted({at.date() for at in ODD_INSTANTS if first <= at.date() <= last})
    return st.dates(first, last) | st.sampled_from([first, last, *odd])


def bound_of(kind: pa.DataType, bound: Any) -> Any:
    """A bound as values of the type are compared with it: instants in UTC and dates as dates."""
    if bound is None or not isinstance(bound, date):
        return bound
    if is_.is_date(kind):
        return _day(bound)
    zone = UTC if is_.is_timestamp(kind) and kind.tz else None
    return _clock(bound, FIRST).replace(tzinfo=zone)


def _day(bound: Any) -> date:
    return bound.date() if isinstance(bound, datetime) else bound


def _times(kind: pa.DataType, low: Any, high: Any) -> Values:
    step = UNITS.get(kind.unit, 1)
    made = st.times(low or time.min, high or time.max)
    return made.map(lambda t: t.replace(microsecond=t.microsecond // step * step))


def _texts(kind: pa.DataType, low: Any, high: Any) -> Values:
    return (TEXTS | ODD_TEXTS).filter(_inside(low, high))


def _structs(kind: pa.DataType, low: Any, high: Any) -> Values:
    fields = [kind.field(n) for n in range(kind.num_fields)]
    return st.fixed_dictionaries({f.name: _nullable(f) for f in fields})


def _maps(kind: pa.DataType, low: Any, high: Any) -> Values:
    keys = values(kind.key_type).filter(lambda key: key == key)  # noqa: PLR0124  (no NaN)
    pairs = st.tuples(keys, _nullable(kind.item_field))
    return st.lists(pairs, max_size=2, unique_by=lambda pair: repr(pair[0]))


def _lists(kind: pa.DataType, low: Any, high: Any) -> Values:
    return st.lists(_nullable(kind.value_field), max_size=3)


def _nullable(field: pa.Field) -> Values:
    return st.none() | values(field.type) if field.nullable else values(field.type)


def _bytes(kind: pa.DataType, low: Any, high: Any) -> Values:
    if is_.is_fixed_size_binary(kind):
        return st.binary(min_size=kind.byte_width, max_size=kind.byte_width)
    return st.binary(max_size=8)


def _any(*tests: Callable[[pa.DataType], bool]) -> Callable[[pa.DataType], bool]:
    return lambda kind: reduce(lambda found, holds: found or holds(kind), tests, False)


_BY_TYPE: tuple[tuple[Callable[[pa.DataType], bool], Callable[..., Values]], ...] = (
    (is_.is_null, lambda kind, low, high: st.none()),
    (is_.is_boolean, lambda kind, low, high: st.booleans().filter(_inside(low, high))),
    (is_.is_integer, _integers),
    (is_.is_decimal, _decimals),
    (is_.is_floating, _floats),
    (is_.is_timestamp, _instants),
    (is_.is_date, _dates),
    (is_.is_time, _times),
    (_any(is_.is_string, is_.is_large_string, is_.is_string_view), _texts),
    (
        _any(
            *(is_.is_binary, is_.is_large_binary, is_.is_binary_view),
            is_.is_fixed_size_binary,
        ),
        _bytes,
    ),
    (is_.is_struct, _structs),
    (is_.is_map, _maps),
    (_any(is_.is_list, is_.is_large_list, is_.is_list_view, is_.is_large_list_view), _lists),
)

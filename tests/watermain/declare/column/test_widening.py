"""Types: which takes the place of which, told for all of them."""

from __future__ import annotations

import datetime as dt

import hypothesis.strategies as st
import pyarrow as pa
import pytest
from hypothesis import given

from watermain.declare.column.widening import logical, widens
from watermain.testing.strategies.declared import PLAIN_TYPES, TYPES

# Each row widens to the types listed, to itself, to no other type of the table.
I8, I16, I32, I64 = pa.int8(), pa.int16(), pa.int32(), pa.int64()
U8, U16, U32, U64 = pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()
F16, F32, F64 = pa.float16(), pa.float32(), pa.float64()
SECOND, MILLI, MICRO, NANO = (pa.timestamp(unit) for unit in ("s", "ms", "us", "ns"))
UTC, NEW_YORK = pa.timestamp("us", "UTC"), pa.timestamp("us", "America/New_York")
CLOCK_S, CLOCK_MS, CLOCK_US = pa.time32("s"), pa.time32("ms"), pa.time64("us")
SPAN_S, SPAN_US, SPAN_NS = (pa.duration(unit) for unit in ("s", "us", "ns"))
D52, D72, D73 = pa.decimal128(5, 2), pa.decimal128(7, 2), pa.decimal128(7, 3)
TEXT, BYTES, FOUR_BYTES = pa.string(), pa.binary(), pa.binary(4)
TABLE: dict[pa.DataType, tuple[pa.DataType, ...]] = {
    I8: (I16, I32, I64),
    I16: (I32, I64),
    I32: (I64,),
    I64: (),
    U8: (U16, U32, U64, I16, I32, I64),
    U16: (U32, U64, I32, I64),
    U32: (U64, I64),
    U64: (),
    F16: (F32, F64),
    F32: (F64,),
    F64: (),
    D52: (D72, D73),
    D72: (),
    D73: (),
    SECOND: (MILLI, MICRO),
    MILLI: (MICRO,),
    MICRO: (),
    NANO: (),
    UTC: (),
    NEW_YORK: (),
    CLOCK_S: (CLOCK_MS, CLOCK_US),
    CLOCK_MS: (CLOCK_US,),
    CLOCK_US: (),
    SPAN_S: (SPAN_US,),
    SPAN_US: (),
    SPAN_NS: (),
    TEXT: (),
    BYTES: (),
    FOUR_BYTES: (BYTES,),
    pa.bool_(): (),
    pa.date32(): (),
    pa.month_day_nano_interval(): (),
    pa.list_(I32): (pa.list_(I64),),
    pa.list_(I64): (),
    pa.list_(I32, 2): (pa.list_(I32), pa.list_(I64)),
    pa.map_(TEXT, I32): (pa.map_(TEXT, I64),),
    pa.map_(TEXT, I64): (),
    pa.struct({"a": I32}): (pa.struct({"a": I64}), pa.struct({"b": TEXT, "a": I32})),
    pa.struct({"a": I64}): (),
    pa.struct({"b": TEXT, "a": I32}): (),
}
SAME = (
    (pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())),
    (pa.binary(), pa.large_binary(), pa.binary_view()),
    (pa.date32(), pa.date64()),
    (pa.decimal32(5, 2), pa.decimal64(5, 2), pa.decimal128(5, 2), pa.decimal256(5, 2)),
    (pa.list_(I8), pa.large_list(I8), pa.list_view(I8)),
)
RANGES = {I8: (-128, 127), I16: (-32768, 32767), U8: (0, 255), U16: (0, 65535)}


@pytest.mark.parametrize("old", TABLE, ids=str)
def test_widens_says_what_the_table_says(old: pa.DataType) -> None:
    """Every pair of the table, those that are not listed too."""
    assert [new for new in TABLE if widens(old, new)] == [
        new for new in TABLE if new == old or new in TABLE[old]
    ]


@pytest.mark.parametrize("layouts", SAME, ids=lambda found: str(found[0]))
def test_layouts_of_one_type_take_each_others_place(layouts: tuple[pa.DataType, ...]) -> None:
    """What differs in memory alone is no change for a reader."""
    assert all(widens(a, b) for a in layouts for b in layouts)


@given(TYPES)
def test_widens_is_reflexive(kind: pa.DataType) -> None:
    """A type takes its own place."""
    assert widens(kind, kind)


@given(TYPES, TYPES, TYPES)
def test_widens_is_transitive(a: pa.DataType, b: pa.DataType, c: pa.DataType) -> None:
    """Two compatible steps are one compatible step."""
    assert not (widens(a, b) and widens(b, c)) or widens(a, c)


@given(st.sampled_from(list(TABLE)), st.sampled_from(list(TABLE)), st.sampled_from(list(TABLE)))
def test_widens_composes_over_the_table(a: pa.DataType, b: pa.DataType, c: pa.DataType) -> None:
    """Also where types are near each other, as they seldom are by chance."""
    assert not (widens(a, b) and widens(b, c)) or widens(a, c)


@given(PLAIN_TYPES, PLAIN_TYPES)
def test_widening_goes_one_way_only(a: pa.DataType, b: pa.DataType) -> None:
    """Both ways are compatible only between layouts of one type."""
    if widens(a, b) and widens(b, a) and not pa.types.is_decimal(a):
        assert logical(a) == logical(b)


@given(TYPES, TYPES, st.booleans())
def test_containers_widen_as_what_they_hold(a: pa.DataType, b: pa.DataType, nullable: bool) -> None:
    """A list, a struct, a map of wider values is wider; no value becomes null in it."""
    held, holds = pa.field("x", a, nullable=nullable), pa.field("x", b, nullable=nullable)
    for make in (pa.list_, lambda f: pa.struct([f]), lambda f: pa.map_(pa.string(), f)):
        assert widens(make(held), make(holds)) == widens(a, b)
    loose = pa.field("x", a, nullable=True)
    assert widens(pa.list_(held), pa.list_(loose)) == nullable


@given(st.data(), st.sampled_from(list(RANGES)), st.sampled_from(list(RANGES)))
def test_wider_integer_holds_each_value(
    data: st.DataObject, old: pa.DataType, new: pa.DataType
) -> None:
    """Widening is what Arrow casts without loss, whatever the value."""
    value = data.draw(st.integers(*RANGES[old]))
    if widens(old, new):
        assert pa.array([value], old).cast(new).to_pylist() == [value]
    else:
        assert RANGES[old][0] < RANGES[new][0] or RANGES[old][1] > RANGES[new][1]


def test_struct_loses_no_field_gains_any() -> None:
    """Fields are added as columns are; the order is none of a reader's business."""
    one, two = pa.struct({"a": I8}), pa.struct({"b": I8, "a": I8})
    assert widens(one, two)
    assert not widens(two, one)
    assert widens(two, pa.struct({"a": I8, "b": I8}))


def test_nanoseconds_take_no_coarser_unit_s_place() -> None:
    """The year 2300 fits microseconds, overflows nanoseconds."""
    late = pa.array([dt.datetime(2300, 1, 1)], pa.timestamp("us"))
    with pytest.raises(pa.ArrowInvalid, match="would result in out of bounds"):
        late.cast(pa.timestamp("ns"))
    assert not widens(pa.timestamp("us"), pa.timestamp("ns"))

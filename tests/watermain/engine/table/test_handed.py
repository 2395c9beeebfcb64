"""Values that a body hands back are kept as they are, or refused."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, NoReturn

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from watermain.declare import Column, Contract
from watermain.declare.contract import Sensitivity
from watermain.engine.table.handed import batches, kept_as, kin

MONEY, INSTANT, CLOCK = pa.decimal128(12, 2), pa.timestamp("us", "UTC"), pa.timestamp("us")
NOON = datetime(2024, 5, 1, 12)


class Refused(Exception):
    """What the body is told."""


def refuse(what: str) -> NoReturn:
    raise Refused(what)


def contract(kind: pa.DataType, **words: Any) -> Contract:
    """A contract with one column of that type."""
    column = Column("v", kind, "the value", **words)
    return Contract(grain="one row", key=("v",), columns=(column,))


def taken(result: Any, kind: pa.DataType, **words: Any) -> list[Any]:
    """The values as they are kept."""
    rows = batches(contract(kind, **words), result, refuse)
    return pa.Table.from_batches(rows, pa.schema([("v", kind)])).column("v").to_pylist()


def of_pandas(values: Any) -> Any:
    return pd.DataFrame({"v": values})


def of_polars(values: Any) -> Any:
    return pl.DataFrame({"v": values})


def of_arrow(values: Any) -> Any:
    return pa.table({"v": values})


def of_batches(values: Any) -> Any:
    return of_arrow(values).to_reader(max_chunksize=1)


MAKERS = (of_pandas, of_polars, of_arrow, of_batches)
KEPT: dict[str, tuple[Any, Any, pa.DataType, Any]] = {
    "fewer bits": (pd.Series([1, 2], dtype="int64"), of_pandas, pa.int8(), [1, 2]),
    "gaps of floats": ([1.0, None], of_pandas, pa.int64(), [1, None]),
    "nullable ints": (
        pd.array([2**53 + 1, None], "Int64"),
        of_pandas,
        pa.int64(),
        [2**53 + 1, None],
    ),
    "pandas nanoseconds": (
        pd.to_datetime(["2024-05-01 12:00"]).astype("datetime64[ns]"),
        of_pandas,
        CLOCK,
        [NOON],
    ),
    "pandas days": (pd.to_datetime(["2024-05-01"]), of_pandas, pa.date32(), [date(2024, 5, 1)]),
    "pandas decimals": ([Decimal("1.5"), None], of_pandas, MONEY, [Decimal("1.50"), None]),
    "pandas float money": ([1.25], of_pandas, MONEY, [Decimal("1.25")]),
    "pandas categories": (pd.Categorical(["a", "b", "a"]), of_pandas, pa.string(), ["a", "b", "a"]),
    "pandas dicts": ([{"a": 1}], of_pandas, pa.struct([("a", pa.int32())]), [{"a": 1}]),
    "pandas nothing": ([None, None], of_pandas, pa.string(), [None, None]),
    "polars time": ([time(1, 2, 3)], of_polars, pa.time64("us"), [time(1, 2, 3)]),
    "polars enum": (pl.Series(["a"], dtype=pl.Enum(["a"])), of_polars, pa.string(), ["a"]),
    "polars money": ([Decimal("1.5")], of_polars, MONEY, [Decimal("1.50")]),
    "polars list": ([[1, 2]], of_polars, pa.list_(pa.int8()), [[1, 2]]),
    "polars span": ([timedelta(hours=1)], of_polars, pa.duration("s"), [timedelta(hours=1)]),
    "another zone": (
        pa.array([NOON], pa.timestamp("s", "Asia/Tokyo")),
        of_arrow,
        INSTANT,
        [NOON.replace(tzinfo=UTC)],
    ),
    "large text": (pa.array(["x"], pa.large_string()), of_arrow, pa.string(), ["x"]),
    "text view": (pa.array(["x"], pa.string_view()), of_arrow, pa.large_string(), ["x"]),
    "not a number": (
        pa.array([float("nan"), 1.5]),
        of_arrow,
        pa.float32(),
        [pytest.approx(float("nan"), nan_ok=True), 1.5],
    ),
    "wide decimal": (pa.array([Decimal("3.00")], pa.decimal128(38, 2)), of_arrow, pa.int32(), [3]),
    "batches": (pa.chunked_array([[1], [2]]), of_batches, pa.int16(), [1, 2]),
}
LOST: dict[str, tuple[Any, Any, pa.DataType, str]] = {
    "too large": ([1, 300], of_pandas, pa.int8(), "row 1 of `v` holds 300"),
    "half an int": ([1.0, 1.5], of_pandas, pa.int64(), "row 1 of `v` holds 1.5"),
    "rounded by a float": (
        [1.0, 2.0**53],
        of_pandas,
        pa.int64(),
        "row 1 of `v` holds 9007199254740992.0",
    ),
    "digits behind": ([Decimal("1.005")], of_pandas, MONEY, r"holds Decimal\('1.005'\)"),
    "float money": ([2.675], of_pandas, MONEY, "holds 2.675"),
    "infinite money": ([float("inf")], of_polars, MONEY, "holds inf"),
    "nanoseconds": (
        pd.to_datetime(["2024-05-01 12:00:00.000000001"]),
        of_pandas,
        CLOCK,
        "as it is",
    ),
    "polars nanoseconds": (pl.Series([1], dtype=pl.Datetime("ns")), of_polars, CLOCK, "as it is"),
    "naive": (pd.to_datetime(["2024-05-01"]), of_pandas, INSTANT, "a wall clock names no instant"),
    "naive polars": ([NOON], of_polars, INSTANT, "a wall clock names no instant"),
    "zoned": (
        pd.to_datetime(["2024-05-01"], utc=True),
        of_pandas,
        CLOCK,
        "an instant is no wall clock",
    ),
    "time of day": (pd.to_datetime(["2024-05-01 01:00"]), of_pandas, pa.date32(), "as it is"),
    "text": (["1"], of_pandas, pa.int64(), "as (large_)?string, not int64"),
    "number": ([1], of_polars, pa.string(), "as int64, not string"),
    "truth": ([True], of_arrow, pa.int64(), "as bool, not int64"),
    "bytes": ([b"x"], of_arrow, pa.string(), "as binary, not string"),
    "small float": ([0.1], of_arrow, pa.float32(), "holds 0.1"),
    "long int in a float": ([2**53 + 1], of_arrow, pa.float64(), "holds 9007199254740993"),
    "unsigned": (
        pa.array([2**64 - 1], pa.uint64()),
        of_arrow,
        pa.int64(),
        "holds 18446744073709551615",
    ),
    "nested": ([[1.0, 2.5]], of_polars, pa.list_(pa.int64()), r"holds \[1.0, 2.5\]"),
    "nested zone": ([{"at": NOON}], of_polars, pa.struct([("at", INSTANT)]), "not struct"),
    "other field": ([{"b": 1}], of_polars, pa.struct([("a", pa.int64())]), "not struct"),
    "list for one": ([[1]], of_polars, pa.int64(), "as .*list.*, not int64"),
    "late batch": (pa.chunked_array([[1], [2**40]]), of_batches, pa.int32(), "row 1 of `v` holds"),
    "mixed": ([1, "a"], of_pandas, pa.int64(), "no table of the contract's types"),
    "beyond 64 bits": ([2**70], of_pandas, pa.int64(), "no table of the contract's types|holds"),
}


@pytest.mark.parametrize(("values", "make", "kind", "kept"), KEPT.values(), ids=list(KEPT))
def test_value_that_fits_is_kept(
    values: Any, make: Callable[[Any], Any], kind: pa.DataType, kept: list[Any]
) -> None:
    """In the contract's type, equal to what the body gave."""
    assert taken(make(values), kind) == kept


@pytest.mark.parametrize(("values", "make", "kind", "says"), LOST.values(), ids=list(LOST))
def test_value_that_would_change_is_refused(
    values: Any, make: Callable[[Any], Any], kind: pa.DataType, says: str
) -> None:
    """By the name of its column, its row and itself."""
    with pytest.raises(Refused, match=says):
        taken(make(values), kind)


@pytest.mark.parametrize("make", MAKERS)
def test_frame_without_rows_is_taken(make: Callable[[Any], Any]) -> None:
    """A partition may be empty."""
    assert taken(make(pa.array([], pa.int64())), pa.int64()) == []


def test_sensitive_value_is_not_shown() -> None:
    """The error has its place, which is enough to find it."""
    with pytest.raises(Refused, match="row 0 of `v` holds a value, which int8"):
        taken(of_arrow([300]), pa.int8(), sensitivity=Sensitivity.PERSONAL)


@pytest.mark.parametrize(
    ("result", "says"),
    [
        ({"v": [1]}, "returned a builtins.dict; it may return .*pl.LazyFrame"),
        (None, "returned a builtins.NoneType"),
        (pd.Series([1]), "returned a pandas.Series"),
        (pd.DataFrame({0: [1]}), "columns that are no names"),
        (pd.DataFrame([[1, 2]], columns=["v", "v"]), "(?i)duplicate column"),
        (pa.table([[1], [2]], names=["v", "v"]), "names `v` twice"),
        (pl.DataFrame({"w": [1]}), "lacks `v` and adds `w`"),
        (pl.LazyFrame({"w": [1]}), "lacks `v` and adds `w`"),
    ],
)
def test_what_is_no_table_of_the_contract_is_refused(result: Any, says: str) -> None:
    """What may be returned is said."""
    with pytest.raises(Refused, match=says):
        taken(result, pa.int64())


NUMBERS = (
    pa.int8(),
    pa.int64(),
    pa.uint32(),
    pa.float32(),
    pa.float64(),
    MONEY,
    pa.decimal128(38, 9),
)
GIVEN = st.one_of(
    st.integers(-(2**40), 2**40),
    st.floats(allow_nan=False),
    st.decimals(-9999, 9999, places=3),
)
NEAREST = {pa.float32(): np.float32, pa.float64(): np.float64}


@given(value=GIVEN, wanted=st.sampled_from(NUMBERS))
def test_kept_number_equals_what_was_given(value: Any, wanted: pa.DataType) -> None:
    """Plain Python agrees: it is the same number, or the float that is nearest to a decimal."""
    array = pa.array([value])
    assert kin(array.type, wanted)
    kept = kept_as(array, wanted)
    if kept is not None:
        got = kept[0].as_py()
        nearest = isinstance(value, Decimal) and wanted in NEAREST
        assert got == (float(NEAREST[wanted](value)) if nearest else value) or (
            isinstance(value, float) and float(got) == value
        )
    elif isinstance(value, int) and pa.types.is_integer(wanted):
        low, high = {pa.int8(): (-128, 127), pa.uint32(): (0, 2**32 - 1)}[wanted]
        assert not low <= value <= high

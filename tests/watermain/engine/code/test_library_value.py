"""Constants that libraries made count by what is in them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ibis
import ibis.selectors as s
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from dateutil.relativedelta import relativedelta
from ibis import _

from watermain.engine.code.library_value import library_value
from watermain.engine.code.meaning import Meaning
from watermain.engine.code.reach import UnfollowedError

T = ibis.table({"a": "int64", "b": "string"}, name="t")
Make = Callable[[Any], Any]
# Each is made of one thing: made twice of the same it means the same, of another another.
MADE: list[tuple[str, Make, Any, Any]] = [
    ("deferred", lambda x: _.a > x, 1, 2),
    ("deferred name", lambda x: _[x].upper() + "x", "a", "b"),
    ("cases", lambda x: ibis.cases((_.a == 1, x), else_="y"), "x", "y"),
    ("expression", lambda x: T.filter(T.a > x).select("a"), 1, 2),
    ("memory", lambda x: ibis.memtable({"a": x}), [1, 2], [1, 3]),
    ("literal", lambda x: ibis.literal(1, x), "int8", "int16"),
    ("ibis type", ibis.dtype, "decimal(10, 2)", "decimal(10, 3)"),
    ("ibis schema", lambda x: ibis.schema({"a": x}), "int64", "int32"),
    ("interval", lambda x: ibis.interval(days=x), 1, 2),
    ("window", lambda x: ibis.window(preceding=x, group_by="a"), 1, 2),
    ("selector", s.of_type, "int64", "string"),
    ("schema", lambda x: pa.schema([("a", x)]), pa.int64(), pa.int32()),
    ("field", lambda x: pa.field("a", pa.int64(), nullable=x), True, False),
    ("extension", lambda x: pa.uuid() if x else pa.json_(), 1, 0),
    ("array", lambda x: pa.array(x, pa.int64()), [1, None], [1, 2]),
    ("chunks", lambda x: pa.chunked_array([[1], x]), [2], [3]),
    ("table", lambda x: pa.table({"a": range(x)}), 100_000, 100_001),
    ("batch", lambda x: pa.RecordBatch.from_pydict({"a": x}), [1], [2]),
    ("scalar", lambda x: pa.scalar(1, x), pa.int8(), pa.int16()),
    ("compute", lambda x: {"f": x}, pc.sum, pc.mean),
    ("numbers", np.arange, 100_000, 100_001),
    ("shape", np.zeros, (2, 3), (3, 2)),
    ("kind", lambda x: np.zeros(3, x), "int64", "float64"),
    ("objects", lambda x: np.array([1, "a", x], object), None, 2),
    ("number", np.float64, 1.0, 2.0),
    ("single", np.float32, 1.0, 2.0),
    ("dtype", np.dtype, "int8", "int16"),
    ("ufunc", lambda x: x, np.sqrt, np.sin),
    ("frame", lambda x: pd.DataFrame({"a": x, "b": ["x", None]}), [1, 2], [1, 3]),
    ("columns", lambda x: pd.DataFrame({x: [1]}), "a", "b"),
    ("index", lambda x: pd.DataFrame({"a": [1, 2]}, index=x), [0, 1], [1, 2]),
    ("series", lambda x: pd.Series(pd.to_datetime([x], utc=True)), "2020-01-01", "2020-01-02"),
    (
        "zone",
        lambda x: pd.Series(pd.to_datetime(["2020-01-01"]).tz_localize(x)),
        "UTC",
        "Asia/Tokyo",
    ),
    ("categories", lambda x: pd.Series(["a"], dtype=pd.CategoricalDtype(x)), ["a"], ["a", "b"]),
    ("levels", lambda x: pd.MultiIndex.from_tuples([(1, x)]), "a", "b"),
    ("nullable", lambda x: pd.Series(x, dtype="Int64"), [1, None], [1, 2]),
    ("instant", lambda x: pd.Timestamp(x, tz="UTC"), "2020-01-01", "2020-01-02"),
    ("span", pd.Timedelta, "1h", "2h"),
    ("missing", lambda x: [x], pd.NaT, pd.NA),
    ("offset", pd.offsets.BDay, 1, 2),
    ("relative", lambda x: relativedelta(months=x), 1, 2),
    ("polars frame", lambda x: pl.DataFrame({"a": x}), [1], [2]),
    ("polars series", lambda x: pl.Series("a", x), [1], ["1"]),
    ("polars type", pl.Datetime, "us", "ms"),
    ("polars class", lambda x: x, pl.Int64, pl.Int32),
    ("polars schema", lambda x: pl.Schema({"a": x}), pl.Int64(), pl.Int32()),
    ("polars expression", lambda x: pl.col("a") + x, 1, 2),
]


def meaning(value: object) -> str:
    return Meaning((library_value,)).of(value)


@pytest.mark.parametrize(("make", "one", "other"), [m[1:] for m in MADE], ids=[m[0] for m in MADE])
def test_value_of_a_library_counts_by_its_content(make: Make, one: Any, other: Any) -> None:
    assert meaning(make(one)) == meaning(make(one))
    assert meaning(make(one)) != meaning(make(other))


def test_libraries_are_told_apart() -> None:
    """The same numbers in each."""
    values = [
        pa.array([1]),
        np.array([1]),
        pd.Series([1]),
        pl.Series([1]),
        pa.table({"": [1]}),
        [1],
    ]
    assert len({meaning(v) for v in values}) == len(values)


def test_chunks_do_not_count() -> None:
    """Rows are the same however they lie."""
    assert meaning(pa.chunked_array([[1], [2]])) == meaning(pa.chunked_array([[1, 2]]))


@pytest.mark.parametrize(
    "held",
    [
        ibis.duckdb.connect().create_table("t", schema=ibis.schema({"a": "int64"})),
        np.random.default_rng(1),
        pl.LazyFrame({"a": [1]}),
        pl.col("a").map_batches(lambda x: x),
        np.vectorize(lambda x: x),
    ],
    ids=["table", "generator", "lazy", "function", "vectorized"],
)
def test_what_does_not_say_its_content_is_refused(held: object) -> None:
    with pytest.raises(UnfollowedError, match="does not say what it is made of"):
        meaning({"a": [held]})

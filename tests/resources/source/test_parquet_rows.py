"""The text of every Parquet type says exactly what was stored."""

from __future__ import annotations

import io
import math
from datetime import date, datetime, time
from decimal import Decimal

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources.source.delivery import UnreadableFileError
from resources.source.parquet_rows import ParquetRows, is_whole


def stored(column: pa.Array) -> io.BytesIO:
    file = io.BytesIO()
    pq.write_table(pa.table({"x": column}), file)
    file.seek(0)
    return file


def texts(column: pa.Array) -> list[str | None]:
    """The column's values as the reader writes them."""
    file = stored(column)
    parts = list(ParquetRows(file, ("x",), len(file.getvalue())))
    return [text for part in parts for text in part.rows.column(0).to_pylist()]


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array([-(2**63), 2**63 - 1, None]), [str(-(2**63)), str(2**63 - 1), None]),
        (pa.array([2**64 - 1], pa.uint64()), ["18446744073709551615"]),
        (pa.array([True, False, None]), ["true", "false", None]),
        (pa.array([0.1, 1 / 3, 5e-324]), ["0.1", "0.3333333333333333", "5e-324"]),
        (pa.array([math.inf, -math.inf, math.nan]), ["inf", "-inf", "nan"]),
        (pa.array([0.1], pa.float32()), ["0.1"]),
        (pa.array([Decimal("1E-10")], pa.decimal128(38, 10)), ["0.0000000001"]),
        (
            pa.array([Decimal("12345678901234567890.123456789012345678")], pa.decimal128(38, 18)),
            ["12345678901234567890.123456789012345678"],
        ),
        (pa.array([Decimal("-0.50"), None], pa.decimal128(5, 2)), ["-0.50", None]),
        (pa.array([date(1, 1, 1), date(9999, 12, 31)]), ["0001-01-01", "9999-12-31"]),
        (pa.array([time(23, 59, 59, 999999)]), ["23:59:59.999999"]),
        (
            pa.array([datetime(1, 1, 1), datetime(9999, 12, 31, 23, 59, 59, 999999)]),
            ["0001-01-01 00:00:00.000000", "9999-12-31 23:59:59.999999"],
        ),
        (
            pa.array([1_383_460_200_000_000_001], pa.timestamp("ns", "America/New_York")),
            ["2013-11-03 06:30:00.000000001Z"],
        ),
        (pa.array(["", None, "é\n"]).dictionary_encode(), ["", None, "é\n"]),
        (pa.array([b"abc"]), ["abc"]),
        (pa.nulls(2), [None, None]),
        (pa.array([], pa.string()), []),
    ],
)
def test_known_values_have_known_texts(column: pa.Array, expected: list[str | None]) -> None:
    assert texts(column) == expected


@given(st.lists(st.floats(allow_nan=False), max_size=20))
def test_every_float_is_read_back_from_its_text(values: list[float]) -> None:
    found = [float(text or "") for text in texts(pa.array(values, pa.float64()))]
    assert [math.copysign(1, x) for x in found] == [math.copysign(1, x) for x in values]
    assert found == values


@given(st.lists(st.decimals(-(10**19), 10**19, places=18, allow_nan=False), max_size=10))
def test_every_decimal_is_read_back_from_its_text(values: list[Decimal]) -> None:
    found = texts(pa.array(values, pa.decimal128(38, 18)))
    assert [Decimal(text or "") for text in found] == values
    assert not any("E" in (text or "") for text in found)


@pytest.mark.parametrize("kind", [pa.list_(pa.int8()), pa.duration("s")])
def test_type_without_one_text_is_refused(kind: pa.DataType) -> None:
    with pytest.raises(UnreadableFileError, match="which has no single text"):
        texts(pa.nulls(1, kind))


def test_rows_are_numbered_over_the_whole_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("resources.source.parquet_rows._ROWS_AT_ONCE", 40)
    file = stored(pa.array(range(100)))
    parts = list(ParquetRows(file, ("x",), 1000))
    assert [(part.first, part.rows.num_rows) for part in parts] == [(1, 40), (41, 40), (81, 20)]


def test_file_is_whole_only_with_its_footer() -> None:
    content = stored(pa.array([1])).getvalue()
    assert is_whole(io.BytesIO(content))
    assert not any(is_whole(io.BytesIO(content[:cut])) for cut in range(len(content)))

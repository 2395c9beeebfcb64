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

from watermain.source.delivery import FileRows, Reject, UnreadableFileError
from watermain.source.drop.parquet_rows import ParquetRows, is_whole


def stored(column: pa.Array, **words: object) -> io.BytesIO:
    file = io.BytesIO()
    pq.write_table(pa.table({"x": column}), file, **words)
    file.seek(0)
    return file


def texts(column: pa.Array, kind: pa.DataType | None = None, **words: object) -> list[str | None]:
    """The column's values as the reader writes them, for a column of `kind`."""
    file = stored(column, **words)
    parts = list(ParquetRows(file, ("x",), len(file.getvalue()), types=[kind] if kind else ()))
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
    monkeypatch.setattr("watermain.source.drop.parquet_bounds.ROWS_AT_ONCE", 40)
    file = stored(pa.array(range(100)))
    parts = list(ParquetRows(file, ("x",), 1000))
    assert [(part.first, part.rows.num_rows) for part in parts] == [(1, 40), (41, 40), (81, 20)]


def test_file_is_whole_only_with_its_footer() -> None:
    content = stored(pa.array([1])).getvalue()
    assert is_whole(io.BytesIO(content))
    assert not any(is_whole(io.BytesIO(content[:cut])) for cut in range(len(content)))


def test_float_of_fewer_bits_is_widened_where_a_double_is_wanted() -> None:
    """The same number, where the shortest text of the narrow one would be another."""
    tenth = pa.array([0.1, None], pa.float32())
    assert texts(tenth, pa.float64()) == ["0.10000000149011612", None]
    assert texts(tenth.cast(pa.float16()), pa.float64()) == ["0.0999755859375", None]
    assert texts(tenth, pa.float32()) == ["0.1", None]


@pytest.mark.parametrize(
    "kind", [pa.binary(), pa.large_binary(), pa.binary(2), pa.binary_view()], ids=str
)
def test_bytes_are_written_each_for_itself_where_bytes_are_wanted(kind: pa.DataType) -> None:
    """Whatever they are: no text, a backslash, a letter."""
    given = pa.array([b"\\x", b"\x00\xff", None], pa.binary())
    assert texts(given, kind) == ["\\x5c78", "\\x00ff", None]


def test_bytes_that_are_no_text_put_their_row_aside() -> None:
    """The rows around it are read; its payload tells every byte."""
    given = pa.table({"id": ["1", "2", "3"], "x": [b"a", b"\xff\x00", "é".encode()]})
    file = io.BytesIO()
    pq.write_table(given, file)
    parts = list(ParquetRows(file, ("id", "x"), len(file.getvalue())))
    first, odd, last = parts
    assert isinstance(first, FileRows)
    assert isinstance(last, FileRows)
    assert (first.first, first.rows.to_pylist()) == (1, [{"id": "1", "x": "a"}])
    assert odd == Reject(2, "has bytes in `x` that are no UTF-8", '{"id": "2", "x": "\\\\xff00"}')
    assert (last.first, last.rows.to_pylist()) == (3, [{"id": "3", "x": "é"}])


@pytest.mark.parametrize("kind", [pa.timestamp("us"), pa.timestamp("us", "UTC")], ids=str)
def test_year_that_no_calendar_of_arrow_has_is_told_as_none(kind: pa.DataType) -> None:
    """Arrow writes an instant with a zone as another year from 32768 on."""
    file = stored(pa.array([2**63 - 1, 0], pa.int64()).view(kind))
    odd, last = ParquetRows(file, ("x",), len(file.getvalue()))
    assert isinstance(odd, Reject)
    assert (odd.line, odd.reason) == (1, "has an instant that lies in no calendar")
    assert odd.payload == '{"x": "9223372036854775807"}'
    assert isinstance(last, FileRows)
    assert last.rows.num_rows == 1

"""INT96 is read to the nanosecond in every year that it can name."""

from __future__ import annotations

import io
import struct
from datetime import UTC, date, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from watermain.source.drop.parquet_rows import ParquetRows

JULIAN_EPOCH = 2_440_588
DAYS = (date(1600, 1, 1), date(1969, 12, 31), date(2024, 2, 29), date(9999, 12, 31))
NANOSECONDS = (0, 1, 999, 1_000, 123_456_789, 86_399_999_999_999)


def int96(values: list[tuple[date, int]], rows: int) -> io.BytesIO:
    """A file that Spark could have written: its bytes put in the place of others of their size."""
    file, held = io.BytesIO(), []
    for at in range(len(values)):
        held.append(datetime(2001, 1, 1, tzinfo=UTC).replace(microsecond=at))
    table = pa.table({"x": pa.array(held, pa.timestamp("ns")), "n": range(len(held))})
    pq.write_table(
        table,
        file,
        use_deprecated_int96_timestamps=True,
        use_dictionary=False,
        compression="none",
        row_group_size=rows,
    )
    data = file.getvalue()
    for at, (day, nanoseconds) in enumerate(values):
        here = date(2001, 1, 1).toordinal() - date(1970, 1, 1).toordinal() + JULIAN_EPOCH
        there = day.toordinal() - date(1970, 1, 1).toordinal() + JULIAN_EPOCH
        old, new = struct.pack("<qi", at * 1000, here), struct.pack("<qi", nanoseconds, there)
        assert data.count(old) == 1
        data = data.replace(old, new)
    return io.BytesIO(data)


@pytest.mark.parametrize("rows", [3, 100])
def test_every_nanosecond_of_every_year_is_told(monkeypatch: pytest.MonkeyPatch, rows: int) -> None:
    """Also where Arrow's nanoseconds wrap, where its microseconds lose three digits."""
    monkeypatch.setattr("watermain.source.drop.parquet_bounds.ROWS_AT_ONCE", 5)
    given = [(day, nanoseconds) for day in DAYS for nanoseconds in NANOSECONDS]
    file = int96(given, rows)
    parts = list(ParquetRows(file, ("n", "x"), len(file.getvalue())))
    told = [text for part in parts for text in part.rows["x"].to_pylist()]
    expected = []
    for day, nanoseconds in given:
        seconds, rest = divmod(nanoseconds, 10**9)
        clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
        expected.append(f"{day} {clock}.{rest:09d}")
    assert told == expected


def test_instants_beside_are_told_too_where_nobody_declared_them() -> None:
    """In `_extra`, to the last digit."""
    file = int96([(date(9999, 12, 31), 1)], 1)
    (part,) = ParquetRows(file, ("n",), 10_000, keeps_extra=True)
    assert part.rows["_extra"].to_pylist() == ['{"x": "9999-12-31 00:00:00.000000001"}']


def test_null_stays_null() -> None:
    """Nothing is made of it."""
    file = io.BytesIO()
    pq.write_table(
        pa.table({"x": pa.array([None, 0], pa.timestamp("us"))}),
        file,
        use_deprecated_int96_timestamps=True,
    )
    (part,) = ParquetRows(file, ("x",), len(file.getvalue()))
    assert part.rows["x"].to_pylist() == [None, "1970-01-01 00:00:00.000000000"]

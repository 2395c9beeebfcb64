"""Captured text in declared types: exact, or put aside with a reason."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from watermain.engine.capture.typing_rules import typed

TYPES: dict[str, tuple[pa.DataType, str]] = {
    "int32": (pa.int32(), "INTEGER"),
    "int64": (pa.int64(), "BIGINT"),
    "money": (pa.decimal128(12, 2), "DECIMAL(12,2)"),
    "wide": (pa.decimal128(38, 18), "DECIMAL(38,18)"),
    "float": (pa.float64(), "DOUBLE"),
    "bool": (pa.bool_(), "BOOLEAN"),
    "date": (pa.date32(), "DATE"),
    "local": (pa.timestamp("us"), "TIMESTAMP"),
    "instant": (pa.timestamp("us", "UTC"), "TIMESTAMP WITH TIME ZONE"),
    "text": (pa.string(), "VARCHAR"),
    "bytes": (pa.binary(), "BLOB"),
}


def read(kind: str, value: str | None) -> Any:
    """The value that a captured text becomes."""
    arrow, engine = TYPES[kind]
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        sql = f"select {typed('x', arrow, engine)} from (select ?::varchar as x)"
        row = connection.execute(sql, [value]).fetchone()
        return row[0] if row else None


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        ("int32", "-2147483648", -(2**31)),
        ("int32", "2147483647", 2**31 - 1),
        ("int64", "9223372036854775807", 2**63 - 1),
        ("int64", "-9223372036854775808", -(2**63)),
        ("money", "1234567890.12", Decimal("1234567890.12")),
        ("money", "-0.01", Decimal("-0.01")),
        ("money", "5", Decimal("5.00")),
        ("money", "5.1000", Decimal("5.10")),
        (
            "wide",
            "12345678901234567890.123456789012345678",
            Decimal("12345678901234567890.123456789012345678"),
        ),
        ("float", "1e308", 1e308),
        ("float", "-0.1", -0.1),
        ("bool", "t", True),
        ("bool", "f", False),
        ("date", "0001-01-01", date(1, 1, 1)),
        ("date", "9999-12-31", date(9999, 12, 31)),
        ("local", "2013-03-10 02:30:00", datetime(2013, 3, 10, 2, 30)),
        ("local", "2013-01-01 00:00:00.000001", datetime(2013, 1, 1, 0, 0, 0, 1)),
        ("text", "", ""),
        ("text", " NULL ", " NULL "),
        ("bytes", "\\x00ff", b"\x00\xff"),
    ],
)
def test_text_becomes_the_exact_value(kind: str, given: str, expected: object) -> None:
    """Nothing is rounded, clipped or trimmed."""
    assert read(kind, given) == expected


def test_instant_keeps_its_moment() -> None:
    """An offset in the text is honoured."""
    assert read("instant", "2013-01-01 00:00:00-05") == datetime(2013, 1, 1, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("kind", "given"),
    [
        ("int32", "2147483648"),
        ("int32", "1.0"),
        ("int32", "1e3"),
        ("int32", " 1"),
        ("int32", ""),
        ("int64", "9223372036854775808"),
        ("int64", "0x10"),
        ("money", "1.239"),
        ("money", "12345678901.00"),
        ("money", "1e2"),
        ("money", "NaN"),
        ("float", "one"),
        ("bool", "maybe"),
        ("date", "2013-02-30"),
        ("date", "01/02/2013"),
        ("local", "yesterday"),
    ],
)
def test_text_that_does_not_fit_becomes_nothing_rather_than_something_near(
    kind: str, given: str
) -> None:
    """A value that would change is refused, so that its row is put aside."""
    assert read(kind, given) is None


@pytest.mark.parametrize("kind", sorted(TYPES))
def test_null_stays_null(kind: str) -> None:
    """A missing value is missing in every type."""
    assert read(kind, None) is None

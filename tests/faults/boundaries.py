"""Values at the edges of every type, with what the lake must hold of each."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple

REFUSED = "refused"
# A producer of Kafka sends no more than a megabyte, unless its owner says otherwise.
MOST_BYTES = {"kafka": 900_000}
BIG_BYTES = 16 * 2**20
WIDEST = 10**38 - 1
INTEGERS = (
    *(sign * (2**power + more) for power in (7, 8, 15, 16, 24, 31, 32, 53, 62) for sign in (1, -1)
      for more in (-1, 0, 1)),
    0, 2**63 - 1, -(2**63), 2**63, -(2**63) - 1, 2**64, 10**19, -(10**20), 10**40,
)  # fmt: skip
DECIMALS = (
    "0", "0.1", "0.2", "0.3", "-0.1", "1.005", "0.000000000000000001", "-0.000000000000000001",
    "99999999999999999999.999999999999999999", "-99999999999999999999.999999999999999999",
    "12345678901234567890.123456789012345678", "0.333333333333333333", "1.500000000000000000000",
    "9007199254740993.000000000000000001",
)  # fmt: skip
REFUSED_DECIMALS = (
    "100000000000000000000", "10000000000000000000000.5", "0.0000000000000000001",
    "1.0000000000000000005",
)  # fmt: skip
FLOATS = (
    "0.1", "0.30000000000000004", "1.7976931348623157e308", "-1.7976931348623157e308", "5e-324",
    "2.2250738585072014e-308", "3.141592653589793", "1e22", "1e23", "-1e-7", "123456789.123456789",
    "9007199254740993", "0.1000000000000000055511151231257827", "4.35", "1e16",
)  # fmt: skip
ODD_FLOATS = ("NaN", "Infinity", "-Infinity")
TEXTS = (
    "", " ", "  two  ", "\t", "\n", "\r\n", "a\rb", '"', '""', "'", "a,b;c\td", "\\", "\\N", "\\.",
    "null", "NULL", "None", "nan", "NaN", "true", "1e5", "007", "1,5", "0x10", "{}", "[]",
    '{"a":1}', "'; drop table steps; --", "é", "e\u0301", "ß", "İ", "東京",
    "🛬", "👩\u200d✈️", "\u202eabc", "שלום", "\ufeffbom", "\uffff", "\U0010ffff",
    "\u0085", "\u2028", "\u2029", "\u00a0", "\x7f", "%s{}$1", "a" * 65_537,
)  # fmt: skip
CONTROLS = tuple(chr(code) for code in range(1, 32))
DATES = (
    "0001-01-01", "0001-12-31", "0099-06-15", "1582-10-04", "1582-10-10", "1582-10-15",
    "1899-12-31", "1900-02-28", "1969-12-31", "1970-01-01", "2000-02-29", "2013-03-10",
    "2038-01-19", "2100-02-28", "9999-12-31",
)  # fmt: skip
REFUSED_DATES = ("1900-02-29", "2013-02-30", "2013-13-01", "2013-1")
TIMES = (
    "0001-01-01 00:00:00", "9999-12-31 23:59:59.999999", "1969-12-31 23:59:59.999999",
    "1970-01-01 00:00:00", "2013-03-10 02:30:00", "2013-11-03 01:30:00", "2000-02-29 12:00:00",
    "2013-01-01 00:00:00.000001", "2038-01-19 03:14:08", "1883-11-18 12:03:58",
)  # fmt: skip
REFUSED_TIMES = ("2013-01-01 25:00:00", "2013-02-30 00:00:00", "noon")
INSTANTS = {
    "2013-03-10 02:30:00-05:00": "2013-03-10 07:30:00+00",
    "2013-03-10 03:30:00-04:00": "2013-03-10 07:30:00+00",
    "2013-11-03 01:30:00-04:00": "2013-11-03 05:30:00+00",
    "2013-11-03 01:30:00-05:00": "2013-11-03 06:30:00+00",
    "2013-01-01 00:00:00+00:00": "2013-01-01 00:00:00+00",
    "2013-01-01 00:00:00+05:30": "2012-12-31 18:30:00+00",
    "2013-01-01 00:00:00+14:00": "2012-12-31 10:00:00+00",
    "2013-01-01 00:00:00-12:00": "2013-01-01 12:00:00+00",
    "2013-06-01 12:00:00.123456+00:00": "2013-06-01 12:00:00.123456+00",
    "2013-06-01 12:00:00": "2013-06-01 12:00:00+00",
    "0001-01-01 00:00:00+00:00": "0001-01-01 00:00:00+00",
    "9999-12-31 23:59:59.999999+00:00": "9999-12-31 23:59:59.999999+00",
}
# PostgreSQL understands these itself, before anything is captured.
READ_BY_POSTGRES = ("1e3", "0x1")


class Value(NamedTuple):
    """One value: its column, its text at the source, what the lake must hold.

    `is_number` is told without quotes where the format has numbers.
    """

    column: str
    text: str | None
    expected: Any
    is_number: bool = False


def values(kind: str, big_bytes: int = BIG_BYTES) -> list[Value]:
    """Every value, as this kind of source is given it."""
    big = min(big_bytes, MOST_BYTES.get(kind, big_bytes))
    return [*_numbers(kind), *_texts(big), *_times(), *_flags()]


def _numbers(kind: str) -> Iterator[Value]:
    for number in INTEGERS:
        fits = -(2**63) <= number < 2**63
        yield Value("whole", str(number), number if fits else REFUSED, is_number=True)
        if abs(number) <= 2**32:
            small = -(2**31) <= number < 2**31
            yield Value("small", str(number), number if small else REFUSED, is_number=True)
    for text in ("1.5", "", "one", *(() if kind == "postgres" else READ_BY_POSTGRES)):
        yield Value("whole", text, REFUSED)
    for text in DECIMALS:
        yield Value("exact", text, Decimal(text), is_number=True)
    for text in REFUSED_DECIMALS:
        yield Value("exact", text, REFUSED, is_number=True)
    for number in (WIDEST, -WIDEST, 10**37):
        yield Value("wide", str(number), Decimal(number), is_number=True)
    yield Value("wide", str(WIDEST + 1), REFUSED, is_number=True)
    for text in FLOATS:
        yield Value("ratio", text, float(text), is_number=True)
    for text in ODD_FLOATS:
        yield Value("ratio", text, float(text))


def _texts(big: int) -> Iterator[Value]:
    for text in (None, *TEXTS, *CONTROLS, "\0", "a\0b", "x" * big):
        yield Value("said", text, text)


def _times() -> Iterator[Value]:
    for column, good, bad in (("day", DATES, REFUSED_DATES), ("at", TIMES, REFUSED_TIMES)):
        for text in good:
            yield Value(column, text, text)
        for text in bad:
            yield Value(column, text, REFUSED)
    for text, expected in INSTANTS.items():
        yield Value("moment", text, expected)
        if " " in text:
            yield Value("moment", text.replace(" ", "T").replace("+00:00", "Z"), expected)


def _flags() -> Iterator[Value]:
    for text, expected in (("true", True), ("false", False), ("maybe", REFUSED), ("2", REFUSED)):
        yield Value("flag", text, expected)

"""The exact text of values that have no text of their own: instants, bytes, decimals."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from watermain.source.text.json_text import Number

_EPOCH = date(1970, 1, 1)
_DAY = 86_400


def day_text(days: int) -> str:
    """Write days since 1970 as a date. Raises: OverflowError before year 1 or after 9999."""
    return (_EPOCH + timedelta(days=days)).isoformat()


def clock_text(ticks: int, per_second: int) -> str:
    """Write ticks since midnight as a time with as many digits as needed."""
    seconds, rest = divmod(ticks, per_second)
    digits = f".{rest * (10**9 // per_second):09d}".rstrip("0") if rest else ""
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}{digits}"


def instant_text(ticks: int, per_second: int, zone: str = "+00:00") -> str:
    """Write ticks since 1970 as an instant and lose none of them. Raises: OverflowError.

    >>> instant_text(-1, 1000), instant_text(1_357_000_000_123_456_789, 10**9)
    ('1969-12-31 23:59:59.999+00:00', '2013-01-01 00:26:40.123456789+00:00')
    """
    days, rest = divmod(ticks, _DAY * per_second)
    return f"{day_text(days)} {clock_text(rest, per_second)}{zone}"


def bytes_text(value: bytes) -> str:
    r"""Write each byte as the lake reads it back.

    >>> bytes_text(b"a\xff")
    '\\x61\\xFF'
    """
    return "".join(f"\\x{each:02X}" for each in value)


def hex_text(value: bytes) -> str:
    r"""Write bytes as PostgreSQL does, which the lake reads back too.

    >>> hex_text(b"a\xff")
    '\\x61ff'
    """
    return rf"\x{value.hex()}"


def decimal_text(value: bytes, scale: int) -> Number:
    """Write a two's complement number with so many digits behind the point.

    >>> decimal_text(b"\\xff", 3)
    '-0.001'
    """
    unscaled = int.from_bytes(value, "big", signed=True)
    digits = tuple(map(int, str(abs(unscaled))))
    return Number(format(Decimal((int(unscaled < 0), digits, -scale)), "f"))


def float_text(value: float) -> str:
    """Write a float so that it reads back the same; what is no number stays a word."""
    return Number(repr(value)) if value - value == 0 else repr(value)

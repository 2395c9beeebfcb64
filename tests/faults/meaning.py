"""What a text means in a type, told by plain Python without anything of the platform.

Every answer is exact: a value, or `ASIDE` where the type holds no value that says what the text
says. Instants, clocks, dates are counted in nanoseconds, as whole numbers.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple

ASIDE = "aside"
CENTURIES, DAYS_OF_CENTURIES = 400, 146_097
SECOND, DAY = 10**9, 86_400 * 10**9
UNITS = {"s": 10**9, "ms": 10**6, "us": 10**3, "ns": 1}
EPOCH = date(1970, 1, 1).toordinal()
SIGNED = set("+-")
WORDS = {"true": True, "t": True, "yes": True, "y": True, "1": True,
         "false": False, "f": False, "no": False, "n": False, "0": False}  # fmt: skip
NO_NUMBERS = {"nan": math.nan, "inf": math.inf, "infinity": math.inf}
HALF = 2**63


class UnfitError(Exception):
    """Report that a text says nothing that the type holds."""


class Kind(NamedTuple):
    """How the texts of one type are judged: by what, with its own numbers."""

    read: Callable[..., Any]
    about: tuple[Any, ...] = ()


def meaning(kind: Kind, text: str | None) -> Any:
    """Give the value of a text, `ASIDE` where there is none."""
    try:
        return None if text is None else kind.read(text, *kind.about)
    except UnfitError:
        return ASIDE


def digits(text: str, low: int = 1, high: int = 10**6) -> str:
    """Demand so many of 0 to 9."""
    if not low <= len(text) <= high or any(each not in "0123456789" for each in text):
        raise UnfitError
    return text


def unsigned(text: str) -> tuple[int, str]:
    """Give the sign with what follows it."""
    if text[:1] in SIGNED:
        return (-1 if text[0] == "-" else 1), text[1:]
    return 1, text


def whole(text: str, low: int, high: int) -> int:
    """Read an integer."""
    sign, rest = unsigned(text)
    number = sign * int(Fraction(Decimal(digits(rest))))
    if not low <= number <= high:
        raise UnfitError
    return number


def money(text: str, precision: int, scale: int) -> Decimal:
    """Read a decimal of so many digits."""
    sign, rest = unsigned(text)
    front, point, back = rest.partition(".")
    if not front + back or (not front and not point):
        raise UnfitError
    digits(front, 0), digits(back, 0)
    number = sign * Fraction(int(front + back or "0"), 10 ** len(back))
    scaled = number * 10**scale
    if scaled.denominator != 1 or abs(scaled) >= 10**precision:
        raise UnfitError
    return Decimal(int(scaled)).scaleb(-scale)


def real(text: str, bits: int) -> float:
    """Read a binary number: the nearest double, of 32 bits what such a number says itself."""
    sign, rest = unsigned(text)
    if rest.lower() in NO_NUMBERS:
        return sign * NO_NUMBERS[rest.lower()]
    mantissa, mark, power = rest.replace("E", "e").partition("e")
    front, _, back = mantissa.partition(".")
    if not front + back:
        raise UnfitError
    digits(front, 0), digits(back, 0)
    if mark:
        digits(unsigned(power)[1])
    double = float(text)
    is_nothing = double == 0 and set(front + back) - {"0"}
    if math.isinf(double) or is_nothing:
        raise UnfitError
    return double if bits == 64 else _narrow(double)


def _narrow(double: float) -> float:
    try:
        (found,) = struct.unpack("f", struct.pack("f", double))
    except OverflowError:
        raise UnfitError from None
    said = {found} | {float(f"{found:.{count}g}") for count in range(6, 10)}
    if double not in said or math.isinf(found):
        raise UnfitError
    return float(found)


def truth(text: str) -> bool:
    """Read a word."""
    if text.lower() not in WORDS or not text.isascii():
        raise UnfitError
    return WORDS[text.lower()]


def day(text: str) -> int:
    """Read a date: nanoseconds since 1970."""
    parts = text.split("-")
    if len(parts) != 3:
        raise UnfitError
    year = int(digits(parts[0], 4, 5))
    if year == 0 or (len(parts[0]) > 4 and parts[0][0] == "0"):
        raise UnfitError
    month, number = (int(digits(each, 2, 2)) for each in parts[1:])
    alike = 2000 + year % CENTURIES
    try:
        ordinal = date(alike, month, number).toordinal()
    except ValueError:
        raise UnfitError from None
    return (ordinal - EPOCH + (year - alike) // CENTURIES * DAYS_OF_CENTURIES) * DAY


def clock(text: str, unit: str, most: int = 24) -> int:
    """Read a time of day: nanoseconds since midnight, no finer than the unit."""
    parts = text.split(":")
    if len(parts) not in (2, 3):
        raise UnfitError
    hours, minutes = int(digits(parts[0], 2, 2)), int(digits(parts[1], 2, 2))
    seconds, point, fraction = (parts[2] if len(parts) == 3 else "00").partition(".")
    if hours >= most or minutes > 59 or int(digits(seconds, 2, 2)) > 59:
        raise UnfitError
    rest = Fraction(int(digits(fraction)), 10 ** len(fraction)) * SECOND if point else Fraction(0)
    if (rest / UNITS[unit]).denominator != 1:
        raise UnfitError
    return (hours * 3600 + minutes * 60 + int(seconds)) * SECOND + int(rest)


def moment(text: str, unit: str, *, zoned: bool, low: int = -HALF, high: int = HALF - 2) -> int:
    """Read a date with a time: nanoseconds since 1970 in UTC where there is a zone."""
    at = min((text.find(each) for each in "T " if each in text), default=len(text))
    found, rest = day(text[:at]), text[at + 1 :]
    if rest or at < len(text):
        rest, ahead = _zone(rest) if zoned else (rest, None)
        if ahead is not None and rest.count(":") != 2:
            raise UnfitError  # a zone stands behind seconds
        found += clock(rest, unit) - (ahead or 0)
    if not low * UNITS[unit] <= found <= high * UNITS[unit]:
        raise UnfitError
    return found


def _zone(text: str) -> tuple[str, int | None]:
    """Cut the zone off; give how far its clocks are ahead, None where there is none."""
    for word in ("Z", " UTC"):
        if text.endswith(word):
            return text[: -len(word)], 0
    at = max(text.rfind("+"), text.rfind("-"))
    if at < 0:
        return text, None
    offset = text[at + 1 :]
    parts = offset.split(":") if ":" in offset else [offset[:2], offset[2:]]
    numbers = [int(digits(each, 2, 2)) for each in parts if each or each is parts[0]]
    if not 1 <= len(numbers) <= 3 or numbers[0] > 23 or any(n > 59 for n in numbers[1:]):
        raise UnfitError
    ahead = sum(n * size for n, size in zip(numbers, (3600, 60, 1), strict=False)) * SECOND
    return text[:at], ahead if text[at] == "+" else -ahead


def raw(text: str, size: int | None) -> bytes:
    r"""Read hexadecimal digits behind `\x`, of all bytes or of each."""
    parts = text.split("\\x")
    if parts[0] or (len(parts) > 2 and any(len(each) != 2 for each in parts[1:])):
        raise UnfitError
    together = "".join(parts)
    if any(each not in "0123456789abcdefABCDEF" for each in together) or len(together) % 2:
        raise UnfitError
    found = bytes.fromhex(together)
    if size not in (None, len(found)):
        raise UnfitError
    return found


def said(text: str) -> str:
    """Read a text."""
    return text


class JsonNumber(str):
    """A number of JSON."""

    __slots__ = ()


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise UnfitError
    return found


def _refused(_: str) -> Any:
    raise UnfitError


def nested(text: str, take: Callable[[Any], Any]) -> Any:
    """Read JSON, each leaf by the rule of its own type."""
    try:
        found = json.loads(
            text,
            parse_float=JsonNumber,
            parse_int=JsonNumber,
            parse_constant=_refused,
            object_pairs_hook=_once,
        )
    except (ValueError, RecursionError):
        raise UnfitError from None
    if found is None:
        raise UnfitError
    return take(found)


def leaf(kind: Kind) -> Callable[[Any], Any]:
    """Take what is no list, no object."""

    def take(value: Any) -> Any:
        if value is None:
            return None
        if isinstance(value, dict | list):
            raise UnfitError
        text = str(value).lower() if isinstance(value, bool) else str(value)
        return kind.read(_plain(value, kind, text), *kind.about)

    return take


def _plain(value: Any, kind: Kind, text: str) -> str:
    """Write a decimal's power of ten out, which JSON has."""
    if kind.read is not money or not isinstance(value, JsonNumber) or "e" not in text.lower():
        return text
    exact = Decimal(text)
    if abs(exact.adjusted()) > 400:
        raise UnfitError
    return f"{exact:f}"


def list_of(inner: Callable[[Any], Any], size: int | None = None) -> Callable[[Any], Any]:
    """Take a list."""

    def take(value: Any) -> Any:
        if value is None:
            return None
        if not isinstance(value, list) or size not in (None, len(value)):
            raise UnfitError
        return [inner(each) for each in value]

    return take


def struct_of(**inner: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Take an object of declared fields."""

    def take(value: Any) -> Any:
        if value is None:
            return None
        if not isinstance(value, dict) or value.keys() - inner.keys():
            raise UnfitError
        return {name: each(value.get(name)) for name, each in inner.items()}

    return take


def map_of(key: Callable[[Any], Any], inner: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Take an object of any names, as pairs."""

    def take(value: Any) -> Any:
        if value is None:
            return None
        if not isinstance(value, dict):
            raise UnfitError
        found = [(key(name), inner(each)) for name, each in value.items()]
        if len({name for name, _ in found}) < len(found):
            raise UnfitError
        return found

    return take

"""Values that a source stores in types of its own, with the text that says the same."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

import pyarrow as pa

EPOCH, DAY = date(1970, 1, 1), 86_400
_FAR = (-62_135_596_800, -11_676_096_000, -1, 0, 1_714_557_600, 9_223_372_036, 253_402_300_799)


class Stored(NamedTuple):
    """One value: in which type, as Arrow takes it, as Avro holds it, the text that says it."""

    way: str
    value: Any
    bare: Any
    text: str


class Way(NamedTuple):
    """A type in which values are stored: Arrow's, Avro's, how values are made up."""

    arrow: pa.DataType
    avro: Any
    made: Callable[[random.Random], tuple[Any, Any, str]]


def _instant(per_second: int, zone: str) -> Callable[[random.Random], tuple[Any, Any, str]]:
    digits = len(str(per_second)) - 1

    def made(chance: random.Random) -> tuple[Any, Any, str]:
        far = _FAR if digits < 9 else (-1, 0, 1_714_557_600, 9_000_000_000)
        seconds = chance.choice(far)
        rest = chance.choice([0, 1, per_second // 2, per_second - 1, 123 * 10 ** (digits - 3)])
        days, clock = divmod(seconds, DAY)
        told = f"{clock // 3600:02d}:{clock // 60 % 60:02d}:{clock % 60:02d}.{rest:0{digits}d}"
        ticks = seconds * per_second + rest
        return ticks, ticks, f"{EPOCH + timedelta(days=days)} {told}{zone}"

    return made


def _int96(chance: random.Random) -> tuple[Any, Any, str]:
    return _instant(10**9, "")(chance)


def _clock(chance: random.Random) -> tuple[Any, Any, str]:
    seconds, rest = chance.choice([0, 1, 43_199, 86_399]), chance.choice([0, 1, 500_000, 999_999])
    told = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{rest:06d}"
    return seconds * 10**6 + rest, seconds * 10**6 + rest, told


def _day(chance: random.Random) -> tuple[Any, Any, str]:
    days = chance.choice([-719_162, -1, 0, 19_844, 2_932_896])
    return days, days, str(EPOCH + timedelta(days=days))


def _whole(chance: random.Random) -> tuple[Any, Any, str]:
    power = chance.choice([0, 7, 8, 15, 16, 24, 31, 32, 53, 62, 63])
    number = max(
        -(2**63), min(2**63 - 1, chance.choice([1, -1]) * 2**power + chance.randint(-2, 2))
    )
    return number, number, str(number)


def _real(chance: random.Random) -> tuple[Any, Any, str]:
    number = chance.choice(
        [0.0, -0.0, 0.1, 1.5, 16777217.0, 2.0**70, 5e-324, 1e308, 1 / 3, 21.299999237060547, 1e39,
         1e-46, float("inf"), float("-inf"), chance.uniform(-1e6, 1e6)]
    )  # fmt: skip
    return number, number, repr(number)


def _money(chance: random.Random) -> tuple[Any, Any, str]:
    unscaled = chance.choice([0, 1, 5, 100, 10_050, 12_345, 10**15, chance.randint(0, 10**14)])
    number = Decimal(chance.choice([1, -1]) * unscaled).scaleb(-4)
    return number, number, f"{number:f}"


def _flag(chance: random.Random) -> tuple[Any, Any, str]:
    value = chance.random() < 0.5
    return value, value, str(value).lower()


STORED: dict[str, Way] = {
    "long": Way(pa.int64(), "long", _whole),
    "double": Way(pa.float64(), "double", _real),
    "boolean": Way(pa.bool_(), "boolean", _flag),
    "decimal": Way(
        pa.decimal128(20, 4),
        {"type": "bytes", "logicalType": "decimal", "precision": 20, "scale": 4},
        _money,
    ),
    "date": Way(pa.date32(), {"type": "int", "logicalType": "date"}, _day),
    "time-micros": Way(pa.time64("us"), {"type": "long", "logicalType": "time-micros"}, _clock),
    **{
        f"{prefix}timestamp-{word}": Way(
            pa.timestamp(unit, zone or None),
            {"type": "long", "logicalType": f"{prefix}timestamp-{word}"},
            _instant(per_second, "Z" if zone else ""),
        )
        for word, unit, per_second in (
            ("millis", "ms", 10**3),
            ("micros", "us", 10**6),
            ("nanos", "ns", 10**9),
        )
        for prefix, zone in (("", "UTC"), ("local-", ""))
    },
    "int96": Way(pa.timestamp("ns"), None, _int96),
}


def stored(chance: random.Random, source: str) -> Stored:
    """Make up a value in one of the types of a source: `parquet`, `avro` or `kafka avro`."""
    ways = [name for name, way in STORED.items() if way.avro is not None or source == "parquet"]
    name = chance.choice(ways)
    value, bare, text = STORED[name].made(chance)
    # Arrow writes a double that is whole without a point; what Python wrote has one.
    if name == "double" and source != "kafka avro":
        text = text.removesuffix(".0")
    return Stored(name, value, bare, text)

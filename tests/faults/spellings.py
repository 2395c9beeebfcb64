"""Texts of every type from a seeded grammar: right, odd at one place, from another type."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import pyarrow as pa

from tests.faults.meaning import (
    DAY,
    HALF,
    UNITS,
    Kind,
    clock,
    day,
    leaf,
    list_of,
    map_of,
    moment,
    money,
    nested,
    raw,
    real,
    said,
    struct_of,
    truth,
    whole,
)

Chance = random.Random
YEARS = (
    "0000", "0001", "0099", "1582", "1600", "1677", "1883", "1900", "1969", "1970", "2000",
    "2024", "2038", "2262", "2263", "9999", "10000", "32768", "020244", "294246", "24", "-0044",
)  # fmt: skip
ZONES = (
    "", "", "Z", "Z", "+00:00", "-00:00", "+05:30", "-0330", "+14", "-12:00", "+23:59", "+24:00",
    "+05:30:15", "+05:60", " UTC", "UTC", " GMT", "z", " IST", " EST", "+5", "-1:30",
    " Europe/Paris", "[Europe/Paris]", " +01:00", "+0530:15", "+053015", " BC",
)  # fmt: skip
WORDS = (
    "epoch", "infinity", "-infinity", "now", "today", "yesterday", "tomorrow", "noon", "nan",
    "NaT", "", " ", "null", "None", "0", "1735689600", "2024-W18-3", "2024-122", "20240501",
    "2024/05/01", "01.05.2024", "2024-5-1", "20240501T100000Z", "May 1 2024", "-", "T", "Z",
    "2024-05", "2024", "2024-05-01T", "2024-05-01 ", " 2024-05-01", "2024-05-01Z", "24:00:00",
    "10:00:00+01", "\u0662\u0660\u0662\u0664-05-01", "2024\u221205\u221201",
)  # fmt: skip
NUMBERS = (
    "0", "-0", "+5", "007", "1_0", "1_000.5", "0x10", "0b1", "1e3", "1E3", "1,234", "1.234,5",
    " 7", "7 ", "7.0", "7.", ".5", ".", "-", "+", "", "--1", "1e", "e5", "1e999", "-1e999",
    "1e-999", "1e-400", "0e-999", "0.0", "-0.0", "1.00000000000000000001", "4.9e-324", "2e-324",
    "1.7976931348623157e308", "1.8e308", "16777217", "16777216", "0.1", "0.3", "0.100000001",
    "0.10000000149011612", "3.141592653589793", "3.1415927", "3.4028235e38", "3.5e38", "1e-46",
    "1.4e-45", "9007199254740993", "NaN", "nan", "Infinity", "-inf", "INF", "+inf", "nan(1)",
    "(5.00)", "5%", "$5", "\uff15", "1'000", "true", "one", "1.005", "1.0050",
    "1.1000000000000000000000000", "99999999999.99", "9999999999.99", "9999999999.999",
    "10000000000.00", "1e2", "0" * 400 + "1", "0." + "0" * 330 + "1", "1" * 400,
)  # fmt: skip
FLAGS = (
    "true", "false", "t", "f", "TRUE", "False", "yes", "no", "y", "n", "Y", "1", "0", "on", "off",
    "2", "-1", "1.0", "maybe", "", " true", "true ", "wahr", "\uff54\uff52\uff55\uff45", "tru",
    "null",
)  # fmt: skip
BYTES = (
    "\\x", "\\x00ff", "\\x00FF", "\\x00\\xff", "\\x0", "\\x0g", "\\X00", "00ff", "0x00ff", "abc",
    "YWJj", "é", "", "\\", "\\\\x41", "\\x41b", "a\\x41", "\\x41\\x4", "\\x 41", "\\x00112233",
    "\\x00\\x11\\x22\\x33", "\\000",
)  # fmt: skip
TEXTS = (
    "", " ", "a", "it's", "C:\\x", "\n", "null", '"', "é", "🛬", "{}", "1.10", "\t",
    "a,b",
)  # fmt: skip
NESTED_ODD = (
    "", "null", "{}", "[]", "[[]]", "{1:2}", "[1,]", "[1", "nope", '"[1]"',
    "5", "true", "[null]", '{"a":1,"a":2}', '{"a":1,"extra":2}', "[" * 2000 + "]" * 2000, "{1,2}",
    "[NaN]", "['a']", "[1] ", " [1]", "[1]x", '[{"a":1}]', "(1,2)",
)  # fmt: skip


class Typed(NamedTuple):
    """One type: Arrow's, how its texts are judged, how they are made up."""

    arrow: pa.DataType
    kind: Kind
    made: Callable[[Chance], str]


def mutated(chance: Chance, text: str) -> str:
    """Change one letter, or none."""
    if not text or chance.random() < 0.7:
        return text
    at = chance.randrange(len(text))
    odd = chance.choice(["", " ", "_", "0", "9", "-", ":", ".", "Z", "e", "x", ",", "+"])
    return text[:at] + odd + text[at + chance.randint(0, 1) :]


def number(chance: Chance) -> str:
    """A number, in any spelling."""
    if chance.random() < 0.4:
        return chance.choice(NUMBERS)
    power = chance.choice([7, 8, 15, 16, 24, 31, 32, 53, 62, 63, 64, 70])
    near = chance.choice([1, -1]) * (2**power + chance.randint(-2, 2))
    made = [
        lambda: str(near),
        lambda: str(chance.randint(-300, 300)),
        lambda: f"{chance.randint(-(10**11), 10**11)}.{'0123456789'[: chance.randint(0, 6)]}",
        lambda: f"{chance.uniform(-1, 1) * 10.0 ** chance.randint(-40, 40)!r}",
        lambda: f"{chance.uniform(-100, 100):.{chance.randint(0, 12)}f}",
    ]
    return mutated(chance, chance.choice(made)())


def a_day(chance: Chance) -> str:
    """A date, in any spelling."""
    if chance.random() < 0.15:
        return chance.choice(WORDS)
    month, number = chance.randint(1, 12), chance.choice([1, 28, 29, 30, 31])
    return mutated(chance, f"{chance.choice(YEARS)}-{month:02d}-{number:02d}")


def a_clock(chance: Chance) -> str:
    """A time of day, in any spelling."""
    if chance.random() < 0.1:
        return chance.choice(WORDS)
    hours, minutes = chance.choice([0, 10, 23, 24, 25]), chance.choice([0, 30, 59, 60])
    if chance.random() < 0.8:
        hours, minutes = hours % 24, minutes % 60
    text = f"{hours:02d}:{minutes:02d}"
    if chance.random() < 0.9:
        text += f":{chance.choice([0, 7, 59, 59, 60]):02d}"
        count = chance.choice([0, 0, 1, 3, 6, 7, 9, 12])
        zeros = chance.choice([0, 0, 3, 6])
        fraction = "".join(chance.choice("0123456789") for _ in range(count)) + "0" * zeros
        text += chance.choice([".", ".", ".", ","]) + fraction if fraction else ""
    return mutated(chance, text)


def a_moment(chance: Chance) -> str:
    """A date with a time, with or without a zone, in any spelling."""
    if chance.random() < 0.1:
        return chance.choice(WORDS)
    if chance.random() < 0.1:
        return a_day(chance)
    between = chance.choice(["T", " ", "T", " ", "t", "  ", "_", ""])
    return a_day(chance) + between + a_clock(chance) + chance.choice(ZONES)


def one_of(*texts: str) -> Callable[[Chance], str]:
    """One of these, or one of these changed at one place."""
    return lambda chance: mutated(chance, chance.choice(texts))


def _json(chance: Chance, text: str) -> str:
    """A leaf of JSON: as a number where it is one, as a text, or as null."""
    if chance.random() < 0.1:
        return "null"
    try:
        bare = isinstance(json.loads(text), int | float) and text not in ("NaN", "Infinity")
    except (ValueError, RecursionError):
        bare = False
    return text if bare and chance.random() < 0.7 else json.dumps(text, ensure_ascii=False)


def listed(inner: Callable[[Chance], str]) -> Callable[[Chance], str]:
    """A list of JSON."""

    def made(chance: Chance) -> str:
        if chance.random() < 0.2:
            return chance.choice(NESTED_ODD)
        parts = [inner(chance) for _ in range(chance.randint(0, 3))]
        return f"[{','.join(parts)}]"

    return made


def leaves(inner: Callable[[Chance], str]) -> Callable[[Chance], str]:
    """A leaf of JSON, half of the time one that fits most types."""
    return lambda chance: _json(chance, inner(chance) if chance.random() < 0.4 else "7")


def objects(**inner: Callable[[Chance], str]) -> Callable[[Chance], str]:
    """An object of JSON, some fields left out, some added, some named twice."""

    def made(chance: Chance) -> str:
        if chance.random() < 0.2:
            return chance.choice(NESTED_ODD)
        names = [name for name in inner if chance.random() < 0.8]
        pairs = [f"{json.dumps(name)}:{inner[name](chance)}" for name in names]
        if chance.random() < 0.1:
            pairs.append('"extra":1')
        if pairs and chance.random() < 0.1:
            pairs.append(pairs[0])
        return "{" + ",".join(pairs) + "}"

    return made


def named(inner: Callable[[Chance], str]) -> Callable[[Chance], str]:
    """An object whose names are whole numbers."""
    fields = dict.fromkeys(("1", "2", "01", "x"), inner)
    return objects(**fields)


def _whole(bits: int, *, signed: bool) -> Kind:
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    return Kind(whole, (low, high))


def _moment(unit: str, engine: str, *, zoned: bool) -> Kind:
    """What a type of moments holds: those with a zone are counted in microseconds."""
    scale = UNITS[unit] // UNITS["us"] if engine == "us" else 1

    def read(text: str) -> int:
        return moment(text, unit, zoned=zoned, low=-(HALF // scale), high=(HALF - 2) // scale)

    return Kind(read)


INT, MONEY, REAL = _whole(64, signed=True), Kind(money, (12, 2)), Kind(real, (64,))
INSTANT = _moment("us", "us", zoned=True)
a_text = one_of(*TEXTS)
_PAIR = objects(a=leaves(number), b=leaves(a_text), c=leaves(a_moment))
_PAIR_TYPE = pa.struct([("a", pa.int64()), ("b", pa.string()), ("c", pa.timestamp("us", "UTC"))])
TYPES: dict[str, Typed] = {
    **{
        f"int{bits}": Typed(getattr(pa, f"int{bits}")(), _whole(bits, signed=True), number)
        for bits in (8, 16, 32, 64)
    },
    **{
        f"uint{bits}": Typed(getattr(pa, f"uint{bits}")(), _whole(bits, signed=False), number)
        for bits in (8, 16, 32, 64)
    },
    "money": Typed(pa.decimal128(12, 2), MONEY, number),
    "exact": Typed(pa.decimal128(38, 18), Kind(money, (38, 18)), number),
    "ratio": Typed(pa.float64(), REAL, number),
    "narrow": Typed(pa.float32(), Kind(real, (32,)), number),
    "flag": Typed(pa.bool_(), Kind(truth), one_of(*FLAGS)),
    "day": Typed(pa.date32(), Kind(day), a_day),
    **{
        f"local_{unit}": Typed(pa.timestamp(unit), _moment(unit, unit, zoned=False), a_moment)
        for unit in ("s", "ms", "us", "ns")
    },
    **{
        f"instant_{unit}": Typed(
            pa.timestamp(unit, "UTC"), _moment(unit, "us", zoned=True), a_moment
        )
        for unit in ("s", "ms", "us")
    },
    **{
        f"clock_{unit}": Typed(kind, Kind(clock, (unit,)), a_clock)
        for unit, kind in {
            "s": pa.time32("s"),
            "ms": pa.time32("ms"),
            "us": pa.time64("us"),
            "ns": pa.time64("ns"),
        }.items()
    },
    "bytes": Typed(pa.binary(), Kind(raw, (None,)), one_of(*BYTES)),
    "four": Typed(pa.binary(4), Kind(raw, (4,)), one_of(*BYTES)),
    "said": Typed(pa.string(), Kind(said), a_text),
    "ints": Typed(
        pa.list_(pa.int64()), Kind(nested, (list_of(leaf(INT)),)), listed(leaves(number))
    ),
    "prices": Typed(
        pa.list_(pa.decimal128(12, 2)), Kind(nested, (list_of(leaf(MONEY)),)),
        listed(leaves(number)),
    ),
    "pair": Typed(
        _PAIR_TYPE,
        Kind(nested, (struct_of(a=leaf(INT), b=leaf(Kind(said)), c=leaf(INSTANT)),)),
        _PAIR,
    ),
    "pairs": Typed(
        pa.list_(_PAIR_TYPE),
        Kind(
            nested,
            (list_of(struct_of(a=leaf(INT), b=leaf(Kind(said)), c=leaf(INSTANT))),),
        ),
        listed(_PAIR),
    ),
    "rates": Typed(
        pa.map_(pa.int64(), pa.list_(pa.float64())),
        Kind(nested, (map_of(leaf(INT), list_of(leaf(REAL))),)),
        named(listed(leaves(number))),
    ),
}  # fmt: skip


def spelled(
    chance: Chance, count: int, types: Mapping[str, Typed] = TYPES
) -> Iterator[tuple[str, str]]:
    """Give so many texts, each with the name of its type, every type as often as the others."""
    names = list(types)
    for at in range(count):
        name = names[at % len(names)]
        yield name, TYPES[name].made(chance)


def plain(value: Any) -> Any:
    """Give a value of Arrow in the words of `meaning`: instants as nanoseconds since 1970."""
    kind = value.type
    if not value.is_valid:
        return None
    if pa.types.is_map(kind):
        return [(plain(pair["key"]), plain(pair["value"])) for pair in value.values]
    if pa.types.is_list(kind):
        return [plain(each) for each in value.values]
    if pa.types.is_struct(kind):
        return {name: plain(value[name]) for name in value}
    if pa.types.is_temporal(kind):
        return value.value * (DAY if pa.types.is_date(kind) else UNITS[kind.unit])
    return value.as_py()

"""Functions whose meaning is known on every Python; they need none but Python's own library."""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import ipaddress
import math
import operator
import pathlib
import re
import string
import typing
import uuid
import zoneinfo
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

LIMIT = 3
WORDS = {"b", "a", "é", "\U0001fae8"}
NAMED = collections.OrderedDict(a=1)
NESTED = {"a": [1, 2.5, None, True, ...], "b": (b"x", 1j, -0.0, float("nan"), 10**30)}
EXACT = (decimal.Decimal("1.10"), fractions.Fraction(1, 3), uuid.UUID(int=7))
WHEN = (
    datetime.datetime(2013, 1, 1, tzinfo=datetime.UTC),
    datetime.date(2013, 1, 1),
    datetime.time(1, 2, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")),
    datetime.timedelta(hours=1.5),
)
PLAIN = (re.compile("a+", re.IGNORECASE), Path("a/b"), ipaddress.ip_network("10.0.0.0/8"), range(3))
MADE = (
    functools.partial(max, 1, default=2),
    operator.attrgetter("a"),
    operator.itemgetter(1, 2),
    operator.methodcaller("x", 1, y=2),
    list[int],
    int | None,
    string.Template("$a"),
    slice(1, 2),
)


class Kind(enum.StrEnum):
    """Kinds."""

    LATE = enum.auto()
    EARLY = "early"


class Mark(enum.Flag):
    """Marks, with something to do."""

    ONE = 1
    TWO = 2

    def both(self) -> Mark:
        """Add another."""
        return self | Mark.TWO


class Pair(NamedTuple):
    """Two."""

    left: int
    right: int = 2

    @property
    def total(self) -> int:
        """Their sum."""
        return self.left + self.right


@dataclasses.dataclass(frozen=True, order=True)
class Config:
    """How much."""

    low: int = 1
    names: list[str] = dataclasses.field(default_factory=list)

    def __post_init__(self) -> None:
        assert self.low > 0

    @functools.cached_property
    def doubled(self) -> int:
        """Twice as much."""
        return self.low * 2


class Box:
    """Holds things."""

    __slots__ = ("size",)
    factor: typing.ClassVar[int] = 2

    def __init__(self, size: int) -> None:
        self.size = size

    @classmethod
    def made(cls) -> Box:
        """One of five."""
        return cls(5)

    @staticmethod
    def grown(by: int = 1) -> int:
        """One more."""
        return by + 1


CONFIG, BOX, PAIR = Config(low=2, names=["n"]), Box(4), Pair(1)


def constants(x: int) -> object:
    """Read every kind of constant."""
    return x, LIMIT, WORDS, NAMED, NESTED, EXACT, WHEN, PLAIN, MADE, math.pi


def classes() -> object:
    """Use every kind of class."""
    return Kind.LATE, Mark.ONE.both(), PAIR.total, Pair(1), CONFIG.doubled, BOX, Box.made(), CONFIG


def texts(x: int, name: str = "a") -> str:
    """Write texts in every way."""
    width = 5
    one = f"{x!r:>{width}} of {name}and {x + 1:.2f}{{}}"
    two = f"{x=}" + f"{x:}" + "ab" + f"{name.upper()!s}" + 'it\'s "so"' + "\x00é\U0001fae8"
    return one + two + f"{'nested' + f'{x}'}" + b"\xff".hex()


def loops(xs: list[int]) -> Iterator[int]:
    """Go around in every way."""
    for x, *rest in zip(xs, xs, strict=True):
        if (y := x + 1) > 2:
            yield from [z * y for z in rest if z for _ in range(z)]
        elif not x:
            continue
        else:
            break
    else:
        yield sum(n for n in {*xs} | {k: v + 1 for k, v in enumerate(xs)}.keys())
    while True:
        try:
            yield -1 if xs[0] else +2
        except (KeyError, ValueError) as error:
            raise RuntimeError(str(error)) from error
        finally:
            del xs[0]
        return


def matches(x: object) -> object:
    """Tell shapes apart."""
    match x:
        case {"a": [1, *rest], **others} if rest:
            return rest, others
        case Config(low=low) | Pair(low, _):
            return low
        case None | "text" | -1.5 as found:
            return found
        case _:
            return ...


async def waits(x: float) -> list[float]:
    """Wait for things."""
    async with asyncio.timeout(x):
        await asyncio.sleep(x)
    return [y async for y in _ticks(x)]


async def _ticks(x: float) -> typing.AsyncIterator[float]:
    yield x


def nested(x: int) -> object:
    """Define inside."""
    total = 0

    class Local:
        """Here only."""

        value: int = LIMIT

        def more(self, by: int = LIMIT) -> int:
            """More."""
            nonlocal total
            total += by
            return total

    def inner(y: int, /, *args: int, z: int = 1, **kwargs: int) -> int:
        import json as told
        from math import floor

        return floor(y + z + x + len(args) + len(kwargs)) + len(told.dumps(x))

    return (
        Local,
        inner,
        lambda a, *b, c=LIMIT: (a, b, c),
        [x + 1 for x in range(x)],
        Path.cwd,
        pathlib,
    )


def recursive(x: int) -> int:
    """Call one another."""
    return x if x < 1 else mutual(x - 1)


def mutual(x: int) -> int:
    """Call back."""
    return recursive(x - 2) + cached(x)


@functools.lru_cache(maxsize=8)
def cached(x: int) -> int:
    """Remember."""
    return x + 10


@functools.singledispatch
def told(x: object) -> str:
    """Tell by type."""
    return str(x)


@told.register
def _(x: int) -> str:
    return hex(x)


def dispatched(x: int) -> str:
    """Go by tables."""
    table: dict[str, typing.Callable[[int], object]] = {"a": told, "b": cached}
    return f"{told(x)}{table['a'](x)}"


def factory() -> list[typing.Callable[[int], int]]:
    """Make functions that share what they close over."""
    made: list[typing.Callable[[int], int]] = []
    for i in range(3):

        def inner(x: int) -> int:
            return x + i  # noqa: B023  # the last one, for all of them

        made.append(inner)
    return made


late = factory()[0]
FUNCTIONS = (
    *(constants, classes, texts, loops, matches, waits, nested),
    *(recursive, dispatched, late, cached),
)

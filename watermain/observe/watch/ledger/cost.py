"""Work that suddenly takes much more than it used to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from watermain.declare.name import DatasetName
from watermain.engine.promise.signal import Signal

PROMISE = "cost"
LATELY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Bound:
    """When a span of time costs too much: so many `times` what is usual, and so much at least.

    Shapes: `usual` spans with work are needed before anything is said.
    """

    span: str
    times: float
    usual: int
    seconds: float
    bytes: float


HOURLY = Bound(span="hour", times=5, usual=6, seconds=120, bytes=2e8)
DAILY = Bound(span="day", times=3, usual=7, seconds=600, bytes=2e9)


@dataclass(frozen=True, kw_only=True)
class Spent:
    """What the spans up to now have cost, the newest first.

    Units: seconds of computing, and bytes written or read.
    """

    seconds: Sequence[float]
    bytes: Sequence[float]


def surges(
    spent: Mapping[DatasetName, Spent], bound: Bound, now: datetime, doing: str = "publishing"
) -> Iterator[Signal]:
    """Datasets whose newest span cost many times what is usual: each is a ticket.

    Guarantees: spans in which nothing was done are not usual ones.
    """
    for name, each in spent.items():
        said = [
            told
            for values, unit, least in (
                (each.seconds, "s", bound.seconds),
                (each.bytes, "bytes", bound.bytes),
            )
            if (told := _surge(values, unit, bound, least))
        ]
        if said:
            yield Signal(
                dataset=name,
                promise=PROMISE,
                severity="ticket",
                rule=f"{bound.times:g}x the usual {bound.span}",
                told=f"{doing} took {' and '.join(said)} in the last {bound.span}",
                at=now,
                is_alone=True,
            )


def _surge(values: Sequence[float], unit: str, bound: Bound, least: float) -> str:
    """What the newest span cost in words, if it is a surge."""
    past = [value for value in values[1:] if value > 0]
    if len(past) < bound.usual or values[0] < least:
        return ""
    usual = median(past)
    if values[0] < bound.times * usual:
        return ""
    return f"{values[0]:,.0f} {unit}, {values[0] / usual:.1f}x the usual {usual:,.0f}"

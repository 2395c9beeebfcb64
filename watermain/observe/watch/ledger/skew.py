"""Partitions that take far longer than their siblings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from statistics import median
from typing import NamedTuple

from watermain.declare.name import DatasetName
from watermain.engine.promise.signal import Signal

PROMISE = "skew"
LEAST_SIBLINGS = 8
TIMES = 5
LEAST_SECONDS = 30.0


class TimedPublish(NamedTuple):
    """How long the last publish of a partition took."""

    partition: str
    seconds: float
    rows: int
    published_at: datetime


def skewed(
    timed: Mapping[DatasetName, Sequence[TimedPublish]], since: datetime
) -> Iterator[Signal]:
    """Datasets with a partition in the long tail, published lately; each is a ticket.

    Guarantees: it stands until the partition is published in less, or is not lately any more.
    """
    for name, siblings in timed.items():
        if len(siblings) <= LEAST_SIBLINGS:
            continue
        usual, rows = median(t.seconds for t in siblings), median(t.rows for t in siblings)
        slow = [
            t
            for t in siblings
            if t.published_at >= since and t.seconds >= max(LEAST_SECONDS, TIMES * usual)
        ]
        if not slow:
            continue
        worst = max(slow, key=lambda t: t.seconds)
        share = f"; its rows are {worst.rows / rows:.1f}x as many" if rows else ""
        yield Signal(
            dataset=name,
            promise=PROMISE,
            severity="ticket",
            rule=f"{TIMES}x the median of its siblings",
            told=f"{worst.partition or 'the table'} took {worst.seconds:,.0f} s to publish,"
            f" its siblings {usual:,.1f} s{share}",
            at=worst.published_at,
            partitions=tuple(sorted(t.partition for t in slow if t.partition)),
            is_alone=True,
        )

"""The time of day, as an argument."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def micros(instant: datetime) -> int:
    """An instant as microseconds of UTC since 1970."""
    return (instant - EPOCH) // MICROSECOND


def instant_of(micros: int) -> datetime:
    """The instant of so many microseconds since 1970."""
    return EPOCH + timedelta(microseconds=micros)


class Clock:
    """Tell the present UTC instant."""

    def now(self) -> datetime:
        """The present instant."""
        return datetime.now(UTC)

    def micros(self) -> int:
        """Microseconds since 1970."""
        return time.time_ns() // 1000


@dataclass
class FixedClock(Clock):
    """Tell an instant chosen by the caller."""

    instant: datetime

    def now(self) -> datetime:
        return self.instant

    def micros(self) -> int:
        return micros(self.instant)

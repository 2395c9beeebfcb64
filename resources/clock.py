"""The time of day, as an argument."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime


class Clock:
    """Tell the present UTC instant."""

    def now(self) -> datetime:
        """The present instant."""
        return datetime.now(UTC)


@dataclass
class FixedClock(Clock):
    """Tell an instant chosen by the caller."""

    instant: datetime

    def now(self) -> datetime:
        return self.instant

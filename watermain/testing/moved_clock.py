"""A clock that its owner moves."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from watermain.clock import FixedClock
from watermain.testing.given_rows import GivenRowsError

BEGINNING = datetime(2013, 1, 1, tzinfo=UTC)  # where a cadence begins that says nothing else


@dataclass
class MovedClock(FixedClock):
    """Stand still until it is moved; it begins with the year 2013."""

    instant: datetime = BEGINNING

    def advance(self, by: timedelta) -> datetime:
        """Let time pass, and give the instant that it is then.

        Raises: GivenRowsError, when time would go backwards.
        """
        if by < timedelta(0):
            raise _unmoved(f"time does not go back by {-by}", "clock.set(...) says what it is")
        return self.set(self.instant + by)

    def set(self, instant: datetime) -> datetime:
        """Make it that instant, which may be an earlier one.

        Raises: GivenRowsError, when the instant names no zone.
        """
        if instant.tzinfo is None:
            raise _unmoved(f"{instant} names no instant without a zone", "say tzinfo=UTC")
        self.instant = instant.astimezone(UTC)
        return self.instant


def _unmoved(what: str, next: str) -> GivenRowsError:
    return GivenRowsError(
        f"the clock was not moved: {what}",
        declared="watermain.testing.MovedClock",
        data="the clock stands where it stood",
        next=next,
    )

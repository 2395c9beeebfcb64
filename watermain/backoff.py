"""Pauses between tries, ever longer up to a bound, no two alike."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import timedelta

FIRST_PAUSE = timedelta(seconds=1)
LONGEST_PAUSE = timedelta(seconds=30)


@dataclass(kw_only=True)
class Backoff:
    """Give the pause before each next try; `rest` begins anew once something worked.

    Guarantees: a pause is at least half of what doubling gives and at most all of it, so that many
    who lost the same server do not come back to it at one moment.
    """

    first: timedelta = FIRST_PAUSE
    longest: timedelta = LONGEST_PAUSE
    chance: random.Random = field(default_factory=random.Random)
    tries: int = 0

    def pause(self, least: timedelta = timedelta(0)) -> timedelta:
        """The next pause, which is `least` or more before jitter."""
        whole = min(max(self.first * 2 ** min(self.tries, 20), least), self.longest)
        self.tries += 1
        return whole * self.chance.uniform(0.5, 1.0)

    def rest(self) -> None:
        """Begin anew."""
        self.tries = 0

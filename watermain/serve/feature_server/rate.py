"""How often somebody may ask."""

from __future__ import annotations

import math


class Allowance:
    """Fill by `rate` a second up to one second's worth; each request takes one.

    Units: `now` are seconds of a clock that never goes back.
    """

    def __init__(self, rate: float, now: float) -> None:
        self.rate, self._most = rate, max(1.0, rate)
        self._held, self._at = self._most, now

    def wait_seconds(self, now: float) -> int:
        """Take one, and give 0, or the whole seconds until there is one."""
        self._held = min(self._most, self._held + (now - self._at) * self.rate)
        self._at = now
        if self._held >= 1:
            self._held -= 1
            return 0
        return math.ceil((1 - self._held) / self.rate)

"""The pace at which the demo's time passes."""

from __future__ import annotations

import math
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

AT_ONCE = math.inf
FOREVER = datetime(9999, 1, 1, tzinfo=UTC)
LONGEST_WAIT = timedelta(minutes=1)  # then look again: a computer may have slept or a server gone


def present() -> datetime:
    """Return the present instant."""
    return datetime.now(UTC)


@contextmanager
def stop_asked() -> Iterator[threading.Event]:
    """Turn SIGTERM and SIGINT into an event, so that the work under way is finished."""
    stop = threading.Event()
    before = {
        number: signal.signal(number, lambda *_: stop.set())
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@dataclass
class Pace:
    """Tell the demo's time: from `start`, `speed` times as fast, and until `until`."""

    start: datetime
    until: datetime
    speed: float = 1.0
    stop: threading.Event = field(default_factory=threading.Event)
    clock: Callable[[], datetime] = present

    def __post_init__(self) -> None:
        self._began = self.clock()

    def now(self) -> datetime:
        """Return the demo's present instant."""
        if self.speed == AT_ONCE or self.start >= self.until:
            return self.until
        passed = (self.clock() - self._began) * self.speed
        return self.start + min(passed, self.until - self.start)

    def stopped(self) -> bool:
        """Say whether somebody asked to stop."""
        return self.stop.is_set()

    def over(self) -> bool:
        """Say whether the demo's time has ended or somebody asked to stop."""
        return self.stopped() or self.now() >= self.until

    def wait_until(self, moment: datetime) -> None:
        """Sleep until `moment` of the demo's time, but less when asked to stop."""
        ahead = (min(moment, self.until) - self.now()) / self.speed
        self.stop.wait(max(0.0, min(ahead, LONGEST_WAIT).total_seconds()))

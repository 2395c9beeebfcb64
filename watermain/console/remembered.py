"""What was read once, kept until it is read again."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from watermain.clock import Clock
from watermain.declare.errors import WatermainError

T = TypeVar("T")


@dataclass(frozen=True)
class LastReading(Generic[T]):
    """What was read, when, and why the last try to read it again gave nothing.

    Shapes: `value` and `at` are None where it was never read.
    """

    value: T | None = None
    at: datetime | None = None
    trouble: str = ""


class Remembered(Generic[T]):
    """Give what was read last, and read it again beside that once it is old.

    Guarantees: one reads at a time. What is older than `at_most` is not given before it was read
    again, for as long as `patience`; then it is given as old as it is. Who asks for nothing costs
    nothing.
    """

    def __init__(
        self,
        read: Callable[[], T],
        fresh_for: timedelta,
        at_most: timedelta,
        patience: timedelta = timedelta(seconds=10),
    ) -> None:
        self._read, self._fresh, self._most, self._patience = read, fresh_for, at_most, patience
        self._kept, self._tried_at = (
            LastReading[T](),
            datetime.min.replace(tzinfo=Clock().now().tzinfo),
        )
        self._reading, self._lock = threading.Event(), threading.Lock()
        self._reading.set()

    def get(self) -> LastReading[T]:
        """What was read last."""
        now = Clock().now()
        if not timedelta(0) <= now - self._tried_at < self._fresh:
            self._begin(now)
        kept = self._kept
        if kept.at is None or not timedelta(0) <= now - kept.at < self._most:
            self._reading.wait(self._patience.total_seconds())
        return self._kept

    def _begin(self, now: datetime) -> None:
        """Read beside whoever asks, unless somebody does."""
        with self._lock:
            if not self._reading.is_set():
                return
            self._reading.clear()
            self._tried_at = now
        threading.Thread(target=self._renew, args=(now,), daemon=True).start()

    def _renew(self, now: datetime) -> None:
        try:
            self._kept = LastReading(self._read(), now)
        except WatermainError as error:
            self._kept = LastReading(self._kept.value, self._kept.at, error.what)
        finally:
            self._reading.set()

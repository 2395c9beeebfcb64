"""How often access was refused, counted so that nobody can fill a disk by being refused."""

from __future__ import annotations

import atexit
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Self

from watermain.clock import Clock
from watermain.record.audit import AuditEntry, AuditKind, AuditLog
from watermain.settings import Settings

LOG = logging.getLogger("watermain.audit")
MINUTE = timedelta(minutes=1)
SOON = timedelta(seconds=5)
MOST_KEYS = 100
NOBODY, OTHERS = "nobody", "others"  # who has no name here; who is beyond MOST_KEYS


@dataclass(frozen=True)
class Denial:
    """What is counted as one."""

    kind: AuditKind
    who: str
    detail: str
    dataset: str | None = None


OTHER_HOST = Denial("host", NOBODY, "the request names another server as its host")


class AuditTally:
    """Count what a service refuses, and write it down from a thread of its own.

    Guarantees: the first of a quiet minute is written within `soon`, what follows once a minute,
    one row for each that differs; beyond MOST_KEYS of them all others are one. `add` never waits,
    unless `soon` is no time at all, when the caller of the first writes it.
    """

    def __init__(
        self,
        append: Callable[[Sequence[AuditEntry]], str],
        clock: Clock | None = None,
        soon: timedelta = SOON,
    ) -> None:
        self._append, self._clock, self._soon = append, clock or Clock(), soon
        self._turn = threading.Lock()
        self._held: dict[Denial, AuditEntry] = {}
        self._timer: threading.Timer | None = None
        self._written: datetime | None = None
        atexit.register(self.flush)

    @classmethod
    def of(cls, settings: Settings, soon: timedelta = SOON) -> Self:
        """The tally of the log that the settings lead to."""
        return cls(AuditLog.of(settings).append, soon=soon)

    def add(self, denial: Denial) -> None:
        """Count one refusal."""
        now = self._clock.now()
        with self._turn:
            if denial not in self._held and len(self._held) >= MOST_KEYS:
                denial = Denial(denial.kind, OTHERS, "")
            known = self._held.get(denial) or AuditEntry(**asdict(denial), at=now, count=0)
            self._held[denial] = replace(known, count=known.count + 1)
            if self._timer is not None:
                return
            is_quiet = self._written is None or not timedelta(0) <= now - self._written < MINUTE
            wait = self._soon if is_quiet else MINUTE
            self._timer = threading.Timer(wait.total_seconds(), self.flush)
            self._timer.daemon = True
            if wait:
                self._timer.start()
        if not wait:
            self.flush()

    def flush(self) -> None:
        """Write down what was counted."""
        with self._turn:
            entries, self._held = list(self._held.values()), {}
            if self._timer is not None:
                self._timer.cancel()
            self._timer, self._written = None, self._clock.now()
        if entries and (why := self._append(entries)):
            LOG.warning("%s", why)

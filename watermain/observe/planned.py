"""Maintenance as the project's calendar announces it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

from watermain.engine.promise.book import VerdictBook
from watermain.engine.promise.calendar import events
from watermain.observe.alert.alert import Maintenance
from watermain.observe.alert.step import CALENDAR

AHEAD = timedelta(hours=1)
_LEAST = timedelta(microseconds=1)


class Planned:
    """Read the windows of each round; excuse what will be due in those that say so.

    Shapes: `windows` are those around now, and none while the calendar cannot be read.
    Guarantees: a partition is excused before it is due, from an hour before its window on, so that
    a window that is written down afterwards, or while nobody evaluates, excuses nothing.
    """

    def __init__(
        self, book: VerdictBook, read: Callable[[datetime], tuple[Maintenance, ...]]
    ) -> None:
        self._book, self._read = book, read
        self.windows: tuple[Maintenance, ...] = ()

    def __call__(self, now: datetime) -> str:
        """Read the calendar, and say what was excused.

        Raises: InvalidDeclarationError, MissingExtraError, UnreachableSystemError.
        """
        self.windows = ()
        self.windows = self._read(now)
        excusing = [
            window
            for window in self.windows
            if window.budget == "excused" and window.begins_at - AHEAD <= now < window.ends_at
        ]
        return "; ".join(each for window in excusing for each in self._excused(window, now))

    def _excused(self, window: Maintenance, now: datetime) -> Iterator[str]:
        terms = self._book.terms()
        known = self._book.excuses(terms)
        first = max(now, window.begins_at - _LEAST)
        for name, said in terms.items():
            for each in events(said, first, window.ends_at):
                if window.holds(name, each.due_at) and (name, each.partition) not in known:
                    why = f"maintenance: {window.name}"
                    self._book.excuse(name, each.partition, why=why, by=CALENDAR, now=now)
                    yield f"{name} {each.partition} is excused, {why}"

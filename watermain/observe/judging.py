"""The step that judges what has become due."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from watermain.engine.promise.book import Beside, VerdictBook
from watermain.engine.promise.calendar import Promised, expected
from watermain.engine.promise.evaluate import SETTLE, Availability, Evaluator
from watermain.engine.rooms.promises import RoomPromises

REST = timedelta(seconds=30)  # less than a minute, after which nothing is measured


class Judging:
    """Judge the promises of the rooms as they are told at each round.

    Guarantees: a promise ends where its room is known and no longer makes it, and not because
    nobody knows what the room declares. A round in which nothing can have become due asks nothing,
    for half a minute at most.
    """

    def __init__(
        self,
        book: VerdictBook,
        lake: Availability,
        known: Callable[[], RoomPromises],
        beside: Iterable[Beside] = (),
    ) -> None:
        self._book, self._known, self._beside = book, known, tuple(beside)
        self._evaluator = Evaluator(book, lake)
        self._rested: tuple[RoomPromises, datetime] | None = None

    def __call__(self, now: datetime) -> str:
        """Judge what is due; say what was judged, or nothing.

        Raises: UnreachableSystemError.
        """
        known = self._known()
        if self._rests(known, now):
            return ""
        kept = {p.dataset for p in known.promises}
        ended = [n for n in self._book.promised() if n.team in known.teams and n not in kept]
        done = self._evaluator.judge(known.promises, now, ended=ended, beside=self._beside)
        if not any(_is_due_soon(each, now) for each in known.promises):
            self._rested = (known, now)
        counts = Counter(v.state for v in done.verdicts)
        said = [f"{count} {state}" for state, count in sorted(counts.items())]
        said += [f"{len(done.arrivals)} came late"] if done.arrivals else []
        return ", ".join(said)

    def _rests(self, known: RoomPromises, now: datetime) -> bool:
        """Whether nothing is promised anew, and nothing is due since it was judged."""
        before, self._rested = self._rested, None
        if before is None or not timedelta(0) <= now - before[1] < REST:
            return False
        if (known.promises, known.teams) != (before[0].promises, before[0].teams):
            return False
        self._rested = before
        return True


def _is_due_soon(promised: Promised, now: datetime) -> bool:
    """Whether a partition is to be judged before a rest is over."""
    return next(expected(promised, now - SETTLE, now - SETTLE + REST), None) is not None

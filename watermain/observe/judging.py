"""The step that judges what has become due."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import datetime

from watermain.engine.promise.book import Beside, VerdictBook
from watermain.engine.promise.evaluate import Availability, Evaluator
from watermain.engine.rooms.promises import RoomPromises


class Judging:
    """Judge the promises of the rooms as they are told at each round.

    Guarantees: a promise ends where its room is known and no longer makes it, and not because
    nobody knows what the room declares.
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

    def __call__(self, now: datetime) -> str:
        """Judge what is due; say what was judged, or nothing.

        Raises: UnreachableSystemError.
        """
        known = self._known()
        kept = {p.dataset for p in known.promises}
        ended = [n for n in self._book.promised() if n.team in known.teams and n not in kept]
        done = self._evaluator.judge(known.promises, now, ended=ended, beside=self._beside)
        counts = Counter(v.state for v in done.verdicts)
        said = [f"{count} {state}" for state, count in sorted(counts.items())]
        said += [f"{len(done.arrivals)} came late"] if done.arrivals else []
        return ", ".join(said)

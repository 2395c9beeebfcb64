"""The figures of all promises, kept from scrape to scrape."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zlib import crc32

import psycopg

from watermain.declare.name import DatasetName
from watermain.engine.promise.book import VerdictBook
from watermain.engine.promise.budget import window_begin
from watermain.engine.promise.calendar import Promised, Term
from watermain.engine.promise.evaluate import LOOK
from watermain.lake.catalog import unreachable
from watermain.observe.export.figures import PromiseFigures
from watermain.observe.export.promise_figures import LONGEST, aged, measured

AT_ONCE = 100  # datasets whose verdicts are in memory together
ANEW = 120  # readings in which each promise is measured anew at least once
JUDGED = LOOK * 2  # an evaluator that has not judged for so long cannot tell what is missing
_NEWEST = "select coalesce(max(id), 0) from watermain.verdict"
_CHANGED = "select distinct dataset from watermain.verdict where id > %s"


@dataclass(frozen=True)
class ReadPromises:
    """What one reading found; `evaluated_at` is when the evaluator last judged."""

    figures: tuple[PromiseFigures, ...]
    evaluated_at: datetime | None


class PromiseReading:
    """Read how promises stand; a quiet reading asks for what was judged since the last one.

    Guarantees: a promise whose newest partition is missing, or that has a bad minute in its
    windows, is measured at every reading, each other one when a verdict of it was written, when
    its words changed, or at the latest after 120 readings.
    """

    def __init__(self, book: VerdictBook, dsn: Callable[[], str]) -> None:
        self._book, self._dsn = book, dsn
        self._kept: dict[DatasetName, tuple[Promised, PromiseFigures]] = {}
        self._marks: tuple[int, ...] = ()  # the newest verdict of the last two readings
        self._turn = 0

    def __call__(self, now: datetime) -> ReadPromises:
        """How every promise stands now.

        Raises: UnreachableSystemError.
        """
        at = self._book.evaluated_at()
        terms = self._book.terms()
        wanted = {n: p for n, said in terms.items() if (p := said[-1].promised) is not None}
        self._kept = {n: kept for n, kept in self._kept.items() if n in wanted}
        due = [*self._due(wanted, self._changed())]
        for first in range(0, len(due), AT_ONCE):
            some = [wanted[name] for name in due[first : first + AT_ONCE]]
            self._measure(some, terms, now)
        self._turn += 1
        judged = at is not None and abs(now - at) <= JUDGED
        found = (aged(figures, promised, now) for promised, figures in self._kept.values())
        told = (each if judged else _unjudged(each) for each in found)
        return ReadPromises(tuple(sorted(told, key=lambda each: str(each.dataset))), at)

    def _due(
        self, wanted: Mapping[DatasetName, Promised], changed: Collection[str]
    ) -> Iterator[DatasetName]:
        """Whose figures are made anew now."""
        for name, promised in wanted.items():
            kept = self._kept.get(name)
            is_known = kept is not None and kept[0] == promised and kept[1].is_calm
            is_turn = crc32(str(name).encode()) % ANEW == self._turn % ANEW
            if not is_known or is_turn or str(name) in changed:
                yield name

    def _changed(self) -> set[str]:
        """The datasets of which a verdict was written since the reading before the last.

        Guarantees: a verdict that was numbered before another and committed after it is seen; it
        asks the index, from a number on, however long the book is.
        """
        try:
            with psycopg.connect(self._dsn()) as connection:
                row = connection.execute(_NEWEST).fetchone()
                since, newest = self._marks[:1], row[0] if row else 0
                self._marks = (*self._marks[-1:], newest)
                rows = connection.execute(_CHANGED, since).fetchall() if since else []
        except psycopg.Error as error:
            raise unreachable(error, data="nothing was read") from error
        return {name for (name,) in rows}

    def _measure(
        self,
        promises: Collection[Promised],
        terms: Mapping[DatasetName, Sequence[Term]],
        now: datetime,
    ) -> None:
        alike = defaultdict[timedelta, list[Promised]](list)
        for each in promises:
            alike[now - min(window_begin(each, now), now - LONGEST)].append(each)
        for reach, some in alike.items():
            found = self._book.verdicts([each.dataset for each in some], now - reach, now)
            for each in some:
                name = each.dataset
                figures = measured(each, terms[name], found[name], now)
                self._kept[name] = (each, figures)


def _unjudged(figures: PromiseFigures) -> PromiseFigures:
    """The same without what only a look of just now can tell."""
    return replace(figures, is_bad=None, scheduled={}, bad={})

"""How every promise stands, as the book of verdicts tells."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from watermain.console.books import ShownBooks
from watermain.console.rooms import ToldDataset, ToldRooms, told
from watermain.declare.name import DatasetName
from watermain.engine.promise.book import VerdictBook
from watermain.engine.promise.budget import PromiseStatus, status, window_begin
from watermain.engine.promise.calendar import Promised, Term
from watermain.engine.promise.evaluate import SETTLE
from watermain.engine.promise.verdict import State, Verdict

StandingState = Literal["met", "burning", "breached", "not measured", "no promise"]
# What needs a look first; what is not measured is no better than what burns.
ORDER: tuple[StandingState, ...] = ("breached", "not measured", "burning", "met", "no promise")
RECENT = 14  # partitions that a line of a list shows


@dataclass(frozen=True, kw_only=True)
class DatasetStanding:
    """How one dataset stands, as a line of a list shows it.

    Shapes: `recent` has what was judged of the last expected partitions, oldest first.
    """

    told: ToldDataset
    state: StandingState
    good: int = 0
    bad: int = 0
    unknown: int = 0
    left: int = 0
    allowed: int = 0
    coverage: float = 0.0
    recent: tuple[State | None, ...] = ()
    newest: str = ""

    @property
    def name(self) -> str:
        """The dataset's name."""
        return str(self.told.name)

    @property
    def promised(self) -> Promised | None:
        """What is promised of it."""
        return self.told.promised

    @property
    def tier(self) -> int:
        """How much it matters, from 1 on; what promises nothing comes last."""
        return self.promised.slo.urgency.tier if self.promised else 9

    @property
    def urgency(self) -> tuple[int, int, str]:
        """What comes first in a list of what needs a look."""
        return ORDER.index(self.state), self.tier, self.name


@dataclass(frozen=True)
class Standings:
    """How every dataset stood at an instant, with when the evaluator last said that it judged."""

    rooms: ToldRooms
    lines: Mapping[str, DatasetStanding]
    at: datetime
    evaluated_at: datetime | None

    @property
    def promised(self) -> list[DatasetStanding]:
        """What promises something, what needs a look first."""
        found = [line for line in self.lines.values() if line.state != "no promise"]
        return sorted(found, key=lambda line: line.urgency)


AWAY = timedelta(minutes=10)  # an evaluator that has not judged for so long is told of
COUNTED = timedelta(minutes=2)
AT_ONCE = 50  # datasets
Terms = Mapping[DatasetName, Sequence[Term]]


class StandingsReader:
    """Tell how every dataset stands; count again only what may have changed.

    Guarantees: what was counted is told again as long as nothing was written down since, and for
    two minutes at most, since what nobody judges becomes due without a word.
    """

    def __init__(self, home: Path, books: ShownBooks) -> None:
        self._home, self._books = home, books
        self._last: tuple[object, Standings] | None = None

    def __call__(self, now: datetime) -> Standings:
        """How every dataset stands.

        Raises: UnreachableSystemError.
        """
        rooms, book = told(self._home), self._books.verdicts
        stamp = (rooms, book.stamp() if book else None)
        evaluated_at = book.evaluated_at() if book else None
        if self._last is not None:
            before, found = self._last
            if before == stamp and timedelta(0) <= now - found.at < COUNTED:
                return replace(found, evaluated_at=evaluated_at)
        found = Standings(rooms, _lines(rooms, book, now), now, evaluated_at)
        self._last = stamp, found
        return found


def one(
    promised: Promised, books: ShownBooks, now: datetime
) -> tuple[PromiseStatus, Mapping[str, Verdict]]:
    """How one promise stands, with the verdicts in force of its window.

    Raises: UnreachableSystemError.
    """
    book, settled = books.verdicts, now - SETTLE
    if book is None:
        return status([], {}, promised, settled), {}
    terms = book.terms().get(promised.dataset, [])
    found = book.verdicts([promised.dataset], window_begin(promised, settled), now)
    verdicts = found[promised.dataset]
    return status(terms, verdicts, promised, settled), verdicts


def _lines(
    rooms: ToldRooms, book: VerdictBook | None, now: datetime
) -> Mapping[str, DatasetStanding]:
    """A line for each dataset, counted some at a time: verdicts are many."""
    terms, found = book.terms() if book else {}, dict[str, DatasetStanding]()
    every = list(rooms.datasets.values())
    for first in range(0, len(every), AT_ONCE):
        some = every[first : first + AT_ONCE]
        stands = _statuses([d.promised for d in some if d.promised], terms, book, now)
        found |= {str(each.name): _line(each, stands.get(each.name)) for each in some}
    return found


def _statuses(
    wanted: Collection[Promised], terms: Terms, book: VerdictBook | None, now: datetime
) -> dict[DatasetName, PromiseStatus]:
    settled = now - SETTLE
    if book is None or not wanted:
        return {p.dataset: status([], {}, p, settled) for p in wanted}
    begin = min(window_begin(p, settled) for p in wanted)
    verdicts = book.verdicts([p.dataset for p in wanted], begin, now)
    return {
        p.dataset: status(terms.get(p.dataset, []), verdicts[p.dataset], p, settled) for p in wanted
    }


def _line(told: ToldDataset, stands: PromiseStatus | None) -> DatasetStanding:
    if stands is None:
        return DatasetStanding(told=told, state="not measured" if told.is_unread else "no promise")
    recent = stands.days[-RECENT:]
    return DatasetStanding(
        told=told,
        state=stands.state,
        good=stands.good,
        bad=stands.bad,
        unknown=stands.unknown,
        left=stands.left,
        allowed=stands.allowed,
        coverage=stands.coverage,
        recent=tuple(state for _, state in recent),
        newest=recent[-1][0].partition if recent else "",
    )

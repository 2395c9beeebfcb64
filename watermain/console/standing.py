"""How every promise stands, as the book of verdicts tells."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Literal

from watermain.console.books import Books
from watermain.console.rooms import ToldDataset, ToldRooms, told
from watermain.declare.name import DatasetName
from watermain.engine.promise.book import VerdictBook
from watermain.engine.promise.budget import PromiseStatus, status, window_begin
from watermain.engine.promise.calendar import Promised
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


def standings(home: Path, books: Books, now: datetime) -> Standings:
    """How every dataset stands.

    Raises: UnreachableSystemError.
    """
    rooms, book = told(home), books.verdicts
    wanted = [d.promised for d in rooms.datasets.values() if d.promised is not None]
    stands = _statuses(wanted, book, now)
    return Standings(
        rooms=rooms,
        lines={name: _line(each, stands.get(each.name)) for name, each in rooms.datasets.items()},
        at=now,
        evaluated_at=book.evaluated_at() if book else None,
    )


def one(
    promised: Promised, books: Books, now: datetime
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


def _statuses(
    wanted: Collection[Promised], book: VerdictBook | None, now: datetime
) -> dict[DatasetName, PromiseStatus]:
    if not wanted:
        return {}
    settled = now - SETTLE
    if book is None:
        return {p.dataset: status([], {}, p, settled) for p in wanted}
    begin = min(window_begin(p, settled) for p in wanted)
    terms, verdicts = book.terms(), book.verdicts([p.dataset for p in wanted], begin, now)
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

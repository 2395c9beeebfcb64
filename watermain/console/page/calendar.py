"""The verdicts of a promise as a calendar with a square for each expected partition."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from watermain.console.wording import MARKS, VERDICTS
from watermain.declare.cadence import Cadence
from watermain.declare.wording import lasting
from watermain.engine.promise.budget import PromiseStatus
from watermain.engine.promise.calendar import Expected
from watermain.engine.promise.verdict import State, Verdict

MOST_SQUARES = 1000
COLUMNS = {
    "day": ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su"),
    "hour": tuple(f"{hour:02d}" for hour in range(24)),
    "month": tuple("JFMAMJJASOND"),
}


@dataclass(frozen=True, kw_only=True)
class Square:
    """One expected partition.

    Shapes: `told` is what was judged of it in words, `left` how many could still be missed then.
    """

    partition: str
    due_at: datetime
    state: State
    mark: str
    told: str
    left: int
    ready_at: datetime | None = None
    by: str = ""
    why: str = ""


@dataclass(frozen=True)
class CalendarRow:
    """A week, a day or a year, with a square or nothing for each of its columns."""

    label: str
    squares: tuple[Square | None, ...]


@dataclass(frozen=True)
class VerdictCalendar:
    """The squares of a promise, in rows; `left_out` tells how many older ones are not shown."""

    columns: tuple[str, ...]
    rows: tuple[CalendarRow, ...]
    squares: tuple[Square, ...]
    left_out: int = 0


def calendar(
    stands: PromiseStatus, verdicts: Mapping[str, Verdict], cadence: Cadence
) -> VerdictCalendar:
    """The calendar of a promise's window, oldest first."""
    found = list(_squares(stands, verdicts))
    shown = tuple(found[-MOST_SQUARES:])
    rows = tuple(_rows(shown, cadence))
    return VerdictCalendar(COLUMNS[cadence.unit], rows, shown, len(found) - len(shown))


def _squares(stands: PromiseStatus, verdicts: Mapping[str, Verdict]) -> Iterable[Square]:
    left = stands.allowed
    for each, judged in stands.days:
        verdict, state = verdicts.get(each.partition), judged or "unknown"
        left -= state == "bad"
        yield Square(
            partition=each.partition,
            due_at=each.due_at,
            state=state,
            mark=MARKS[state],
            told=_told(each, verdict),
            left=left,
            ready_at=verdict.ready_at if verdict else None,
            by=verdict.by if verdict else "",
            why=verdict.why if verdict else "",
        )


def _told(each: Expected, verdict: Verdict | None) -> str:
    if verdict is None:
        return "not measured: nobody has judged it"
    if verdict.state != "bad":
        return VERDICTS[verdict.state]
    if verdict.ready_at is None:
        return "missed, and still missing"
    late = verdict.ready_at - each.due_at
    return f"missed, came {lasting(late)} late" if late > timedelta(0) else "missed"


def _rows(squares: Iterable[Square], cadence: Cadence) -> Iterable[CalendarRow]:
    size, found = len(COLUMNS[cadence.unit]), dict[str, dict[int, Square]]()
    for square in squares:
        label, column = _place(datetime.strptime(square.partition, cadence.format), cadence.unit)
        found.setdefault(label, {})[column] = square
    for label, row in found.items():
        yield CalendarRow(label, tuple(row.get(column) for column in range(size)))


def _place(at: datetime, unit: str) -> tuple[str, int]:
    """The row and the column of a partition."""
    if unit == "hour":
        return f"{at:%Y-%m-%d}", at.hour
    if unit == "month":
        return f"{at:%Y}", at.month - 1
    return f"{at - timedelta(days=at.weekday()):%Y-%m-%d}", at.weekday()

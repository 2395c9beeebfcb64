"""A square for each expected partition."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from tests.watermain.engine.promise.promises import FEES, june, promise
from watermain.console.page.calendar import MOST_SQUARES, VerdictCalendar, calendar
from watermain.declare import AtMost, Cadence, Daily, Hourly, Monthly, Share, Slo
from watermain.engine.promise.budget import status
from watermain.engine.promise.calendar import Term
from watermain.engine.promise.verdict import State, Verdict

SOON = Slo(ready_within=timedelta(hours=2), objective=AtMost(2, of=14))


def verdict(
    partition: str, due_at: datetime, state: State, ready_at: datetime | None = None
) -> Verdict:
    """A verdict of fees."""
    return Verdict(
        dataset=FEES,
        partition=partition,
        due_at=due_at,
        state=state,
        judged_at=due_at,
        ready_at=ready_at,
        why="a reason",
    )


def drawn(slo: Slo, cadence: Cadence, now: datetime, *verdicts: Verdict) -> VerdictCalendar:
    """The calendar of a promise that was made long ago."""
    made = promise(slo, cadence)
    found = {each.partition: each for each in verdicts}
    terms = [Term(datetime(2020, 1, 1, tzinfo=UTC), made)]
    return calendar(status(terms, found, made, now), found, cadence)


def test_days_stand_in_weeks_under_their_weekday() -> None:
    """1 June 2026 is a Monday."""
    late = verdict("2026-06-02", june(3, 2), "bad", june(3, 9))
    gone = verdict("2026-06-03", june(4, 2), "bad")
    good = verdict("2026-06-01", june(2, 2), "good", june(2, 1))
    free = verdict("2026-06-04", june(5, 2), "excused")
    found = drawn(SOON, Daily(start=date(2026, 6, 1)), june(10), good, late, gone, free)
    assert [row.label for row in found.rows] == ["2026-06-01", "2026-06-08"]
    first, second = found.rows
    told = [square.told if square else None for square in first.squares]
    assert told == [
        "in time",
        "missed, came 7 h late",
        "missed, and still missing",
        "excused",
        *["not measured: nobody has judged it"] * 3,
    ]
    assert [square is not None for square in second.squares] == [True] + [False] * 6
    assert [square.left for square in found.squares] == [2, 1, 0, 0, 0, 0, 0, 0]
    assert found.left_out == 0


def test_square_is_told_by_more_than_color() -> None:
    """Each state has another mark, and what nobody judged is unknown."""
    found = drawn(
        SOON, Daily(start=date(2026, 6, 1)), june(4), verdict("2026-06-01", june(2, 2), "good")
    )
    assert [(s.state, s.mark) for s in found.squares] == [("good", "✓"), ("unknown", "?")]


def test_hours_stand_in_days() -> None:
    """24 columns."""
    slo = Slo(ready_within=timedelta(minutes=10), objective=AtMost(6, of=48))
    found = drawn(slo, Hourly(start=date(2026, 6, 1)), june(2, 5))
    assert len(found.columns) == 24
    assert [row.label for row in found.rows] == ["2026-06-01", "2026-06-02"]
    assert [s is not None for s in found.rows[1].squares].count(True) == 4


def test_months_stand_in_years() -> None:
    """Twelve columns."""
    slo = Slo(ready_within=timedelta(days=2), objective=AtMost(1, of=12))
    found = drawn(slo, Monthly(start=date(2025, 11, 1)), june(10))
    assert [row.label for row in found.rows] == ["2025", "2026"]
    assert [s is not None for s in found.rows[0].squares] == [False] * 10 + [True, True]


def test_no_more_squares_are_drawn_than_somebody_can_look_at() -> None:
    """How many older ones there are is told."""
    slo = Slo(ready_within=timedelta(minutes=10), objective=Share(0.99, over=timedelta(days=90)))
    found = drawn(slo, Hourly(start=date(2026, 1, 1)), june(10))
    assert len(found.squares) == MOST_SQUARES
    assert found.left_out == 90 * 24 - MOST_SQUARES


def test_nothing_due_is_an_empty_calendar() -> None:
    """No row, no square."""
    found = drawn(SOON, Daily(start=date(2026, 6, 9)), june(9))
    assert (found.rows, found.squares) == ((), ())

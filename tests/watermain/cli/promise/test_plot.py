"""A budget drawn with characters."""

from __future__ import annotations

from datetime import timedelta

from tests.watermain.engine.promise.promises import june
from watermain.cli.promise.plot import budget_lines
from watermain.engine.promise.budget import PromiseStatus
from watermain.engine.promise.calendar import Expected

STATES = {".": "good", "x": "bad", "-": "excused", "?": None}


def _status(states: str, allowed: int) -> PromiseStatus:
    days = tuple(
        (Expected(june(1) + timedelta(days=n), f"d{n}"), STATES[s]) for n, s in enumerate(states)
    )
    return PromiseStatus(at=june(30), days=days, allowed=allowed)  # type: ignore[arg-type]


def test_budget_goes_down_with_each_miss() -> None:
    """A row for each miss that is allowed, the marks beneath."""
    assert budget_lines(_status(".x-.?x.", 2), 40) == [
        "   2 │█",
        "   1 │█████",
        "   0 └───────",
        "      ·x-·?x·",
        "      d0 .. d6",
    ]


def test_many_partitions_share_columns_and_hide_no_miss() -> None:
    """Six in three columns: the column of a miss says so."""
    assert budget_lines(_status("...x..", 1), 3) == [
        "   1 │█",
        "   0 └───",
        "      ·x·",
        "      d0 .. d5",
    ]


def test_many_misses_share_rows() -> None:
    """Twenty allowed in at most eight rows."""
    lines = budget_lines(_status("." * 4, 20), 40)
    assert len(lines) == 10
    assert lines[0] == "  20 │████"


def test_budget_of_nothing_says_so() -> None:
    """Nothing was due yet."""
    assert budget_lines(_status("", 1), 40) == ["nothing was due yet"]

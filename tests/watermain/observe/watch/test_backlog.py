"""What waits at sources, out of what was noted there."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from tests.watermain.observe.watch.failures import GRAVITY, MINUTE, NOW, ORDERS, OTHER, known
from watermain.engine.capture.waiting import MOST_LOOKS, WaitingLook, looks, note, noted
from watermain.observe.watch.backlog import BacklogWatching, piling


def _looks(*amounts: int) -> list[WaitingLook]:
    """Looks a minute apart, the last one now."""
    first = NOW - (len(amounts) - 1) * MINUTE
    return [
        WaitingLook(at=(first + n * MINUTE).isoformat(), amount=amount, unit="rows")
        for n, amount in enumerate(amounts)
    ]


@pytest.mark.parametrize(
    ("amounts", "count"),
    [
        ((5, 6, 6, 7, 8, 9), 1),
        ((5, 5, 5, 5, 5, 5), 1),
        ((5, 6, 7, 8, 9), 0),  # four minutes
        ((9, 8, 7, 6, 5, 4), 0),  # it is worked off
        ((5, 6, 0, 8, 9, 9), 0),  # it was empty three minutes ago
        ((9, 9, 9, 9, 9, 0), 0),
    ],
)
def test_what_does_not_shrink_for_five_minutes_is_told(
    amounts: tuple[int, ...], count: int
) -> None:
    """A source that is worked off, or was empty meanwhile, piles nothing up."""
    found = piling(ORDERS, _looks(*amounts), GRAVITY, NOW)
    assert (found is not None) == bool(count)
    if found is not None:
        assert found.severity == "page"
        assert found.told == f"{amounts[-1]} rows wait at its source since 07:55:00 UTC"


@pytest.mark.parametrize(
    ("age", "amounts", "is_told"),
    [
        (9, (3, 3, 2, 2, 1, 1), False),
        (10, (3, 3, 2, 2, 1, 1), True),
        (999, (3, 3, 0, 1, 1, 1), False),
        (999, (0, 0, 0, 0, 0, 1), False),
    ],
)
def test_age_of_the_oldest_decides_where_it_is_known(
    age: int, amounts: tuple[int, ...], is_told: bool
) -> None:
    """However much shrinks; but an old file that has just come has not waited."""
    oldest = (NOW - age * MINUTE).isoformat()
    some = [replace(each, oldest=oldest) for each in _looks(*amounts)]
    assert (piling(ORDERS, some, GRAVITY, NOW) is not None) == is_told


def test_that_nothing_waits_any_more_is_noted_at_once(tmp_path: Path) -> None:
    """And again only after a while."""
    for second, amount in enumerate((5, 7, 0, 0, 9)):
        note(tmp_path, str(ORDERS), (amount, "rows"), oldest=None, now=NOW + second * MINUTE / 60)
    ((_, found),) = noted(tmp_path)
    assert [each.amount for each in found] == [5, 0]


def test_source_at_which_nobody_looked_lately_is_not_judged(tmp_path: Path) -> None:
    """Looks less than a minute apart are one, and only the last few are kept."""
    for minute in range(20):
        for second in (0, 30):
            at = NOW - 19 * MINUTE + minute * MINUTE + timedelta(seconds=second)
            note(tmp_path, str(ORDERS), (7, "rows"), oldest=None, now=at)
    note(tmp_path, str(OTHER), None, oldest=None, now=NOW)
    ((name, found),) = noted(tmp_path)
    assert (name, len(found)) == (str(ORDERS), MOST_LOOKS)
    watching = BacklogWatching(lambda: tmp_path, known)
    looked = watching.look(NOW)
    assert [each.dataset for each in looked.signals] == [ORDERS]
    assert [looked.is_judged("backlog", each) for each in (ORDERS, OTHER)] == [True, False]
    later = watching.look(NOW + timedelta(hours=1))
    assert later.signals == ()
    assert not later.is_judged("backlog", ORDERS)
    (tmp_path / "torn.json").write_text("[{")
    assert looks(tmp_path / "torn.json") == []

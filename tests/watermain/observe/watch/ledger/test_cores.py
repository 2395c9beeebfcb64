"""Rows of the ledger in, signals out: known answers."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from tests.watermain.engine.promise.promises import FEES, june
from tests.watermain.observe.watch.failures import GRAVITY, MILD, NOW, ORDERS
from watermain.declare import Daily, Slo
from watermain.observe.watch.ledger import completeness, cost, duplicates, skew
from watermain.observe.watch.ledger.completeness import DailyRows
from watermain.observe.watch.ledger.cost import DAILY, HOURLY, Spent
from watermain.observe.watch.ledger.skew import TimedPublish
from watermain.observe.watch.ledger.stream import RecentBatches

CADENCE = Daily(start=date(2026, 1, 1))
SOON = Slo(ready_within=timedelta(hours=2))


def _batches(rows_in: int, rows: int, repeated: int) -> RecentBatches:
    return RecentBatches(
        dataset=ORDERS, newest_at=NOW, rows_in=rows_in, rows=rows, repeated=repeated
    )


@pytest.mark.parametrize(
    ("rows_in", "repeated", "told"),
    [
        (1000, 50, None),
        (1000, 51, "51 of 1,000 rows in the last hour of its stream stand in raw already (5.1%)"),
        (100, 19, None),
        (0, 0, None),
    ],
)
def test_duplicates_above_their_rate_are_a_ticket(
    rows_in: int, repeated: int, told: str | None
) -> None:
    """A few rows that a restart gives again are none."""
    found = list(duplicates.repeating([_batches(rows_in, rows_in - repeated, repeated)]))
    assert [(s.severity, s.told) for s in found] == ([("ticket", told)] if told else [])


@pytest.mark.parametrize(
    ("rows", "repeated", "severity"),
    [(950, 0, None), (949, 0, "ticket"), (499, 0, "page"), (500, 500, None), (0, 1000, None)],
)
def test_rows_that_were_read_but_not_captured_are_told(
    rows: int, repeated: int, severity: str | None
) -> None:
    """Repeats are due once; below a half it is a page where something was promised."""
    found = list(completeness.uncaptured([_batches(1000, rows, repeated)], GRAVITY))
    assert [each.severity for each in found] == ([severity] if severity else [])
    mild = completeness.uncaptured([_batches(1000, rows, repeated)], MILD)
    assert {each.severity for each in mild} <= {"ticket"}


def _days(rows: int, slo: Slo | None = SOON, **words: object) -> DailyRows:
    """A thousand rows a day for eight weeks, then the second of June."""
    last = date(2026, 6, 2)
    counted = {str(last - timedelta(days=ago)): 1000 for ago in range(1, 57)}
    return DailyRows(
        dataset=FEES,
        cadence=CADENCE,
        rows=counted | {str(last): rows},
        slo=slo,
        **words,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("rows", "severity"), [(1000, None), (820, None), (700, "ticket"), (400, "page")]
)
def test_day_with_too_few_rows_is_told(rows: int, severity: str | None) -> None:
    """The day before yesterday is whole at eight; a drop to less than half is a page."""
    found = completeness.volumes([_days(rows)], NOW)
    assert found[FEES][0] == "2026-06-02"
    told = list(completeness.few(found, {FEES: CADENCE}, GRAVITY))
    assert [each.severity for each in told] == ([severity] if severity else [])
    assert [each.partitions for each in told] == ([("2026-06-02",)] if severity else [])


def test_day_is_judged_when_it_is_due() -> None:
    """Before, the day before it is the newest; without a promise it is whole after two hours."""
    days = _days(10)
    assert days.newest(june(3, 1, 59)) == "2026-06-01"
    assert days.newest(june(3, 2)) == "2026-06-02"
    assert _days(10, None).newest(june(3, 2)) == "2026-06-02"
    assert _days(10, Slo(ready_within=timedelta(days=1))).newest(june(3, 2)) == "2026-06-01"
    young = DailyRows(dataset=FEES, cadence=Daily(start=date(2026, 6, 3)), rows={})
    assert young.newest(june(3, 2)) is None


def test_strange_days_teach_nothing() -> None:
    """What was excused, or was missed when it was due, is no normal day."""
    strange = [str(date(2026, 6, 2) - timedelta(days=7 * week)) for week in range(1, 7)]
    found = completeness.volumes([_days(400, strange=strange)], NOW)
    assert found[FEES][1].state == "warming up"
    assert list(completeness.few(found, {FEES: CADENCE}, GRAVITY)) == []


def test_smallest_drop_is_known_before_the_day_comes() -> None:
    """A fifth of a steady thousand; nothing while the baseline warms up."""
    assert completeness.smallest_drop(_days(1000), NOW) == pytest.approx(0.2)
    young = DailyRows(dataset=FEES, cadence=CADENCE, rows={"2026-06-02": 7}, slo=SOON)
    assert completeness.smallest_drop(young, NOW) is None


@pytest.mark.parametrize(
    ("newest", "past", "told"),
    [
        (601, [200] * 7, "publishing took 601 s, 3.0x the usual 200 in the last day"),
        (601, [201] * 7, None),
        (601, [200] * 6 + [0] * 20, None),
        (599, [10] * 7, None),
    ],
)
def test_day_that_costs_thrice_the_usual_is_a_ticket(
    newest: float, past: list[float], told: str | None
) -> None:
    """Seven days with work are needed, and ten minutes at least."""
    spent = {FEES: Spent(seconds=[newest, *past], bytes=[0.0] * (len(past) + 1))}
    found = list(cost.surges(spent, DAILY, NOW))
    assert [(s.severity, s.told, s.is_alone) for s in found] == (
        [("ticket", told, True)] if told else []
    )


def test_bytes_of_an_hour_surge_too() -> None:
    """Both are told where both do."""
    spent = {FEES: Spent(seconds=[120, *[1] * 6], bytes=[1e9, *[1e6] * 6])}
    (found,) = cost.surges(spent, HOURLY, NOW, "questions")
    assert found.told == (
        "questions took 120 s, 120.0x the usual 1"
        " and 1,000,000,000 bytes, 1000.0x the usual 1,000,000 in the last hour"
    )


def _timed(key: str, seconds: float, rows: int = 100) -> TimedPublish:
    return TimedPublish(key, seconds, rows, june(2, 12))


@pytest.mark.parametrize(("seconds", "is_told"), [(49, False), (50, True)])
def test_partition_in_the_long_tail_is_a_ticket(seconds: float, is_told: bool) -> None:
    """Five times the median of its siblings; what was published long ago is over."""
    siblings = [_timed(f"2026-05-{day:02}", 10) for day in range(1, 10)]
    timed = {FEES: [*siblings, _timed("2026-06-01", seconds, 1000)]}
    found = list(skew.skewed(timed, june(2)))
    told = "2026-06-01 took 50 s to publish, its siblings 10.0 s; its rows are 10.0x as many"
    assert [(s.told, s.partitions) for s in found] == [(told, ("2026-06-01",))] * is_told
    assert list(skew.skewed(timed, june(3))) == []
    assert list(skew.skewed({FEES: timed[FEES][5:]}, june(2))) == []

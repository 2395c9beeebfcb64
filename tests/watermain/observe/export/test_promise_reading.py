"""Figures of promises that are kept from reading to reading."""

from __future__ import annotations

from datetime import time, timedelta

import pytest

from tests.watermain.engine.promise.promises import FEES, june, promise
from tests.watermain.observe.export.books import OTHER, Company
from watermain.declare import AtMost, Days, Hours, Slo
from watermain.engine.promise.book import LONG_AGO
from watermain.lake.lake import Lake
from watermain.observe.export.promise_figures import measured, promised_spans
from watermain.observe.export.promise_reading import PromiseReading

MINUTE = timedelta(minutes=1)


@pytest.fixture
def company(lake: Lake) -> Company:
    """Promises since the first of June."""
    return Company(lake.dsn())


def test_late_partition_burns_by_the_minute(company: Company) -> None:
    """An hour after 2 June was due: two of two are late, an hour each."""
    company.commits.publish("2026-06-01", june(2, 3))
    company.judge(june(3, 2, 1))
    company.judge(june(3, 3))
    fees, other = company.reading(june(3, 3)).figures
    assert (fees.dataset, other.dataset) == (FEES, OTHER)
    assert dict(fees.partitions) == {"good": 0, "bad": 2, "excused": 0, "unknown": 0}
    assert (fees.state, fees.allowed, fees.left, fees.coverage) == ("breached", 1, -1, 1.0)
    assert (fees.is_missing, fees.is_promised, fees.is_bad) == (True, True, True)
    assert dict(fees.late) == {7: 2}
    assert fees.scheduled == {
        "5m": 5, "30m": 30, "1h": 60, "2h": 120, "6h": 360, "24h": 1440, "72h": 4320
    }  # fmt: skip
    # That of 1 June came an hour late a day ago.
    assert fees.bad == {
        "5m": 5, "30m": 30, "1h": 60, "2h": 60, "6h": 60, "24h": 60, "72h": 120
    }  # fmt: skip
    assert fees.burn("1h") == pytest.approx(28)
    assert dict(other.partitions) == {"good": 2, "bad": 0, "excused": 0, "unknown": 0}
    assert (other.is_bad, other.state, set(other.bad.values())) == (False, "met", {0})


def test_what_is_quiet_is_not_measured_again(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Verdicts are read of what is missing, and of what was judged since."""
    asked: list[set[str]] = []
    real = company.reading._book.verdicts

    def verdicts(names: list[object], *words: object) -> object:
        asked.append({str(name) for name in names})
        return real(names, *words)  # type: ignore[arg-type]

    monkeypatch.setattr(company.reading._book, "verdicts", verdicts)
    monkeypatch.setattr("watermain.observe.export.promise_reading.ANEW", 10**9)
    company.judge(june(2, 3))
    for minute in range(7):
        company.judge(june(2, 3, minute))
        company.reading(june(2, 3, minute))
        if minute == 2:
            company.book.correct(
                OTHER, "2026-06-01", "bad", why="empty", by="ann", now=june(2, 3, minute)
            )
    both, late = {str(FEES), str(OTHER)}, {str(FEES)}
    # Looked at twice, for an earlier verdict may be committed later; no minute of it was bad.
    assert asked == [both, late, late, both, both, late, late]
    assert company.reading(june(2, 3, 7)).figures[1].partitions["bad"] == 1


def test_every_reading_tells_what_a_first_one_would(company: Company, lake: Lake) -> None:
    """Two weeks of days that come, or do not, or come late."""
    for hour in range(26, 14 * 24, 5):
        now = june(1) + timedelta(hours=hour)
        day = now - timedelta(hours=30)
        if day.day % 3:
            company.commits.publish(f"{day:%F}", now)
        company.judge(now)
        first = PromiseReading(company.book, lake.dsn)(now)
        assert company.reading(now) == first


def test_evaluator_that_stands_still_leaves_no_minute(company: Company) -> None:
    """What stands over the window is told, and of this minute nothing."""
    company.judge(june(2, 3))
    found = company.reading(june(2, 3, 10)).figures[0]
    assert (found.is_bad, found.scheduled, found.burn("1h")) == (None, {}, None)
    assert found.partitions["bad"] == 1


def test_promise_that_ended_has_no_figures(company: Company) -> None:
    """Neither has a dataset that promises nothing yet."""
    company.judge(june(2, 3))
    assert len(company.reading(june(2, 3)).figures) == 2
    company.evaluator.judge([promise()], june(2, 4), ended=[OTHER])
    assert [each.dataset for each in company.reading(june(2, 4)).figures] == [FEES]


def test_minutes_outside_promised_hours_are_not_scheduled(lake: Lake) -> None:
    """Missing since 2:00 UTC, and promised from 7:00 in New York: bad begins at 11:00 UTC."""
    hours = Hours(
        begin=time(7), end=time(19), days=Days(weekdays="mon-fri"), zone="America/New_York"
    )
    slo = Slo(ready_within=timedelta(hours=2), objective=AtMost(3, of=28), hours=hours)
    company = Company(lake.dsn(), slo)
    company.judge(june(2, 10))
    fees, other = company.reading(june(2, 10)).figures
    assert (fees.is_missing, fees.is_promised, fees.is_bad) == (True, False, False)
    assert (fees.scheduled["1h"], other.scheduled["1h"]) == (0, 0)
    assert fees.burn("1h") is None
    company.judge(june(2, 11, 30))
    fees, other = company.reading(june(2, 11, 30)).figures
    assert (fees.is_promised, fees.is_bad, fees.bad["1h"], fees.scheduled["1h"]) == (
        True, True, 30, 30,
    )  # fmt: skip
    assert (other.is_promised, other.scheduled["1h"], other.bad["1h"]) == (True, 30, 0)
    verdicts = company.book.verdicts([OTHER], LONG_AGO, june(2, 11, 30))[OTHER]
    terms = company.book.terms()[OTHER]
    assert other == measured(company.promises[1], terms, verdicts, june(2, 11, 30))


def test_promised_hours_follow_the_clock_of_their_zone() -> None:
    """The days of the longest window; where clocks go forward, an hour less lies before seven."""
    hours = Hours(begin=time(1), end=time(7), zone="America/New_York")
    found = promised_spans(hours, june(3).replace(month=3, day=8, hour=20))
    assert found[-1][1] - found[-1][0] == timedelta(hours=5)
    assert len(found) == 5

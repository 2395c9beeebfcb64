"""Rows that are missing without a word."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np

from watermain.declare.cadence import Cadence, Daily
from watermain.declare.name import DatasetName
from watermain.declare.slo import Slo
from watermain.declare.wording import share
from watermain.engine.promise.baseline import LENGTH, Floats, Volume, bands, judge, lacking
from watermain.engine.promise.signal import Severity, Signal
from watermain.observe.watch.gravity import Gravity
from watermain.observe.watch.ledger.stream import RecentBatches

PROMISE = "completeness"
SETTLED = timedelta(hours=2)  # after its end a day that promises nothing is expected to be whole
LEAST_CAPTURED, GRAVELY_FEW = 0.95, 0.5


@dataclass(frozen=True, kw_only=True)
class DailyRows:
    """The rows of each day of a dataset.

    Shapes: `strange` are days that teach nothing: missed when they were due, or excused.
    """

    dataset: DatasetName
    cadence: Cadence
    rows: Mapping[str, int]
    slo: Slo | None = None
    strange: Collection[str] = ()

    def newest(self, now: datetime) -> str | None:
        """The last day that is to be whole, as far as rows of such days are known."""
        last: datetime = now.astimezone(ZoneInfo(self.cadence.zone)).replace(tzinfo=None)
        floor = self.cadence.floor(last)
        for ago in range(1, 8):
            day = floor - timedelta(days=ago)
            key = day.strftime(self.cadence.format)
            if key < self.cadence.first:
                return None
            end = self.cadence.window(key).end
            due = self.slo.at(end) if self.slo else end + SETTLED
            if due <= now and self._is_expected(day):
                return key
        return None

    def history(self, key: str) -> Floats:
        """The days before one, oldest first; NaN for each that teaches nothing."""
        day = self.cadence.local(key)
        days = [day - timedelta(days=ago) for ago in range(LENGTH, 0, -1)]
        return np.array([self._learnt(each) for each in days])

    def _learnt(self, day: datetime) -> float:
        key = day.strftime(self.cadence.format)
        if key in self.strange or not self._is_expected(day):
            return float("nan")
        return float(self.rows.get(key, "nan"))

    def _is_expected(self, day: datetime) -> bool:
        return self.slo is None or day.date() in self.slo.expected


def volumes(days: Iterable[DailyRows], now: datetime) -> dict[DatasetName, tuple[str, Volume]]:
    """How the last whole day of each dataset compares with the days before it.

    Guarantees: a day without any publish is told by the promise to be in time, and by nothing here.
    """
    found = {}
    for each in days:
        key = each.newest(now) if isinstance(each.cadence, Daily) else None
        if key is not None and key in each.rows:
            found[each.dataset] = key, judge(each.history(key), each.rows[key])
    return found


def smallest_drop(days: DailyRows, now: datetime) -> float | None:
    """The smallest share of a coming day's rows that would be missed if it were gone."""
    key = days.newest(now)
    if key is None:
        return None
    drop = float(bands(days.history(key)).smallest_drop[0])
    return None if np.isnan(drop) else drop


def few(
    found: Mapping[DatasetName, tuple[str, Volume]],
    cadences: Mapping[DatasetName, Cadence],
    gravity: Gravity,
) -> Iterator[Signal]:
    """The days that have too few rows; a page only where somebody was promised something."""
    for name, (key, volume) in found.items():
        signal = lacking(name, key, volume, cadences[name].window(key).end)
        if signal is not None:
            yield replace(signal, severity=_most(signal, gravity))


def uncaptured(streams: Iterable[RecentBatches], gravity: Gravity) -> Iterator[Signal]:
    """Streams of which rows were read that reached no table: they lie in quarantine."""
    for each in streams:
        due = each.rows_in - each.repeated
        if not due or each.rows / due >= LEAST_CAPTURED:
            continue
        captured = each.rows / due
        yield Signal(
            dataset=each.dataset,
            promise=PROMISE,
            severity=gravity.of(each.dataset) if captured < GRAVELY_FEW else "ticket",
            rule=f"captured below {share(LEAST_CAPTURED)}",
            told=f"{each.rows:,} of {due:,} rows read in the last hour of its stream were captured",
            at=each.newest_at,
        )


def _most(signal: Signal, gravity: Gravity) -> Severity:
    return signal.severity if gravity.of(signal.dataset) == "page" else "ticket"

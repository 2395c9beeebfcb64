"""How far the newest rows of a feature table are from those that models learnt from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import duckdb

from watermain.declare.dataset import Dataset
from watermain.engine.feature.feature_drift import SHIFTED, Drift, drifts
from watermain.lake.lake import quote, table

PRESENT = timedelta(days=7)  # of the newest rows is compared with what models learnt from
LEAST = 100  # rows on either side: of fewer the index says more about chance than about values


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A drift beside the greatest that is ordinary; too few rows are not judged."""

    drift: Drift
    limit: float

    @property
    def is_judged(self) -> bool:
        """Whether both sides have rows enough to tell anything."""
        return min(self.drift.trained, self.drift.present) >= LEAST

    @property
    def is_shifted(self) -> bool:
        """Whether the newest rows are like no week that models learnt from."""
        return self.is_judged and self.drift.psi > self.limit


def present_drift(connection: duckdb.DuckDBPyConnection, dataset: Dataset) -> list[Judged]:
    """Compare the newest week with the training window, at the hours of the day that both have.

    Guarantees: a table that has only a morning so far is held against mornings. What the weeks of
    the training window differ from it themselves is ordinary, so that the limit is the index of a
    significant shift or, where it is greater, that of the window's most unusual week.
    """
    feature = dataset.feature
    days = feature.trained_between(dataset.cadence) if feature else None
    if feature is None or days is None:
        return []
    present, trained = _newest(dataset), _trained(dataset, days)
    names = feature.columns(dataset.contract)
    found = []
    for drift in drifts(connection, names, trained, present):
        limit = SHIFTED
        if drift.psi > limit:
            limit = max(limit, _unusual(connection, dataset, days, drift.feature))
        found.append(Judged(drift=drift, limit=limit))
    return found


def _newest(dataset: Dataset) -> str:
    """The rows of the newest week as a relation."""
    of, event = table(dataset.name), quote(str(dataset.contract.event_time))
    newest = f"(select max({event}) from {of})"
    seconds = int(PRESENT.total_seconds())
    return f"(select * from {of} where {event} > {newest} - interval '{seconds} seconds')"


def _trained(dataset: Dataset, window: tuple[date, date]) -> str:
    """The rows of the training window at hours of the day that the newest week has."""
    hour = f"extract(hour from {quote(str(dataset.contract.event_time))}::timestamp)"
    hours = f"{hour} in (select distinct {hour} from {_newest(dataset)})"
    return _days(dataset, *window, condition=f" and {hours}")


def _days(dataset: Dataset, first: date, last: date, *, condition: str = "") -> str:
    """The rows of days of UTC, both included, as a relation."""
    event = quote(str(dataset.contract.event_time))
    return (
        f"(select * from {table(dataset.name)}"
        f" where {event} >= timestamptz '{first} 00:00:00+00'"
        f" and {event} < timestamptz '{last + timedelta(days=1)} 00:00:00+00'{condition})"
    )


def _unusual(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, days: tuple[date, date], name: str
) -> float:
    """The greatest index of a week of the training window against the window."""
    whole = _days(dataset, *days)
    found = [drifts(connection, [name], whole, _days(dataset, *week))[0] for week in _weeks(*days)]
    return max((d.psi for d in found if d.present >= LEAST), default=0.0)


def _weeks(first: date, last: date) -> Iterator[tuple[date, date]]:
    """The weeks of a window from its beginning, and the one that ends with it."""
    week = PRESENT - timedelta(days=1)
    begin = first
    while begin + week < last:
        yield begin, begin + week
        begin += PRESENT
    if last - week > first:
        yield last - week, last

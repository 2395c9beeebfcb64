"""The partitions that rows lie in, at a cost that the rows decide."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import duckdb

from watermain.declare.dataset import Dataset
from watermain.engine.table.partition import Span, is_zoned, span_between
from watermain.lake.lake import quote

_NEAR = timedelta(days=3653)
_DAY_US = 86_400_000_000


def span_of_rows(
    connection: duckdb.DuckDBPyConnection, dataset: Dataset, relation: str, where: str = "true"
) -> Span | None:
    """The span from the oldest to the newest event time; None without rows or a calendar.

    Guarantees: where the rows lie far apart in a zone whose clocks move, the span knows their
    days, so that nobody has to look at the years between.
    """
    cadence, event = dataset.cadence, dataset.contract.event_time
    if cadence is None or event is None:
        return None
    column = quote(event)
    low, high = connection.execute(
        f"select min({column})::timestamp::varchar, max({column})::timestamp::varchar"
        f" from {relation} where {where}"
    ).fetchone() or (None, None)
    if low is None or high is None:
        return None
    span = span_between(dataset, low, high)
    apart = datetime.fromisoformat(high) - datetime.fromisoformat(low)
    if cadence.zone == "UTC" or not is_zoned(dataset.contract) or apart < _NEAR:
        return span
    days = connection.execute(
        f"select distinct floor(epoch_us({column}) / {_DAY_US})::bigint from {relation}"
        f" where {where} order by 1"
    ).fetchall()
    return replace(span, days=tuple(day for (day,) in days))

"""The rows of a dataset's days, as the ledger counts them."""

from __future__ import annotations

from datetime import datetime, timedelta

from watermain.declare.cadence import Cadence
from watermain.declare.name import DatasetName
from watermain.declare.wording import share
from watermain.engine.promise.baseline import LENGTH
from watermain.engine.promise.book import VerdictBook
from watermain.engine.promise.calendar import Promised
from watermain.lake import ledger
from watermain.lake.lake import Lake
from watermain.observe.watch.ledger.completeness import DailyRows, smallest_drop
from watermain.observe.watch.ledger.look import STRANGE


def rows_by_day(
    name: DatasetName,
    cadence: Cadence,
    promised: Promised | None,
    lake: Lake,
    *,
    is_captured: bool,
    now: datetime,
) -> DailyRows:
    """The rows of each partition, with those that teach nothing.

    Raises: UnreachableSystemError.
    """
    with lake.get_connection() as connection:
        stands = ledger.standing(connection, [name])[name]
    begin = now - timedelta(days=LENGTH + 8)
    verdicts = VerdictBook(lake.dsn).verdicts([name], begin, now)[name]
    return DailyRows(
        dataset=name,
        cadence=cadence,
        rows={key: s.rows_ever if is_captured else s.rows for key, s in stands.items()},
        slo=promised.slo if promised else None,
        strange={key for key, v in verdicts.items() if v.state in STRANGE},
    )


def noticed(days: DailyRows, now: datetime) -> str:
    """What a day's rows must lack to be noticed, in words."""
    if days.cadence.unit != "day":
        return ""
    drop = smallest_drop(days, now)
    if drop is None:
        return "no drop of rows yet: the baseline learns from the same weekdays before"
    return f"a drop of {share(round(drop, 3))} of a day's rows"

"""Rows that sources give more than once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from watermain.declare.wording import share
from watermain.engine.promise.signal import Signal
from watermain.observe.watch.ledger.stream import RecentBatches

PROMISE = "duplicate_rate"
MOST_REPEATED = 0.05
LEAST_ROWS = 20  # a few that a restart gives again are no duplicates of the source


def repeating(streams: Iterable[RecentBatches]) -> Iterator[Signal]:
    """Streams that gave more than a twentieth of their rows again: a ticket, as none is in raw."""
    for each in streams:
        if each.repeated < LEAST_ROWS or each.repeated <= MOST_REPEATED * each.rows_in:
            continue
        rate = round(each.repeated / each.rows_in, 3)
        yield Signal(
            dataset=each.dataset,
            promise=PROMISE,
            severity="ticket",
            rule=f"more than {share(MOST_REPEATED)} repeated",
            told=f"{each.repeated:,} of {each.rows_in:,} rows in the last hour of its stream"
            f" stand in raw already ({share(rate)})",
            at=each.newest_at,
        )

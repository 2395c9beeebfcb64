"""What it takes to keep a dataset."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from watermain.engine.promise.indicator.indicator import Ratio
from watermain.engine.publish.attempt import Attempt, Pair
from watermain.lake.ledger import PublishRow
from watermain.source.protocol import Backlog

GB = 10**9
MONTH = timedelta(days=365) / 12


@dataclass(frozen=True, kw_only=True)
class Prices:
    """What machines cost, in one currency.

    Units: an hour of publishing, and 10^9 bytes kept for a month.
    """

    hour: float
    gb_month: float


def error_rate(attempts: Mapping[Pair, Attempt], published: Container[Pair]) -> Ratio:
    """Count tries that failed of those that ended, hidden retries too.

    Shapes: `published` are the partitions that stand at the version which was asked for.
    Guarantees: a try that is under way, or was lost before a run was made, is neither; those before
    it have failed.
    """
    failed = ended = 0
    for pair, attempt in attempts.items():
        earlier = attempt.tries - 1
        has_failed = attempt.state in ("failed", "held") and pair not in published
        failed += earlier + has_failed
        ended += earlier + (has_failed or pair in published)
    return Ratio(failed, ended)


def cost_per_gb(
    publishes: Iterable[PublishRow], kept_bytes: int, over: timedelta, prices: Prices
) -> float | None:
    """The cost of a window by the bytes published in it; None where none were.

    Units: per 10^9 bytes. `kept_bytes` are those that the dataset holds all the while.
    """
    rows = list(publishes)
    written = sum(each.bytes for each in rows)
    if not written:
        return None
    hours = sum(each.seconds for each in rows) / 3600
    kept = kept_bytes / GB * (over / MONTH)
    return (hours * prices.hour + kept * prices.gb_month) / (written / GB)


def backlog(waits: Backlog) -> tuple[int, str] | None:
    """What waits with its unit: rows, else files, else bytes; None where the source cannot tell."""
    return waits.finest

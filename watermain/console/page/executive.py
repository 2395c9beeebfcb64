"""The page of whoever wants to know whether the data can be relied on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from watermain.console.books import ShownBooks
from watermain.console.sight import Sight
from watermain.console.standing import ORDER, DatasetStanding
from watermain.engine.promise.budget import LEAST_COVERAGE
from watermain.observe.incident.incident import Incident, repair_times

MONTH = timedelta(days=30)
MOST_KEY = 12
KEY_TIER = 1


def executive(sight: Sight) -> dict[str, Any]:
    """Overall indicators, cost, incidents, and the datasets that matter most.

    Raises: UnreachableSystemError.
    """
    now, stands, incidents = sight.clock.now(), sight.standings(), sight.books.incidents()
    promised, lately = stands.promised, [i for i in incidents if now - i.began_at < MONTH]
    counts = Counter(line.state for line in promised)
    return {
        "stands": stands,
        "counts": [(state, counts[state]) for state in ORDER[:-1]],
        "on_time": on_time(promised),
        "short": None if sight.away(stands.evaluated_at, now) else short_of_rows(sight.books, now),
        "promised": len(promised),
        "datasets": len(stands.lines),
        "key": key_datasets(promised)[:MOST_KEY],
        "key_count": len(key_datasets(promised)),
        "open": [i for i in incidents if i.is_open],
        "lately": lately,
        "repair": _mean_repair(lately),
        "ledger": sight.ledger(),
    }


def on_time(promised: Sequence[DatasetStanding]) -> dict[str, Any]:
    """The share of partitions that were in time over all promises' windows.

    Guarantees: it is None where less than 95 % of what was due was judged.
    """
    good, bad = sum(p.good for p in promised), sum(p.bad for p in promised)
    due = good + bad + sum(p.unknown for p in promised)
    is_measured = due > 0 and (good + bad) / due >= LEAST_COVERAGE
    return {
        "share": good / (good + bad) if is_measured else None,
        "good": good,
        "judged": good + bad,
        "due": due,
    }


def short_of_rows(books: ShownBooks, now: datetime) -> list[str]:
    """The datasets of which an open alert says that rows are missing."""
    alerts = [each for each in books.alerts(now - MONTH) if each.is_open]
    return sorted({name for each in alerts for name in each.broken("completeness")})


def key_datasets(promised: Sequence[DatasetStanding]) -> list[DatasetStanding]:
    """Those of the first tier; where nothing is of it, those that somebody relies on, or all."""
    first = [p for p in promised if p.tier == KEY_TIER]
    relied = [p for p in promised if p.promised is not None and p.promised.slo.consumers]
    return first or relied or list(promised)


def _mean_repair(incidents: Sequence[Incident]) -> timedelta | None:
    found = repair_times(incidents)
    return sum(found, timedelta(0)) / len(found) if found else None

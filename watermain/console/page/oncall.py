"""The page of whoever was woken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from watermain.clock import instant_of
from watermain.console.asked import LedgerAnswer
from watermain.console.books import TriedPartition
from watermain.console.sight import Sight
from watermain.trouble import troubles

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MOST_TOP = 10


def oncall(sight: Sight) -> dict[str, Any]:
    """What is open, what failed, what lags, and what changed.

    Raises: UnreachableSystemError.
    """
    now, ledger = sight.clock.now(), sight.ledger()
    alerts, tries, facts = sight.books.alerts(now - DAY), sight.books.tries(), ledger.value
    runs = None if facts is None else facts.failed_runs
    return {
        "stands": sight.standings(),
        "open": [each for each in alerts if each.is_open],
        "repaired": [each for each in alerts if not each.is_open],
        "undelivered": sight.books.undelivered(),
        "tries": tries,
        "troubles": troubles(sight.home),
        "runs": None if runs is None else [_run(run) for run in runs],
        "hours": None if runs is None else by_hour([run["at"] for run in runs], now),
        "failing": failing_datasets(tries, runs or ()),
        "lags": lags(facts, now),
        "changes": schema_changes(facts),
        "rooms": room_troubles(facts, sight.standings().rooms.silent),
        "ledger": ledger,
    }


def by_hour(instants: Iterable[float | None], now: datetime) -> list[tuple[datetime, int]]:
    """How many of some instants lie in each of the last 24 hours, the oldest first."""
    this = now.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    hours = [this - n * HOUR for n in range(23, -1, -1)]
    found = Counter(
        datetime.fromtimestamp(at, UTC).replace(minute=0, second=0, microsecond=0)
        for at in instants
        if at is not None
    )
    return [(hour, found[hour]) for hour in hours]


def failing_datasets(
    tries: Sequence[TriedPartition], runs: Iterable[Mapping[str, Any]]
) -> list[tuple[str, int, int]]:
    """The datasets with the most failures: partitions tried in vain, and runs of a day."""
    partitions = Counter(each.dataset for each in tries)
    failed = Counter(name for run in runs for name in run["datasets"])
    names = sorted({*partitions, *failed}, key=lambda n: (-partitions[n] - failed[n], n))
    return [(name, partitions[name], failed[name]) for name in names[:MOST_TOP]]


def lags(facts: LedgerAnswer | None, now: datetime) -> list[dict[str, Any]]:
    """How far each stream is behind, the furthest first; what is not measured comes before all."""
    found = dict[str, dict[str, Any]]()
    for row in facts.streams if facts else ():
        told = found.setdefault(row["stream"], {"stream": row["stream"], "lag": None, "at": None})
        reached, at = _instant(row["watermark_at"]), _instant(row["committed_at"])
        lag = None if reached is None else max(timedelta(0), now - reached)
        told["lag"] = lag if told["lag"] is None else min(told["lag"], lag or told["lag"])
        told["at"] = at if told["at"] is None else max(told["at"], at or told["at"])
    return sorted(found.values(), key=lambda e: (e["lag"] is not None, -_seconds(e["lag"])))


def schema_changes(facts: LedgerAnswer | None) -> list[dict[str, Any]]:
    """The last changes of contracts, and columns that sources showed, newest first."""
    if facts is None:
        return []
    told = [
        {
            "dataset": row["dataset"],
            "at": instant_of(row["at"]),
            "what": f"contract {row['version_before']} became {row['contract_version']}"
            if row["version_before"] != row["contract_version"]
            else f"contract changed within version {row['contract_version']}",
        }
        for row in facts.changes
    ]
    told += [
        {
            "dataset": row["dataset"],
            "at": instant_of(row["at"]),
            "what": f"column {row['column_name']} was {row['outcome']}",
        }
        for row in facts.drift
    ]
    return sorted(told, key=lambda each: each["at"], reverse=True)


def room_troubles(facts: LedgerAnswer | None, silent: Mapping[str, str]) -> list[tuple[str, str]]:
    """The rooms of which something is wrong, each with the first line of why."""
    found = dict(silent)
    for name, why in ((facts.locations or {}) if facts else {}).items():
        if why and why != "loading":
            found[name] = f"does not load: {why.splitlines()[0]}"
    return sorted(found.items())


def _run(run: Mapping[str, Any]) -> dict[str, Any]:
    at = None if run["at"] is None else datetime.fromtimestamp(run["at"], UTC)
    return {**run, "at": at}


def _instant(micros: int | None) -> datetime | None:
    return None if micros is None else instant_of(micros)


def _seconds(length: timedelta | None) -> float:
    return 0.0 if length is None else length.total_seconds()

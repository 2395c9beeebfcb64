"""The page of whoever looks for what exactly went wrong."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from watermain.clock import instant_of
from watermain.console.asked import LedgerAnswer
from watermain.console.page.dataset import lineage
from watermain.console.rooms import told
from watermain.console.sight import Sight
from watermain.console.standing import one
from watermain.declare.name import DatasetName

BUCKETS = ("none", "under 1%", "1% to 10%", "10% to 50%", "half or more")
MOST_OF_PLACE = 40  # characters of a position
MOST_LAGS = 30


@dataclass(frozen=True, kw_only=True)
class PartitionLag:
    """How long after it was due a partition came; None while it has not, or nobody judged it."""

    partition: str
    due_at: datetime
    ready_at: datetime | None
    lag: timedelta | None
    is_judged: bool


def debug(sight: Sight, name: DatasetName | None) -> dict[str, Any] | None:
    """Jobs, lags, repeats, positions and lineage of one dataset, or of all that is captured.

    Shapes: None where no room told of that dataset.
    Raises: UnreachableSystemError.
    """
    rooms, ledger = told(sight.home), sight.ledger()
    facts, found = ledger.value, rooms.datasets.get(str(name))
    if name is not None and found is None:
        return None
    streams = _streams(facts, rooms.datasets, name)
    return {
        "names": list(rooms.datasets),
        "chosen": str(name or ""),
        "told": found,
        "publishes": facts.last(str(name)) if facts and name else [],
        "lags": _lags(sight, found) if found else [],
        "repeats": repeats(facts, streams),
        "buckets": BUCKETS,
        "positions": positions(facts, streams),
        "lineage": lineage(rooms, found) if found else None,
        "home": str(sight.home),
        "ledger": ledger,
    }


def repeats(facts: LedgerAnswer | None, streams: Sequence[str]) -> dict[str, list[int]]:
    """For each stream, how many batches of a week had how many rows whose key stood in raw."""
    found = dict[str, list[int]]()
    for row in facts.repeats if facts else ():
        if row["stream"] in streams:
            counts = found.setdefault(row["stream"], [0] * len(BUCKETS))
            counts[row["bucket"]] += row["batches"]
    return found


def positions(facts: LedgerAnswer | None, streams: Sequence[str]) -> list[dict[str, Any]]:
    """Where each shard of streams stands, the last to commit first."""
    return [
        {
            **row,
            "position": _short(str(row["position"])),
            "shard": _short(str(row["shard"])),
            "committed_at": instant_of(row["committed_at"]),
        }
        for row in (facts.streams if facts else ())
        if row["stream"] in streams
    ]


def _streams(
    facts: LedgerAnswer | None, datasets: Mapping[str, Any], name: DatasetName | None
) -> list[str]:
    """All streams, or those that a dataset is made of, itself or what it reads, however deep."""
    known = {row["stream"] for row in (facts.streams if facts else ())}
    if name is None:
        return sorted(known)
    seen, waiting = set[str](), [str(name)]
    while waiting:
        each = waiting.pop()
        if each not in seen:
            seen.add(each)
            waiting += map(str, datasets[each].inputs if each in datasets else ())
    return sorted(known & seen)


def _lags(sight: Sight, found: Any) -> list[PartitionLag]:
    if found.promised is None:
        return []
    stands, verdicts = one(found.promised, sight.books, sight.clock.now())
    told = []
    for each, _ in reversed(stands.days[-MOST_LAGS:]):
        verdict = verdicts.get(each.partition)
        ready = verdict.ready_at if verdict else None
        told.append(
            PartitionLag(
                partition=each.partition,
                due_at=each.due_at,
                ready_at=ready,
                lag=ready - each.due_at if ready else None,
                is_judged=verdict is not None,
            )
        )
    return told


def _short(place: str) -> str:
    return place if len(place) <= MOST_OF_PLACE else f"{place[:MOST_OF_PLACE]}…"

"""What is known of those who ask for data."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil

from watermain.declare.name import DatasetName
from watermain.record.audit import AuditEntry
from watermain.record.query_log import QueryRecord


def audit_failures(entries: Iterable[AuditEntry], dataset: DatasetName | None = None) -> int:
    """Count access that was refused, of one dataset or of all.

    Shapes: what names no dataset counts for none of them, but among all.
    """
    name = str(dataset) if dataset else None
    return sum(each.count for each in entries if name is None or each.dataset == name)


@dataclass(frozen=True)
class Latency:
    """How long questions took.

    Units: `p50` and `p95` in seconds; `of` questions.
    """

    p50: float
    p95: float
    of: int


def query_latency(asked: Iterable[QueryRecord]) -> Latency | None:
    """The time within which half of the questions were answered, and nineteen of twenty.

    Guarantees: each is the time of a question that was asked, by nearest rank; None of none.
    """
    seconds = sorted(each.seconds for each in asked)
    if not seconds:
        return None
    half, most = (seconds[ceil(len(seconds) * share / 100) - 1] for share in (50, 95))
    return Latency(half, most, len(seconds))

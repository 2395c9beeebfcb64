"""What is known of those who ask, with known answers."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from watermain.declare.name import DatasetName
from watermain.engine.promise.indicator.access import Latency, audit_failures, query_latency
from watermain.record.audit import AuditEntry
from watermain.record.query_log import QueryRecord

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
FEES = DatasetName.parse("billing.curated.fees")


def entry(count: int, dataset: str | None) -> AuditEntry:
    """A query that was refused so many times."""
    return AuditEntry(
        at=NOON, kind="query", who="ann", detail="the engine", dataset=dataset, count=count
    )


@pytest.mark.parametrize(
    ("dataset", "expected"),
    [(None, 8), (FEES, 5), (DatasetName.parse("billing.curated.tariffs"), 0)],
)
def test_audit_failures_counts_each_refusal(dataset, expected):
    """A row that stands for many counts as many; what names no dataset is of none."""
    entries = [entry(1, str(FEES)), entry(4, str(FEES)), entry(3, None)]
    assert audit_failures(entries, dataset) == expected


def test_audit_failures_is_zero_of_nothing():
    """Nothing refused is no failure; where nothing is recorded, the reader raises before."""
    assert audit_failures([]) == 0


def asked(*seconds: float) -> list[QueryRecord]:
    """Questions that took so long."""
    return [
        QueryRecord(at=NOON, who="ann", datasets=(str(FEES),), seconds=each, rows=1, shape="a")
        for each in seconds
    ]


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        ([], None),
        ([0.3], Latency(0.3, 0.3, 1)),
        ([4.0, 1.0, 3.0, 2.0], Latency(2.0, 4.0, 4)),
        ([float(n) for n in range(1, 21)], Latency(10.0, 19.0, 20)),
        ([float(n) for n in range(1, 101)], Latency(50.0, 95.0, 100)),
    ],
)
def test_query_latency_is_the_time_of_a_question(seconds, expected):
    """By nearest rank: of 20 the 10th and the 19th, and nothing of nothing."""
    assert query_latency(asked(*seconds)) == expected

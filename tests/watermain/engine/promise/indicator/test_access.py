"""Refused access, counted with known answers."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from watermain.declare.name import DatasetName
from watermain.engine.promise.indicator.access import audit_failures
from watermain.record.audit import AuditEntry

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

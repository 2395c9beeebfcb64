"""Metrics as Prometheus reads them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.ports import free_port
from watermain.lake.ledger import BatchRow
from watermain.metrics import COUNTERS, GAUGES, Metrics
from watermain.source.protocol import Backlog

NOON = datetime(2013, 1, 1, 12, tzinfo=UTC)
NAME = "shop.raw.events"


def row(**words: Any) -> BatchRow:
    """A batch of ten rows: six captured, one of them late; one put aside, three repeats."""
    facts: dict[str, Any] = {
        "stream": NAME,
        "shard": "s",
        "from_position": "",
        "to_position": "1",
        "batch_id": "b",
        "rows": 6,
        "quarantined": 1,
        "content_hash": "",
        "contract_version": "1",
        "epoch": 1,
        "run_id": "run",
        "committed_at": NOON,
        "rows_in": 10,
        "repeated": 3,
        "late": 1,
        "watermark_at": NOON,
        "seconds": 0.3,
    }
    return BatchRow(**{**facts, **words})


def scraped(metrics: Metrics) -> dict[tuple[str, str], float]:
    """What a scrape answers, parsed: the values by sample, by bucket."""
    port = free_port()
    end = metrics.serve(port)
    try:
        text = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=60).text
    finally:
        end()
    found = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.labels.get("dataset") == NAME and not sample.name.endswith("_created"):
                found[sample.name, sample.labels.get("le", "")] = sample.value
    return found


def test_batches_are_counted() -> None:
    """Counters add up; the ratio is of the last batch; the histogram has its bucket."""
    metrics = Metrics()
    metrics.batch(row())
    metrics.batch(row(rows=10, quarantined=0, repeated=0, late=0, seconds=4.0))
    found = scraped(metrics)
    counted = {n: found[f"watermain_{n}_total", ""] for n in COUNTERS}
    assert counted == {
        "rows_read": 20,
        "rows_captured": 16,
        "rows_quarantined": 1,
        "rows_repeated": 3,
        "rows_late": 1,
        "batches": 2,
    }
    assert found["watermain_duplicate_ratio", ""] == 0
    assert found["watermain_watermark_timestamp_seconds", ""] == NOON.timestamp()
    assert found["watermain_commit_seconds_bucket", "0.5"] == 1
    assert found["watermain_commit_seconds_bucket", "+Inf"] == 2
    assert found["watermain_commit_seconds_sum", ""] == 4.3


def test_backlog_tells_what_the_source_can_tell() -> None:
    """A figure that becomes unknown has no series any more, rather than an old value."""
    metrics, oldest = Metrics(), NOON - timedelta(seconds=90)
    metrics.backlog(NAME, True, Backlog(rows=7, bytes=2048, oldest=oldest), NOON)
    assert scraped(metrics) == {
        ("watermain_backlog_rows", ""): 7,
        ("watermain_backlog_bytes", ""): 2048,
        ("watermain_retained_wal_bytes", ""): 2048,
        ("watermain_backlog_oldest_seconds", ""): 90,
    }
    metrics.backlog(NAME, False, Backlog(files=0), NOON)
    metrics.trouble(NAME, True)
    assert scraped(metrics) == {
        ("watermain_backlog_files", ""): 0,
        ("watermain_backlog_oldest_seconds", ""): 0,
        ("watermain_retained_wal_bytes", ""): 2048,
        ("watermain_unreachable", ""): 1,
        ("watermain_retry_seconds", ""): 0,
    }


def test_a_batch_without_rows_repeats_nothing() -> None:
    """No division by zero."""
    metrics = Metrics()
    metrics.batch(row(rows_in=0, rows=0, quarantined=0, repeated=0, late=0, watermark_at=None))
    assert scraped(metrics)["watermain_duplicate_ratio", ""] == 0


def test_every_metric_says_what_it_is() -> None:
    """One sentence for each."""
    told = [*GAUGES.values(), *(sentence for sentence, _ in COUNTERS.values())]
    assert all(sentence.endswith(".") for sentence in told)

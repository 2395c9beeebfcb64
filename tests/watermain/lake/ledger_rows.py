"""Batches that a ledger could hold."""

from __future__ import annotations

from datetime import UTC, datetime

from watermain.declare import DatasetName
from watermain.lake import ledger

STREAM = DatasetName.parse("shop.raw.events")
NOON = datetime(2013, 1, 1, 12, tzinfo=UTC)


def batch(shard: str, start: str, end: str, epoch: int = 1) -> ledger.BatchRow:
    """One captured batch; all are committed at the same moment."""
    return ledger.BatchRow(
        stream=str(STREAM),
        shard=shard,
        from_position=start,
        to_position=end,
        batch_id=f"{shard}{start}{end}",
        rows=1,
        quarantined=0,
        content_hash="",
        contract_version="1",
        epoch=epoch,
        run_id="run",
        committed_at=NOON,
        rows_in=1,
    )


def publish(partition: str, version: str, epoch: int, at: datetime = NOON) -> ledger.PublishRow:
    """One published partition, whose rows are as many as its version has letters."""
    return ledger.PublishRow(
        dataset="shop.curated.sales",
        partition=partition,
        data_version=version,
        code_version="code",
        contract_version="1",
        contract_hash="",
        rows_in=0,
        rows_out=len(version),
        bytes=0,
        seconds=0.0,
        peak_memory=0,
        input_snapshot=0,
        epoch=epoch,
        run_id="run",
        published_at=at,
    )

"""What the trace of a capture says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from watermain.declare.dataset import Dataset
from watermain.lake.fence import Lease
from watermain.lake.ledger import BatchRow
from watermain.source.protocol import Batch
from watermain.trace.identity import batch_point
from watermain.trace.message import TRACEPARENT, Messages
from watermain.trace.tracing import begin, current, operation


@contextmanager
def traced(dataset: Dataset, batch: Batch, run_id: str, lease: Lease) -> Iterator[None]:
    """Trace the capture of a batch; one that is read again is another attempt in the same trace."""
    with operation("capture") as span:
        if span is not None:
            name, epoch = str(dataset.name), lease.epoch
            span.tell(dataset=name, run_id=run_id, epoch=epoch, shard=batch.shard)
            span.tell(batch=batch.batch_id)
            begin(span, batch_point(name, batch.batch_id, run_id, epoch))
        yield


def landed(recorded: BatchRow, messages: Messages) -> None:
    """Say what was committed of the batch, and link it to what its messages are traced by."""
    if (span := current()) is not None:
        span.tell(rows=recorded.rows, quarantined=recorded.quarantined)
        total = len(messages.points) + messages.unlisted(TRACEPARENT)
        span.link(messages.points, total, "messages")

"""What stands as it would be computed, told without a rebuild."""

from __future__ import annotations

from dataclasses import replace

from watermain.declare.dataset import Dataset
from watermain.engine.publish.carried_code import foreseen_code
from watermain.engine.publish.publication import Job, Outcome
from watermain.engine.publish.publish import Bench
from watermain.engine.table.order import refuse_unpublished
from watermain.engine.table.partition import Span
from watermain.engine.table.table import fits
from watermain.lake import ledger
from watermain.lake.fence import Lease


def standing(dataset: Dataset, span: Span | None, job: Job) -> tuple[Outcome, ...] | None:
    """What a rebuild would find, where each partition stands as it would be computed; else None.

    Guarantees: from one snapshot, with checks and needs held against what is there; nothing is
    written, no lease is waited for. Where rows went aside only a rebuild tells what they break.
    """
    dataset.refuse_broken()
    with job.lake.get_connection() as connection:
        if not dataset.is_computed or not fits(connection, dataset):
            return None
        refuse_unpublished(connection, dataset)
        lease = Lease(str(dataset.name), 0)  # under which nothing could be committed
        asked = replace(job, rebuild=False)
        bench = Bench(dataset=dataset, span=span, job=asked, connection=connection, lease=lease)
        connection.execute("begin")
        try:
            bench.former = foreseen_code(dataset, connection)
            bench.bind()
            return None if bench.changed or _has_aside(bench) else bench.audited()
        finally:
            connection.execute("rollback")


def _has_aside(bench: Bench) -> bool:
    """Whether rows of a partition that stands went to the quarantine."""
    last = ledger.latest(bench.connection, bench.dataset.name)
    return any(last[key].rows_quarantined for key in bench.wanted)

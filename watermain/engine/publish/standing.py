"""What stands as it would be computed, told without a rebuild."""

from __future__ import annotations

from dataclasses import replace

from watermain.declare.dataset import Dataset
from watermain.engine.publish.carried_code import foreseen_code
from watermain.engine.publish.decision import Decision, Work, decide
from watermain.engine.publish.publication import Job, Outcome
from watermain.engine.publish.staging import audited
from watermain.engine.table.order import refuse_unpublished
from watermain.engine.table.partition import Span
from watermain.engine.table.table import fits
from watermain.lake import ledger
from watermain.lake.fence import Lease


def standing(dataset: Dataset, span: Span | None, job: Job) -> tuple[Outcome, ...] | None:
    """What a rebuild would find, where each partition stands as it would be computed; else None.

    Guarantees: from one snapshot, with checks and needs held against what is there; nothing is
    written, and no lease is waited for. Where rows went aside only a rebuild tells what they break.
    """
    dataset.refuse_broken()
    with job.lake.get_connection() as connection:
        if not dataset.is_computed or not fits(connection, dataset):
            return None
        refuse_unpublished(connection, dataset)
        lease = Lease(str(dataset.name), 0)  # under which nothing could be committed
        asked = replace(job, rebuild=False)
        work = Work(dataset=dataset, span=span, job=asked, connection=connection, lease=lease)
        connection.execute("begin")
        try:
            decision = decide(work, foreseen_code(dataset, connection))
            must_build = decision.changed or _has_aside(work, decision)
            return None if must_build else audited(work, decision)
        finally:
            connection.execute("rollback")


def _has_aside(work: Work, decision: Decision) -> bool:
    """Whether rows of a partition that stands went to the quarantine."""
    last = ledger.latest(work.connection, work.dataset.name)
    return any(last[key].rows_quarantined for key in decision.wanted)

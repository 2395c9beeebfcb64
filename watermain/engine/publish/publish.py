"""The one way in which a computed dataset changes: it is decided, staged, then committed."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

from watermain.declare.check import Steady
from watermain.declare.dataset import Dataset
from watermain.engine.audit.partition_rule import means
from watermain.engine.publish.carried_code import carried_code
from watermain.engine.publish.damage import prove_inputs
from watermain.engine.publish.decision import Decision, Work, decide
from watermain.engine.publish.publication import Job, Outcome, Publication, runs_of
from watermain.engine.publish.refused import remember_refused
from watermain.engine.publish.staging import Computed, stage, unchanged
from watermain.engine.publish.traced import traced
from watermain.engine.table.compaction import tidy
from watermain.engine.table.order import refuse_unpublished
from watermain.engine.table.partition import Span
from watermain.engine.table.table import ensure_table
from watermain.failpoint import failpoint
from watermain.lake import ledger
from watermain.lake.written import Written
from watermain.machine.system import peak_memory_bytes
from watermain.trace.tracing import operation


def publish(dataset: Dataset, span: Span | None, job: Job) -> Publication:
    """Compute partitions, audit them, and make those that pass visible in one lake transaction.

    Guarantees: readers see a partition as before or as after; a partition that a blocking check
    refuses keeps its old rows; the same inputs and the same code publish nothing.
    """
    dataset.refuse_broken()
    began = time.monotonic()
    with (
        job.lake.fence.lease(str(dataset.name)) as lease,
        job.lake.get_connection() as connection,
    ):
        anew = job.rebuild and job.cut is None and not dataset.keeps_history
        ensure_table(job.lake, connection, dataset, lease, rebuild=anew)
        refuse_unpublished(connection, dataset)
        if job.rebuild:
            prove_inputs(dataset, span, job, connection)
        work = Work(dataset=dataset, span=span, job=job, connection=connection, lease=lease)
        tried = _first_attempt(work, None, began)
        if tried.decision.is_unsure:
            former = carried_code(dataset, job.lake, connection, lease)
            tried = _first_attempt(work, former, began)
        done = _finished(work, tried, began)
        remember_refused(work, tried.decision, done)
        return done


@dataclass(frozen=True, kw_only=True)
class _Tried:
    """What the first transaction decided, what stands, and what came of the rest if staged."""

    decision: Decision
    stood: tuple[Outcome, ...] = ()
    attempt: Publication | None = None


def _first_attempt(work: Work, former: tuple[str, ...] | None, began: float) -> _Tried:
    """Publish what has changed, from the snapshot that the transaction itself reads.

    Nothing is staged where nothing has, or where former versions of code must be found first.
    """
    with operation("publish"), _transaction(work) as written:
        tried = _Tried(decision=(decision := decide(work, former)))
        if decision.is_unsure:
            raise _LeaveError
        tried = replace(tried, stood=tuple(unchanged(work, decision)))
        if not decision.changed:
            raise _LeaveError
        attempt = _attempt(work, decision, decision.changed, written, began)
        tried = replace(tried, attempt=attempt)
        if any(o.blocked for o in attempt.outcomes):
            raise _LeaveError
    return replace(tried, attempt=tried.attempt and _ended(work, tried.attempt, began))


def _finished(work: Work, tried: _Tried, began: float) -> Publication:
    """What was published in all; of refused partitions those that pass are published apart."""
    decision, attempt = tried.decision, tried.attempt
    if attempt is None:
        return _ended(work, _report(work, decision, tried.stood, began), began)
    blocked = {o.partition for o in attempt.outcomes if o.blocked}
    if not blocked:
        return replace(attempt, outcomes=(*attempt.outcomes, *tried.stood))
    if work.job.cut is not None:
        return attempt
    outcomes = [*tried.stood, *(o for o in attempt.outcomes if o.blocked)]
    passing = [key for key in decision.changed if key not in blocked]
    for run in runs_of(passing, list(decision.changed)):
        outcomes += _later_attempt(work, decision.again(), run, began).outcomes
    report = _report(work, decision, outcomes, began, samples=attempt.samples)
    return _ended(work, report, began)


def _later_attempt(
    work: Work, decision: Decision, keys: Sequence[str], began: float
) -> Publication:
    """Publish some partitions from the snapshot that was read first."""
    with operation("publish"), _transaction(work) as written:
        attempt = _attempt(work, decision, keys, written, began)
        if any(o.blocked for o in attempt.outcomes):
            raise _LeaveError
    return _ended(work, attempt, began)


def _attempt(
    work: Work, decision: Decision, keys: Sequence[str], written: Written, began: float
) -> Publication:
    """Stage partitions; where none is refused, write down that they are published."""
    traced(work, decision, keys)
    computed = stage(work, decision, keys, written)
    report = _report(work, decision, computed.outcomes, began, samples=computed.samples)
    report = replace(report, bytes=computed.bytes)
    if not computed.blocked:
        _commit(work, decision, computed, report)
    return report


def _commit(work: Work, decision: Decision, computed: Computed, report: Publication) -> None:
    """Write down what is visible once the transaction ends: the means and the ledger's rows."""
    name, epoch = str(work.dataset.name), work.lease.epoch
    for check in work.dataset.all_checks:
        for column in check.columns() if isinstance(check, Steady) else ():
            found = means(work.connection, computed.staged, column)
            ledger.remember_means(work.connection, name, column, found, epoch)
    ledger.append(work.connection, _ledger_rows(work, decision, report))
    failpoint("publish.after_data_before_commit")


def _ended(work: Work, report: Publication, began: float) -> Publication:
    """The same once its transaction is over: what readers see now and how long it took."""
    lake, connection, lease = work.job.lake, work.connection, work.lease
    snapshot = lake.snapshot(connection)
    tidy(lake, connection, work.dataset.name, lease, lease.epoch)
    return replace(report, output_snapshot=snapshot, seconds=time.monotonic() - began)


@contextmanager
def _transaction(work: Work) -> Iterator[Written]:
    """Commit what the block did, unless it leaves."""
    message = f"publish {work.dataset.name} by {work.job.run_id}"
    retired = work.job.cut.numbers if work.job.cut else ()
    try:
        with work.job.lake.transaction(
            work.connection, work.lease, message, retired=retired
        ) as written:
            yield written
    except _LeaveError:
        return


def _report(
    work: Work,
    decision: Decision,
    outcomes: Sequence[Outcome],
    began: float,
    *,
    samples: Mapping[str, list[str]] | None = None,
) -> Publication:
    """The publication as it stands now."""
    return Publication(
        dataset=work.dataset,
        outcomes=tuple(sorted(outcomes, key=lambda o: o.partition)),
        code_version=decision.code,
        input_snapshot=decision.snapshot,
        output_snapshot=decision.snapshot,
        seconds=time.monotonic() - began,
        bytes=0,
        peak_memory=peak_memory_bytes(),
        samples=samples or {},
        stood=decision.stood,
    )


def _ledger_rows(work: Work, decision: Decision, report: Publication) -> list[ledger.PublishRow]:
    now, share = work.job.clock.now(), max(1, len(report.outcomes))
    return [
        ledger.PublishRow(
            dataset=str(work.dataset.name),
            partition=o.partition,
            data_version=o.data_version,
            code_version=decision.code,
            contract_version=work.dataset.contract.version,
            contract_hash=work.dataset.contract.hash,
            rows_in=o.rows_in,
            rows_out=o.rows_out,
            bytes=report.bytes // share,
            seconds=report.seconds / share,
            peak_memory=report.peak_memory,
            input_snapshot=decision.snapshot,
            epoch=work.lease.epoch,
            run_id=work.job.run_id,
            published_at=now,
            failing=o.failing,
            rows_quarantined=sum(o.aside.values()),
        )
        for o in report.outcomes
    ]


class _LeaveError(Exception):
    """Leave the transaction without a commit."""

"""What the trace of a publish says."""

from __future__ import annotations

from collections.abc import Sequence

from watermain.engine.publish.decision import Decision, Work
from watermain.lake import ledger
from watermain.trace.identity import publish_point
from watermain.trace.tracing import begin, current
from watermain.trace.walk import origins


def traced(work: Work, decision: Decision, keys: Sequence[str]) -> None:
    """Say what the publish that begins is about, and link it to what its inputs gained.

    Guarantees: another attempt at the same version of the first partition is in the same trace.
    """
    span = current()
    if span is None:
        return
    name, run, epoch = str(work.dataset.name), work.job.run_id, work.lease.epoch
    span.tell(dataset=name, run_id=run, epoch=epoch, partition=keys[0], partitions=len(keys))
    begin(span, publish_point(name, keys[0], decision.wanted[keys[0]], run, epoch))
    found = origins(work.connection, work.dataset.inputs.values(), _read_before(work, keys))
    span.link(found.points, found.total, "inputs")


def _read_before(work: Work, keys: Sequence[str]) -> int:
    """The snapshot that the partitions were last computed from; the beginning where none was."""
    own = ledger.standing(work.connection, [work.dataset.name])[work.dataset.name]
    return min((own[key].read for key in keys if key in own), default=0)

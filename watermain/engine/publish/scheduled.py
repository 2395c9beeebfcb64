"""Which partitions of a dataset its own schedule asks for."""

from __future__ import annotations

from datetime import datetime

from watermain.declare.cadence import Cadence
from watermain.declare.dataset import Dataset
from watermain.engine.publish.decision import Work, decide
from watermain.engine.publish.publication import Job
from watermain.engine.table.partition import Span, touched
from watermain.lake import ledger
from watermain.lake.fence import Lease


def due(dataset: Dataset, job: Job, now: datetime) -> list[str]:
    """The newest partition that is over, and every one before it whose inputs or code changed.

    Guarantees: of the partitions before it, only those count that stand or that an input has
    something for; an empty past is not computed.
    """
    cadence = dataset.cadence
    if cadence is None or (newest := newest_finished(cadence, now)) is None:
        return []
    with job.lake.get_connection() as connection:
        stand = ledger.standing(connection, {*dataset.inputs.values(), dataset.name})
        known = set(stand.pop(dataset.name)) | {newest}
        for name, partitions in stand.items():
            if (other := job.find(name).cadence) is not None:
                back = dataset.looks_back(name)
                known |= {each for key in partitions for each in touched(cadence, other, key, back)}
        past = sorted(key for key in known if cadence.first <= key <= newest)
        work = Work(
            dataset=dataset,
            span=Span(cadence, past[0], newest),
            job=job,
            connection=connection,
            lease=Lease("", 0),
        )
        stale = set(decide(work, None).stale)
    return [key for key in past if key in stale or key == newest]


def newest_finished(cadence: Cadence, now: datetime) -> str | None:
    """The key of the partition before the one now running; None while the first one runs."""
    running = cadence.window(cadence.key_of(now)) if _has_begun(cadence, now) else None
    if running is None or cadence.key_of(now) == cadence.first:
        return None
    return cadence.key_of(running.start - (running.end - running.start) / 2)


def _has_begun(cadence: Cadence, now: datetime) -> bool:
    return cadence.key_of(now) >= cadence.first

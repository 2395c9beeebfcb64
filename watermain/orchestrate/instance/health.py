"""What went wrong lately, as Dagster's instance tells it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg
from dagster._core.scheduler.instigation import InstigatorState, TickStatus
from dagster._core.storage.tags import AUTO_RETRY_RUN_ID_TAG

ENDED = [TickStatus.SUCCESS, TickStatus.SKIPPED, TickStatus.FAILURE]
MOST_RUNS = 200


@dataclass(frozen=True, kw_only=True)
class FailedRun:
    """A run that failed, and that nobody tried again by itself."""

    run_id: str
    targets: tuple[str, ...]
    failed_at: datetime


@dataclass(frozen=True, kw_only=True)
class FailingTick:
    """A sensor or a schedule whose last tick failed."""

    name: str
    room: str
    failed_at: datetime
    reason: str


def failed_runs(instance: dg.DagsterInstance, since: datetime) -> list[FailedRun]:
    """The runs that failed since then, the newest first; a retry speaks for the run it repeats."""
    wanted = dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE], updated_after=since)
    found = []
    for record in instance.get_run_records(wanted, limit=MOST_RUNS):
        run = record.dagster_run
        ended = record.end_time or record.update_timestamp.timestamp()
        if ended >= since.timestamp() and AUTO_RETRY_RUN_ID_TAG not in run.tags:
            keys = sorted(".".join(key.path) for key in run.asset_selection or ())
            at = datetime.fromtimestamp(ended, UTC)
            found.append(FailedRun(run_id=run.run_id, targets=tuple(keys), failed_at=at))
    return found


def failing_ticks(instance: dg.DagsterInstance) -> list[FailingTick]:
    """The sensors and schedules whose last tick failed, by room and name."""
    found = [t for state in instance.all_instigator_state() for t in _failing(instance, state)]
    return sorted(found, key=lambda tick: (tick.room, tick.name))


def _failing(instance: dg.DagsterInstance, state: InstigatorState) -> Iterator[FailingTick]:
    if not state.is_running:
        return
    ids = (state.instigator_origin_id, state.selector_id)
    for tick in instance.get_ticks(*ids, limit=1, statuses=ENDED):
        if tick.status is TickStatus.FAILURE:
            said = tick.error.message.strip() if tick.error else "no reason was kept"
            yield FailingTick(
                name=state.instigator_name,
                room=state.origin.repository_origin.code_location_origin.location_name,
                failed_at=datetime.fromtimestamp(tick.timestamp, UTC),
                reason=said.split("\n")[0],
            )

"""What the instance keeps of runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg
from dagster._core.events import DagsterEventType
from dagster._core.storage.dagster_run import RunRecord

from watermain.declare.errors import UnknownRunError
from watermain.orchestrate.tags import PARTITION, RANGE_END, RANGE_START, RUN

PAGE = 200
MOST_READ = 20_000  # runs that are looked through for those of a room
FAILURES = {
    DagsterEventType.STEP_FAILURE,
    DagsterEventType.RUN_FAILURE,
    DagsterEventType.RUN_CANCELED,
    DagsterEventType.RESOURCE_INIT_FAILURE,
    DagsterEventType.HOOK_ERRORED,
}
# What tells somebody who reads how a run went; the rest is how Dagster works.
TELLING = FAILURES | {
    DagsterEventType.RUN_ENQUEUED,
    DagsterEventType.RUN_START,
    DagsterEventType.RUN_SUCCESS,
    DagsterEventType.RUN_CANCELING,
    DagsterEventType.STEP_START,
    DagsterEventType.STEP_SUCCESS,
    DagsterEventType.STEP_SKIPPED,
    DagsterEventType.STEP_UP_FOR_RETRY,
    DagsterEventType.STEP_RESTARTED,
    DagsterEventType.ASSET_MATERIALIZATION,
    DagsterEventType.ASSET_FAILED_TO_MATERIALIZE,
}
SAID = {
    DagsterEventType.RUN_ENQUEUED: "the run waits for its turn",
    DagsterEventType.RUN_START: "the run began",
    DagsterEventType.RUN_SUCCESS: "the run ended well",
    DagsterEventType.RUN_FAILURE: "the run failed",
    DagsterEventType.STEP_START: "began",
    DagsterEventType.STEP_FAILURE: "failed",
}
FAILED = (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)


@dataclass(frozen=True, kw_only=True)
class RunFacts:
    """One run as somebody who looks for it wants to see it.

    Shapes: `is_check` tells that it checks the datasets, and publishes nothing.
    """

    run_id: str
    status: str
    room: str
    datasets: tuple[str, ...]
    partitions: str
    is_check: bool
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None

    @property
    def seconds(self) -> float | None:
        """How long it worked; None before it began, or while it has not ended."""
        if self.started_at is None or self.ended_at is None:
            return None
        return (self.ended_at - self.started_at).total_seconds()


@dataclass(frozen=True, kw_only=True)
class RunLine:
    """One event of a run.

    Shapes: `dataset` is what the event is about, or empty; `reason` is why something failed, and
    `stack` where in the code.
    """

    at: datetime
    kind: str
    level: str
    dataset: str
    message: str
    reason: str = ""
    stack: str = ""


def runs(
    instance: dg.DagsterInstance, *, room: str | None, is_failed: bool, limit: int
) -> list[RunFacts]:
    """The last runs, newest first, of one room if one is named, or those alone that failed."""
    wanted = dg.RunsFilter(statuses=list(FAILED)) if is_failed else dg.RunsFilter()
    found: list[RunFacts] = []
    cursor, read = None, 0
    while len(found) < limit and read < MOST_READ:
        page = instance.get_run_records(wanted, limit=PAGE if room else limit, cursor=cursor)
        if not page:
            break
        read, cursor = read + len(page), page[-1].dagster_run.run_id
        found += [run for run in map(_facts, page) if room in (None, run.room)]
    return found[:limit]


def run_of(instance: dg.DagsterInstance, beginning: str) -> RunFacts:
    """The one run whose id begins like that.

    Raises: UnknownRunError, where there is none, or several.
    """
    ids = [i for i in instance.get_run_ids() if i.startswith(beginning.lower())]
    if len(ids) != 1 or not beginning:
        raise _unknown(beginning, ids)
    (record,) = instance.get_run_records(dg.RunsFilter(run_ids=ids))
    return _facts(record)


def lines(
    instance: dg.DagsterInstance, run_id: str, *, of: Iterable[DagsterEventType] = ()
) -> Iterator[RunLine]:
    """The events of a run in their order, page by page; of some kinds alone where any are named."""
    cursor, more, kinds = None, True, set(of) or None
    while more:
        page = instance.get_records_for_run(run_id, cursor, kinds, limit=PAGE)
        cursor, more = page.cursor, page.has_more
        yield from (_line(record.event_log_entry) for record in page.records)


def failures(instance: dg.DagsterInstance, run_id: str) -> list[RunLine]:
    """Why a run failed, each reason once; a step's before that of the whole run."""
    found = {line.reason or line.message: line for line in lines(instance, run_id, of=FAILURES)}
    steps = [line for line in found.values() if line.dataset]
    return steps or list(found.values())


def is_telling(line: RunLine) -> bool:
    """Whether an event says how the run went; what code itself wrote into its log does."""
    if line.kind == DagsterEventType.ENGINE_EVENT.value:
        return line.level in ("warning", "error", "critical")
    return not line.kind or line.kind in {kind.value for kind in TELLING}


def _facts(record: RunRecord) -> RunFacts:
    run = record.dagster_run
    checked = {key.asset_key for key in run.asset_check_selection or ()}
    keys = sorted(list(key.path) for key in run.asset_selection or checked)
    told = run.tags.get(RUN, run.job_name)
    origin = run.remote_job_origin
    first, last = run.tags.get(RANGE_START), run.tags.get(RANGE_END)
    span = first if first == last else f"{first}..{last}"
    return RunFacts(
        run_id=run.run_id,
        status=run.status.value.lower(),
        room=origin.location_name if origin else next((k[0] for k in keys), ""),
        datasets=tuple(".".join(k) for k in keys) or (told.partition(" ")[2] or told,),
        partitions=run.tags.get(PARTITION) or span or "",
        is_check=bool(checked) and not run.asset_selection,
        created_at=record.create_timestamp.replace(tzinfo=UTC),
        started_at=_moment(record.start_time),
        ended_at=_moment(record.end_time),
    )


def _moment(stamp: float | None) -> datetime | None:
    return None if stamp is None else datetime.fromtimestamp(stamp, UTC)


def _line(entry: dg.EventLogEntry) -> RunLine:
    event = entry.dagster_event
    key = event.asset_key if event is not None else None
    step = entry.step_key or ""
    return RunLine(
        at=datetime.fromtimestamp(entry.timestamp, UTC),
        kind=event.event_type_value if event is not None else "",
        level=_level(entry.level),
        dataset=".".join(key.path) if key is not None else step.replace("__", "."),
        message=_said(event) if event is not None else entry.user_message or "",
        reason=_reason(event) if event is not None else "",
        stack=_stack(event) if event is not None else "",
    )


def _said(event: dg.DagsterEvent) -> str:
    """What an event says: in words of ours where those are shorter than Dagster's."""
    if event.is_step_success:
        return f"ended well after {event.step_success_data.duration_ms / 1000:.1f} s"
    if event.is_step_materialization:
        facts = event.step_materialization_data.materialization.metadata
        where = f" in {event.partition}" if event.partition else ""
        if "published" in facts and not facts["published"].value:
            return f"unchanged{where}"
        if "rows_published" in facts:
            rows = facts["rows_published"].value
            return f"published {rows:,} row{'' if rows == 1 else 's'}{where}"
    return SAID.get(event.event_type) or event.message or ""


def _level(level: int | str) -> str:
    names = {10: "debug", 20: "info", 30: "warning", 40: "error", 50: "critical"}
    return names.get(level, str(level).lower()) if isinstance(level, int) else level.lower()


def _reason(event: dg.DagsterEvent) -> str:
    """Why something failed: what the step said of itself, or what it met."""
    if event.is_step_failure:
        data = event.step_failure_data
        told = data.user_failure_data.description if data.user_failure_data else None
        error = (data.error.cause or data.error) if data.error else None
        return (told or (error.message if error else "")).strip()
    return (event.message or "").strip() if event.event_type in FAILURES else ""


def _stack(event: dg.DagsterEvent) -> str:
    if not event.is_step_failure or event.step_failure_data.error is None:
        return ""
    return event.step_failure_data.error.to_string().strip()


def _unknown(beginning: str, ids: list[str]) -> UnknownRunError:
    if not ids or not beginning:
        return UnknownRunError.nothing_happened(
            f"no run has an id that begins with `{beginning[:60]}`",
            declared="Dagster's database",
            next="watermain runs",
        )
    shown = ", ".join(i[:12] for i in ids[:5])
    return UnknownRunError.nothing_happened(
        f"{len(ids)} runs have ids that begin with `{beginning}`: {shown}",
        declared="Dagster's database",
        next=f"watermain logs {ids[0][:12]}",
    )

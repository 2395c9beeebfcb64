"""Check evaluations told to Dagster, many of them in one transaction.

Dagster stores each event with several statements of its own, which take three milliseconds each: a
year of days with twelve checks would take longer to report than to compute.
"""

import logging
import time
from collections.abc import Iterable, Mapping, Sequence

import dagster as dg
import sqlalchemy as db
from dagster._core.events import DagsterEvent, DagsterEventType
from dagster._core.events.log import EventLogEntry
from dagster._core.storage.asset_check_execution_record import AssetCheckExecutionRecordStatus
from dagster._core.storage.event_log.schema import (
    AssetCheckExecutionsTable,
    SqlEventLogStorageTable,
)
from dagster_postgres.event_log import PostgresEventLogStorage

FEW = 20
AT_ONCE = 500
STATES = {
    True: AssetCheckExecutionRecordStatus.SUCCEEDED.value,
    False: AssetCheckExecutionRecordStatus.FAILED.value,
}


def report_evaluations(
    context: dg.AssetExecutionContext, evaluations: Sequence[dg.AssetCheckEvaluation]
) -> None:
    """Tell Dagster what checks found; the same rows result whichever way they are written."""
    storage = context.instance.event_log_storage
    if len(evaluations) < FEW or not isinstance(storage, PostgresEventLogStorage):
        for evaluation in evaluations:
            context.log_event(evaluation)
        return
    entries = [_entry(context, evaluation) for evaluation in evaluations]
    for start in range(0, len(entries), AT_ONCE):
        _store(storage, entries[start : start + AT_ONCE])


def _entry(context: dg.AssetExecutionContext, evaluation: dg.AssetCheckEvaluation) -> EventLogEntry:
    step, run = context.get_step_execution_context(), context.run
    passed = "passed" if evaluation.passed else "did not pass"
    name = evaluation.asset_key.to_user_string()
    message = f"Asset check '{evaluation.check_name}' on '{name}' {passed}."
    event = DagsterEvent(
        event_type_value=DagsterEventType.ASSET_CHECK_EVALUATION.value,
        job_name=run.job_name,
        step_handle=step.step.handle,
        node_handle=step.step.node_handle,
        step_kind_value=step.step.kind.value,
        logging_tags=step.event_tags,
        event_specific_data=evaluation,
        message=message,
        pid=None,
        step_key=step.step.key,
    )
    return EventLogEntry(  # type: ignore[no-untyped-call]
        error_info=None,
        level=logging.DEBUG,
        user_message=message,
        run_id=run.run_id,
        timestamp=time.time(),
        step_key=step.step.key,
        job_name=run.job_name,
        dagster_event=event,
    )


def _store(storage: PostgresEventLogStorage, entries: Sequence[EventLogEntry]) -> None:
    """Write events and the executions that they end, in the places of the planned ones."""
    told: list[dict[str, object]] = [storage._event_to_row(entry) for entry in entries]
    inserted = SqlEventLogStorageTable.insert().returning(
        SqlEventLogStorageTable.c.id, sort_by_parameter_order=True
    )
    with storage.index_transaction() as connection:
        ids: Sequence[int] = connection.execute(inserted, told).scalars().all()
        rows = [_row(*each) for each in zip(entries, told, ids, strict=True)]
        connection.execute(AssetCheckExecutionsTable.delete().where(_same(rows)))
        connection.execute(AssetCheckExecutionsTable.insert(), rows)


def _row(entry: EventLogEntry, told: Mapping[str, object], storage_id: int) -> dict[str, object]:
    evaluation = entry.get_dagster_event().asset_check_evaluation_data
    return {
        "asset_key": evaluation.asset_key.to_string(),
        "check_name": evaluation.check_name,
        "partition": evaluation.partition,
        "run_id": entry.run_id,
        "execution_status": STATES[evaluation.passed],
        "evaluation_event": told["event"],
        "evaluation_event_timestamp": told["timestamp"],
        "evaluation_event_storage_id": storage_id,
    }


def _same(rows: Iterable[dict[str, object]]) -> db.ColumnElement[bool]:
    """The rows of the same checks of the same partitions in the same run."""
    table = AssetCheckExecutionsTable.c
    listed = list(rows)
    wanted = [(r["check_name"], r["partition"] or "") for r in listed]
    return db.and_(
        table.run_id == listed[0]["run_id"],
        table.asset_key == listed[0]["asset_key"],
        db.tuple_(table.check_name, db.func.coalesce(table.partition, "")).in_(wanted),
    )

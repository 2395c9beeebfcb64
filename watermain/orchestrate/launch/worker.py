"""What a process forked from the warm one does for a run."""

from __future__ import annotations

from dagster import DagsterInstance, DagsterRunStatus
from dagster._cli.api import _execute_run_command_body
from dagster._core.instance import InstanceRef
from dagster._serdes import deserialize_value
from dagster._utils import get_run_crash_explanation
from dagster._utils.interrupts import capture_interrupts

from watermain.orchestrate.instance.connection import keep_connection
from watermain.process.worker_record import WorkerRecords
from watermain.trace.identity import run_point
from watermain.trace.outlet import settle
from watermain.trace.tracing import operation


def work_on(run_id: str, instance_ref: str, records: WorkerRecords) -> int:
    """Execute a run as `dagster api execute_run` does, unless it has a worker already."""
    with capture_interrupts():
        if not records.claim(run_id):
            return 0
        with DagsterInstance.from_ref(deserialize_value(instance_ref, InstanceRef)) as instance:
            keep_connection(instance)
            with operation("run") as span:
                if span is not None:
                    span.point = run_point(run_id)
                    span.tell(run_id=run_id)
                code = _execute_run_command_body(
                    run_id, instance, lambda event: None, set_exit_code_on_failure=False
                )
            settle()
            return code


def report_death(run_id: str, instance_ref: str, exit_code: int) -> int:
    """Tell Dagster that the worker of a run died before the run was over."""
    with DagsterInstance.from_ref(deserialize_value(instance_ref, InstanceRef)) as instance:
        run = instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return 0
        told = get_run_crash_explanation("The process of the run", exit_code)
        if run.status == DagsterRunStatus.CANCELING:
            instance.report_run_canceled(run, told)
        else:
            instance.report_run_failed(run, told)
    return 0

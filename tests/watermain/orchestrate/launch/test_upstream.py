"""What we rely on inside Dagster is as it was when it was read.

A release that changes one of these is no defect of ours; it asks for a look at the counterpart
named here, then for the new fingerprint.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable

import pytest
from dagster import multiprocess_executor
from dagster._cli import api
from dagster._core.execution.compute_logs import redirect_to_file
from dagster._core.execution.plan.active import ActiveExecution
from dagster._core.executor import multiprocess
from dagster._core.launcher.default_run_launcher import DefaultRunLauncher
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager
from dagster._daemon.monitoring import run_monitoring
from dagster._grpc.server import DagsterApiServer
from dagster_postgres.event_log import PostgresEventLogStorage
from dagster_postgres.run_storage import PostgresRunStorage
from dagster_postgres.schedule_storage import PostgresScheduleStorage

from watermain.orchestrate.launch.executor import forked_executor

READ: dict[Callable[..., object], tuple[str, str]] = {
    multiprocess.MultiprocessExecutor.execute: ("executor.Crew", "60b1287e2c5b"),
    multiprocess.MultiprocessExecutorChildProcessCommand.execute: (
        "step.StepOrder.events",
        "5e7bf98ee84e",
    ),
    multiprocess.execute_step_out_of_process: ("executor.Crew._start", "37853c9328a1"),
    ActiveExecution.handle_event: ("executor.Crew._pass_on", "0e837b389154"),
    api._execute_run_command_body: ("worker.work_on", "62fe62ba9f8d"),
    DagsterApiServer._check_for_orphaned_runs: ("worker.report_death", "ca20cb95e581"),
    DefaultRunLauncher.terminate: ("launcher.WarmRunLauncher.terminate", "ee0ad72e3581"),
    run_monitoring.monitor_started_run: (
        "launcher.WarmRunLauncher.check_run_worker_health",
        "bc211672a19d",
    ),
    LocalComputeLogManager.capture_logs: ("compute_logs.DirectComputeLogManager", "8f2978767b32"),
    redirect_to_file: ("compute_logs.DirectComputeLogManager", "54cbce1287b1"),
    PostgresRunStorage.__init__: ("connection.keep_connection", "c20e1fcd1ee5"),
    PostgresEventLogStorage.__init__: ("connection.keep_connection", "647dff00b58c"),
    PostgresScheduleStorage.__init__: ("connection.keep_connection", "ac8f466b4e76"),
}


@pytest.mark.parametrize("upstream", READ, ids=lambda upstream: upstream.__qualname__)
def test_upstream_reads_as_it_did(upstream: Callable[..., object]) -> None:
    """The source of a counterpart has not changed."""
    ours, known = READ[upstream]
    found = hashlib.sha256(inspect.getsource(upstream).encode()).hexdigest()[:12]
    assert found == known, f"{upstream.__qualname__} changed: read it beside launch.{ours}"


def test_configuration_is_that_of_the_multiprocess_executor() -> None:
    """Ours takes the same fields, but for the way to start a process."""

    def fields(executor: object) -> set[str]:
        return set(executor.config_schema.config_type.fields)  # type: ignore[attr-defined]

    assert fields(forked_executor) == fields(multiprocess_executor) - {"start_method"}

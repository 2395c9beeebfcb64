"""The run launcher of dagster.yaml, which has runs forked from the warm process."""

from __future__ import annotations

import signal
import time
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from dagster import Array, DagsterInstance, DagsterRun, Field, IntSource, Noneable, StringSource
from dagster._config.config_schema import UserConfigSchema
from dagster._core.events import EngineEventData
from dagster._core.launcher.base import (
    CheckRunHealthResult,
    LaunchRunContext,
    RunLauncher,
    WorkerStatus,
)
from dagster._serdes import ConfigurableClass, ConfigurableClassData, serialize_value
from dagster._utils import get_run_crash_explanation

from watermain.machine.system import IS_LINUX
from watermain.orchestrate.launch.client import WarmServer
from watermain.orchestrate.launch.options import FOLLOWED, ServerOptions
from watermain.settings import project

LOG_LINES = 25


class WarmRunLauncher(RunLauncher[DagsterInstance], ConfigurableClass):
    """Launch runs in processes forked from a warm server; tell how those processes are.

    Guarantees: a run has one process at most; a process that is gone is never called running.
    """

    def __init__(
        self, settings: Mapping[str, Any], inst_data: ConfigurableClassData | None = None
    ) -> None:
        self._settings, self._inst_data = settings, inst_data
        self._launched: set[str] = set()
        super().__init__()  # type: ignore[no-untyped-call]

    @cached_property
    def server(self) -> WarmServer:
        """Know the server; its state lies in Dagster's home unless configured otherwise."""
        told = self._settings
        options = ServerOptions(
            folder=Path(told["folder"] or Path(self._instance.root_directory, "warm")),
            preload=tuple(told["preload"]),
            watch=tuple(Path(path) for path in told["watch"]),
            environment=tuple(told["environment"]),
            serve_rooms=bool(told["serve_rooms"]),
            forks=bool(told["forks"]),
        )
        return WarmServer(
            options=options,
            working_directory=Path(told["working_directory"]),
            patience_seconds=float(told["patience_seconds"]),
        )

    @property
    def inst_data(self) -> ConfigurableClassData | None:
        """Give the configuration this launcher was made from."""
        return self._inst_data

    @classmethod
    def config_type(cls) -> UserConfigSchema:
        """Describe `run_launcher: config:` of dagster.yaml, where nothing must be said.

        Shapes: see `ServerOptions`; `folder` takes the server's socket, records and logs.
        """
        names = Field(Array(str), default_value=[], is_required=False)
        return {
            "folder": Field(Noneable(StringSource), default_value=None, is_required=False),
            "preload": names,
            "watch": names,
            "serve_rooms": Field(bool, default_value=False, is_required=False),
            "forks": Field(bool, default_value=IS_LINUX, is_required=False),
            "environment": Field(Array(str), default_value=list(FOLLOWED), is_required=False),
            "working_directory": Field(
                StringSource, default_value=str(project().root), is_required=False
            ),
            "patience_seconds": Field(IntSource, default_value=60, is_required=False),
        }

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData | None, config_value: Mapping[str, Any]
    ) -> WarmRunLauncher:
        """Build the launcher from dagster.yaml; no server is started yet."""
        return cls(config_value, inst_data)

    def launch_run(self, context: LaunchRunContext) -> None:
        """Have a process forked for the run.

        Raises: UnreachableSystemError, on which Dagster marks the run as failed.
        """
        run = context.dagster_run
        origin = run.remote_job_origin
        room = origin.location_name if origin else None
        pid = self.server.launch(run.run_id, serialize_value(self._instance.get_ref()), room)
        self._launched.add(run.run_id)
        log = str(self.server.records.log(run.run_id))
        how = "Forked a warm process" if self.server.options.forks else "Started a process"
        self._instance.report_engine_event(
            f"{how} for the run (pid: {pid}).",
            run,
            EngineEventData({"pid": str(pid), "log": log}),
            cls=self.__class__,
        )

    def terminate(self, run_id: str) -> bool:
        """Ask the process of the run to cancel it; cancel at once when the process is gone."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or run.is_finished:
            return False
        self._instance.report_run_canceling(run)
        record = self.server.records.get(run_id)
        if record is None:
            self._instance.report_engine_event(
                "No process of this launcher works on the run.", run, cls=self.__class__
            )
            return False
        if not record.process.send(signal.SIGTERM):
            again = self._instance.get_run_by_id(run_id)
            if again is not None and not again.is_finished:
                self._instance.report_run_canceled(again, "The process of the run was gone.")
        return True

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Answer run monitoring."""
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        """Tell whether the process of a run lives, by its number and its start time."""
        record = self.server.records.get(run.run_id)
        if record is None:
            return self._health_without_record(run)
        worker = str(record.process.pid)
        if record.process.alive():
            return CheckRunHealthResult(WorkerStatus.RUNNING, run_worker_id=worker)
        if self._finished(run.run_id):
            return CheckRunHealthResult(WorkerStatus.SUCCESS, run_worker_id=worker)
        told = f"The process of the run (pid: {worker}) is gone before the run was over."
        ended = self.server.records.get(run.run_id)
        if ended is not None and ended.exit_code is not None:
            told = get_run_crash_explanation(
                f"The process of the run (pid: {worker})", ended.exit_code
            )
        return CheckRunHealthResult(WorkerStatus.FAILED, told, transient=True, run_worker_id=worker)

    def get_run_worker_debug_info(
        self, run: DagsterRun, include_container_logs: bool | None = True
    ) -> str | None:
        """Give the last lines that the process of the run wrote."""
        log = self.server.records.log(run.run_id)
        if not include_container_logs or not log.exists():
            return None
        lines = log.read_text(errors="replace").splitlines()[-LOG_LINES:]
        return "\n".join([f"Last lines of {log}:", *lines])

    def join(self, timeout: int = 30) -> None:
        """Wait until the runs launched here are over."""
        deadline = time.monotonic() + timeout
        while left := [run_id for run_id in self._launched if not self._finished(run_id)]:
            if time.monotonic() > deadline:
                raise TimeoutError(f"runs not over after {timeout} s: {', '.join(sorted(left))}")
            time.sleep(0.05)

    def _health_without_record(self, run: DagsterRun) -> CheckRunHealthResult:
        """Leave alone a run that executes in the process that asked for it."""
        if self._instance.get_run_stats(run.run_id).launch_time is None:
            return CheckRunHealthResult(WorkerStatus.RUNNING, "executed where it was asked for")
        return CheckRunHealthResult(
            WorkerStatus.NOT_FOUND, "no process on this machine works on the run"
        )

    def _finished(self, run_id: str) -> bool:
        run = self._instance.get_run_by_id(run_id)
        return run is None or run.is_finished

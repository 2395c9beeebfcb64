"""A Dagster instance on PostgreSQL whose runs are forked from a warm process."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

import yaml
from dagster import DagsterEvent, DagsterEventType, DagsterInstance, DagsterRun
from dagster._core.definitions.reconstruct import ReconstructableRepository
from dagster._core.instance import InstanceRef

from tests.house.tree import ROOT as HOME
from watermain.orchestrate.launch.launcher import WarmRunLauncher
from watermain.process.identity import ProcessIdentity
from watermain.process.postgres import EmbeddedPostgres

JOBS = "tests.watermain.orchestrate.launch.jobs"
NUMBERS = count()
PATIENCE_SECONDS = 240.0

Found = TypeVar("Found")


def soon(look: Callable[[], Found]) -> Found:
    """Wait until `look` finds something true; give it."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not (found := look()):
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)
    return found


@dataclass(frozen=True)
class Scene:
    """What a test of launching works with."""

    instance: DagsterInstance
    marks: Path
    module: str = JOBS
    working_directory: Path = HOME

    @property
    def launcher(self) -> WarmRunLauncher:
        """The launcher that dagster.yaml names."""
        launcher = self.instance.run_launcher
        assert isinstance(launcher, WarmRunLauncher)
        return launcher

    def create(self, job: str, run_config: dict[str, Any] | None = None) -> DagsterRun:
        """Make a run that is not launched yet."""
        recon = ReconstructableRepository.for_module(
            self.module, "defs", str(self.working_directory)
        ).get_reconstructable_job(job)
        return self.instance.create_run_for_job(
            recon.get_definition(),
            run_config=run_config,
            tags={"marks": str(self.marks)},
            job_code_origin=recon.get_python_origin(),
        )

    def launch(self, job: str, run_config: dict[str, Any] | None = None) -> str:
        """Launch a run; give its id."""
        run = self.create(job, run_config)
        self.instance.launch_run(run.run_id, None)  # type: ignore[arg-type]
        return run.run_id

    def run(self, job: str, run_config: dict[str, Any] | None = None) -> DagsterRun:
        """Launch a run; wait for its end."""
        return self.finished(self.launch(job, run_config))

    def finished(self, run_id: str) -> DagsterRun:
        """Wait for the end of a run."""
        return soon(lambda: (run := self.found(run_id)).is_finished and run)

    def found(self, run_id: str) -> DagsterRun:
        """Read a run anew."""
        run = self.instance.get_run_by_id(run_id)
        assert run is not None
        return run

    def events(self, run_id: str, kind: DagsterEventType) -> list[DagsterEvent]:
        """Every event of one kind, in order."""
        return [
            entry.dagster_event
            for entry in self.instance.all_logs(run_id, of_type=kind)
            if entry.dagster_event is not None
        ]

    def steps(self, run_id: str, kind: DagsterEventType) -> set[str]:
        """The steps that have an event of one kind."""
        return {str(event.step_key) for event in self.events(run_id, kind)}

    def worker(self, run_id: str) -> ProcessIdentity:
        """The process of a run, once it is on record."""
        return soon(lambda: self.launcher.server.records.get(run_id)).process

    def exit_code(self, run_id: str) -> int:
        """Wait for the process of a run to end; tell how."""

        def code() -> list[int]:
            record = self.launcher.server.records.get(run_id)
            known = record is not None and record.exit_code is not None
            return [record.exit_code] if known else []  # type: ignore[union-attr, list-item]

        return soon(code)[0]

    def mark(self, name: str) -> int:
        """Wait for a step to leave a mark; give the number of its process."""
        return int(soon(lambda: (path := self.marks / name).exists() and path.read_text()))


@contextmanager
def scene(postgres: EmbeddedPostgres, folder: Path, **config: Any) -> Iterator[Scene]:
    """Open a scene; end its server with all its runs afterwards."""
    database, home, told = f"launch_{next(NUMBERS)}", folder / "dagster", {"preload": [JOBS]}
    postgres.ensure_database(database)
    url = postgres.url(database).replace("postgresql://", "postgresql+psycopg2://")
    settings = {
        "storage": {"postgres": {"postgres_url": url}},
        "compute_logs": {
            "module": "watermain.orchestrate.instance.compute_logs",
            "class": "DirectComputeLogManager",
            "config": {"base_dir": str(home / "logs")},
        },
        "run_coordinator": {
            "module": "dagster._core.run_coordinator",
            "class": "DefaultRunCoordinator",
        },
        "run_launcher": {
            "module": "watermain.orchestrate.launch.launcher",
            "class": "WarmRunLauncher",
            "config": {**told, **config},
        },
        "run_monitoring": {"enabled": True, "max_resume_run_attempts": 0},
        "run_retries": {"enabled": True, "max_retries": 1, "retry_on_asset_or_op_failure": False},
        "telemetry": {"enabled": False},
    }
    (folder / "marks").mkdir(exist_ok=True)
    home.mkdir()
    home.joinpath("dagster.yaml").write_text(yaml.safe_dump(settings))
    with DagsterInstance.from_ref(InstanceRef.from_dir(str(home))) as instance:
        opened = Scene(instance, folder / "marks")
        try:
            yield opened
        finally:
            opened.launcher.server.stop(end_runs=True)

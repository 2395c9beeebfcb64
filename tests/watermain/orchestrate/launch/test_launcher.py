"""Runs are launched once, watched, ended, noticed when they die."""

from __future__ import annotations

import logging
import signal
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from dagster import DagsterEventType, DagsterInstance, DagsterRunStatus, execute_job
from dagster._core.definitions.reconstruct import ReconstructableRepository
from dagster._core.launcher.base import WorkerStatus
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import EmptyWorkspaceTarget
from dagster._daemon.monitoring.run_monitoring import execute_run_monitoring_iteration

from tests.house.tree import ROOT as HOME
from tests.watermain.orchestrate.launch.scene import JOBS, Scene, soon
from watermain.process.identity import ProcessIdentity

LOGGER = logging.getLogger("watermain.tests.launch")


def monitor(instance: DagsterInstance) -> None:
    """Let Dagster's run monitoring look once."""
    with WorkspaceProcessContext(instance, EmptyWorkspaceTarget()) as workspace:
        errors = [e for e in execute_run_monitoring_iteration(workspace, LOGGER) if e]
    assert errors == []


def test_health_follows_a_run_to_its_end(stage: Scene) -> None:
    """A run that works is running, one that is over is a success."""
    run_id = stage.launch("hang")
    stage.mark("hanging")
    health = stage.launcher.check_run_worker_health(stage.found(run_id))
    assert health.status == WorkerStatus.RUNNING
    assert health.run_worker_id == str(stage.worker(run_id).pid)
    assert stage.launcher.supports_check_run_worker_health
    run = stage.run("single")
    soon(lambda: not stage.worker(run.run_id).alive())
    health = stage.launcher.check_run_worker_health(run)
    assert health.status == WorkerStatus.SUCCESS
    assert stage.launcher.terminate(run_id)
    stage.finished(run_id)


def test_launch_tells_which_process_was_forked(stage: Scene) -> None:
    """The event log names the process with its log file."""
    run = stage.run("single")
    told = [e for e in stage.events(run.run_id, DagsterEventType.ENGINE_EVENT) if e.message]
    pid = stage.worker(run.run_id).pid
    assert any(f"Forked a warm process for the run (pid: {pid})." in str(e.message) for e in told)


def test_killed_run_worker_is_reported_at_once(stage: Scene) -> None:
    """The server notices the death of what it forked, before any monitoring."""
    run_id = stage.launch("hang")
    stage.mark("hanging")
    soon(lambda: stage.steps(run_id, DagsterEventType.STEP_SUCCESS) == {"calm"})
    assert stage.worker(run_id).send(signal.SIGKILL)
    run = stage.finished(run_id)
    assert run.status == DagsterRunStatus.FAILURE
    (failure,) = stage.events(run_id, DagsterEventType.RUN_FAILURE)
    assert "The process of the run was terminated by signal 9 (SIGKILL)" in str(failure.message)
    assert stage.launcher.check_run_worker_health(run).status == WorkerStatus.SUCCESS
    assert stage.steps(run_id, DagsterEventType.STEP_SUCCESS) == {"calm"}


def test_terminated_run_is_cancelled_in_order(stage: Scene) -> None:
    """The step is interrupted where it stands, the run ends as canceled."""
    run_id = stage.launch("hang")
    step = ProcessIdentity.of(stage.mark("hanging"))
    assert stage.launcher.terminate(run_id)
    assert stage.finished(run_id).status == DagsterRunStatus.CANCELED
    assert stage.mark("interrupted") == step.pid
    assert stage.steps(run_id, DagsterEventType.STEP_FAILURE) == {"hanging"}
    assert not step.alive()


def test_finished_run_cannot_be_terminated(stage: Scene) -> None:
    """There is nothing left to end."""
    run = stage.run("single")
    assert not stage.launcher.terminate(run.run_id)
    assert stage.found(run.run_id).status == DagsterRunStatus.SUCCESS


def test_run_is_launched_once_only(stage: Scene) -> None:
    """A launch that is asked for again finds the first process."""
    run_id = stage.launch("single")
    server, ref = stage.launcher.server, "never looked at"
    assert server.launch(run_id, ref) == stage.worker(run_id).pid
    stage.finished(run_id)
    assert len(stage.events(run_id, DagsterEventType.RUN_START)) == 1


def test_two_runs_launched_at_once_both_succeed(stage: Scene) -> None:
    """Each gets a process of its own from the same server."""
    with ThreadPoolExecutor(2) as pool:
        runs = list(pool.map(stage.run, ["single", "single"]))
    assert {run.status for run in runs} == {DagsterRunStatus.SUCCESS}
    assert len({stage.worker(run.run_id).pid for run in runs}) == 2


def test_run_in_this_process_is_left_alone_by_monitoring(stage: Scene) -> None:
    """A run that nobody launched has no record, which is no sign of death."""
    recon = ReconstructableRepository.for_module(JOBS, "defs", str(HOME))
    run = stage.create("single")
    assert stage.launcher.check_run_worker_health(run).status == WorkerStatus.RUNNING
    with execute_job(recon.get_reconstructable_job("single"), stage.instance) as result:
        assert result.success
    assert not stage.launcher.terminate(run.run_id)


def test_launched_run_without_a_process_is_not_found(stage: Scene) -> None:
    """A record that is gone, as after a lost disk, is a dead run."""
    run_id = stage.launch("hang")
    stage.mark("hanging")
    worker = stage.worker(run_id)
    records = stage.launcher.server.options.folder / "runs"
    (records / f"{run_id}.json").unlink()
    health = stage.launcher.check_run_worker_health(stage.found(run_id))
    assert health.status == WorkerStatus.NOT_FOUND
    assert worker.send(signal.SIGKILL)
    stage.finished(run_id)


def test_debug_info_gives_the_last_lines_of_the_worker(stage: Scene) -> None:
    """Whoever looks for the cause of a failed run sees what its process wrote."""
    run = stage.run("single")
    soon(lambda: not stage.worker(run.run_id).alive())
    told = stage.launcher.get_run_worker_debug_info(run)
    assert told is not None
    assert "RUN_SUCCESS" in told
    assert str(stage.launcher.server.records.log(run.run_id)) in told
    assert stage.launcher.get_run_worker_debug_info(run, include_container_logs=False) is None


def test_join_waits_for_what_was_launched(stage: Scene) -> None:
    """After `join` every run is over; a run that hangs is named."""
    run_id = stage.launch("hang")
    stage.mark("hanging")
    with pytest.raises(TimeoutError, match=run_id):
        stage.launcher.join(timeout=0)
    assert stage.launcher.terminate(run_id)
    stage.launcher.join(timeout=60)
    assert stage.found(run_id).is_finished


def test_state_lies_in_the_home_of_dagster(stage: Scene) -> None:
    """Without configuration the folder is found beside dagster.yaml."""
    stage.launcher.server.start()
    expected = Path(stage.instance.root_directory) / "warm"
    assert stage.launcher.server.options.folder == expected
    assert expected.stat().st_mode & 0o777 == 0o700

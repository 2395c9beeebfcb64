"""A run whose worker is killed is run again by Dagster's own daemon."""

from __future__ import annotations

import signal

import pytest
from dagster import DagsterRun, DagsterRunStatus
from dagster._cli.job import _create_run
from dagster._core.storage.dagster_run import RunsFilter
from dagster._core.workspace.context import WorkspaceProcessContext
from dagster._core.workspace.load_target import ModuleTarget
from dagster._daemon.auto_run_reexecution.auto_run_reexecution import (
    consume_new_runs_for_automatic_reexecution,
)

from tests.house.tree import ROOT as HOME
from tests.watermain.orchestrate.launch.scene import JOBS, Scene
from tests.watermain.orchestrate.launch.test_launcher import LOGGER

pytestmark = pytest.mark.slow


def launched(opened: Scene, workspace: WorkspaceProcessContext, job: str) -> DagsterRun:
    """Submit a run as the web server does."""
    request = workspace.create_request_context()
    location = request.code_locations[0]
    repository = next(iter(location.get_repositories().values()))
    run = _create_run(
        instance=opened.instance,
        code_location=location,
        remote_repo=repository,
        remote_job=repository.get_full_job(job),
        run_config={},
        tags={"marks": str(opened.marks)},
        op_selection=None,
        run_id=None,
    )
    return opened.instance.submit_run(run.run_id, request)


def test_killed_run_is_retried(stage: Scene) -> None:
    """The death is a failure that is retried, unlike the failure of a step."""
    instance, target = stage.instance, ModuleTarget(JOBS, None, str(HOME), "jobs")
    with WorkspaceProcessContext(instance, target) as workspace:
        failed = launched(stage, workspace, "raise_error")
        dead = launched(stage, workspace, "hang_once")
        stage.mark("hanging")
        assert stage.worker(dead.run_id).send(signal.SIGKILL)
        for run in (failed, dead):
            assert stage.finished(run.run_id).status == DagsterRunStatus.FAILURE
        ids = RunsFilter(run_ids=[failed.run_id, dead.run_id])
        records = instance.get_run_records(ids)
        list(consume_new_runs_for_automatic_reexecution(workspace, records, LOGGER))
        again = instance.get_runs(RunsFilter(tags={"dagster/retry_number": "1"}))
        assert [run.parent_run_id for run in again] == [dead.run_id]
        assert stage.finished(again[0].run_id).status == DagsterRunStatus.SUCCESS

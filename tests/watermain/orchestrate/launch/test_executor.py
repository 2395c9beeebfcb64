"""Steps are forked, isolated, limited, retried."""

from __future__ import annotations

import signal
from itertools import pairwise

import pytest
from dagster import DagsterEventType, DagsterRunStatus

from tests.watermain.orchestrate.launch.jobs import COUNT
from tests.watermain.orchestrate.launch.scene import Scene, soon
from watermain.process.identity import ProcessIdentity

MATERIALIZED = DagsterEventType.ASSET_MATERIALIZATION
FAILED = DagsterEventType.STEP_FAILURE
SUCCEEDED = DagsterEventType.STEP_SUCCESS
ENGINE = DagsterEventType.ENGINE_EVENT


def test_twenty_steps_succeed_each_in_a_process_of_its_own(stage: Scene) -> None:
    """Every step has a number of its own, none that of the run worker."""
    run = stage.run("twenty")
    assert run.status == DagsterRunStatus.SUCCESS
    pids = {
        event.materialization.metadata["pid"].value
        for event in stage.events(run.run_id, MATERIALIZED)
    }
    assert len(pids) == COUNT
    assert stage.worker(run.run_id).pid not in pids


@pytest.mark.parametrize(
    ("job", "step", "sign"), [("segfault", "segfaulting", "SIGSEGV"), ("kill", "killed", "SIGKILL")]
)
def test_crashing_step_fails_alone(stage: Scene, job: str, step: str, sign: str) -> None:
    """The results of the others are recorded, what lies below is not started."""
    run = stage.run(job)
    assert run.status == DagsterRunStatus.FAILURE
    assert stage.steps(run.run_id, MATERIALIZED) == {"calm", "other"}
    assert stage.steps(run.run_id, FAILED) == {step}
    assert stage.steps(run.run_id, DagsterEventType.STEP_START) == {"calm", "other", step}
    told = [event.message for event in stage.events(run.run_id, ENGINE) if event.message]
    assert any(f"The forked process of step {step} was terminated" in m and sign in m for m in told)


def test_raising_step_reports_the_error_of_the_user(stage: Scene) -> None:
    """The message of the error reaches the event log, the others succeed."""
    run = stage.run("raise_error")
    assert run.status == DagsterRunStatus.FAILURE
    assert stage.steps(run.run_id, SUCCEEDED) == {"calm", "other"}
    (failure,) = stage.events(run.run_id, FAILED)
    assert "the tariff is missing" in str(failure.step_failure_data.error)


def test_crashed_step_is_retried_by_its_policy(stage: Scene) -> None:
    """A crash counts as an attempt, the next one succeeds."""
    run = stage.run("crash_once")
    assert run.status == DagsterRunStatus.SUCCESS
    assert stage.steps(run.run_id, DagsterEventType.STEP_UP_FOR_RETRY) == {"crashing_once"}
    assert stage.steps(run.run_id, SUCCEEDED) == {"calm", "crashing_once"}
    assert not stage.events(run.run_id, FAILED)


def test_crash_after_success_leaves_the_success(stage: Scene) -> None:
    """A process that dies while it puts its resources away has still done its step."""
    run = stage.run("stage")
    assert run.status == DagsterRunStatus.SUCCESS
    assert stage.steps(run.run_id, SUCCEEDED) == {"staged"}
    told = [event.message for event in stage.events(run.run_id, ENGINE) if event.message]
    assert any("The forked process of step staged was terminated by signal 9" in m for m in told)


def test_value_passes_from_step_to_step(stage: Scene) -> None:
    """Outputs travel through the I/O manager as under any executor."""
    run = stage.run("pass_on")
    (value,) = [
        event.materialization.metadata["value"].value
        for event in stage.events(run.run_id, MATERIALIZED)
        if event.step_key == "four"
    ]
    assert value == 4


@pytest.mark.parametrize(
    "limit",
    [{"max_concurrent": 1}, {"tag_concurrency_limits": [{"key": "heavy", "limit": 1}]}],
    ids=["max_concurrent", "tag_concurrency_limits"],
)
def test_limit_keeps_steps_apart(stage: Scene, limit: dict[str, object]) -> None:
    """Under a limit of one, a step starts after the one before has ended."""
    run = stage.run("heavy", {"execution": {"config": limit}})
    stats = stage.instance.get_run_step_stats(run.run_id)
    spans = sorted((one.start_time or 0.0, one.end_time or 0.0) for one in stats)
    assert len(spans) == 3
    assert all(end <= start for (_, end), (start, _) in pairwise(spans))


def test_step_dies_with_its_run_worker(stage: Scene) -> None:
    """A step cannot go on to publish for a run that has been given up."""
    run_id = stage.launch("hang")
    step = stage.mark("hanging")
    identity = ProcessIdentity.of(step)
    assert stage.worker(run_id).send(signal.SIGKILL)
    soon(lambda: not identity.alive())
    assert not (stage.marks / "interrupted").exists()
    assert stage.finished(run_id).status == DagsterRunStatus.FAILURE


def test_output_of_a_step_is_captured(stage: Scene) -> None:
    """What a step prints is found where Dagster's UI looks for it."""
    run = stage.run("talk")
    (captured,) = stage.events(run.run_id, DagsterEventType.LOGS_CAPTURED)
    manager = stage.instance.compute_log_manager
    key = manager.build_log_key_for_run(run.run_id, captured.logs_captured_data.file_key)
    assert manager.is_capture_complete(key)
    found = manager.get_log_data(key)
    assert (found.stdout or b"").decode().splitlines() == ["said on stdout"]
    assert "said on stderr" in (found.stderr or b"").decode()


@pytest.mark.parametrize("job", ["count", "count_inside"])
def test_duckdb_works_in_what_is_forked(stage: Scene, job: str) -> None:
    """Imported in the warm process, opened in the step; every process exits in order."""
    run = stage.run(job)
    (event,) = stage.events(run.run_id, MATERIALIZED)
    assert event.materialization.metadata["sum"].value == sum(range(3_000_000))
    assert stage.exit_code(run.run_id) == 0

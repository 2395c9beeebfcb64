"""Runs whose processes are started anew, where the warm one may not fork."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import DagsterEventType, DagsterRunStatus
from dagster._core.executor.multiprocess import MultiprocessExecutor

from tests.watermain.orchestrate.launch.scene import JOBS, Scene, scene, soon
from watermain.machine.system import started
from watermain.orchestrate.launch.executor import ForkedExecutor, chosen_executor
from watermain.orchestrate.launch.rooms.place import room_socket
from watermain.process.postgres import EmbeddedPostgres
from watermain.settings import child_environment

CONFIG = {"retries": {"enabled": {}}, "max_concurrent": 3}


@pytest.fixture(scope="module")
def spawning(
    postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Scene]:
    """A scene whose server forks nothing."""
    folder = tmp_path_factory.mktemp("spawning")
    with scene(postgres, folder, forks=False) as opened:
        yield opened


@pytest.mark.slow
def test_spawned_run_succeeds_in_a_process_of_its_own(spawning: Scene) -> None:
    """It is on record, its output in the log of the run."""
    run_id = spawning.launch("single")
    assert spawning.finished(run_id).status == DagsterRunStatus.SUCCESS
    assert spawning.exit_code(run_id) == 0
    told = spawning.events(run_id, DagsterEventType.ENGINE_EVENT)
    assert any("Started a process for the run (pid: " in str(e.message) for e in told)
    assert spawning.launcher.server.records.log(run_id).exists()


@pytest.mark.slow
def test_death_of_a_spawned_run_is_told(spawning: Scene) -> None:
    """By another process, which is started as well."""
    run_id = spawning.launch("hang")
    spawning.mark("hanging")
    assert spawning.worker(run_id).send(signal.SIGKILL)
    assert spawning.finished(run_id).status == DagsterRunStatus.FAILURE
    assert spawning.exit_code(run_id) == -signal.SIGKILL


def serving(folder: Path, parent: int) -> int:
    """Have a room served by a process started anew; give its number."""
    words = ("-m", "watermain.orchestrate.launch.spawned", str(folder), "room", "works", JOBS)
    return started((*words, str(parent), str(room_socket(folder, "works"))), child_environment())


@pytest.mark.slow
def test_room_is_served_until_its_server_is_told_to_end(tmp_path: Path) -> None:
    """At the socket that Dagster's workspace names."""
    pid = serving(tmp_path, os.getpid())
    soon(room_socket(tmp_path, "works").exists)
    assert os.waitpid(pid, os.WNOHANG) == (0, 0)
    os.kill(pid, signal.SIGTERM)
    os.waitpid(pid, 0)


@pytest.mark.slow
def test_room_is_served_no_longer_than_the_warm_process_lives(tmp_path: Path) -> None:
    """Its parent is another than the one that it was told of."""
    assert os.waitstatus_to_exitcode(os.waitpid(serving(tmp_path, parent=1), 0)[1]) == 0


@pytest.mark.parametrize(("linux", "kind"), [(True, ForkedExecutor), (False, MultiprocessExecutor)])
def test_steps_are_forked_on_linux_alone(linux: bool, kind: type) -> None:
    """Both take the same configuration."""
    made = chosen_executor(CONFIG, linux=linux)
    assert type(made) is kind
    assert made.retries.enabled
    assert made._max_concurrent == 3  # type: ignore[attr-defined]
    if isinstance(made, MultiprocessExecutor):
        assert made._start_method == "spawn"

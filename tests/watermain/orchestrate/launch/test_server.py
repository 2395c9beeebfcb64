"""The warm process survives its clients, is replaced when it dies, never runs old code."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from dagster import DagsterEventType, DagsterRunStatus
from dagster._core.launcher.base import WorkerStatus

from tests.house.tree import ROOT
from tests.watermain.orchestrate.launch.scene import Scene, scene, soon
from tests.watermain.orchestrate.launch.test_launcher import monitor
from watermain import durable
from watermain.declare.errors import UnreachableSystemError
from watermain.orchestrate.launch.client import WarmServer
from watermain.orchestrate.launch.options import ServerOptions
from watermain.process import wire
from watermain.process.identity import ProcessIdentity
from watermain.process.postgres import EmbeddedPostgres

pytestmark = pytest.mark.slow

SOURCE = """
import dagster as dg

@dg.asset
def answer():
    return dg.MaterializeResult(metadata={"answer": 41})

defs = dg.Definitions([answer], jobs=[dg.define_asset_job("ask")], executor=dg.in_process_executor)
"""


def serving(server: WarmServer) -> ProcessIdentity:
    """The process that serves now."""
    return ProcessIdentity.of(server.start()["pid"])


def answers(opened: Scene, run_id: str) -> list[object]:
    """What the runs of the edited job have answered."""
    return [
        event.materialization.metadata["answer"].value
        for event in opened.events(run_id, DagsterEventType.ASSET_MATERIALIZATION)
    ]


def test_run_outlives_its_server_while_the_next_launch_starts_another(
    postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    """With the server dead: health by pid, monitoring notices a death, a new server takes over."""
    with scene(postgres, tmp_path) as opened:
        dead, kept = opened.launch("hang"), opened.launch("hang")
        opened.mark("hanging")
        soon(lambda: len(opened.steps(kept, DagsterEventType.STEP_START)) == 2)
        first = serving(opened.launcher.server)
        assert first.send(signal.SIGKILL)
        soon(lambda: not first.alive())
        assert opened.worker(dead).send(signal.SIGKILL)
        soon(lambda: not opened.worker(dead).alive())
        health = opened.launcher.check_run_worker_health(opened.found(dead))
        assert health.status == WorkerStatus.FAILED
        assert f"(pid: {opened.worker(dead).pid}) is gone before the run was over" in str(
            health.msg
        )
        monitor(opened.instance)
        assert opened.found(dead).status == DagsterRunStatus.FAILURE
        assert opened.found(kept).status == DagsterRunStatus.STARTED
        assert opened.run("single").status == DagsterRunStatus.SUCCESS
        assert serving(opened.launcher.server) != first
        assert opened.launcher.terminate(kept)
        assert opened.finished(kept).status == DagsterRunStatus.CANCELED


def test_run_whose_process_is_gone_is_cancelled_at_once(
    postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    """Nobody waits for a dead process to cancel itself; two first launches share one server."""
    with scene(postgres, tmp_path) as opened:
        threads = [threading.Thread(target=opened.run, args=["single"]) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        run_id = opened.launch("hang")
        opened.mark("hanging")
        server = serving(opened.launcher.server)
        assert server.send(signal.SIGKILL)
        soon(lambda: not server.alive())
        assert opened.worker(run_id).send(signal.SIGKILL)
        soon(lambda: not opened.worker(run_id).alive())
        assert opened.launcher.terminate(run_id)
        assert opened.found(run_id).status == DagsterRunStatus.CANCELED


def test_changed_code_or_setting_reaches_the_next_run(
    postgres: EmbeddedPostgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same process starts over with what lies on disk; what it forked before goes on."""
    module = tmp_path / "code" / "edited_jobs.py"
    module.parent.mkdir()
    module.write_text(SOURCE)
    told = {
        "preload": ["edited_jobs", "tests.watermain.orchestrate.launch.jobs"],
        "watch": [str(module.parent)],
        "working_directory": str(module.parent),
    }
    monkeypatch.syspath_prepend(module.parent)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("WATERMAIN_PROJECT", str(ROOT))
    monkeypatch.setenv("WATERMAIN_PORT", "3001")
    with scene(postgres, tmp_path, **told) as opened:
        edited = Scene(opened.instance, opened.marks, "edited_jobs", module.parent)
        server = opened.launcher.server
        before = edited.run("ask").run_id
        held = opened.launch("hang")
        opened.mark("hanging")
        first = serving(server)
        durable.replace(module, SOURCE.replace("41", "42"))
        after = edited.run("ask").run_id
        assert (answers(opened, before), answers(opened, after)) == ([41], [42])
        monkeypatch.setenv("WATERMAIN_PORT", "3002")
        (told_port,) = opened.events(
            opened.run("tell").run_id, DagsterEventType.ASSET_MATERIALIZATION
        )
        assert told_port.materialization.metadata["port"].value == "3002"
        assert serving(server) == first
        assert held in server.start()["runs"]
        assert opened.worker(held).send(signal.SIGKILL)
        assert opened.finished(held).status == DagsterRunStatus.FAILURE


@pytest.fixture
def server(tmp_path: Path) -> Iterator[WarmServer]:
    """A server that knows one good module, one that is broken."""
    tmp_path.joinpath("broken_rooms.py").write_text("import nothing_of_that_name\n")
    options = ServerOptions(folder=tmp_path / "warm", preload=("json", "broken_rooms"))
    opened = WarmServer(options=options, working_directory=ROOT)
    yield opened
    opened.stop()


def test_module_that_fails_is_reported(server: WarmServer) -> None:
    """One broken room does not darken the others."""
    state = server.start()
    assert list(state["failures"]) == ["broken_rooms"]
    assert "No module named" in state["failures"]["broken_rooms"]
    assert state["runs"] == []


def test_server_outlives_bad_clients(server: WarmServer) -> None:
    """Noise, half a line, an unknown word, a bad run id: each is answered with silence."""
    identity = serving(server)
    folder = server.options.folder
    for noise in (b"\x00\xff\n", b"[]\n", b'{"do": "launch"}\n', b'{"do": "la'):
        with (
            socket.socket(socket.AF_UNIX) as client,
            wire.short_path(folder, wire.SOCKET_NAME) as path,
        ):
            client.connect(path)
            client.sendall(noise)
    outside = {"do": "launch", "run_id": "../x", "instance_ref": "", "environment": {}}
    with pytest.raises(ConnectionError):
        wire.ask(folder, outside, 5.0)
    assert serving(server) == identity


def test_stopped_server_is_gone(server: WarmServer) -> None:
    """After `stop` nothing serves; stopping again is no error."""
    identity = serving(server)
    server.stop()
    assert not identity.alive()
    assert server.state() is None
    server.stop()


def test_second_server_waits_for_the_first(server: WarmServer) -> None:
    """A supervised server stands by, to take over when the one at work dies."""
    first = serving(server)
    words = [sys.executable, "-m", "watermain.orchestrate.launch.server", *server.options.words()]
    standby = os.posix_spawn(sys.executable, words, dict(os.environ))
    assert serving(server) == first
    assert first.send(signal.SIGKILL)
    soon(lambda: (state := server.state()) is not None and state["pid"] == standby)
    server.stop()
    assert os.waitpid(standby, 0)[0] == standby


def test_server_that_cannot_start_is_told_in_four_lines(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The launch fails soon, naming the log to read."""
    monkeypatch.setenv("WATERMAIN_NONSENSE", "1")
    server = WarmServer(options=ServerOptions(folder=tmp_path / "warm"))
    with pytest.raises(UnreachableSystemError) as caught:
        server.start()
    lines = str(caught.value).splitlines()
    assert len(lines) == 4
    assert lines[0].endswith("does not answer")
    assert str(server.log) in lines[3]
    assert "WATERMAIN_NONSENSE is no setting" in server.log.read_text()

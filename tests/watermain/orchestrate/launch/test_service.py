"""Services are forked from the warm process, where that is what starting them would give."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from tests.house.tree import ROOT
from tests.watermain.orchestrate.launch.scene import soon
from watermain.machine.system import short_path
from watermain.process import wire
from watermain.process.supervisor import LONGEST_NAME, MARK, Entry, Service, Supervisor

pytestmark = pytest.mark.slow
WAITING = "tests.watermain.orchestrate.launch.waiting"
SERVICE = Service(
    name="waiting",
    command=(sys.executable, "-m", WAITING, "one", "two"),
    environment={"SAYS": "aloud"},
    is_forked=True,
)


@pytest.fixture(scope="module")
def supervisor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Supervisor]:
    """A supervisor whose warm process runs, and watches one file."""
    folder = tmp_path_factory.mktemp("services")
    made = Supervisor(folder, warm=folder / "warm")
    watched = folder / "watched"
    watched.mkdir()
    watched.joinpath("watched_module.py").write_text("")
    made.start(
        Service(
            name="warm",
            command=(
                *(sys.executable, "-m", "watermain.orchestrate.launch.server"),
                *("--folder", str(folder / "warm"), "--preload", "watched_module"),
                *("--watch", str(watched), "--environment", "FOLLOWED"),
            ),
            environment={"PYTHONPATH": f"{watched}:{ROOT}", "LEFT": "behind"},
        )
    )
    soon(lambda: _answers(folder / "warm"))
    yield made
    for process in made.members():
        process.kill()
    soon(lambda: not made.members())


def _answers(folder: Path) -> bool:
    try:
        return bool(wire.ask(folder, {"do": "ping"}, 60))
    except (FileNotFoundError, ConnectionError):
        return False


def begun(supervisor: Supervisor, service: Service) -> tuple[Entry, psutil.Process, str]:
    """Start a service; give its entry, its process and what it said."""
    entry = supervisor.start(service)
    said = soon(lambda: Path(entry.log).exists() and Path(entry.log).read_text())
    process = entry.process()
    assert process is not None
    return entry, process, said


def ended(supervisor: Supervisor, entry: Entry) -> None:
    """Stop a service, after which its log is forgotten."""
    assert supervisor.stop(entry.name) == [entry.pid]
    Path(entry.log).unlink()


def test_service_is_a_fork_that_is_known_as_itself(supervisor: Supervisor) -> None:
    """It has its own session, environment, mark and command, and what was imported before."""
    warm = supervisor.alive("warm")
    assert warm is not None
    entry, process, said = begun(supervisor, SERVICE)
    assert process.ppid() == warm.pid
    assert os.getsid(entry.pid) == entry.pid
    assert said == "one two aloud None yes\n"
    assert process.cmdline()[: len(SERVICE.command)] == list(SERVICE.command)
    assert process.environ()[MARK].rstrip() == f"{supervisor.home}:waiting"
    assert [p.pid for p in supervisor.members("waiting")] == [entry.pid]
    assert [p.pid for p in supervisor.members("warm")] == [warm.pid]
    assert oct(Path(entry.log).stat().st_mode)[-3:] == "600"
    ended(supervisor, entry)


@pytest.mark.parametrize(
    "other",
    [
        replace(SERVICE, is_forked=False),
        replace(SERVICE, environment={"SAYS": "aloud", "FOLLOWED": "otherwise"}),
        replace(SERVICE, name="w" * (LONGEST_NAME + 1)),
    ],
    ids=["unasked", "other settings", "long name"],
)
def test_service_is_started_where_a_fork_would_be_another(
    supervisor: Supervisor, other: Service
) -> None:
    """What is not to be forked, or has other settings than the warm process, imports anew."""
    entry, process, said = begun(supervisor, other)
    assert process.ppid() == os.getpid()
    assert said == "one two aloud None no\n"
    ended(supervisor, entry)


def test_service_outlives_the_warm_process_and_runs_changed_code(supervisor: Supervisor) -> None:
    """A fork goes on when its parent dies; with code changed, or no warm process, it is started."""
    entry, process, _ = begun(supervisor, SERVICE)
    time.sleep(0.01)  # so that the file gets a later time
    (supervisor.home / "watched" / "watched_module.py").write_text("CHANGED = True\n")
    changed, started, _ = begun(supervisor, replace(SERVICE, name="changed"))
    assert started.ppid() == os.getpid()
    warm = supervisor.alive("warm")
    assert warm is not None
    assert warm.identity.send(signal.SIGKILL)
    soon(lambda: supervisor.alive("warm") is None)
    assert process.is_running()
    assert supervisor.alive("waiting") == entry
    without, anew, _ = begun(supervisor, replace(SERVICE, name="without"))
    assert anew.ppid() == os.getpid()
    for one in (entry, changed, without):
        ended(supervisor, one)


def test_fork_ends_when_nobody_heard_of_it(tmp_path: Path) -> None:
    """Who asked and went away may have started another: the fork must not live beside it."""
    made = Supervisor(tmp_path, warm=tmp_path / "warm")
    command = (
        *(sys.executable, "-m", "watermain.orchestrate.launch.server"),
        *("--folder", str(tmp_path / "warm"), "--preload", "json", "--environment", "FOLLOWED"),
    )
    warm = made.start(Service(name="warm", command=command, environment={"PYTHONPATH": str(ROOT)}))
    soon((tmp_path / "warm" / "server.sock").exists)
    environment = {**os.environ, MARK: f"{tmp_path}:gone", "SAYS": "aloud"}
    asked = {"do": "start", "words": [WAITING], "environment": environment}
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            with short_path(tmp_path / "warm", wire.SOCKET_NAME) as path:
                client.connect(path)  # it is imported yet: this waits to be accepted
            wire.send(client, {**asked, "log": str(tmp_path / "gone.log")})
        soon(lambda: _answers(tmp_path / "warm"))
        soon(lambda: not psutil.Process(warm.pid).children())
        assert warm.identity.alive()
    finally:
        made.stop("warm")

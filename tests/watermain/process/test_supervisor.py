"""The process table: only our own processes, each known by its pid with its start time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from datetime import timedelta
from pathlib import Path

import psutil
import pytest

from watermain.declare.errors import UnreachableSystemError
from watermain.process.supervisor import MARK, Service, Supervisor

SLEEPER = (sys.executable, "-c", "import time; time.sleep(600)")
STUBBORN = """
import signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
print('deaf', flush=True)
time.sleep(600)
"""
ORDERS = (signal.SIGINT, signal.SIGTERM)
HEARING = """
import signal
print(signal.getsignal(signal.SIGINT).__name__, signal.getsignal(signal.SIGTERM).name)
"""
PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(600)'],
                         start_new_session=True)
print(child.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def supervisor(tmp_path: Path) -> Iterator[Supervisor]:
    """A supervisor over an empty folder; whatever it started ends with the test."""
    made = Supervisor(tmp_path)
    yield made
    for process in made.members():
        process.kill()
    until(lambda: len(made.dead()) == len(made.entries()) and not made.members())


def until(what: Callable[[], object]) -> None:
    """Wait for something that is bound to happen."""
    deadline = time.monotonic() + 120
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def sleeper(name: str = "sleeper", **words: object) -> Service:
    """A service that does nothing for long."""
    return Service(name=name, command=SLEEPER, **words)  # type: ignore[arg-type]


def test_start_gives_a_living_process_in_a_session_of_its_own(supervisor: Supervisor) -> None:
    """Ctrl-C in a terminal does not reach it."""
    entry = supervisor.start(sleeper())
    assert os.getsid(entry.pid) == entry.pid
    assert supervisor.alive("sleeper") == entry


def test_start_twice_starts_once(supervisor: Supervisor) -> None:
    """A service that runs is left as it is."""
    assert supervisor.start(sleeper()) == supervisor.start(sleeper())
    assert len(supervisor.members("sleeper")) == 1


def test_table_survives_its_supervisor(supervisor: Supervisor, tmp_path: Path) -> None:
    """Another process finds, then stops, what this one started."""
    entry = supervisor.start(sleeper())
    other = Supervisor(tmp_path)
    assert other.alive("sleeper") == entry
    assert other.stop("sleeper") == [entry.pid]
    assert other.entries() == {}
    until(lambda: supervisor.alive("sleeper") is None)


def test_killed_child_is_noticed(supervisor: Supervisor) -> None:
    """A process killed by force is dead at once, not a zombie that counts as alive."""
    entry = supervisor.start(sleeper())
    os.kill(entry.pid, signal.SIGKILL)
    until(supervisor.dead)
    assert supervisor.dead() == [entry]
    again = supervisor.start(sleeper())
    assert again.pid != entry.pid
    assert supervisor.dead() == []


def test_pid_of_another_process_is_not_ours(supervisor: Supervisor, tmp_path: Path) -> None:
    """A pid that was given to another program is neither alive nor ever signalled."""
    stranger = subprocess.Popen(SLEEPER)
    try:
        entry = supervisor.start(sleeper())
        supervisor.stop("sleeper")
        later = replace(entry.identity, pid=stranger.pid)
        stolen = asdict(replace(entry, identity=later))
        (tmp_path / "run" / "processes.json").write_text(json.dumps([stolen]))
        assert supervisor.alive("sleeper") is None
        assert [e.pid for e in supervisor.dead()] == [stranger.pid]
        assert supervisor.stop("sleeper") == []
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_process_of_an_earlier_release_is_found_by_its_mark(
    supervisor: Supervisor, tmp_path: Path
) -> None:
    """A table that knows a process by the second of its start is read; `stop` ends the process."""
    entry = supervisor.start(sleeper())
    row = {**asdict(entry), "pid": entry.pid, "started": psutil.Process(entry.pid).create_time()}
    del row["identity"]
    (tmp_path / "run" / "processes.json").write_text(json.dumps([row]))
    other = Supervisor(tmp_path)
    assert other.entries() == {}
    assert other.stop("sleeper") == [entry.pid]
    assert entry.process() is None


def test_stop_kills_what_does_not_listen(supervisor: Supervisor) -> None:
    """TERM first, then KILL once the time to stop in order is over."""
    words = {"command": (sys.executable, "-c", STUBBORN), "grace": timedelta(milliseconds=200)}
    entry = supervisor.start(Service(name="deaf", **words))  # type: ignore[arg-type]
    until(lambda: "deaf" in Path(entry.log).read_text())
    assert supervisor.stop("deaf") == [entry.pid]
    assert not psutil.pid_exists(entry.pid) or entry.process() is None


def test_stop_ends_what_the_service_started_elsewhere(supervisor: Supervisor) -> None:
    """Even a grandchild in another session, whose parent was killed."""
    entry = supervisor.start(Service(name="parent", command=(sys.executable, "-c", PARENT)))
    until(lambda: Path(entry.log).read_text().strip())
    orphan = psutil.Process(int(Path(entry.log).read_text()))
    os.kill(entry.pid, signal.SIGKILL)
    until(supervisor.dead)
    assert orphan.is_running()
    assert supervisor.stop("parent") == [orphan.pid]
    until(lambda: not orphan.is_running() or orphan.status() == psutil.STATUS_ZOMBIE)


def test_strays_are_found_when_the_table_is_lost(supervisor: Supervisor, tmp_path: Path) -> None:
    """A supervisor killed between start and table leaves a process that the mark finds."""
    kept = supervisor.start(sleeper("kept"))
    lost = supervisor.start(sleeper("lost"))
    supervisor.forget("lost")
    assert supervisor.stop_strays() == [lost.pid]
    assert supervisor.alive("kept") == kept


def test_work_that_goes_on_is_no_stray(supervisor: Supervisor, tmp_path: Path) -> None:
    """A run outlives the service that it came from, which starts again beside it."""
    parent = supervisor.start(Service(name="warm", command=(sys.executable, "-c", PARENT)))
    until(lambda: Path(parent.log).read_text().strip())
    run = int(Path(parent.log).read_text())
    psutil.Process(parent.pid).kill()
    until(supervisor.dead)
    careful = Supervisor(tmp_path, at_work=lambda: {run})
    assert careful.stop_strays() == []
    started = careful.start(sleeper("warm"))
    careful.forget("warm")
    assert careful.stop_strays() == [started.pid]
    assert psutil.pid_exists(run)
    assert careful.stop_strays(busy=True) == [run]


def test_other_folders_are_left_alone(supervisor: Supervisor, tmp_path: Path) -> None:
    """Two data folders on one machine do not see each other's processes."""
    entry = supervisor.start(sleeper())
    other = Supervisor(tmp_path / "other")
    assert other.members() == []
    assert other.stop_strays() == []
    assert supervisor.alive("sleeper") == entry


def test_child_gets_its_variables_with_the_mark(supervisor: Supervisor, tmp_path: Path) -> None:
    """What a service needs is in its environment; compiled bytecode is allowed."""
    show = "import os; print({k: os.environ.get(k) for k in ('A', 'PYTHONDONTWRITEBYTECODE')})"
    command = (sys.executable, "-c", f"{show}; print(os.environ[{MARK!r}].rstrip())")
    entry = supervisor.start(Service(name="shown", command=command, environment={"A": "1"}))
    until(supervisor.dead)
    said = Path(entry.log).read_text().splitlines()
    assert said == ["{'A': '1', 'PYTHONDONTWRITEBYTECODE': None}", f"{tmp_path}:shown"]


def test_child_hears_orders_that_its_parent_ignores(supervisor: Supervisor) -> None:
    """A shell's background job, which ignores interrupts, starts what can be stopped in order."""
    before = {number: signal.signal(number, signal.SIG_IGN) for number in ORDERS}
    try:
        entry = supervisor.start(Service(name="told", command=(sys.executable, "-c", HEARING)))
        assert [signal.getsignal(number) for number in ORDERS] == [signal.SIG_IGN] * 2
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    until(supervisor.dead)
    assert Path(entry.log).read_text().split() == ["default_int_handler", "SIG_DFL"]


def test_stop_of_nothing_is_nothing(supervisor: Supervisor) -> None:
    """Stopping is safe when nothing runs."""
    assert supervisor.stop("never") == []
    assert supervisor.stop_strays() == []
    assert supervisor.dead() == []


def test_two_commands_do_not_start_at_once(supervisor: Supervisor, tmp_path: Path) -> None:
    """The second one is told to wait, with four lines."""
    with (
        supervisor.alone(),
        pytest.raises(UnreachableSystemError, match="another `watermain up`") as caught,
        Supervisor(tmp_path).alone(),
    ):
        pass
    assert len(str(caught.value).splitlines()) == 4
    with Supervisor(tmp_path).alone():
        assert supervisor.entries() == {}

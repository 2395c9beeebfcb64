"""Both ways through the door to what only Linux has, taken on Linux."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from watermain.machine import system
from watermain.machine.system import (
    Ended,
    kept_file,
    peak_memory_bytes,
    peer_user,
    short_path,
    signalled,
    started,
)

BOTH = pytest.mark.parametrize("linux", [True, False], ids=["linux", "elsewhere"])


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    """A process that waits."""
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


@BOTH
def test_process_is_signalled_once(child: subprocess.Popen[bytes], linux: bool) -> None:
    """One that is gone is told apart from one that is there."""
    assert signalled(child.pid, signal.SIGKILL, lambda: True, linux=linux)
    assert child.wait() == -signal.SIGKILL
    assert not signalled(child.pid, signal.SIGKILL, lambda: True, linux=linux)


@BOTH
def test_later_owner_of_a_number_is_not_signalled(
    child: subprocess.Popen[bytes], linux: bool
) -> None:
    """Whoever knows the process decides."""
    assert not signalled(child.pid, signal.SIGKILL, lambda: False, linux=linux)
    assert child.poll() is None


# What waits for every child must have no other children: it runs in a process of its own.
REAPER = """
import os, signal, sys, time
from watermain.machine.system import ended_child
linux, seen, told = sys.argv[1] == "True", [], []
if os.fork() == 0:
    os._exit(3)
if os.fork() == 0:
    os.kill(os.getpid(), signal.SIGKILL)
os.set_blocking(0, True)
while len(told) < 2:
    found = ended_child(seen.append, linux=linux)
    told += [found] if found else []
    time.sleep(0.01)
pid = os.fork()
if pid == 0:
    time.sleep(60)
assert ended_child(seen.append, linux=linux) is None
os.kill(pid, signal.SIGKILL)
while ended_child(seen.append, linux=linux) is None:
    time.sleep(0.01)
try:
    ended_child(seen.append, linux=linux)
except ChildProcessError:
    print(sorted(each.code for each in told), [each.code for each in seen[2:]], seen[:2] == told)
"""


@BOTH
def test_ended_children_are_told_with_how_they_ended(linux: bool) -> None:
    """By an exit code or a signal; none that still runs; an error when there are no more."""
    done = subprocess.run(
        [sys.executable, "-c", REAPER, str(linux)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[-9, 3] [-9] True\n"


def test_ended_child_still_has_its_number_when_it_is_told() -> None:
    """On Linux: what its group holds is ended before another may own the number."""
    code = (
        "import os\nfrom watermain.machine.system import ended_child\n"
        "pid = os.fork()\npid or os._exit(0)\n"
        "def look(ended): os.kill(ended.pid, 0); print('held')\n"
        "while ended_child(look) is None: pass\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "held\n"
    assert Ended(1, 0).code == 0


def test_peer_of_a_local_socket_is_our_user() -> None:
    """As the kernel tells, not the peer."""
    here, there = socket.socketpair()
    with here, there:
        assert peer_user(here) == os.getuid()


@BOTH
def test_socket_is_reached_in_a_folder_with_a_very_long_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, linux: bool
) -> None:
    """Bound by one call, found by another, its name within what a socket's path may have."""
    folder = tmp_path / ("long" * 30) / ("name" * 30)
    folder.mkdir(parents=True)
    with (
        tempfile.TemporaryDirectory(dir="/tmp") as links,
        socket.socket(socket.AF_UNIX) as server,
        socket.socket(socket.AF_UNIX) as client,
    ):
        monkeypatch.setattr(system, "_LINKS", Path(links))
        with short_path(folder, "a.sock", linux=linux) as path:
            assert linux or Path(path).parent.parent == Path(links)
            server.bind(path)
        server.listen()
        with short_path(folder, "a.sock", linux=linux) as path:
            client.connect(path)
    assert (folder / "a.sock").is_socket()


def test_link_that_leads_elsewhere_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever made it first would hear what we say."""
    monkeypatch.setattr(system, "_LINKS", tmp_path)
    with short_path(tmp_path, "a.sock", linux=False) as path:
        link = Path(path).parent
    link.unlink()
    link.symlink_to("/")
    refused = pytest.raises(PermissionError, match="belongs to another user, or leads elsewhere")
    with refused, short_path(tmp_path, "a.sock", linux=False):
        pass


COUNTED = """
import sys, threading
from watermain.machine.system import thread_count
over, linux = threading.Event(), sys.argv[1] == "True"
print(thread_count(linux=linux))
threading.Thread(target=over.wait).start()
print(thread_count(linux=linux))
over.set()
"""


@BOTH
def test_threads_are_counted(linux: bool) -> None:
    """One more while one more waits, in a process where nobody else begins or ends one."""
    counted = [sys.executable, "-c", COUNTED, str(linux)]
    told = subprocess.run(counted, capture_output=True, text=True, check=True).stdout.split()
    assert told == ["1", "2"]


@BOTH
def test_kept_file_outlives_the_program(linux: bool) -> None:
    """It is open in the program that takes this one's place, under the same number."""
    handle = kept_file(b"words", linux=linux)
    assert os.get_inheritable(handle)
    code = f"import os; os.lseek({handle}, 0, 0); print(os.read({handle}, 99))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        pass_fds=[handle],
    )
    os.close(handle)
    assert done.stdout == "b'words'\n"


def test_peak_memory_is_told_in_bytes() -> None:
    """A Python that has imported pyarrow needs more than 20 MiB, less than 50 GiB."""
    assert 20 * 2**20 < peak_memory_bytes() < 50 * 2**30
    assert peak_memory_bytes(linux=False) * 1024 == pytest.approx(peak_memory_bytes(), rel=0.1)


def test_started_python_has_the_environment_that_it_is_given(tmp_path: Path) -> None:
    """It is a child, which is waited for as a fork is."""
    told = tmp_path / "told"
    code = f"import os; open({str(told)!r}, 'w').write(os.environ['WORD']); os._exit(5)"
    pid = started(["-c", code], {"WORD": "said"})
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 5
    assert told.read_text() == "said"

"""The door to what only Linux has, each thing with a second way for another system.

The tests take both ways, on Linux. None of the second ways was ever run on macOS: untested there.
How a process is known stands in `watermain.process.identity`, by the same rule.
"""

from __future__ import annotations

import hashlib
import os
import resource
import signal
import socket
import struct
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import psutil

IS_LINUX = sys.platform == "linux"
_LINKS = Path("/tmp")  # never TMPDIR: every process must derive the same short address
_SOL_LOCAL, _LOCAL_PEERCRED, _XUCRED_BYTES = 0, 1, 76  # of macOS: <sys/un.h>, <sys/ucred.h>


class Ended(NamedTuple):
    """How a child ended; `code` is negative for a signal."""

    pid: int
    code: int


def signalled(
    pid: int, number: signal.Signals, is_same: Callable[[], bool], *, linux: bool = IS_LINUX
) -> bool:
    """Signal a process that is still the one that was meant; tell whether it was there.

    Guarantees, on Linux: a later owner of the number is never hit. Elsewhere one that takes the
    number between the look and the signal is.
    """
    with suppress(ProcessLookupError):
        if not linux:
            if is_same():
                os.kill(pid, number)
                return True
            return False
        handle = os.pidfd_open(pid)
        try:
            if is_same():
                signal.pidfd_send_signal(handle, number)
                return True
        finally:
            os.close(handle)
    return False


def ended_child(before: Callable[[Ended], None], *, linux: bool = IS_LINUX) -> Ended | None:
    """Take one child that has ended, or None when there is none; call `before` it is forgotten.

    Elsewhere than on Linux its number is free by then: `os.waitid` came to macOS with Python 3.13.
    Raises: ChildProcessError, without children.
    """
    pid, options = -1, os.WNOHANG
    if linux:
        seen = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if seen is None:
            return None
        exited = seen.si_code == os.CLD_EXITED
        before(Ended(seen.si_pid, seen.si_status if exited else -seen.si_status))
        pid, options = seen.si_pid, 0
    pid, status = os.waitpid(pid, options)
    if pid == 0:
        return None
    ended = Ended(pid, os.waitstatus_to_exitcode(status))
    if not linux:
        before(ended)
    return ended


def peer_user(peer: socket.socket, *, linux: bool = IS_LINUX) -> int:
    """The number of the user whose process is at the other end of a local socket."""
    if linux:
        raw = peer.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        return int(struct.unpack("3i", raw)[1])
    raw = peer.getsockopt(_SOL_LOCAL, _LOCAL_PEERCRED, _XUCRED_BYTES)
    return int(struct.unpack_from("2I", raw)[1])


@contextmanager
def short_path(folder: Path, name: str, *, linux: bool = IS_LINUX) -> Iterator[str]:
    """Name a socket of a folder within the about 100 bytes that a socket's path may have.

    Raises: PermissionError, when somebody else made the link that is the second way.
    """
    if not linux:
        yield str(_link(folder) / name)
        return
    handle = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{handle}/{name}"
    finally:
        os.close(handle)


def thread_count(*, linux: bool = IS_LINUX) -> int:
    """Count the threads of this process, including those of libraries."""
    return len(os.listdir("/proc/self/task")) if linux else psutil.Process().num_threads()


def kept_file(content: bytes, *, linux: bool = IS_LINUX) -> int:
    """A nameless file that the program which takes this process's place will read."""
    if linux:
        handle = os.memfd_create("kept", 0)
    else:
        with tempfile.TemporaryFile() as file:
            handle = os.dup(file.fileno())
        os.set_inheritable(handle, True)
    os.write(handle, content)
    return handle


def peak_memory_bytes(*, linux: bool = IS_LINUX) -> int:
    """The most memory that this process has had; macOS counts bytes and Linux kibibytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1024 if linux else 1)


def started(words: Sequence[str], environment: Mapping[str, str]) -> int:
    """Start a Python that imports anew, where a process that has imported may not fork."""
    command = [sys.executable, *words]
    return os.posix_spawn(sys.executable, command, dict(environment))


def _link(folder: Path) -> Path:
    """A short way into a folder; what lies there is as closed as the folder is."""
    target = os.fsencode(folder.resolve())
    link = _LINKS / f"watermain-{os.getuid()}-{hashlib.sha256(target).hexdigest()[:12]}"
    with suppress(FileExistsError):
        link.symlink_to(folder.resolve())
    if link.lstat().st_uid != os.getuid() or os.readlink(os.fsencode(link)) != target:
        raise PermissionError(f"{link} belongs to another user, or leads elsewhere")
    return link

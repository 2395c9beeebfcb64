"""A small disk, mounted where only one process sees it."""

from __future__ import annotations

import ctypes
import errno
import os
from pathlib import Path

CLONE_NEWNS, CLONE_NEWUSER = 0x00020000, 0x10000000
MS_REC, MS_PRIVATE = 0x4000, 0x40000
_FORBIDDEN = (errno.EPERM, errno.EACCES, errno.ENOSYS, errno.ENOSPC, errno.EINVAL, errno.EUSERS)


def shrink(folder: str, size: int) -> bool:
    """Put an empty disk of `size` bytes at the folder, for this process alone.

    False where the kernel does not allow it. Call it before the process has a second thread.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    Path(folder).mkdir(parents=True, exist_ok=True)
    user, group = os.getuid(), os.getgid()
    flags = CLONE_NEWNS if user == 0 else CLONE_NEWNS | CLONE_NEWUSER
    if not _done(libc.unshare(flags)):
        return False
    if user != 0:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"{user} {user} 1")
        Path("/proc/self/gid_map").write_text(f"{group} {group} 1")
    if not _done(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None)):
        return False
    return _done(libc.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", 0, f"size={size}".encode()))


def fill(ballast: Path, free: int) -> None:
    """Take up the room of the disk on which `ballast` lies, all but `free` bytes."""
    left = os.statvfs(ballast.parent)
    size = max(0, left.f_bavail * left.f_frsize - free)
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, size))


def _done(result: int) -> bool:
    if result == 0:
        return True
    number = ctypes.get_errno()
    if number in _FORBIDDEN:
        return False
    raise OSError(number, os.strerror(number))

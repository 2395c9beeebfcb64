"""Files that survive a power cut, locks that die with their holder."""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path

AT_ONCE = timedelta(0)
_SHORTEST_SECONDS, _LONGEST_SECONDS = 0.001, 0.05


def replace(
    path: Path,
    content: bytes | str,
    *,
    mode: int = 0o600,
    prepare: Callable[[Path], None] | None = None,
) -> None:
    """Put a file in its place, whole and for good; `prepare` it before its name is taken.

    Guarantees: whoever opens the name finds the bytes before or these, even after a power cut;
    both content and name are on the disk when this returns. Writers of one name, in threads or
    processes, do not disturb each other: one of them is the last.
    """
    fresh = _written(path, content, mode)
    try:
        if prepare is not None:
            prepare(fresh)
        fresh.replace(path)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


@contextmanager
def beside(path: Path) -> Iterator[Path]:
    """A path beside a file, whose place it takes, whole and for good, once the block ended well.

    Guarantees: nothing of it stays where the block raised; what stood there before stands then.
    """
    fresh = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_native_id()}.new")
    try:
        yield fresh
        descriptor = os.open(fresh, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    sync_folder(path.absolute().parent)


def create(path: Path, content: bytes | str, *, mode: int = 0o600) -> bool:
    """Put a file where none is, whole and for good; False, and nothing done, where one is."""
    fresh = _written(path, content, mode)
    try:
        os.link(fresh, path)
    except FileExistsError:
        return False
    finally:
        fresh.unlink()
    sync_folder(path.parent)
    return True


def settle(fresh: Path, path: Path, *, below: Path) -> None:
    """Give a file that is whole its name, in folders that may be new, all of it for good.

    Guarantees: file and folders, up to `below`, are on the disk when this returns. Where the name
    is one of the same file already, it stays so.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(fresh, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    fresh.replace(path)
    fresh.unlink(missing_ok=True)  # of two names of one file, `replace` leaves both
    for folder in path.parents:
        if folder.is_relative_to(below):
            sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Bring a folder's names to the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def alone(path: Path, within: timedelta | None = AT_ONCE) -> Iterator[int]:
    """Hold a lock file for the block; a child that is given its descriptor then holds it.

    Raises: BlockingIOError, when another has it for longer than `within`; None waits for ever.
    """
    descriptor = lock(path, within)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def lock(path: Path, within: timedelta | None = AT_ONCE) -> int:
    """Take a lock file until the descriptor is closed, or until everybody who has it has died.

    Raises: as `alone`.
    """
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        hold(descriptor, within)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def hold(descriptor: int, within: timedelta | None = AT_ONCE) -> None:
    """Lock a file or a folder that is open.

    Raises: as `alone`.
    """
    if within is None:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        return
    deadline, pause = time.monotonic() + within.total_seconds(), _SHORTEST_SECONDS
    while True:
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        left = deadline - time.monotonic()
        if left <= 0:
            raise BlockingIOError(f"another holds the lock for longer than {within}")
        time.sleep(min(pause, left))
        pause = min(2 * pause, _LONGEST_SECONDS)


def _written(path: Path, content: bytes | str, mode: int) -> Path:
    """Write content to the disk beside its place; what a killed writer left is written over."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_native_id()}.new")
    fresh.unlink(missing_ok=True)
    data = content.encode() if isinstance(content, str) else content
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(descriptor)
    except BaseException:
        fresh.unlink(missing_ok=True)
        raise
    return fresh

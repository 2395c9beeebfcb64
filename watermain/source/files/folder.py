"""The store that is a folder of this machine."""

from __future__ import annotations

import errno
import os
import re
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from fsspec.utils import glob_translate

from watermain.source.delivery import UnreadableFileError
from watermain.source.drop.store import Look, UnservedError, is_finished, too_many

MOST_LEVELS = 64
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP)  # a link stands where none stood before
_CLOSED = (errno.EACCES, errno.EPERM)
_ANY_DEPTH = "**"


class Folder:
    """List the files of a folder; links that lead out of it are not followed.

    Guarantees: a file is opened from the folder's own descriptor, step by step, and no step goes
    through a link: whatever is put in its place since it was listed, nothing else is read. What
    cannot be listed or looked at stands in nobody's way.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def looks(self, pattern: str, most: int) -> list[Look]:
        """List what the pattern names, in no order."""
        self.prove()
        wanted, found = re.compile(glob_translate(pattern)), []
        count = 0
        for place, link in self._listed(PurePosixPath(pattern).parts):
            if not wanted.match(place):
                continue
            count += 1
            if count > most:
                raise too_many(most)
            look = self._linked(place) if link else self._look(place, place)
            if look is not None:
                found.append(look)
        return found

    def prove(self) -> None:
        """Prove that it is there and can be listed. Raises: UnservedError."""
        root = self.root
        if not root.is_dir():
            raise UnservedError(f"there is no folder {root}", next=f"mkdir -p {root}", passing=True)
        if not os.access(root, os.R_OK | os.X_OK):
            raise UnservedError(f"folder {root} may not be read", next=f"chmod u+rx {root}")

    def again(self, look: Look) -> Look | None:
        """Look at a file once more."""
        return self._look(look.place, look.name)

    def opened(self, look: Look) -> BinaryIO:
        """Open a file where it lies. Raises: UnreadableFileError, for one that nobody lets us."""
        with self._reached(look.place) as (folder, name):
            try:
                handle = os.open(name, _FILE, dir_fd=folder)
            except OSError as error:
                raise _refusal(error) from None
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise FileNotFoundError(look.name)
        return open(handle, "rb")

    def may_grow(self) -> bool:
        """A file is there from its first byte on."""
        return True

    def _listed(self, parts: tuple[str, ...]) -> Iterator[tuple[str, bool]]:
        """The places of files that a pattern of these parts may name, each told a link or not."""
        waiting: list[tuple[str, ...]] = [()]
        while waiting:
            above = waiting.pop()
            for entry, kind in self._entries(above):
                if kind != "folder":
                    yield "/".join((*above, entry)), kind == "link"
                elif len(above) + 1 < MOST_LEVELS and _leads_on(parts, (*above, entry)):
                    waiting.append((*above, entry))

    def _entries(self, above: tuple[str, ...]) -> list[tuple[str, str]]:
        """The names in one folder and what they are; none where it cannot be listed."""
        found = []
        with (
            suppress(OSError, UnreadableFileError),
            self._reached("/".join((*above, "."))) as (folder, _),
            os.scandir(folder) as entries,
        ):
            for entry in entries:
                if entry.is_symlink():
                    found.append((entry.name, "link"))
                elif entry.is_dir(follow_symlinks=False):
                    found.append((entry.name, "folder"))
                elif entry.is_file(follow_symlinks=False):
                    found.append((entry.name, "file"))
        return found

    @contextmanager
    def _reached(self, place: str) -> Iterator[tuple[int, str]]:
        """Open the folder that holds a place, step by step; give it and the last name."""
        *steps, name = place.split("/")
        with ExitStack() as stack:
            folder = os.open(self.root, _DIRECTORY)
            stack.callback(os.close, folder)
            for step in steps:
                try:
                    folder = os.open(step, _DIRECTORY | os.O_NOFOLLOW, dir_fd=folder)
                except OSError as error:
                    raise _refusal(error) from None
                stack.callback(os.close, folder)
            yield folder, name

    def _linked(self, place: str) -> Look | None:
        """Look at what a link within the folder leads to, by where that itself lies."""
        try:
            real, root = (self.root / place).resolve(strict=True), self.root.resolve()
        except (OSError, RuntimeError):  # gone or a link to itself
            return None
        if not real.is_relative_to(root) or not real.is_file():
            return None
        return self._look(real.relative_to(root).as_posix(), place)

    def _look(self, place: str, name: str) -> Look | None:
        name = name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
        if not is_finished(name):
            return None
        try:
            with self._reached(place) as (folder, last):
                found = os.stat(last, dir_fd=folder, follow_symlinks=False)
        except (OSError, UnreadableFileError):
            return None
        if not stat.S_ISREG(found.st_mode):
            return None
        mark = (found.st_ctime_ns, found.st_ino)
        return Look(name, place, found.st_size, found.st_mtime_ns, mark)


def _leads_on(parts: tuple[str, ...], place: tuple[str, ...]) -> bool:
    """Whether a pattern may name something within a folder."""
    if _ANY_DEPTH in parts[: len(place)]:
        return True
    return len(place) < len(parts) and all(map(fnmatchcase, place, parts))


def _refusal(error: OSError) -> Exception:
    """What an error of opening means: gone, closed to us, or a fault that may pass."""
    if error.errno in _GONE:
        return FileNotFoundError(error.errno, error.strerror)
    if error.errno in _CLOSED:
        return UnreadableFileError(f"it may not be read: {error.strerror}")
    return error

"""The store that is a folder of this machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from resources.source.store import Look, UnservedError, is_finished, too_many


class Folder:
    """List the files of a folder; links that lead out of it are not followed."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def looks(self, pattern: str, most: int) -> list[Look]:
        """List what the pattern names, in no order."""
        root = self.root
        if not root.is_dir():
            raise UnservedError(f"there is no folder {root}", next=f"mkdir -p {root}", passing=True)
        if not os.access(root, os.R_OK | os.X_OK):
            raise UnservedError(f"folder {root} may not be read", next=f"chmod u+rx {root}")
        found = []
        for count, path in enumerate(root.glob(pattern)):
            if count >= most:
                raise too_many(most)
            look = self._look(path)
            if look is not None:
                found.append(look)
        return found

    def again(self, look: Look) -> Look | None:
        """Look at a file once more."""
        return _stat(Path(look.place), look.name)

    def opened(self, look: Look) -> BinaryIO:
        """Open a file where it lies."""
        try:
            return Path(look.place).open("rb")
        except PermissionError:
            raise UnservedError(
                f"{look.name} may not be read", next=f"chmod u+r {look.place}"
            ) from None

    def may_grow(self) -> bool:
        """A file is there from its first byte on."""
        return True

    def _look(self, path: Path) -> Look | None:
        name = path.relative_to(self.root).as_posix()
        if not is_finished(name) or not path.is_file():
            return None
        if not path.resolve().is_relative_to(self.root.resolve()):
            return None
        return _stat(path, name.encode("utf-8", "surrogateescape").decode("utf-8", "replace"))


def _stat(path: Path, name: str) -> Look | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    mark = (found.st_ctime_ns, found.st_ino)
    return Look(name, str(path), found.st_size, found.st_mtime_ns, mark)

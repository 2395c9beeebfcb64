"""Second names of new data files, kept until the outcome of their commit is known."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import mkdtemp
from types import TracebackType
from typing import Self

from watermain import durable

FOLDER = ".unsettled"
_NEW, _HELD = "new-", "held-"
_NO_LINKS = (errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK)


class Unsettled:
    """Hold the new files of one commit under second names for the block.

    The engine deletes the files of a commit that it believes to have failed, even when the
    catalog has it and only the answer was lost. `restore` gives them their first names back.
    Guarantees: leaving the block forgets the second names; a process that dies leaves them
    for `heal`.
    """

    def __init__(self, lake: str, paths: Iterable[str]) -> None:
        self.lake, self.paths = Path(lake), sorted(paths)
        self._lock: int | None = None
        self._held: Path | None = None

    def __enter__(self) -> Self:
        if self.paths:
            self._held, self._lock = _locked_folder(self.lake / FOLDER)
            try:
                for path in self.paths:
                    _second_name(Path(path), self._held / Path(path).relative_to(self.lake))
            except OSError:
                self._forget()
                raise
        return self

    def restore(self) -> None:
        """Bring every file back that is no longer there, referenced or not."""
        if self._held is not None:
            _restore(self._held, self.lake)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._forget()

    def _forget(self) -> None:
        if self._held is not None and self._lock is not None:
            shutil.rmtree(self._held)
            os.close(self._lock)


def heal(lake: str) -> None:
    """Bring back what writers that died in the middle of a commit may have left deleted."""
    for held in Path(lake).glob(f"{FOLDER}/{_HELD}*"):
        try:
            lock = os.open(held, os.O_RDONLY)
        except FileNotFoundError:
            continue  # its writer has settled it
        try:
            durable.hold(lock)
            _restore(held, Path(lake))
            shutil.rmtree(held, ignore_errors=True)
        except BlockingIOError:
            continue  # its writer is alive
        finally:
            os.close(lock)


def _locked_folder(parent: Path) -> tuple[Path, int]:
    """Make a folder that nobody sees before it is locked."""
    parent.mkdir(exist_ok=True)
    new = Path(mkdtemp(prefix=_NEW, dir=parent))
    lock = os.open(new, os.O_RDONLY)
    durable.hold(lock)
    return new.rename(parent / new.name.replace(_NEW, _HELD, 1)), lock


def _second_name(path: Path, second: Path) -> None:
    second.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(path, second)
    except FileNotFoundError:
        return  # it was another commit's, which has taken it back
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        shutil.copy2(path, second)


def _restore(held: Path, lake: Path) -> None:
    for second in _files(held):
        first = lake / second.relative_to(held)
        if not first.exists():
            first.parent.mkdir(parents=True, exist_ok=True)
            shutil.move(second, first)


def _files(folder: Path) -> Iterator[Path]:
    for place, _, names in os.walk(folder):
        yield from (Path(place, name) for name in names)

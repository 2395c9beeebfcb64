"""The data files that a transaction of the lake writes."""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from watermain.lake.rest.checksum import Checksum, checksum_of

_PREFIX = "ducklake-"
# Files that the lake took over lie beneath a folder of this name. It is older than that of any file
# which a transaction writes, so that none of them ever looks into it, however much lies there.
ADOPTED = "ducklake-00-adopted"


def _oldest_name() -> str:
    """What no data file written from now on is named below, were the clock set back by a minute.

    Source: DuckLake names a file `ducklake-<UUID>`, of version 7, which begins with the time.
    """
    moment = f"{int((time.time() - 60) * 1000):012x}"
    return f"{_PREFIX}{moment[:8]}-{moment[8:]}"


@dataclass(frozen=True)
class Written:
    """The data files that a transaction writes for its tables, beside the ledger's.

    Shapes: `sums` are those of the tables' files, each with the moment the file was last changed.
    """

    folder: str
    tables: tuple[str, ...]
    since: float
    paths: set[str] = field(default_factory=set)
    oldest: str = field(default_factory=_oldest_name)
    whole: set[str] = field(default_factory=set)
    sums: dict[str, tuple[int, Checksum]] = field(default_factory=dict)

    @property
    def is_remote(self) -> bool:
        """Whether the files lie on an S3-style store."""
        return self.folder.startswith("s3://")

    def sync(self, *, last: bool = False) -> int:
        """Flush the new files of tables and ledger; give the tables' new bytes."""
        self.sync_ledger()
        return self.sync_tables(last=last)

    def sync_tables(self, *, last: bool = False) -> int:
        """Flush the tables' new files to disk, and then their folders; sum them; give their bytes.

        After the `last` only the ledger may still be written: to list a folder of ten thousand
        files takes as long as to write another.
        """
        if self.is_remote:
            return 0
        growing = [each for each in self.tables if each not in self.whole]
        self.whole.update(growing if last else ())
        return sum(self._sync_new_files(Path(self.folder) / each, keep=True) for each in growing)

    def sync_ledger(self) -> None:
        """Flush the ledger's new files to disk, and then their folder."""
        if not self.is_remote:
            self._sync_new_files(Path(self.folder) / "upkeep_raw")

    def checksums(self) -> dict[str, Checksum]:
        """The checksum of each file of the tables that is still as it was flushed."""
        return {
            path: found
            for path, (changed_at, found) in self.sums.items()
            if _changed_at(path) == changed_at
        }

    def data_files(self) -> tuple[str, ...]:
        """The tables' new files of rows; none on a remote store."""
        if self.is_remote:
            return ()
        found = [p for t in self.tables for p, _ in self._new_files(Path(self.folder) / t)]
        return tuple(
            p for p in found if p.endswith(".parquet") and not p.endswith("-delete.parquet")
        )

    def _sync_new_files(self, root: Path, *, keep: bool = False) -> int:
        fresh = list(self._new_files(root))
        paths = {path for path, _ in fresh}
        self.paths.update(paths)
        for path in [*paths, *{os.path.dirname(path) for path in paths}]:
            try:
                descriptor = os.open(path, os.O_RDONLY)
            except FileNotFoundError:
                continue  # it was another commit's, which has taken it back
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        for path in paths if keep else ():
            self._sum(path)
        return sum(size for _, size in fresh)

    def _sum(self, path: str) -> None:
        changed_at = _changed_at(path)
        if changed_at is not None and self.sums.get(path, (None,))[0] != changed_at:
            with suppress(FileNotFoundError):
                self.sums[path] = (changed_at, checksum_of(path))

    def _new_files(self, folder: Path | str) -> Iterator[tuple[str, int]]:
        """Give what was written since then; of an older file nothing but its name is looked at."""
        with suppress(FileNotFoundError):
            for name in (n for n in os.listdir(folder) if not _PREFIX <= n < self.oldest):
                path = os.path.join(folder, name)
                with suppress(FileNotFoundError):
                    found = os.stat(path)
                    if stat.S_ISDIR(found.st_mode):
                        yield from self._new_files(path)
                    elif name >= self.oldest and found.st_mtime >= self.since:
                        yield path, found.st_size


def _changed_at(path: str) -> int | None:
    try:
        return os.stat(path).st_mtime_ns
    except FileNotFoundError:
        return None


def present(folder: str) -> float:
    """A moment not later than any file written from now on, by the file system's own clock."""
    if folder.startswith("s3://"):
        return 0.0
    probe = Path(folder) / f".clock-{os.getpid()}-{threading.get_ident()}"
    probe.touch()
    moment = probe.stat().st_mtime
    probe.unlink()
    return moment

"""What tells that something has changed, without reading it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import psycopg

from watermain.engine.rooms.last_good import FOLDER as ROOMS
from watermain.lake.catalog import unreachable
from watermain.settings import project

RELEASED = "contracts"  # in the project


class WatchedState(NamedTuple):
    """What is equal for as long as nothing has changed: the newest snapshot, and all else."""

    snapshot: int | None
    other: object


class LatestChanges:
    """Tell what is equal for as long as nothing has changed.

    Guarantees: neither the lake nor a contract is read.
    """

    def __init__(
        self, dsn: Callable[[], str], home: Callable[[], Path], project: Callable[[], Path]
    ) -> None:
        self._dsn, self._home, self._project = dsn, home, project

    def commits(self) -> WatchedState:
        """The newest snapshot of the lake, and what rooms wrote down.

        Raises: UnreachableSystemError.
        """
        try:
            with psycopg.connect(self._dsn()) as connection:
                row = connection.execute(
                    "select max(snapshot_id) from public.ducklake_snapshot"
                ).fetchone()
        except psycopg.OperationalError as error:
            raise unreachable(error, data="alerts stand as they were") from error
        return WatchedState(row[0] if row else None, self._rooms())

    def contracts(self) -> WatchedState:
        """What rooms wrote down, and the files of released contracts."""
        released = _stand(self._project() / RELEASED, "*/*.yaml")
        return WatchedState(None, (self._rooms(), released))

    def connections(self) -> WatchedState:
        """What rooms wrote down, and the files that declare connections."""
        resources = _stand(project().resources_folder, "*.py")
        return WatchedState(None, (self._rooms(), resources))

    def _rooms(self) -> object:
        return _stand(self._home() / ROOMS, "*.json")


def _stand(folder: Path, pattern: str) -> tuple[tuple[str, int, int], ...]:
    """The files of a folder, each with when it was written and its inode."""
    found = [(path, path.stat()) for path in sorted(folder.glob(pattern))]
    return tuple((str(path), stands.st_mtime_ns, stands.st_ino) for path, stands in found)

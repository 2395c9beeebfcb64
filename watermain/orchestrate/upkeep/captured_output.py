"""Captured output of steps, taken away with the history of their runs."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from dagster import DagsterInstance
from dagster._core.storage.local_compute_log_manager import LocalComputeLogManager

from watermain.orchestrate.upkeep.history import Terms, ended

AT_ONCE = 500  # runs that are asked for in one query


@dataclass(frozen=True)
class Cleared:
    """How many runs' output went, and its bytes."""

    runs: int = 0
    bytes: int = 0


def clear(instance: DagsterInstance, terms: Terms, *, now: datetime | None = None) -> Cleared:
    """Take away the output of runs whose term is over, or which nobody knows any more.

    Guarantees: what lies elsewhere than in a folder of this machine is left to its store, and what
    is younger than the shortest term to its run.
    """
    manager = instance.compute_log_manager
    if not isinstance(manager, LocalComputeLogManager):
        return Cleared()
    at, runs, size = now or datetime.now(UTC), 0, 0
    oldest = (at - terms.succeeded).timestamp()
    folders = [f for f in Path(manager._base_dir).glob("*/") if f.stat().st_mtime < oldest]
    for first in range(0, len(folders), AT_ONCE):
        several = folders[first : first + AT_ONCE]
        over = ended(instance, [folder.name for folder in several], terms, at)
        for folder in (each for each in several if each.name in over):
            size += _bytes([*folder.rglob("*")])
            shutil.rmtree(folder, ignore_errors=True)
            runs += 1
    return Cleared(runs, size)


def _bytes(paths: Sequence[Path]) -> int:
    return sum(path.stat().st_size for path in paths if path.is_file())

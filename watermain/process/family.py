"""The processes of this machine by their parents, as of one look."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

import psutil

PROC = Path("/proc")


class Families:
    """Tell what a process uses together with all that it started, looking once for all of them.

    A process that is told `apart` leads a family of its own, whoever started it.
    """

    def __init__(self, apart: Collection[int] = ()) -> None:
        self._children: dict[int, list[int]] = defaultdict(list)
        for pid, parent in _parents():
            if pid not in apart:
                self._children[parent].append(pid)

    def of(self, pid: int) -> list[int]:
        """The process and all that descend from it."""
        found = [pid]
        for one in found:
            found += self._children.get(one, ())
        return found

    def memory_bytes(self, pid: int) -> int:
        """What the family has in memory; those that have ended since the look have nothing.

        Units: on Linux a page that several processes share is divided among them; elsewhere each
        counts it whole; `memory_measure` says which.
        Raises: psutil.NoSuchProcess, when the process itself is gone.
        """
        memory = _bytes(pid)
        for child in self.of(pid)[1:]:
            with suppress(psutil.NoSuchProcess):
                memory += _bytes(child)
        return memory


def _parents() -> Iterator[tuple[int, int]]:
    """Each process of this machine with the one that started it; those that end now are left out.

    psutil would take a third of a millisecond for each.
    """
    if not (PROC / "self/stat").exists():
        yield from ((p.pid, p.info["ppid"]) for p in psutil.process_iter(["ppid"]))
        return
    for name in os.listdir(PROC):
        if name.isdigit():
            with suppress(FileNotFoundError, ProcessLookupError):
                told = (PROC / name / "stat").read_text().rpartition(")")[2].split()
                yield int(name), int(told[1])


def memory_measure() -> str:
    """How memory is counted here: PSS where the kernel tells each process's share, else RSS."""
    return "PSS" if (PROC / "self/smaps_rollup").exists() else "RSS"


def _bytes(pid: int) -> int:
    """What one process has in memory.

    Raises: psutil.NoSuchProcess.
    """
    lines: list[str] = []
    with suppress(FileNotFoundError, PermissionError, ProcessLookupError):
        lines = (PROC / f"{pid}/smaps_rollup").read_text().splitlines()
    told = [line.split() for line in lines if line.startswith("Pss:")]
    return int(told[0][1]) * 1024 if told else int(psutil.Process(pid).memory_info().rss)

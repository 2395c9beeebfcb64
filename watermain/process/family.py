"""The processes of this machine by their parents, as of one look."""

from __future__ import annotations

from collections import defaultdict
from contextlib import suppress

import psutil


class Families:
    """Tell what a process uses together with all that it started, looking once for all of them."""

    def __init__(self) -> None:
        self._children: dict[int, list[int]] = defaultdict(list)
        for process in psutil.process_iter(["ppid"]):
            self._children[process.info["ppid"]].append(process.pid)

    def of(self, pid: int) -> list[int]:
        """The process and all that descend from it."""
        found = [pid]
        for one in found:
            found += self._children.get(one, ())
        return found

    def memory_bytes(self, pid: int) -> int:
        """What the family has in memory; those that have ended since the look have nothing.

        Raises: psutil.NoSuchProcess, when the process itself is gone.
        """
        memory: int = psutil.Process(pid).memory_info().rss
        for child in self.of(pid)[1:]:
            with suppress(psutil.NoSuchProcess):
                memory += psutil.Process(child).memory_info().rss
        return memory

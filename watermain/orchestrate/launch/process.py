"""The identity of a process, which stays true after its number is given to another."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

STATE_FIELD, START_FIELD = 0, 19


@dataclass(frozen=True, kw_only=True)
class ProcessIdentity:
    """One process of one boot of this machine.

    Units: `started_ticks` counts clock ticks since boot, as in /proc/<pid>/stat.
    """

    pid: int
    started_ticks: int
    boot: str

    @classmethod
    def of(cls, pid: int) -> ProcessIdentity:
        """Identify the process that has the number `pid` now."""
        return cls(pid=pid, started_ticks=int(_stat(pid)[START_FIELD]), boot=_boot())

    def alive(self) -> bool:
        """Tell whether the very same process still runs; a zombie does not."""
        try:
            fields = _stat(self.pid)
        except (FileNotFoundError, ProcessLookupError):
            return False
        same = int(fields[START_FIELD]) == self.started_ticks and _boot() == self.boot
        return same and fields[STATE_FIELD] not in {"Z", "X"}

    def send(self, number: signal.Signals) -> bool:
        """Signal the process, never a later owner of its number; tell whether it was there."""
        try:
            handle = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return False
        try:
            if not self.alive():
                return False
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(handle, number)
                return True
            return False
        finally:
            os.close(handle)


def _stat(pid: int) -> list[str]:
    """Read the fields after the command, which may itself hold spaces or brackets."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()

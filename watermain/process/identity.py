"""The identity of a process, which stays true after its number is given to another."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import psutil

from watermain.machine.system import signalled

PROC = Path("/proc")  # elsewhere than on Linux psutil is asked
STATE_FIELD, START_FIELD = 0, 19
TICKS = 100  # a second, where the kernel counts none for us


class _Seen(NamedTuple):
    """What the kernel tells of a process."""

    started_ticks: int
    is_dead: bool


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
        """Identify the process that has the number `pid` now.

        Raises: ProcessLookupError or FileNotFoundError.
        """
        return cls(pid=pid, started_ticks=_seen(pid).started_ticks, boot=boot())

    def alive(self) -> bool:
        """Tell whether the very same process still runs; a zombie does not."""
        try:
            seen = _seen(self.pid)
        except (FileNotFoundError, ProcessLookupError):
            return False
        return not seen.is_dead and (seen.started_ticks, boot()) == (self.started_ticks, self.boot)

    def send(self, number: signal.Signals) -> bool:
        """Signal the process, never a later owner of its number; tell whether it was there."""
        return signalled(self.pid, number, self.alive)


def boot() -> str:
    """Name the current run of this machine, whose ticks and process numbers start anew."""
    try:
        return (PROC / "sys/kernel/random/boot_id").read_text().strip()
    except FileNotFoundError:
        return f"{psutil.boot_time():.0f}"


def _seen(pid: int) -> _Seen:
    if (PROC / "self/stat").exists():
        fields = _stat(pid)
        return _Seen(int(fields[START_FIELD]), fields[STATE_FIELD] in {"Z", "X"})
    try:
        process = psutil.Process(pid)
        dead = process.status() in {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD}
        return _Seen(round((process.create_time() - psutil.boot_time()) * TICKS), dead)
    except psutil.NoSuchProcess as error:
        raise ProcessLookupError(str(error)) from error


def _stat(pid: int) -> list[str]:
    """Read the fields after the command, which may itself hold spaces or brackets."""
    return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()

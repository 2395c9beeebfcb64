"""The pace of requests to one system, kept by all processes of this machine together."""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

SLACK = 1.02
MOST_HELD_SECONDS = 3600.0
_BOOT = Path("/proc/sys/kernel/random/boot_id")


@dataclass(frozen=True, kw_only=True)
class Ticks:
    """Tell seconds that every process of the machine counts alike, with a way to let them pass."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


class Pace:
    """Space requests evenly: a bucket for one token, filled `rate` times a second less SLACK.

    Guarantees: no second holds more than `rate` departures, whatever the number of processes;
    `hold` makes all of them wait. The file may be lost: the pace then starts anew.
    """

    def __init__(self, path: Path, rate: float, ticks: Ticks | None = None) -> None:
        self.path, self.rate, self.ticks = path, rate, ticks or Ticks()

    def take(self, patience: float) -> bool:
        """Wait for the next turn; False, without waiting, when it lies beyond `patience` seconds.

        Guarantees: a turn that was given up is free for others.
        """
        gap = SLACK / self.rate
        with self._state() as state:
            now = self.ticks.now()
            turn = max(now, state["next"], state["held"])
            if turn - now > patience:
                return False
            state["next"] = turn + gap
        if turn > now:
            self.ticks.sleep(turn - now)
        return True

    def hold(self, seconds: float) -> None:
        """Let nobody depart for this long, an hour at most."""
        with self._state() as state:
            until = self.ticks.now() + min(seconds, MOST_HELD_SECONDS)
            state["held"] = max(state["held"], until)

    def held(self) -> float:
        """Tell for how many seconds everybody still waits because somebody asked us to."""
        with self._state() as state:
            return max(0.0, state["held"] - self.ticks.now())

    @contextmanager
    def _state(self) -> Iterator[dict[str, float]]:
        """Read the shared state under a lock that the kernel frees when its holder dies."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            boot = _boot()
            file.seek(0)
            state = _read(file.read(4096), boot)
            before = dict(state)
            yield state
            if state != before:
                text = json.dumps({"boot": boot, **state}).encode()
                os.ftruncate(file.fileno(), 0)
                os.pwrite(file.fileno(), text, 0)


def _boot() -> str:
    """Name the current run of the machine, for its ticks start anew with each."""
    try:
        return _BOOT.read_text().strip()
    except OSError:
        return ""


def _read(data: bytes, boot: str) -> dict[str, float]:
    try:
        found = json.loads(data)
        if found["boot"] == boot:
            return {"next": float(found["next"]), "held": float(found["held"])}
    except (ValueError, KeyError, TypeError):
        pass
    return {"next": 0.0, "held": 0.0}

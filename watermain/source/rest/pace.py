"""The pace of requests to one system, kept by all processes of this machine together."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from watermain import durable
from watermain.declare.errors import UnreachableSystemError
from watermain.process.identity import boot

SLACK = 1.02
MOST_HELD_SECONDS = 3600.0
MOST_WAITED = timedelta(seconds=30)  # for the file, which is held for microseconds


@dataclass(frozen=True, kw_only=True)
class Ticks:
    """Tell seconds that every process of the machine counts alike, and let them pass."""

    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep


class RequestPace:
    """Space requests evenly: a bucket for one token, filled `rate` times a second less SLACK.

    Guarantees: no second holds more than `rate` departures, whatever the number of processes,
    and `hold` makes all of them wait. The file may be lost: the pace then starts anew.
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
            self._hold(file.fileno())
            now = boot()
            file.seek(0)
            state = _read(file.read(4096), now)
            before = dict(state)
            yield state
            if state != before:
                text = json.dumps({"boot": now, **state}).encode()
                os.ftruncate(file.fileno(), 0)
                os.pwrite(file.fileno(), text, 0)

    def _hold(self, descriptor: int) -> None:
        try:
            durable.hold(descriptor, MOST_WAITED)
        except BlockingIOError as error:
            raise UnreachableSystemError(
                f"another process has held the pace of a system for longer than {MOST_WAITED}",
                declared=str(self.path),
                data="nothing was asked; what the lake has committed stands",
                next="wake or end the process that holds the file",
            ) from error


def _read(data: bytes, now: str) -> dict[str, float]:
    try:
        found = json.loads(data)
        if found["boot"] == now:
            return {"next": float(found["next"]), "held": float(found["held"])}
    except (ValueError, KeyError, TypeError):
        pass
    return {"next": 0.0, "held": 0.0}

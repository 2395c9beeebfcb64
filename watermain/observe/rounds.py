"""Rounds of steps, one after the other, until told to stop."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from watermain.clock import Clock
from watermain.declare.errors import WatermainError

PAUSE = timedelta(seconds=10)


@dataclass(frozen=True)
class RoundStep:
    """One thing that is done in each round, under the name by which its trouble is told."""

    name: str
    run: Callable[[datetime], str]


def rounds(
    steps: Sequence[RoundStep],
    tell: Callable[[str], None],
    stop: threading.Event,
    *,
    clock: Clock | None = None,
    pause: timedelta = PAUSE,
) -> None:
    """Run every step in each round; what one says is told, and trouble once while it lasts.

    Guarantees: the trouble of one step keeps no other from its turn, a defect of ours included.
    """
    troubles: dict[str, str] = {}
    told_time = clock or Clock()
    while not stop.is_set():
        now = told_time.now()
        for step in steps:
            said, met = _tried(step, now)
            before = troubles.pop(step.name, "")
            if met:
                troubles[step.name] = met
                if met != before:
                    tell(f"{step.name}: {met}")
                continue
            if before:
                tell(f"{step.name}: goes on")
            for line in said.splitlines():
                tell(f"{step.name}: {line}")
        stop.wait(pause.total_seconds())


def _tried(step: RoundStep, now: datetime) -> tuple[str, str]:
    """What a step said, then the trouble that it met: of a defect all that tells of it."""
    try:
        return step.run(now), ""
    except WatermainError as error:
        return "", str(error)
    except Exception as error:  # the entry point of a service: other steps still have their turn
        return "", "".join(traceback.format_exception(error)).strip()

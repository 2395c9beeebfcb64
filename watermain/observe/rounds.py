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
    """One thing that is done in each round, under the name by which its trouble is told.

    Shapes: one that is done `beside` may take longer than a round, which does not wait for it.
    """

    name: str
    run: Callable[[datetime], str]
    is_beside: bool = False


def rounds(
    steps: Sequence[RoundStep],
    tell: Callable[[str], None],
    stop: threading.Event,
    *,
    clock: Clock | None = None,
    pause: timedelta = PAUSE,
) -> None:
    """Run every step in each round; what one says is told, and trouble once while it lasts.

    Guarantees: the trouble of one step keeps no other from its turn, a defect of ours included;
    neither does a step beside the round that takes long, of which no two run at once.
    """
    told_time, runs = clock or Clock(), [_Run(step, tell) for step in steps]
    while not stop.is_set():
        now = told_time.now()
        for each in runs:
            each.turn(now)
        stop.wait(pause.total_seconds())


class _Run:
    """The turns of one step, and the trouble that its last one met."""

    def __init__(self, step: RoundStep, tell: Callable[[str], None]) -> None:
        self._step, self._tell = step, tell
        self._trouble, self._beside = "", threading.Thread()

    def turn(self, now: datetime) -> None:
        """Have the step done, or begun where the round goes on beside it."""
        if not self._step.is_beside:
            self._done(now)
        elif not self._beside.is_alive():
            self._beside = threading.Thread(target=self._done, args=(now,), daemon=True)
            self._beside.start()

    def _done(self, now: datetime) -> None:
        name, (said, met) = self._step.name, _tried(self._step, now)
        before, self._trouble = self._trouble, met
        if met:
            if met != before:
                self._tell(f"{name}: {met}")
            return
        if before:
            self._tell(f"{name}: goes on")
        for line in said.splitlines():
            self._tell(f"{name}: {line}")


def _tried(step: RoundStep, now: datetime) -> tuple[str, str]:
    """What a step said, then the trouble that it met: of a defect all that tells of it."""
    try:
        return step.run(now), ""
    except WatermainError as error:
        return "", str(error)
    except Exception as error:  # the entry point of a service: other steps still have their turn
        return "", "".join(traceback.format_exception(error)).strip()

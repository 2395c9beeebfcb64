"""Rounds of the process that observes."""

from __future__ import annotations

import threading
from datetime import datetime, timedelta

from watermain.declare.errors import UnreachableSystemError
from watermain.observe.rounds import RoundStep, rounds


class _Steps:
    """A step that is in trouble for two rounds of four, and one that counts its turns."""

    def __init__(self) -> None:
        self.turns, self.stop = 0, threading.Event()

    def troubled(self, now: datetime) -> str:
        if self.turns in (1, 2):
            raise UnreachableSystemError.nothing_happened("away", declared="a test", next="wait")
        return "done\nagain" if self.turns == 3 else ""

    def counted(self, now: datetime) -> str:
        self.turns += 1
        if self.turns == 4:
            self.stop.set()
        return ""


def test_trouble_of_a_step_is_told_once_and_keeps_no_other_from_its_turn() -> None:
    """Its end is told as well."""
    steps, told = _Steps(), list[str]()
    both = [RoundStep("first", steps.troubled), RoundStep("second", steps.counted)]
    rounds(both, told.append, steps.stop, pause=timedelta(0))
    assert [line.splitlines()[0] for line in told] == [
        *("first: away", "first: goes on", "first: done", "first: again")
    ]
    assert steps.turns == 4


def test_defect_of_a_step_is_told_once_and_ends_nothing() -> None:
    """With its traceback; a service that dies silently judges nothing."""
    steps, told = _Steps(), list[str]()

    def broken(now: datetime) -> str:
        raise KeyError("a defect of ours")

    both = [RoundStep("first", broken), RoundStep("second", steps.counted)]
    rounds(both, told.append, steps.stop, pause=timedelta(0))
    (said,) = told
    assert said.startswith("first: Traceback")
    assert said.endswith("KeyError: 'a defect of ours'")
    assert steps.turns == 4


def test_nothing_is_done_once_it_is_told_to_stop() -> None:
    """Not even a round."""
    steps, told = _Steps(), list[str]()
    steps.stop.set()
    rounds([RoundStep("second", steps.counted)], told.append, steps.stop)
    assert (steps.turns, told) == (0, [])


def test_step_beside_a_round_keeps_it_from_nothing_and_runs_once_at_a_time() -> None:
    """Its words and its trouble are told when it ends, as those of any step."""
    steps, told, gate = _Steps(), list[str](), threading.Event()
    begun = list[int]()

    def slow(now: datetime) -> str:
        begun.append(steps.turns)
        if len(begun) == 1:
            assert gate.wait(60)
        return f"turn {len(begun)}"

    def counted(now: datetime) -> str:
        steps.counted(now)
        if steps.turns == 3:
            gate.set()
            while len(told) < 1:
                threading.Event().wait(0.01)
        return ""

    both = [RoundStep("slow", slow, is_beside=True), RoundStep("quick", counted)]
    rounds(both, told.append, steps.stop, pause=timedelta(0))
    assert steps.turns == 4
    assert begun[0] == 0
    assert told[0] == "slow: turn 1"
    assert len(begun) <= 2

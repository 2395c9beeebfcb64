"""How a promise stands: what was missed, what may still be, how much was measured."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from watermain.declare.promise.objective import AtMost
from watermain.engine.promise.calendar import Expected, Promised, Term, events, expected
from watermain.engine.promise.verdict import State, Verdict

PromiseState = Literal["met", "burning", "breached", "not measured"]
LEAST_COVERAGE = 0.95
RECENT = 7  # expected partitions among which a miss still burns
_Z = 1.959964  # of a normal distribution, for an interval of 95 %


@dataclass(frozen=True, kw_only=True)
class PromiseStatus:
    """How a promise stood at an instant, over the window of its objective.

    Shapes: `days` has what was judged of each expected partition, oldest first, with None where
    nothing was; `good`, `bad`, `excused` and `unknown` count them. `allowed` is how many may be
    missed in the window, `left` how many still may be, below zero where too many were.
    Guarantees: what is measured less than 95 % of the time is `not measured`, unless what was
    measured has broken the promise already.
    """

    at: datetime
    days: tuple[tuple[Expected, State | None], ...]
    allowed: int

    def _count(self, state: State | None) -> int:
        return sum(found == state for _, found in self.days)

    @property
    def good(self) -> int:
        """Partitions that were there when they were due."""
        return self._count("good")

    @property
    def bad(self) -> int:
        """Partitions that were not."""
        return self._count("bad")

    @property
    def excused(self) -> int:
        """Partitions that count neither way."""
        return self._count("excused")

    @property
    def unknown(self) -> int:
        """Partitions that nobody can say it of, or has said it yet."""
        return self._count("unknown") + self._count(None)

    @property
    def expected(self) -> int:
        """Partitions that count."""
        return len(self.days) - self.excused

    @property
    def left(self) -> int:
        """How many may still be missed."""
        return self.allowed - self.bad

    @property
    def coverage(self) -> float:
        """The measured share of what counts; 0 where nothing does."""
        return (self.good + self.bad) / self.expected if self.expected else 0.0

    @property
    def kept(self) -> float | None:
        """The share that was in time; None where nothing was measured."""
        measured = self.good + self.bad
        return self.good / measured if measured else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Wilson's interval of 95 % about `kept`: few partitions tell little."""
        measured = self.good + self.bad
        return wilson(self.good, measured) if measured else None

    @property
    def state(self) -> PromiseState:
        """The promise in a word."""
        if self.left < 0:
            return "breached"
        if self.coverage < LEAST_COVERAGE:
            return "not measured"
        counted = [state for _, state in self.days if state in ("good", "bad")]
        return "burning" if "bad" in counted[-RECENT:] else "met"


def wilson(good: int, of: int) -> tuple[float, float]:
    """The interval that holds a share with 95 % certainty, of which `good` of `of` were seen."""
    share, scale = good / of, 1 + _Z**2 / of
    middle = share + _Z**2 / (2 * of)
    half = _Z * math.sqrt(share * (1 - share) / of + _Z**2 / (4 * of**2))
    return max(0.0, (middle - half) / scale), min(1.0, (middle + half) / scale)


def status(
    terms: Sequence[Term], verdicts: Mapping[str, Verdict], promised: Promised, now: datetime
) -> PromiseStatus:
    """How a promise stands now, from what was due in its window and what was judged of it.

    Shapes: `verdicts` has the one in force of each partition.
    """
    objective = promised.slo.objective_of(promised.cadence)
    begin = window_begin(promised, now)
    found = events(terms, begin, now)
    days = [(each, _state(verdicts.get(each.partition))) for each in found]
    if isinstance(objective, AtMost):
        counted = [n for n, (_, state) in enumerate(days) if state != "excused"]
        days = days[counted[-objective.of] :] if len(counted) > objective.of else days
        allowed = objective.misses
    else:  # a promise that is young has the room of its whole window
        whole = sum(1 for _ in expected(promised, begin, now))
        allowed = objective.allowed(whole - sum(state == "excused" for _, state in days))
    return PromiseStatus(at=now, days=tuple(days), allowed=allowed)


def window_begin(promised: Promised, now: datetime) -> datetime:
    """An instant after which all lies that the objective counts."""
    objective = promised.slo.objective_of(promised.cadence)
    return now - objective.reach(promised.cadence.unit)


def _state(verdict: Verdict | None) -> State | None:
    return verdict.state if verdict else None

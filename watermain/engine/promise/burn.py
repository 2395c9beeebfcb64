"""How fast the room for misses is used up, as pure functions of counts."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from watermain.declare.name import DatasetName
from watermain.declare.wording import share
from watermain.engine.promise.signal import Severity, Signal
from watermain.engine.promise.verdict import Verdict

LEAST_COVERAGE = 0.95
FEW, FEW_BAD = 7, 2  # of the last seven expected partitions, two are bad
_NOISE = 1e-9  # what binary fractions add to 0.01

Kept = Literal["met", "missed", "not measured"]


@dataclass(frozen=True, kw_only=True)
class BurnObjective:
    """What is promised of a dataset under one indicator.

    Units: `target` is a share, above 0 but below 1. In tier 1 alone a burn of 3x is a page.
    """

    dataset: DatasetName
    promise: str
    target: float
    tier: int = 1
    page_on_first_miss: bool = False

    @property
    def fastest(self) -> float:
        """The burn while everything is bad, as a multiple of what the target allows."""
        return 1 / (1 - self.target)


@dataclass(frozen=True, kw_only=True)
class Slices:
    """What was scheduled in a window, what of it was bad, what nobody measured.

    Units: minutes, or partitions where those are the events.
    Guarantees: `scheduled` counts the whole window, also the part from before the first
    measurement, so that a window that has just begun burns no faster than a full one.
    """

    scheduled: int
    bad: int
    unmeasured: int = 0

    def burn(self, target: float) -> float:
        """The multiple of what the target allows; 0 where nothing was scheduled."""
        return self.bad / self.scheduled / (1 - target) if self.scheduled else 0.0

    def kept(self, target: float) -> Kept:
        """Whether the promise was kept.

        Guarantees: what was measured too seldom is never met, but it is missed where even the best
        of what nobody measured could not mend it.
        """
        if self.scheduled and self.bad > self.scheduled * (1 - target) + _NOISE:
            return "missed"
        measured = self.scheduled - self.unmeasured
        if not self.scheduled or measured < LEAST_COVERAGE * self.scheduled - _NOISE:
            return "not measured"
        return "met" if self.bad <= measured * (1 - target) + _NOISE else "missed"


Counted = Callable[[timedelta], Slices]


@dataclass(frozen=True, kw_only=True)
class BurnRule:
    """A burn that is seen in a long window, so that it matters, but also in a short one: it lasts.

    Units: `times` what the target allows.
    """

    severity: Severity
    times: float
    long: timedelta
    short: timedelta

    def __str__(self) -> str:
        return f"burn {self.times:g}x over {_told(self.long)} and {_told(self.short)}"

    def can_fire(self, target: float) -> bool:
        """Whether a burn as fast is possible before everything is bad."""
        return self.times * (1 - target) < 1 - _NOISE

    def needed(self, target: float, scheduled: float) -> float:
        """How many of the scheduled slices must be bad for it to fire."""
        return self.times * (1 - target) * scheduled

    def fires(self, objective: BurnObjective, counted: Counted) -> bool:
        """Whether both windows burn as fast."""
        return all(
            0 < each.bad >= self.needed(objective.target, each.scheduled) - _NOISE
            for each in (counted(self.long), counted(self.short))
        )

    def severity_of(self, tier: int) -> Severity:
        """What it is in a tier: 3x wakes nobody but for the first."""
        return "ticket" if tier > 1 and self.times <= _SLOW.times else self.severity


def _rule(severity: Severity, times: float, long: float, short: float) -> BurnRule:
    hours = timedelta(hours=1)
    return BurnRule(severity=severity, times=times, long=long * hours, short=short * hours)


_SLOW, _SLOWEST = _rule("page", 3, 24, 2), _rule("ticket", 1, 72, 6)
RULES = (_rule("page", 14.4, 1, 1 / 12), _rule("page", 6, 6, 0.5), _SLOW, _SLOWEST)
HOURLY_RULES = (_SLOW, _SLOWEST)  # with partitions in place of hours
HOURLY_BAD = 2


def dropped(objective: BurnObjective, rules: Sequence[BurnRule] = RULES) -> list[str]:
    """Say which rules can never fire at an objective, a sentence for each."""
    return [
        f"{rule} is dropped: at {share(objective.target)} the fastest burn is"
        f" {objective.fastest:.4g}x, when everything is bad"
        for rule in rules
        if not rule.can_fire(objective.target)
    ]


def burning(
    objective: BurnObjective, counted: Counted, at: datetime, partitions: tuple[str, ...] = ()
) -> Signal | None:
    """The gravest rule that fires on slices of time, if any does; `partitions` are what is missing.

    Guarantees: a budget that is spent, but burns no more, is no signal.
    """
    for rule in RULES:
        if rule.can_fire(objective.target) and rule.fires(objective, counted):
            long, short = counted(rule.long), counted(rule.short)
            return Signal(
                dataset=objective.dataset,
                promise=objective.promise,
                severity=rule.severity_of(objective.tier),
                rule=str(rule),
                told=(
                    f"{long.bad} of {long.scheduled} min in {_told(rule.long)} and {short.bad} of"
                    f" {short.scheduled} in {_told(rule.short)} were bad:"
                    f" {long.burn(objective.target):.3g}x of what {share(objective.target)} allows"
                ),
                at=at,
                partitions=partitions,
            )
    return None


def of_few(
    objective: BurnObjective, verdicts: Sequence[Verdict], at: datetime, *, is_hourly: bool = False
) -> Signal | None:
    """The signal of a promise whose events are partitions, if the newest of them is amiss.

    Shapes: `verdicts` are those of a dataset, oldest due first.
    Guarantees: excused partitions are no events. One that nobody measured stands among the last
    ones, but is neither bad nor good. One bad partition alone is a ticket, unless the objective
    asks for a page. What has arrived since is no signal any more.
    """
    expected = [each for each in verdicts if each.state != "excused" and each.due_at <= at]
    if not expected or not _is_missing(expected[-1], at):
        return None
    if is_hourly:
        found = _of_hourly(objective, expected)
    else:
        bad = _bad(expected[-FEW:])
        is_page = len(bad) >= FEW_BAD
        rule = f"newest bad and {FEW_BAD} of the last {FEW}" if is_page else "newest bad"
        found = ("page" if is_page else "ticket", rule, bad, FEW)
    severity, rule, bad, span = found
    if objective.page_on_first_miss and severity == "ticket":
        severity, rule = "page", "first miss"
    return Signal(
        dataset=objective.dataset,
        promise=objective.promise,
        severity=severity,
        rule=rule,
        told=f"{expected[-1].partition} is missing, and {len(bad)} of the last {span} were late",
        at=at,
        partitions=tuple(bad),
    )


Found = tuple[Severity, str, list[str], int]


def _of_hourly(objective: BurnObjective, expected: Sequence[Verdict]) -> Found:
    """Judge partitions of an hour by windows that are counted in partitions."""

    def counted(length: timedelta) -> Slices:
        count = _count(length)
        return Slices(scheduled=count, bad=len(_bad(expected[-count:])))

    for rule in HOURLY_RULES:
        if not (rule.can_fire(objective.target) and rule.fires(objective, counted)):
            continue
        long, short = _count(rule.long), _count(rule.short)
        bad = _bad(expected[-long:])
        severity = rule.severity_of(objective.tier)
        if severity == "ticket" or len(bad) >= HOURLY_BAD:
            told = f"burn {rule.times:g}x over the last {long} and {short} partitions"
            return severity, told, bad, long
    span = _count(_SLOW.long)
    return "ticket", "newest bad", _bad(expected[-span:]), span


def _told(length: timedelta) -> str:
    """A window as its rule names it: in hours, and below one in minutes."""
    hours = length / timedelta(hours=1)
    return f"{hours:g} h" if hours >= 1 else f"{hours * 60:g} min"


def _count(length: timedelta) -> int:
    return math.ceil(length / timedelta(hours=1))


def _bad(verdicts: Sequence[Verdict]) -> list[str]:
    return [each.partition for each in verdicts if each.state == "bad"]


def _is_missing(verdict: Verdict, at: datetime) -> bool:
    return verdict.state == "bad" and (verdict.ready_at is None or verdict.ready_at > at)

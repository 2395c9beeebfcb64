"""Promises that share their rules, as a word that Prometheus knows them by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from watermain.engine.promise.burn import RULES, BurnRule
from watermain.engine.promise.calendar import Promised
from watermain.engine.promise.signal import Severity


@dataclass(frozen=True, kw_only=True)
class PromiseGroup:
    """What decides the rules of a promise, and nothing else.

    Shapes: `unit` is that of its partitions; `severity` is the most that a breach may be.
    """

    objective: str
    target: float
    unit: str
    tier: int
    severity: str
    is_paged_at_once: bool

    def __str__(self) -> str:
        first = ", first miss" if self.is_paged_at_once else ""
        return f"{self.objective}, by the {self.unit}, tier {self.tier}, {self.severity}{first}"

    @property
    def rules(self) -> tuple[BurnRule, ...]:
        """The burn rules that can fire at its target."""
        return tuple(rule for rule in RULES if rule.can_fire(self.target))

    def severity_of(self, rule: BurnRule) -> Severity:
        """What a burn of minutes is: one late partition wakes nobody unless it was said to."""
        is_page = self.is_paged_at_once and rule.severity_of(self.tier) == "page"
        return "page" if is_page else "ticket"


def group(promised: Promised) -> PromiseGroup:
    """The group of a promise."""
    slo = promised.slo
    objective = slo.objective_of(promised.cadence)
    return PromiseGroup(
        objective=str(objective),
        target=objective.target,
        unit=promised.cadence.unit,
        tier=slo.urgency.tier,
        severity=slo.urgency.severity,
        is_paged_at_once=slo.urgency.page_on_first_miss,
    )


def window(length: timedelta) -> str:
    """A window of a burn rule as Prometheus writes it: `5m`, `72h`."""
    minutes = length // timedelta(minutes=1)
    return f"{minutes}m" if minutes < 60 else f"{minutes // 60}h"

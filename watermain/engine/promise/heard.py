"""What a person should hear of a promise, judged from its verdicts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from watermain.engine.promise.burn import HOURLY_RULES, BurnObjective, dropped, of_few
from watermain.engine.promise.calendar import Promised
from watermain.engine.promise.signal import Signal
from watermain.engine.promise.verdict import Verdict


def heard(promised: Promised, verdicts: Sequence[Verdict], at: datetime) -> Signal | None:
    """The signal of partitions that were not there when they were due, if the newest is missing.

    Shapes: `verdicts` are those of the dataset, oldest due first; the last 72 decide.
    Guarantees: it is no graver than the promise's urgency allows, and outside promised hours a
    page is a ticket, until they begin.
    """
    is_hourly = promised.cadence.unit == "hour"
    found = of_few(_objective(promised), verdicts, at, is_hourly=is_hourly)
    if found is None or found.severity == "ticket":
        return found
    slo = promised.slo
    if slo.urgency.severity == "ticket":
        return replace(found, severity="ticket")
    if at not in slo.hours:
        told = f"{found.told}; a ticket outside promised hours, {slo.hours}"
        return replace(found, severity="ticket", told=told)
    return found


def unheard(promised: Promised) -> list[str]:
    """Say which rules can never fire at the objective of a promise, a sentence for each."""
    if promised.cadence.unit != "hour":
        return []
    return dropped(_objective(promised), HOURLY_RULES)


def _objective(promised: Promised) -> BurnObjective:
    urgency = promised.slo.urgency
    return BurnObjective(
        dataset=promised.dataset,
        promise="on_time",
        target=promised.slo.objective_of(promised.cadence).target,
        tier=urgency.tier,
        page_on_first_miss=urgency.page_on_first_miss,
    )

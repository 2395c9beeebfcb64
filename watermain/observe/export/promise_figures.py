"""The figures of one promise, from what was judged of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from watermain.declare.promise.days import WEEK
from watermain.declare.promise.hours import Hours
from watermain.engine.promise.budget import PromiseStatus, status
from watermain.engine.promise.burn import FEW, RULES
from watermain.engine.promise.calendar import Promised, Term
from watermain.engine.promise.evaluate import SETTLE
from watermain.engine.promise.indicator.promptness import fresh_minutes
from watermain.engine.promise.verdict import Verdict
from watermain.observe.export.figures import PromiseFigures
from watermain.observe.export.groups import group, window

WINDOWS: dict[str, timedelta] = {
    window(each): each
    for each in sorted({length for rule in RULES for length in (rule.long, rule.short)})
}
LONGEST = max(WINDOWS.values())
HOURLY = (2, 6, 24, 72)  # of the last so many hours how many were late
MIDNIGHT, _DAY = time(0), timedelta(days=1)
STATES = ("good", "bad", "excused", "unknown")


def measured(
    promised: Promised,
    terms: Sequence[Term],
    verdicts: Mapping[str, Verdict],
    now: datetime,
) -> PromiseFigures:
    """The figures of a promise now.

    Shapes: `verdicts` has the one in force of each partition, back to the window's begin.
    """
    stands = status(terms, verdicts, promised, now - SETTLE)
    due = sorted(verdicts.values(), key=lambda v: v.due_at)
    counted = [v for v in due if v.state != "excused" and v.due_at <= now]
    newest = counted[-1] if counted else None
    is_missing = newest is not None and _is_missing(newest, now)
    is_promised = now in promised.slo.hours
    known = newest is not None and newest.state != "unknown"
    scheduled, bad = _minutes(promised, due, now) if known else ({}, {})
    slo, belongs = promised.slo, group(promised)
    return PromiseFigures(
        dataset=promised.dataset,
        group=str(belongs),
        owner=promised.kept_by,
        tier=slo.urgency.tier,
        severity=slo.urgency.severity,
        state=stands.state,
        partitions=_partitions(stands),
        objective=belongs.target,
        allowed=stands.allowed,
        left=stands.left,
        coverage=stands.coverage,
        late={
            count: sum(v.state == "bad" for v in counted[-count:])
            for count in (HOURLY if belongs.unit == "hour" else (FEW,))
        },
        is_missing=is_missing,
        is_promised=is_promised,
        is_bad=is_missing and is_promised if known else None,
        scheduled=scheduled,
        bad=bad,
    )


def aged(figures: PromiseFigures, promised: Promised, now: datetime) -> PromiseFigures:
    """Figures of a while ago as they are now, for a promise of which nothing else has changed."""
    hours = promised.slo.hours
    if _is_always(hours) or not figures.is_calm:
        return figures
    if figures.is_bad is None:
        return replace(figures, is_promised=now in hours)
    scheduled, bad = _minutes(promised, (), now)
    return replace(figures, is_promised=now in hours, scheduled=scheduled, bad=bad)


def _partitions(stands: PromiseStatus) -> dict[str, int]:
    return {state: int(getattr(stands, state)) for state in STATES}


def _is_missing(verdict: Verdict, now: datetime) -> bool:
    return verdict.state == "bad" and (verdict.ready_at is None or verdict.ready_at > now)


def _minutes(
    promised: Promised, due: Sequence[Verdict], now: datetime
) -> tuple[dict[str, int], dict[str, int]]:
    """Scheduled minutes and bad ones of each window."""
    counted = fresh_minutes(due, promised_spans(promised.slo.hours, _whole_minute(now)), now)
    slices = {name: counted(length) for name, length in WINDOWS.items()}
    return (
        {name: each.scheduled for name, each in slices.items()},
        {name: each.bad for name, each in slices.items()},
    )


def _whole_minute(instant: datetime) -> datetime:
    return instant.replace(second=0, microsecond=0)


@lru_cache(maxsize=1024)
def promised_spans(hours: Hours, now: datetime) -> tuple[tuple[datetime, datetime], ...]:
    """The promised hours of the longest window, oldest first, up to the end of the day."""
    zone = ZoneInfo(hours.zone)
    if _is_always(hours):
        return ((now - LONGEST - _DAY, now + _DAY),)
    day = (now - LONGEST).astimezone(zone).date() - _DAY
    last, spans = now.astimezone(zone).date(), []
    while day <= last:
        if day in hours.days:
            following = day + _DAY if hours.end == MIDNIGHT else day
            begin = datetime.combine(day, hours.begin, zone).astimezone(UTC)
            spans.append((begin, datetime.combine(following, hours.end, zone).astimezone(UTC)))
        day += _DAY
    return tuple(spans)


def _is_always(hours: Hours) -> bool:
    """Whether every minute is promised."""
    is_every_day = not hours.days.holidays and len(hours.days.numbers) == len(WEEK)
    return is_every_day and hours.begin == hours.end == MIDNIGHT

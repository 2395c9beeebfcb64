"""Declarations in words."""

from __future__ import annotations

from datetime import timedelta
from functools import singledispatch

from watermain.declare.cadence import Cadence
from watermain.declare.check import (
    ROWS,
    AcceptedValues,
    Between,
    Check,
    Expression,
    FreshWithin,
    Matches,
    NotNull,
    Query,
    RefersTo,
    RowCount,
    Steady,
    UniqueKey,
)
from watermain.declare.dataset import Dataset
from watermain.declare.slo import Slo

SHORT = {"day": "daily", "hour": "hourly", "month": "monthly"}
MOST_VALUES = 8
UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


def span(length: timedelta) -> str:
    """A length of time, in the largest units that say it exactly.

    >>> span(timedelta(hours=26))
    '1 day 2 hours'
    """
    left, found = length.total_seconds(), []
    for seconds, unit in UNITS:
        count = int(left // seconds)
        left -= count * seconds
        found += [f"{count} {unit}{'' if count == 1 else 's'}"] if count else []
    if left:
        found.append(f"{left * 1000:g} milliseconds")
    return " ".join(found) or "0 seconds"


def rhythm(dataset: Dataset) -> str:
    """How a dataset is cut into partitions, in one word."""
    return SHORT.get(dataset.cadence.unit, dataset.cadence.unit) if dataset.cadence else "whole"


def cadence(found: Cadence | None) -> str:
    """How a dataset is cut into partitions."""
    if found is None:
        return "one table, without partitions"
    parts = [f"{SHORT.get(found.unit, found.unit)} in {found.zone}, since {found.since}"]
    if found.late_for:
        parts.append(f"rows may come {span(found.late_for)} late")
    if found.every is not None:
        parts.append(f"a stream computes it every {span(found.every)}")
    return "; ".join(parts)


def promise(slo: Slo | None) -> str:
    """When how many partitions are ready."""
    if slo is None:
        return "none"
    share = f"{slo.target:.4%}".rstrip("%").rstrip("0").rstrip(".")
    ready = f"{span(slo.ready_within)} after their end"
    return f"{share}% of partitions are ready {ready}, over {span(slo.over)}"


def source(dataset: Dataset) -> str:
    """Where the rows of a dataset come from."""
    if dataset.is_platforms:
        return "the platform, as it works"
    if dataset.is_computed:
        return ""
    words = {
        name: getattr(dataset.source, name, None)
        for name in ("connection", "topic", "table", "path", "pattern", "name")
    }
    said = [f"{name} {value}" for name, value in words.items() if isinstance(value, str) and value]
    return f"{dataset.source_kind}: {', '.join(said)}" if said else dataset.source_kind


@singledispatch
def rule(check: Check) -> str:
    """What a check demands, with its values."""
    return check.label


@rule.register
def _(check: NotNull) -> str:
    return f"every row has a value in `{check.column}`"


@rule.register
def _(check: UniqueKey) -> str:
    return f"no two rows agree in {', '.join(f'`{k}`' for k in check.key)}"


@rule.register
def _(check: AcceptedValues) -> str:
    shown = ", ".join(map(str, check.values[:MOST_VALUES]))
    more = len(check.values) - MOST_VALUES
    return f"`{check.column}` is one of {shown}" + (f", {more} more" if more > 0 else "")


@rule.register
def _(check: Between) -> str:
    if check.low is None or check.high is None:
        bound = f"at most {check.high}" if check.low is None else f"at least {check.low}"
        return f"`{check.column}` is {bound}"
    return f"`{check.column}` is between {check.low} and {check.high}"


@rule.register
def _(check: Matches) -> str:
    return f"`{check.column}` matches {check.pattern}"


@rule.register
def _(check: RefersTo) -> str:
    ours = ", ".join(f"`{c}`" for c in check.columns())
    same = check.columns() == check.others()
    return f"{ours} stands in {check.dataset}" + ("" if same else f" ({', '.join(check.others())})")


@rule.register
def _(check: RowCount) -> str:
    if check.high is None:
        return f"each partition has at least {check.low} rows"
    return f"each partition has {check.low} to {check.high} rows"


@rule.register
def _(check: Expression) -> str:
    return f"every row: {' '.join(check.sql.split())}"


@rule.register
def _(check: Query) -> str:
    return f"finds no row: {' '.join(check.sql.split())}"


@rule.register
def _(check: FreshWithin) -> str:
    return f"the newest `{check.column}` is at most {span(check.within)} old"


@rule.register
def _(check: Steady) -> str:
    what = "the number of rows" if check.of == ROWS else f"the mean of `{check.of}`"
    return f"{what} stays within {check.within:g} times its median of {check.against} partitions"

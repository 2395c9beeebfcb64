"""Rules about a partition as a whole: how many rows, how fresh, how like those before it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from statistics import median
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa

from watermain.declare.check import ROWS, Check, FreshWithin, RowCount, Steady
from watermain.engine.table.staged import Staged
from watermain.lake import ledger
from watermain.lake.lake import quote

LEAST_HISTORY = 3


def partition_rule(
    connection: duckdb.DuckDBPyConnection, staged: Staged, check: Check, rows: Mapping[str, int]
) -> dict[str, int]:
    """One for each partition that breaks the rule, else nothing."""
    if isinstance(check, RowCount):
        high = check.high
        return {k: int(n < check.low or (high is not None and n > high)) for k, n in rows.items()}
    if isinstance(check, FreshWithin):
        newest = _newest(connection, staged, check.column)
        return {k: int(_is_stale(staged, check, k, newest.get(k))) for k in rows}
    if isinstance(check, Steady):
        return _unsteady(connection, staged, check, rows)
    raise TypeError(f"no translation for {type(check).__name__}")


def _newest(
    connection: duckdb.DuckDBPyConnection, staged: Staged, column: str
) -> dict[str, datetime]:
    found = connection.execute(
        f"select {staged.named('p')}, newest from (select {staged.floor} as p,"
        f" epoch_us(max({quote(column)})) as newest from {staged.relation}"
        f" where {staged.where} group by 1) where newest is not null"
    ).fetchall()
    kind = staged.dataset.contract.column(column).type
    is_instant = pa.types.is_timestamp(kind) and kind.tz is not None
    zone = staged.span.cadence.zone if staged.span and not is_instant else "UTC"
    start = datetime(1970, 1, 1, tzinfo=UTC)
    return {
        str(k): (start + timedelta(microseconds=us)).replace(tzinfo=ZoneInfo(zone))
        for k, us in found
    }


def _is_stale(staged: Staged, check: FreshWithin, key: str, newest: datetime | None) -> bool:
    until = staged.now
    if staged.span is not None:
        until = min(until, staged.span.cadence.window(key).end)
    return newest is None or newest < until - check.within


def _unsteady(
    connection: duckdb.DuckDBPyConnection, staged: Staged, check: Steady, rows: Mapping[str, int]
) -> dict[str, int]:
    """Partitions outside the factor around the median of those before; few before prove nothing."""
    name = str(staged.dataset.name)
    if check.of == ROWS:
        now: dict[str, float] = {k: float(n) for k, n in rows.items()}
        known = ledger.rows_before(connection, name)
    else:
        now, known = means(connection, staged, check.of), ledger.means(connection, name, check.of)
    known |= now
    found = {}
    for key, value in now.items():
        before = [known[k] for k in sorted(known) if k < key][-check.against :]
        middle = median(before) if len(before) >= LEAST_HISTORY else value
        low, high = sorted((middle / check.within, middle * check.within))
        found[key] = int(not low <= value <= high)
    return found


def means(connection: duckdb.DuckDBPyConnection, staged: Staged, column: str) -> dict[str, float]:
    """The column's mean in each staged partition that has one."""
    found = connection.execute(
        f"select {staged.named('p')}, mean from (select {staged.floor} as p,"
        f" avg({quote(column)}) as mean from {staged.relation} where {staged.where} group by 1)"
        " where mean is not null"
    ).fetchall()
    return {str(k): float(mean) for k, mean in found}

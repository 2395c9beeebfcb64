"""What the ledger says of the last days, read in a few scans."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb

from watermain.clock import MICROSECOND, instant_of, micros
from watermain.declare.name import DatasetName
from watermain.engine.promise.baseline import LENGTH
from watermain.lake.ledger import BATCHES, DRIFT, PUBLISHES, last
from watermain.observe.watch.ledger.cost import Spent
from watermain.observe.watch.ledger.skew import TimedPublish
from watermain.observe.watch.ledger.stream import REACH, WITHIN, RecentBatches
from watermain.observe.watch.schema import SeenColumn

DAYS, HOURS = 29, 73
_DAY = timedelta(days=1)
# Numbers are written into the text: to bind a value, or to fetch a timestamp, the engine imports
# libraries that cost more than the question.
_BATCHES = f"""
with recent as (select * from {BATCHES} where committed_at >= make_timestamptz({{since}})),
newest as (select stream, max(committed_at) as ended from recent group by stream)
select stream, epoch_us(ended), sum(rows_in)::bigint, sum(rows)::bigint, sum(repeated)::bigint
from recent join newest using (stream)
where committed_at > ended - to_seconds({{within}}) group by all
"""
_PARTITIONS = f"""
select dataset, partition, {last("rows_out")}, sum(rows_out)::bigint, {last("seconds")},
    epoch_us({last("published_at")})
from {PUBLISHES} where published_at >= make_timestamptz({{since}}) group by all
"""
_SPENT = f"""
select dataset, floor(({{now}} - epoch_us(published_at)) / {{span}})::bigint as ago, sum(seconds),
    sum(bytes)::double
from {PUBLISHES} where published_at >= make_timestamptz({{since}}) group by all
"""
# What was there when a source was captured for the first time is what it is, and no change of it.
_DRIFT = f"""
with begun as (select stream, min(committed_at) as first_at from {BATCHES} group by all)
select dataset, column_name, outcome, epoch_us(min(seen_at))
from {DRIFT} left join begun on stream = dataset
where outcome in ('evolved', 'diverted') group by dataset, column_name, outcome, first_at
having first_at is null or min(seen_at) > first_at
"""


@dataclass(frozen=True, kw_only=True)
class LedgerFacts:
    """What was captured, published and seen beyond contracts.

    Shapes: `rows` has what the last publish of a partition counted, then what all of them did.
    """

    streams: tuple[RecentBatches, ...]
    rows: Mapping[DatasetName, Mapping[str, tuple[int, int]]]
    timed: Mapping[DatasetName, list[TimedPublish]]
    hours: Mapping[DatasetName, Spent]
    days: Mapping[DatasetName, Spent]
    seen: tuple[SeenColumn, ...]


def ledger_facts(connection: duckdb.DuckDBPyConnection, now: datetime) -> LedgerFacts:
    """Read what watchers judge.

    Guarantees: what was published before the days that a baseline learns from is not read.
    """
    rows, timed = defaultdict[DatasetName, dict[str, tuple[int, int]]](dict), defaultdict(list)
    partitions = _PARTITIONS.format(since=micros(now - (LENGTH + 8) * _DAY))
    for name, key, newest, ever, seconds, at in connection.execute(partitions).fetchall():
        dataset = DatasetName.parse(name)
        rows[dataset][key] = (newest, ever)
        timed[dataset].append(TimedPublish(key, seconds, newest, instant_of(at)))
    return LedgerFacts(
        streams=tuple(_streams(connection, now)),
        rows=rows,
        timed=timed,
        hours=_spent(connection, now, timedelta(hours=1), HOURS),
        days=_spent(connection, now, _DAY, DAYS),
        seen=tuple(
            SeenColumn(DatasetName.parse(name), column, outcome, instant_of(at))
            for name, column, outcome, at in connection.execute(_DRIFT).fetchall()
        ),
    )


def _streams(connection: duckdb.DuckDBPyConnection, now: datetime) -> Iterator[RecentBatches]:
    asked = _BATCHES.format(since=micros(now - REACH), within=int(WITHIN.total_seconds()))
    for stream, at, rows_in, rows, repeated in connection.execute(asked).fetchall():
        yield RecentBatches(
            dataset=DatasetName.parse(stream),
            newest_at=instant_of(at),
            rows_in=rows_in,
            rows=rows,
            repeated=repeated,
        )


def _spent(
    connection: duckdb.DuckDBPyConnection, now: datetime, span: timedelta, count: int
) -> dict[DatasetName, Spent]:
    """What the last spans cost, the newest first."""
    since = micros(now - count * span)
    asked = _SPENT.format(now=micros(now), span=span // MICROSECOND, since=since)
    found = dict[DatasetName, tuple[list[float], list[float]]]()
    for name, ago, seconds, size in connection.execute(asked).fetchall():
        kept = found.setdefault(DatasetName.parse(name), ([0.0] * count, [0.0] * count))
        place = min(max(int(ago), 0), count - 1)
        kept[0][place] += seconds
        kept[1][place] += size
    return {name: Spent(seconds=s, bytes=b) for name, (s, b) in found.items()}

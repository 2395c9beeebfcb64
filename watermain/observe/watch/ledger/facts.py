"""What the ledger says of the last days, read in a few scans."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

import duckdb

from watermain.clock import MICROSECOND, instant_of, micros
from watermain.declare.name import DatasetName
from watermain.engine.promise.baseline import LENGTH
from watermain.lake.lake import text
from watermain.lake.ledger import BATCHES, DRIFT, PUBLISHES, inserted, last
from watermain.observe.watch.ledger import skew
from watermain.observe.watch.ledger.cost import LATELY, Spent
from watermain.observe.watch.ledger.skew import TimedPublish
from watermain.observe.watch.ledger.stream import REACH, WITHIN, RecentBatches
from watermain.observe.watch.schema import SeenColumn

DAYS, HOURS = 29, 73
_DAY = timedelta(days=1)
# Numbers are written into the text: to bind a value, or to fetch a timestamp, the engine imports
# libraries that cost more than the question.
_BATCHES = f"""
with recent as (
    select * from {BATCHES} where committed_at >= make_timestamptz({{since}}) and {{of}}
),
newest as (select stream, max(committed_at) as ended from recent group by stream)
select stream, epoch_us(ended), sum(rows_in)::bigint, sum(rows)::bigint, sum(repeated)::bigint
from recent join newest using (stream)
where committed_at > ended - to_seconds({{within}}) group by all
"""
_RECENT = f"""
create or replace temp table watermain_recent as
select *, rowid from {PUBLISHES} where published_at >= make_timestamptz({{since}}) and {{of}}
"""
_PARTITIONS = f"""
with partitions as (
    select dataset, partition, {last("rows_out")} as newest, sum(rows_out)::bigint as ever
    from watermain_recent group by all
)
select dataset, list(partition), list(newest), list(ever) from partitions group by dataset
"""
# Only a dataset of which something took long lately can have a long tail.
_TIMED = f"""
with slow as (
    select distinct dataset from watermain_recent
    where published_at >= make_timestamptz({{lately}}) and seconds >= {{least}}
)
select dataset, partition, {last("rows_out")}, {last("seconds")}, epoch_us({last("published_at")})
from watermain_recent semi join slow using (dataset) group by all
"""
_SPENT = """
select dataset, floor(({now} - epoch_us(published_at)) / {span})::bigint as ago, sum(seconds),
    sum(bytes)::double
from watermain_recent where published_at >= make_timestamptz({since}) group by all
"""
# What was there when a source was captured for the first time is what it is, and no change of it.
_DRIFT = f"""
with seen as (
    select dataset, column_name, outcome, min(seen_at) as seen_at from {DRIFT}
    where outcome in ('evolved', 'diverted') and {{of}} group by all
),
begun as (
    select stream, min(committed_at) as first_at from {BATCHES}
    where stream in (select dataset from seen) group by all
)
select dataset, column_name, outcome, epoch_us(seen_at)
from seen left join begun on stream = dataset
where first_at is null or seen_at > first_at
"""
_DRIFTED = f"select 1 from {DRIFT} where {{of}} limit 1"
_MOVED = "select distinct dataset from {publishes} union select distinct stream from {batches}"


@dataclass(frozen=True, kw_only=True)
class LedgerFacts:
    """What was captured, published and seen beyond contracts.

    Shapes: `rows` has what the last publish of a partition counted, then what all of them did;
    `timed` has the datasets of which a publish took long lately.
    """

    streams: tuple[RecentBatches, ...]
    rows: Mapping[DatasetName, Mapping[str, tuple[int, int]]]
    timed: Mapping[DatasetName, list[TimedPublish]]
    hours: Mapping[DatasetName, Spent]
    days: Mapping[DatasetName, Spent]
    seen: tuple[SeenColumn, ...]


def moved_since(connection: duckdb.DuckDBPyConnection, since: int, present: int) -> frozenset[str]:
    """The datasets that were published or captured after a snapshot, and up to another."""
    asked = _MOVED.format(
        publishes=inserted(PUBLISHES, since, present), batches=inserted(BATCHES, since, present)
    )
    return frozenset(name for (name,) in connection.execute(asked).fetchall())


def ledger_facts(
    connection: duckdb.DuckDBPyConnection, now: datetime, moved: Collection[str] | None = None
) -> LedgerFacts:
    """Read what watchers judge, of some datasets alone where these are named.

    Guarantees: what was published before the days that a baseline learns from is not read.
    """
    connection.execute(
        _RECENT.format(since=micros(now - (LENGTH + 8) * _DAY), of=_of("dataset", moved))
    )
    return LedgerFacts(
        streams=tuple(_streams(connection, now, _of("stream", moved))),
        rows={
            DatasetName.parse(name): dict(zip(keys, zip(newest, ever, strict=True), strict=True))
            for name, keys, newest, ever in connection.execute(_PARTITIONS).fetchall()
        },
        timed=_timed(connection, now),
        hours=_spent(connection, now, timedelta(hours=1), HOURS),
        days=_spent(connection, now, _DAY, DAYS),
        seen=tuple(_seen(connection, _of("dataset", moved))),
    )


def _of(column: str, moved: Collection[str] | None) -> str:
    """What keeps to some datasets, in SQL."""
    if moved is None:
        return "true"
    return f"{column} in ({', '.join(map(text, sorted(moved)))})" if moved else "false"


def _streams(
    connection: duckdb.DuckDBPyConnection, now: datetime, of: str
) -> Iterator[RecentBatches]:
    within = int(WITHIN.total_seconds())
    asked = _BATCHES.format(since=micros(now - REACH), within=within, of=of)
    for stream, at, rows_in, rows, repeated in connection.execute(asked).fetchall():
        yield RecentBatches(
            dataset=DatasetName.parse(stream),
            newest_at=instant_of(at),
            rows_in=rows_in,
            rows=rows,
            repeated=repeated,
        )


def _timed(
    connection: duckdb.DuckDBPyConnection, now: datetime
) -> dict[DatasetName, list[TimedPublish]]:
    asked = _TIMED.format(lately=micros(now - LATELY), least=skew.LEAST_SECONDS)
    found = defaultdict[DatasetName, list[TimedPublish]](list)
    for name, key, rows, seconds, at in connection.execute(asked).fetchall():
        found[DatasetName.parse(name)].append(TimedPublish(key, seconds, rows, instant_of(at)))
    return found


def _seen(connection: duckdb.DuckDBPyConnection, of: str) -> Iterator[SeenColumn]:
    if not connection.execute(_DRIFTED.format(of=of)).fetchall():
        return
    for name, column, outcome, at in connection.execute(_DRIFT.format(of=of)).fetchall():
        yield SeenColumn(DatasetName.parse(name), column, outcome, instant_of(at))


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

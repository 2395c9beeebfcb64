"""Watermarks: late rows are kept, counted, their partitions named."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from tests.watermain.engine.feed import Feed
from watermain.clock import FixedClock
from watermain.declare import Column, Contract, Daily, Dataset, Files, Hourly, raw
from watermain.declare.errors import InvalidCadenceError
from watermain.engine.capture.ingest import capture
from watermain.engine.publish.publish import Job
from watermain.lake import ledger
from watermain.lake.lake import Lake, table
from watermain.source.protocol import Batch

NOW = datetime(2013, 2, 1, tzinfo=UTC)
DAYS = Daily(start=date(2013, 1, 1), late_for=timedelta(days=1))
events = raw(
    "shop.raw.events",
    source=Files(connection="drop", pattern="*.csv", format="csv"),
    contract=Contract(
        grain="one row per event",
        key=("id",),
        event_time="at",
        columns=(
            Column("id", pa.string(), "the event"),
            Column("at", pa.timestamp("us", "UTC"), "when"),
        ),
    ),
    cadence=DAYS,
    owner="team:shop",
)


class Shards:
    """Name each batch of a shard by its number."""

    def __init__(self) -> None:
        self.ends: dict[str, int] = {}

    def batch(self, *instants: str, shard: str = "a") -> Batch:
        """The next batch of a shard: events at these instants."""
        start = self.ends.get(shard, 0)
        self.ends[shard] = start + 1
        names = ("id", "at", "_file", "_file_hash", "_row", "_delivered_at")
        rows = [(f"{shard}{start}.{n}", at, "f", "h", "1", "2013-01-01 00:00:00+00")
                for n, at in enumerate(instants)]  # fmt: skip
        columns = list(zip(*rows, strict=True)) or [()] * len(names)
        arrays = [pa.array(list(c), pa.string()) for c in columns]
        return Batch(
            shard=shard,
            start=str(start or ""),
            end=str(start + 1),
            rows=pa.table(dict(zip(names, arrays, strict=True))),
        )


def captured(
    lake: Lake, *batches: Batch, dataset: Dataset = events, now: datetime = NOW
) -> list[tuple[Any, ...]]:
    """The ledger's word on lateness for the batches captured now, each in a capture of its own."""
    job = Job(lake=lake, find={events.name: events}.__getitem__, clock=FixedClock(now))
    with lake.get_connection() as connection:
        query = f"select count(*) from {ledger.BATCHES}"
        before = connection.execute(query).fetchone() or (0,)
        for batch in batches:
            capture(dataset, job, source=Feed(batch))
        return connection.execute(
            "select late, late_partitions, newest_at::date::varchar, watermark_at::date::varchar"
            f" from {ledger.BATCHES} order by rowid offset {before[0]}"
        ).fetchall()


def test_rows_of_a_partition_that_is_over_are_late(lake: Lake) -> None:
    """Two days after its end a day is over; its rows are kept all the same, by their days."""
    given = Shards()
    assert captured(
        lake,
        given.batch("2013-01-05 10:00", "2013-01-01 10:00"),
        given.batch("2013-01-03 10:00", "2013-01-06 12:00"),
        given.batch("2013-01-04 23:59", "2013-01-03 00:00", "2013-01-03 09:00", "2013-01-05 00:00"),
    ) == [
        (0, "[]", "2013-01-05", "2013-01-05"),
        (1, '["2013-01-03"]', "2013-01-06", "2013-01-06"),
        (3, '["2013-01-03", "2013-01-04"]', "2013-01-06", "2013-01-06"),
    ]
    with lake.get_connection() as connection:
        assert connection.execute(f"select count(*) from {table(events.name)}").fetchall() == [(8,)]
        touched = connection.execute(
            f"select partition from {ledger.PUBLISHES} order by rowid desc limit 3"
        ).fetchall()
    assert sorted(touched) == [("2013-01-03",), ("2013-01-04",), ("2013-01-05",)]


def test_the_slowest_shard_holds_the_watermark_until_it_is_idle(lake: Lake) -> None:
    """A shard without rows for `idle_after` no longer counts; the watermark never goes back."""
    given = Shards()
    assert captured(
        lake,
        given.batch("2013-01-02 10:00"),
        given.batch("2013-01-20 10:00", shard="b"),
        given.batch("2013-01-03 10:00", shard="b"),
    ) == [
        (0, "[]", "2013-01-02", "2013-01-02"),
        (0, "[]", "2013-01-20", "2013-01-02"),
        (0, "[]", "2013-01-20", "2013-01-02"),
    ]
    later = NOW + DAYS.idle_after + timedelta(seconds=1)
    assert captured(
        lake, given.batch("2013-01-21 10:00", shard="b"), given.batch("2013-01-04 10:00"), now=later
    ) == [
        (0, "[]", "2013-01-21", "2013-01-21"),
        (1, '["2013-01-04"]', "2013-01-04", "2013-01-21"),
    ]


def test_a_clock_that_runs_ahead_makes_nothing_late(lake: Lake) -> None:
    """An event in the future counts as now; a batch without rows moves nothing."""
    given = Shards()
    assert (
        captured(lake, given.batch("2999-01-01"), given.batch(), given.batch("2013-01-31"))
        == [(0, "[]", "2013-02-01", "2013-02-01")] * 3
    )


@pytest.mark.parametrize(
    ("cadence", "late"),
    [
        (Daily(zone="America/New_York"), '["2013-03-10"]'),
        (Hourly(late_for=timedelta(days=20)), '["2013-03-10-05:00", "2013-03-11-03:00"]'),
        (Hourly(late_for=timedelta(days=30)), "[]"),
    ],
)
def test_partitions_are_named_in_the_cadence_zone(lake: Lake, cadence: Daily, late: str) -> None:
    """Both ends of a day of 23 hours fall into it, in the zone where it was one."""
    given = Shards()
    said = captured(
        lake,
        given.batch("2013-04-01 12:00"),
        given.batch("2013-03-10 05:00", "2013-03-11 03:59"),
        dataset=replace(events, cadence=cadence),
        now=NOW + timedelta(days=90),
    )
    assert [row[1] for row in said] == ["[]", late]


def test_wall_clock_times_are_late_by_the_zone_of_the_cadence(lake: Lake) -> None:
    """A timestamp without zone is read in the cadence's zone."""
    columns = (events.contract.columns[0], Column("at", pa.timestamp("us"), "wall clock"))
    contract = replace(events.contract, columns=columns)
    cadence = Daily(zone="America/New_York")
    dataset = replace(events, contract=contract, cadence=cadence)
    given = Shards()
    said = captured(
        lake, given.batch("2013-01-05 00:30"), given.batch("2013-01-04 23:30"), dataset=dataset
    )
    assert [row[:2] for row in said] == [(0, "[]"), (1, '["2013-01-04"]')]


def test_without_a_cadence_nothing_is_late(lake: Lake) -> None:
    """There is no partition that could be over."""
    given = Shards()
    batches = given.batch("2013-01-20"), given.batch("2013-01-01")
    said = captured(lake, *batches, dataset=replace(events, cadence=None))
    assert said == [(0, "[]", None, None)] * 2


def test_no_time_to_be_idle_is_refused() -> None:
    """Every shard would be idle."""
    with pytest.raises(InvalidCadenceError, match="idle_after 0:00:00 is no time"):
        Daily(idle_after=timedelta(0))

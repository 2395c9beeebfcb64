"""A topic whose messages say what traces them, below a dataset."""

from __future__ import annotations

import json
from datetime import date

import ibis
import pyarrow as pa

from tests.watermain.engine.feed import Feed
from watermain.declare import Column, Contract, Daily, Dataset, Kafka, dataset, raw
from watermain.engine.publish.publication import Job
from watermain.engine.table.partition import Span
from watermain.lake.lake import Lake
from watermain.source.protocol import Batch

DAYS = Daily(start=date(2013, 1, 1))
COLUMNS = (Column("id", pa.string(), "the thing"), Column("at", pa.timestamp("us"), "when"))
CONTRACT = Contract(grain="one row per thing", key=("id",), event_time="at", columns=COLUMNS)
events = raw(
    "shop.raw.events",
    source=Kafka(connection="log", topic="events"),
    contract=CONTRACT,
    cadence=DAYS,
    owner="team:shop",
)


def same(events: ibis.Table) -> ibis.Table:
    """Take them as they are."""
    return events.select("id", "at")


sales: Dataset = dataset(
    "shop.curated.sales",
    inputs={"events": "shop.raw.events"},
    contract=CONTRACT,
    owner="team:shop",
    cadence=DAYS,
)(same)
KNOWN = {d.name: d for d in (events, sales)}
DAY = Span(DAYS, "2013-01-01", "2013-01-01")


def job(lake: Lake, run_id: str = "run-1") -> Job:
    """A job of a run."""
    return Job(lake=lake, find=KNOWN.__getitem__, run_id=run_id)


def sender(number: int) -> str:
    """The `traceparent` of whoever sent a message."""
    return f"00-{number + 1:032x}-{number + 1:016x}-01"


def messages(first: int, count: int, headers: list[str | None]) -> Feed:
    """A batch of a topic, a message for each entry of `headers`."""
    numbers = range(first, first + count)
    table = pa.table(
        {
            "id": [str(n) for n in numbers],
            "at": ["2013-01-01 10:00:00"] * count,
            "_partition": pa.array([0] * count, pa.int64()),
            "_offset": pa.array(list(numbers), pa.int64()),
            "_timestamp": pa.array([None] * count, pa.timestamp("us", "UTC")),
            "_key": pa.array([None] * count, pa.string()),
            "_headers": pa.array(headers, pa.string()),
        }
    )
    start = str(first) if first else ""
    return Feed(Batch(shard="events/0", start=start, end=str(first + count), rows=table))


def headers(*numbers: int) -> list[str | None]:
    """Headers of messages that were traced, each with a correlation id."""
    return [json.dumps({"traceparent": sender(n), "x-id": f"order {n}"}) for n in numbers]

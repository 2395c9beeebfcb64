"""From the messages to the published partition, span by span, on a real lake."""

from __future__ import annotations

import json
import os
import signal
from datetime import date, timedelta
from typing import Any

import ibis
import pyarrow as pa
import pytest

from tests.watermain.engine.feed import Feed
from tests.watermain.trace.collector import Collector, Received
from watermain.cli.look import trace
from watermain.declare import Column, Contract, Daily, Dataset, Kafka, dataset, raw
from watermain.engine.capture.ingest import capture
from watermain.engine.publish import staging
from watermain.engine.publish.publication import Job
from watermain.engine.publish.publish import publish
from watermain.engine.table.partition import Span
from watermain.lake import lake as lakes
from watermain.lake.lake import Lake
from watermain.source.protocol import Batch
from watermain.trace import outlet
from watermain.trace.message import kept
from watermain.trace.span import MOST_LINKS
from watermain.trace.tracing import current
from watermain.trace.walk import published

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


def sent(collector: Collector) -> list[Received]:
    """All that was sent so far."""
    for (process, _), way in list(outlet._OUTLETS.items()):
        if process == os.getpid():
            assert way.settle(timedelta(seconds=60))
    return collector.spans


def test_trace_leads_from_messages_to_the_partition(lake: Lake, collector: Collector) -> None:
    """Messages are linked by the capture, the capture by the publish; parts lie within."""
    capture(events, job(lake), source=messages(0, 3, headers(1, 1, 2)))
    publish(sales, DAY, job(lake, "run-2"))
    sent(collector)
    (captured,), (published,) = collector.named("capture"), collector.named("publish")
    assert captured.links == (sender(1), sender(2))
    assert published.links == (captured.point,)
    assert captured.facts["watermain.messages.linked"] == 2
    assert captured.facts["watermain.rows"] == 3
    assert published.facts["watermain.dataset"] == "shop.curated.sales"
    assert (published.facts["watermain.partition"], published.parent) == ("2013-01-01", "")
    parts = [(s.name, s.parent, s.trace) for s in collector.spans if s.parent]
    assert parts == [
        (name, whole.span, whole.trace)
        for whole, names in (
            (captured, ("capture begins", "stage", "commit")),
            (published, ("publish begins", "stage", "audit", "commit")),
        )
        for name in names
    ]


def test_trace_is_silent_where_nothing_was_published(lake: Lake, collector: Collector) -> None:
    """A publish that changes nothing is no news."""
    capture(events, job(lake), source=messages(0, 1, headers(1)))
    publish(sales, DAY, job(lake))
    before = len(sent(collector))
    publish(sales, DAY, job(lake))
    assert len(sent(collector)) == before


def test_trace_links_no_more_than_so_many_messages(lake: Lake, collector: Collector) -> None:
    """The rest is counted, both in the span and in the ledger."""
    many = MOST_LINKS + 8
    capture(events, job(lake), source=messages(0, many, headers(*range(many))))
    sent(collector)
    (captured,) = collector.named("capture")
    assert len(captured.links) == MOST_LINKS
    assert captured.facts["watermain.messages.unlinked"] == 8
    with lake.get_connection() as connection:
        found = kept(connection, "shop.raw.events", captured.facts["watermain.batch"])
    assert (len(found.points), found.unlisted("traceparent")) == (MOST_LINKS, 8)


def test_trace_of_messages_that_say_nonsense_is_none(lake: Lake, collector: Collector) -> None:
    """What is no `traceparent`, comes twice in one message or is missing harms nothing."""
    odd = [None, "{}", '{"traceparent": "x"}', json.dumps({"traceparent": [sender(1), sender(2)]})]
    capture(events, job(lake), source=messages(0, 4, odd))
    sent(collector)
    (captured,) = collector.named("capture")
    assert (captured.links, captured.facts["watermain.rows"]) == ((), 4)


def test_correlation_ids_are_kept_without_a_collector(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A header that the settings name is in the ledger, most rows first; others are not."""
    monkeypatch.setenv("WATERMAIN_CORRELATION_HEADER", "x-id")
    capture(events, job(lake), source=messages(0, 3, headers(2, 1, 1)))
    with lake.get_connection() as connection:
        (batch,) = connection.execute("select batch_id from lake.upkeep_raw.batches").fetchone()
        found = kept(connection, "shop.raw.events", batch)
    assert (found.correlations, found.points) == (("order 1", "order 2"), ())


def test_nothing_is_kept_of_messages_by_default(lake: Lake) -> None:
    """Without a setting no table is made."""
    capture(events, job(lake), source=messages(0, 1, headers(1)))
    with lake.get_connection() as connection:
        tables = connection.execute("select table_name from duckdb_tables()").fetchall()
    assert ("correlations",) not in tables


@pytest.mark.parametrize(
    ("module", "point"), [(staging, "publish.after_stage"), (lakes, "publish.before_commit")]
)
def test_killed_publish_is_another_attempt_of_the_same_trace(
    lake: Lake, collector: Collector, monkeypatch: pytest.MonkeyPatch, module: Any, point: str
) -> None:
    """What was killed has begun in the trace that the next attempt ends."""
    capture(events, job(lake), source=messages(0, 1, headers(1)))
    sent(collector)

    def die(name: str) -> None:
        if name == point and current() is not None:  # the table was made before
            outlet.outlet(collector.address).settle(timedelta(seconds=60))
            os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if child == 0:
        monkeypatch.setattr(module, "failpoint", die)
        publish(sales, DAY, job(lake, "run-2"))
        os._exit(0)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL
    publish(sales, DAY, job(lake, "run-3"))
    sent(collector)
    killed, again = collector.named("publish begins")
    (whole,) = collector.named("publish")
    assert killed.trace == again.trace == whole.trace
    assert killed.parent != again.parent == whole.span
    assert (killed.facts["watermain.run_id"], again.facts["watermain.run_id"]) == ("run-2", "run-3")


def test_publish_that_fails_says_by_what(lake: Lake, collector: Collector) -> None:
    """The span has the kind of the error, never its words."""
    capture(events, job(lake), source=messages(0, 1, headers(1)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WATERMAIN_FAILPOINT", "publish.after_data_before_commit=raise")
        with pytest.raises(RuntimeError):
            publish(sales, DAY, job(lake))
    sent(collector)
    (whole,) = collector.named("publish")
    assert whole.failed == "RuntimeError"
    assert [each.failed for each in collector.named("audit")] == [""]


def test_publish_stands_when_the_collector_is_away(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody listens there, and the partition is published all the same."""
    monkeypatch.setenv("WATERMAIN_OTLP_ENDPOINT", "http://127.0.0.1:1")
    capture(events, job(lake), source=messages(0, 2, headers(1, 2)))
    done = publish(sales, DAY, job(lake))
    assert [(o.partition, o.rows_out) for o in done.outcomes] == [("2013-01-01", 2)]


def test_walk_leads_back_from_the_ledger_alone(
    lake: Lake, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The numbers that the ledger gives are those that the collector was sent."""
    monkeypatch.setattr(trace, "find", KNOWN.__getitem__)
    capture(events, job(lake), source=messages(0, 2, headers(1, 2)))
    publish(sales, Span(DAYS, "2013-01-01", "2013-01-03"), job(lake, "run-2"))
    sent(collector)
    (captured,), (whole,) = collector.named("capture"), collector.named("publish")
    with lake.get_connection() as connection:
        found = [
            *trace._walk(connection, sales, ["2013-01-02"]),
            *trace._walk(connection, sales, DAY.keys),
        ]
    assert [(s.depth, s.what.dataset, str(s.what.point)) for s in found] == [
        (0, "shop.curated.sales", whole.point),
        (0, "shop.curated.sales", whole.point),
        (1, "shop.raw.events", captured.point),
    ]
    assert [str(each) for each in found[-1].messages.points] == [sender(1), sender(2)]


def test_walk_counts_what_it_leaves_out(lake: Lake) -> None:
    """Many batches of a day are listed newest first, up to a bound that is told."""
    for number in range(MOST_LINKS + 3):
        capture(events, job(lake), source=messages(number, 1, [None]))
    with lake.get_connection() as connection:
        rows, total = published(connection, events.name, DAY.keys)
    assert (len(rows), total) == (MOST_LINKS, MOST_LINKS + 3)
    assert rows[0].at >= rows[-1].at

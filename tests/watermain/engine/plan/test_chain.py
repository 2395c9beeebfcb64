"""Why a partition is stale, told down to the batch."""

from __future__ import annotations

from tests.watermain.engine.capture.test_lateness import Shards, events
from tests.watermain.engine.feed import Feed
from tests.watermain.orchestrate.sensors.test_planner import days, far
from watermain.engine.capture.ingest import capture
from watermain.engine.plan.books import LedgerBooks
from watermain.engine.plan.chain import Chain
from watermain.engine.plan.graph import Graph
from watermain.engine.publish.publish import Job, publish
from watermain.engine.table.partition import Span
from watermain.lake.lake import Lake

DAY = "2013-01-02"
KNOWN = {d.name: d for d in (events, days, far)}


def test_chain_leads_from_the_reader_to_the_batch(lake: Lake) -> None:
    """Far is stale because of days, which a second batch made; nothing older is told."""
    given, job = Shards(), Job(lake=lake, find=KNOWN.__getitem__, run_id="run 1")
    assert days.cadence is not None
    span = Span(days.cadence, DAY, DAY)
    for instant in (f"{DAY} 10:00", f"{DAY} 11:00"):
        capture(events, job, source=Feed(given.batch(instant)))
        publish(days, span, job)
        if instant.endswith("10:00"):
            publish(far, span, job)
    graph = Graph(KNOWN, lambda _: False)
    with lake.get_connection() as connection:
        present = lake.snapshot(connection)
        since = LedgerBooks(connection, present).standing([far.name])[far.name][DAY].read
        steps = list(Chain(connection, graph).steps(far, DAY, since, present))
    assert [(str(s.name), s.key) for s in steps] == [
        ("shop.curated.days", DAY),
        ("shop.raw.events", DAY),
    ]
    (told,) = steps[1].batches
    assert told.endswith(" of a (1 rows)")
    assert str(steps[1]) == f"shop.raw.events {DAY} at snapshot {steps[1].snapshot}, {told}"


def test_partition_that_is_fresh_has_no_chain(lake: Lake) -> None:
    """What it read is the newest there is."""
    job = Job(lake=lake, find=KNOWN.__getitem__)
    capture(events, job, source=Feed(Shards().batch(f"{DAY} 10:00")))
    assert days.cadence is not None
    publish(days, Span(days.cadence, DAY, DAY), job)
    with lake.get_connection() as connection:
        present = lake.snapshot(connection)
        since = LedgerBooks(connection, present).standing([days.name])[days.name][DAY].read
        graph = Graph(KNOWN, lambda _: False)
        assert list(Chain(connection, graph).steps(days, DAY, since, present)) == []

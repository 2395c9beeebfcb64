"""`watermain trace`: back from a partition to the messages that it came from."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner, Result

from tests.watermain.trace.shop import DAY, KNOWN, events, headers, job, messages, sales, sender
from watermain.__main__ import app
from watermain.cli.look import trace
from watermain.declare.errors import InvalidPartitionError
from watermain.engine.capture.ingest import capture
from watermain.engine.publish.publish import publish
from watermain.lake.lake import Lake


@pytest.fixture
def sold(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    """One partition out of a batch of two messages with correlation ids."""
    monkeypatch.setenv("WATERMAIN_CORRELATION_HEADER", "x-id")
    monkeypatch.setattr(trace, "named", lambda _: sales)
    monkeypatch.setattr(trace, "find", KNOWN.__getitem__)
    capture(events, job(lake), source=messages(0, 2, headers(1, 2)))
    publish(sales, DAY, job(lake, "run-2"))


def run(*words: str) -> Result:
    """What the command says."""
    return CliRunner().invoke(app, ["trace", "shop.curated.sales", *words])


def test_trace_tells_publish_batch_and_messages(sold: None) -> None:
    """One level of inputs after the other, indented; ids of senders beneath their batch."""
    lines = run("2013-01-01").stdout.splitlines()
    assert lines[0].startswith("shop.curated.sales 2013-01-01  publish  ")
    assert lines[1].startswith("  shop.raw.events 2013-01-01  batch ")
    assert lines[2:] == ["    correlation order 1", "    correlation order 2"]
    facts = json.loads(run("2013-01-01", "--json").stdout)
    assert [each["run_id"] for each in facts] == ["run-2", "run-1"]
    assert facts[0]["traceparent"][3:35] == lines[0].rpartition(" ")[2]
    assert facts[1]["correlations"] == ["order 1", "order 2"]
    assert sender(1) not in run("2013-01-01").stdout  # no collector was asked for


def test_trace_of_nothing_is_refused(sold: None) -> None:
    """A partition that was never published has no trace, and the next step is named."""
    caught = run("2013-01-05").exception
    assert isinstance(caught, InvalidPartitionError)
    assert caught.next == "watermain history shop.curated.sales"

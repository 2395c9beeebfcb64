"""Metrics from the ledger, for either rhythm."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ports import free_port
from tests.watermain.engine.capture.test_lateness import Shards, events
from tests.watermain.engine.feed import Feed
from watermain.declare import Kafka, raw
from watermain.engine.capture.ingest import capture
from watermain.engine.publish.publish import Job
from watermain.lake.follower import BatchCounter
from watermain.lake.lake import Lake
from watermain.metrics import Metrics
from watermain.settings import load_settings


def test_the_ledger_is_followed_batch_by_batch(
    lake: Lake, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was there before is not counted, each later batch once; backlogs are measured."""
    folder = home / "drop"
    folder.mkdir()
    (folder / "a.csv").write_text("id,at\n1,2013-01-01\n")
    monkeypatch.setenv("WATERMAIN_SOURCE_DROP", str(folder))
    monkeypatch.setenv("WATERMAIN_SOURCE_BUS", f"127.0.0.1:{free_port()}")
    away = raw(
        "shop.raw.away",
        source=Kafka(connection="bus", topic="t"),
        contract=events.contract,
        owner="team:shop",
    )
    metrics, given = Metrics(), Shards()
    follower = BatchCounter(lake, [events, away], load_settings(), metrics, {})

    def value(name: str, dataset: str = "shop.raw.events") -> float | None:
        return metrics.registry.get_sample_value(f"watermain_{name}", {"dataset": dataset})

    def captured() -> None:
        job = Job(lake=lake, find={events.name: events}.__getitem__)
        capture(events, job, source=Feed(given.batch("2013-01-02 10:00", "2013-01-03 10:00")))

    captured()
    follower.look()
    assert value("batches_total") is None
    for count in (1, 2):
        captured()
        follower.look()
        assert value("batches_total") == count
        assert value("rows_captured_total") == 2 * count
    follower.look()
    assert value("batches_total") == 2
    assert value("commit_seconds_count") == 2
    assert value("backlog_files") is not None
    BatchCounter(lake, [events, away], load_settings(), metrics, {}).look()  # for ten seconds
    assert (value("unreachable"), value("unreachable", "shop.raw.away")) == (0, 1)

"""What streams commit reaches Dagster."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import ibis
import pytest

from tests.watermain.engine.capture.test_lateness import DAYS, Shards, events
from tests.watermain.engine.feed import Feed
from watermain.declare import dataset
from watermain.engine.capture.ingest import capture
from watermain.engine.capture.stream import PREFIX
from watermain.engine.publish.publish import Job
from watermain.lake.lake import Lake
from watermain.orchestrate.sensors.sources import source_sensors
from watermain.orchestrate.sensors.streams import stream_sensor
from watermain.source.protocol import Batch

WORDS = {"contract": events.contract, "cadence": DAYS, "owner": "team:shop"}


@dataset("shop.curated.days", inputs={"events": "shop.raw.events"}, **WORDS)
def days(events: ibis.Table) -> ibis.Table:
    """Read the events of a day."""
    return events.select("id", "at")


@dataset("shop.curated.far", inputs={"days": "shop.curated.days"}, **WORDS)
def far(days: ibis.Table) -> ibis.Table:
    """Read what is read."""
    return days


KNOWN = {d.name: d for d in (events, days, far)}


class Platform:
    """A lake, with the one Dagster that observes it."""

    def __init__(self, lake: Lake, instance: dg.DagsterInstance) -> None:
        self.lake, self.instance = lake, instance
        (self.sensor,) = stream_sensor("shop", list(KNOWN.values()))
        self.cursor: str | None = None

    def streamed(self, *batches: Batch, run: str = f"{PREFIX}1") -> None:
        """Commit batches as a stream does."""
        job = Job(lake=self.lake, find=KNOWN.__getitem__, run_id=run)
        for batch in batches:
            capture(events, job, source=Feed(batch))

    def tick(self) -> list[dg.AssetMaterialization | dg.AssetCheckEvaluation]:
        """Let the daemon evaluate the sensor once."""
        context = dg.build_sensor_context(self.instance, self.cursor)
        said = self.sensor.evaluate_tick(context)
        self.cursor = said.cursor or context.cursor
        for event in said.asset_events:
            self.instance.report_runless_asset_event(event)
        return list(said.asset_events)


@pytest.fixture
def platform(lake: Lake) -> Iterator[Platform]:
    """A platform that has not begun."""
    with dg.instance_for_test() as instance:
        yield Platform(lake, instance)


def test_a_tick_tells_each_partition_once_with_its_counts(platform: Platform) -> None:
    """However many commits a stream made, a partition is one event, a check is one."""
    given = Shards()
    platform.streamed(*(given.batch("2013-01-02 10:00", "2013-01-03 10:00") for _ in range(4)))
    told = platform.tick()
    made = [e for e in told if isinstance(e, dg.AssetMaterialization)]
    assert [(e.partition, e.metadata["rows_published"].value) for e in made] == [
        ("2013-01-02", 4),
        ("2013-01-03", 4),
    ]
    facts = made[0].metadata
    assert facts["rows_read"].value == 8
    assert facts["lag_seconds"].value > 0
    checks = {e.check_name: e.passed for e in told if isinstance(e, dg.AssetCheckEvaluation)}
    own = {"within_partition": True, "known_columns": True}
    assert checks == {"not_null_id": True, "not_null_at": True, **own}


def test_what_dagster_missed_is_told_later(platform: Platform) -> None:
    """The ledger is the memory: a Dagster that was away, or is new, hears of everything."""
    given = Shards()
    platform.streamed(given.batch("2013-01-02 10:00"))
    platform.tick()
    platform.streamed(given.batch("2013-01-03 10:00"))
    platform.streamed(given.batch("2013-01-04 10:00"))
    assert [e.partition for e in platform.tick() if isinstance(e, dg.AssetMaterialization)] == [
        "2013-01-03",
        "2013-01-04",
    ]
    platform.cursor = None
    assert len([e for e in platform.tick() if isinstance(e, dg.AssetMaterialization)]) == 3


def test_expired_snapshots_make_everything_be_told_again(platform: Platform, lake: Lake) -> None:
    """A cursor that the lake has forgotten loses nothing."""
    given = Shards()
    platform.streamed(given.batch("2013-01-02 10:00"))
    platform.tick()
    platform.streamed(given.batch("2013-01-03 10:00"))
    with lake.get_connection() as connection:
        connection.execute("call ducklake_expire_snapshots('lake', older_than => now())")
    told = [e for e in platform.tick() if isinstance(e, dg.AssetMaterialization)]
    assert "2013-01-03" in [e.partition for e in told]
    assert platform.tick() == []


def test_what_runs_captured_is_not_told_again(platform: Platform) -> None:
    """A run reports for itself."""
    given = Shards()
    platform.streamed(given.batch("2013-01-02 10:00"), run="a run")
    assert platform.tick() == []
    assert platform.cursor
    platform.streamed(given.batch("2013-01-03 10:00"), run="a run")
    assert platform.tick() == []


def test_the_other_rhythm_rests_while_a_stream_holds_the_dataset(
    lake: Lake, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sensor says which command captures; afterwards it asks for captures again."""
    (home / "drop").mkdir()
    monkeypatch.setenv("WATERMAIN_SOURCE_DROP", str(home / "drop"))
    (sensor,) = source_sensors([events])
    with dg.instance_for_test() as instance:
        context = dg.build_sensor_context(instance=instance, sensor_name=sensor.name)
        with lake.fence.lease(str(events.name), holder="watermain-stream"):
            said = sensor.evaluate_tick(context).skip_message
            assert said == "a stream captures it: `watermain stream` holds its lease"
        with lake.fence.lease(str(events.name)):
            assert sensor.evaluate_tick(context).skip_message == "nothing waits"


def test_a_room_without_captured_datasets_has_no_such_sensor() -> None:
    """There is nothing to tell."""
    assert stream_sensor("shop", [days, far]) == []

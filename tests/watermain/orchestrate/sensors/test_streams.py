"""What streams commit reaches Dagster."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import ibis
import pytest

from tests.watermain.engine.capture.test_lateness import DAYS, Shards, events
from tests.watermain.engine.feed import Feed
from watermain.clock import FixedClock
from watermain.declare import dataset
from watermain.engine.capture.ingest import capture
from watermain.engine.capture.stream import PREFIX
from watermain.engine.publish.publish import Job
from watermain.lake.lake import Lake
from watermain.orchestrate.sensors.sources import source_sensors
from watermain.orchestrate.sensors.streamed import CLOCKS_DIFFER, Event
from watermain.orchestrate.sensors.streams import stream_sensor
from watermain.orchestrate.sensors.told import CHECK_EVERY, TELL_EVERY, Told
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
        self.clock = FixedClock(datetime.now(UTC))
        (self.sensor,) = stream_sensor("shop", list(KNOWN.values()), self.clock)
        self.cursor: str | None = None

    def streamed(self, *batches: Batch, run: str = f"{PREFIX}1") -> None:
        """Commit batches as a stream does."""
        job = Job(lake=self.lake, find=KNOWN.__getitem__, run_id=run)
        for batch in batches:
            capture(events, job, source=Feed(batch))

    def tick(
        self, after: timedelta = timedelta(0)
    ) -> list[dg.AssetMaterialization | dg.AssetCheckEvaluation]:
        """Let the daemon evaluate the sensor once, a while after the last time."""
        self.clock.instant += after
        context = dg.build_sensor_context(self.instance, self.cursor)
        said = self.sensor.evaluate_tick(context)
        self.cursor = said.cursor or context.cursor
        for event in said.asset_events:
            self.instance.report_runless_asset_event(event)
        return list(said.asset_events)


def made(told: list[Event]) -> list[dg.AssetMaterialization]:
    """What was materialized."""
    return [e for e in told if isinstance(e, dg.AssetMaterialization)]


def checked(told: list[Event]) -> list[dg.AssetCheckEvaluation]:
    """What checks found."""
    return [e for e in told if isinstance(e, dg.AssetCheckEvaluation)]


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
    assert [(e.partition, e.metadata["rows_published"].value) for e in made(told)] == [
        ("2013-01-02", 4),
        ("2013-01-03", 4),
    ]
    facts = made(told)[0].metadata
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
    assert [e.partition for e in made(platform.tick())] == ["2013-01-03", "2013-01-04"]
    platform.cursor = None
    assert len(made(platform.tick())) == 3


def test_an_open_partition_is_told_at_once_and_then_rarely(platform: Platform) -> None:
    """However often it changes between, its last state is told in the end, with all its rows."""
    given = Shards()
    platform.streamed(given.batch("2013-01-02 10:00"))
    assert len(made(platform.tick())) == 1
    for _ in range(3):
        platform.streamed(given.batch("2013-01-02 11:00", "2013-01-02 12:00"))
        assert platform.tick(TELL_EVERY / 10) == []
    platform.streamed(given.batch("2013-01-03 10:00"))
    assert [e.partition for e in made(platform.tick())] == ["2013-01-03"]
    (last,) = made(platform.tick(TELL_EVERY))
    assert (last.partition, last.metadata["rows_published"].value) == ("2013-01-02", 6)
    assert last.metadata["dagster/partition_row_count"].value == 7
    assert platform.tick(TELL_EVERY) == []


def test_checks_are_told_when_they_begin_to_fail_and_else_each_hour(platform: Platform) -> None:
    """What goes on passing is no news."""
    given = Shards()
    platform.streamed(given.batch("2013-01-02 10:00"))
    assert {e.passed for e in checked(platform.tick())} == {True}
    platform.streamed(given.batch("2013-01-02 10:00"))
    assert checked(platform.tick(TELL_EVERY)) == []
    told = Told.read(platform.cursor)
    told.add("shop.raw.events", "2013-01-02", 5, {"known_columns": 2})
    platform.cursor = told.cursor()
    failed = [(e.check_name, e.metadata["failing"].value) for e in checked(platform.tick())
              if not e.passed]  # fmt: skip
    assert failed == [("known_columns", 2)]
    platform.streamed(given.batch("2013-01-02 10:00"))
    assert {e.passed for e in checked(platform.tick(TELL_EVERY))} == {True}
    platform.streamed(given.batch("2013-01-02 10:00"))
    assert checked(platform.tick(TELL_EVERY)) == []
    platform.streamed(given.batch("2013-01-02 10:00"))
    assert {e.passed for e in checked(platform.tick(CHECK_EVERY))} == {True}


def test_a_past_that_was_never_told_is_told_in_portions(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest partitions first; none is left out."""
    monkeypatch.setattr("watermain.orchestrate.sensors.streamed.MOST_PARTITIONS", 2)
    given = Shards()
    platform.streamed(given.batch(*(f"2013-01-0{day} 10:00" for day in range(1, 6))))
    told = [[e.partition for e in made(platform.tick())] for _ in range(4)]
    days = [f"2013-01-0{day}" for day in range(1, 6)]
    assert told == [days[3:], days[1:3], days[:1], []]


def test_a_cursor_of_an_earlier_release_goes_on(platform: Platform, lake: Lake) -> None:
    """It was the number of a snapshot."""
    given = Shards()
    platform.streamed(given.batch("2013-01-02 10:00"))
    with lake.get_connection() as connection:
        platform.cursor = str(lake.snapshot(connection))
    platform.streamed(given.batch("2013-01-03 10:00"))
    assert [e.partition for e in made(platform.tick())] == ["2013-01-03"]


def test_expired_snapshots_make_be_told_what_came_since_by_the_clock(
    platform: Platform, lake: Lake
) -> None:
    """A cursor that the lake has forgotten loses nothing, and does not tell the whole past."""
    given = Shards()
    platform.streamed(given.batch("2013-01-02 10:00"))
    platform.tick()
    platform.streamed(given.batch("2013-01-03 10:00"))
    platform.streamed(given.batch("2013-01-04 10:00"))
    with lake.get_connection() as connection:
        connection.execute("call ducklake_expire_snapshots('lake', older_than => now())")
    forgotten = Told.read(platform.cursor)
    assert [e.partition for e in made(platform.tick())] == ["2013-01-03", "2013-01-04"]
    assert platform.tick() == []
    forgotten.at += 2 * CLOCKS_DIFFER.total_seconds()
    platform.cursor = forgotten.cursor()
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

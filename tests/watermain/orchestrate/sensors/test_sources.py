"""Source sensors: a run when something waits, a reason when nothing does."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pytest

from tests.ports import free_port
from watermain.declare import (
    Column,
    Contract,
    Files,
    Increment,
    Kafka,
    Mqtt,
    Platform,
    Rest,
    Sftp,
    Webhook,
    raw,
)
from watermain.engine.capture.waiting import noted
from watermain.lake.lake import Lake
from watermain.orchestrate.sensors.schedules import daily_schedule
from watermain.orchestrate.sensors.sources import source_sensors
from watermain.settings import load_settings
from watermain.source.protocol import Backlog
from watermain.source.webhook.segments import EventWriter
from watermain.source.webhook.webhook import inbox_folder
from watermain.trouble import troubles

CONTRACT = Contract(
    grain="one row per airline in each delivery",
    key=("carrier",),
    columns=(Column("carrier", pa.string(), "code"), Column("name", pa.string(), "name")),
)
airlines = raw(
    "shop.raw.airlines",
    source=Files(connection="drop", pattern="airlines*.csv", format="csv"),
    contract=CONTRACT,
    owner="team:shop",
)
messages = raw(
    "shop.raw.messages",
    source=Kafka(connection="bus", topic="messages"),
    contract=CONTRACT,
    owner="team:shop",
)
signals = raw(
    "shop.raw.signals",
    source=Mqtt(connection="bus", topic="signals", device="carrier", sequence="n"),
    contract=CONTRACT,
    owner="team:shop",
)
KEY = dg.AssetKey(airlines.name.key)
REST = Rest(
    connection="drop",
    path="/v1/airlines",
    window=Increment(since="a", until="b", start=datetime(2013, 1, 1, tzinfo=UTC)),
)
HOOK = raw(
    "shop.raw.hooks",
    source=Webhook(path="/hooks/shop", secret="env:SHOP"),
    contract=CONTRACT,
    owner="team:shop",
)
ledger = raw(
    "upkeep.raw.batches",
    source=Platform(table="batches"),
    contract=CONTRACT,
    owner="team:upkeep",
)


@pytest.fixture
def drop(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A drop folder that settings know."""
    folder = home / "drop"
    folder.mkdir()
    monkeypatch.setenv("WATERMAIN_SOURCE_DROP", str(folder))
    return folder


def tick(sensor: dg.SensorDefinition, instance: dg.DagsterInstance) -> dg.SensorEvaluationContext:
    return dg.build_sensor_context(instance=instance, sensor_name=sensor.name)


def test_file_sensor_says_why_it_asks_for_nothing(drop: Path) -> None:
    """An empty folder gives a reason."""
    (sensor,) = source_sensors([airlines, ledger])
    with dg.instance_for_test() as instance:
        said = sensor.evaluate_tick(tick(sensor, instance))
    assert said.skip_message == "nothing waits"


def test_file_sensor_asks_for_one_capture_when_a_file_waits(drop: Path) -> None:
    """The request names what it captures and says why; no second one starts beside it."""
    (drop / "airlines.csv").write_text("carrier,name\nUA,United\n")
    os.utime(drop / "airlines.csv", (1_357_000_000, 1_357_000_000))
    (sensor,) = source_sensors([airlines])
    with dg.instance_for_test() as instance:
        (asked,) = sensor.evaluate_tick(tick(sensor, instance)).run_requests or []
        ((name, looks),) = noted(drop.parent)
        assert (name, looks[-1].amount, looks[-1].unit) == ("shop.raw.airlines", 1, "files")
        assert asked.asset_selection == [KEY]
        assert asked.tags == {
            "dagster/sensor_name": "shop_airlines_files",
            "watermain/run": "capture shop.raw.airlines",
            "watermain/team": "shop",
            "watermain/why": "1 delivery waits",
        }
        run = dg.DagsterRun(job_name="__ASSET_JOB", asset_selection=frozenset([KEY]))
        instance.add_run(run)
        assert sensor.evaluate_tick(tick(sensor, instance)).skip_message == (
            "a capture is under way"
        )
        instance.report_run_canceled(run)
        assert sensor.evaluate_tick(tick(sensor, instance)).run_requests


def test_each_kind_is_looked_at_in_its_own_rhythm() -> None:
    """What the word says, or the declaration, is how often the sensor looks."""
    often = Files(connection="drop", pattern="*", format="csv", look_every=timedelta(seconds=5))
    server = Sftp(connection="drop", pattern="*", format="csv")
    sources = [airlines.source, often, server, REST]
    found = source_sensors([replace(airlines, source=source) for source in sources])
    assert [s.minimum_interval_seconds for s in found] == [60, 5, 300, 300]


def test_what_has_a_schedule_is_not_looked_at() -> None:
    """It is captured at its time."""
    assert source_sensors([replace(airlines, schedule="15 4 * * *")]) == []


def test_what_a_stream_has_to_capture_is_captured_by_runs_when_none_does(
    home: Path, lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One look without a stream may be a restart of it; after the second a run is asked for."""
    (sensor,) = source_sensors([HOOK])
    assert sensor.minimum_interval_seconds == 300
    folder = inbox_folder(load_settings(), str(HOOK.name))
    folder.mkdir(parents=True)
    writer = EventWriter(folder)
    writer.append([(b"1", 0, b"{}")])
    writer.close()
    with dg.instance_for_test() as instance:
        cursor = None
        for said in ("no stream captures it yet; if none does in 0:05:00, a run will", None):
            context = dg.build_sensor_context(instance, cursor, sensor_name=sensor.name)
            found = sensor.evaluate_tick(context)
            cursor = found.cursor
            assert found.skip_message == said
        (asked,) = found.run_requests or []
        assert asked.tags["watermain/why"] == "1 row waits, no stream captures it"
        with lake.fence.lease(str(HOOK.name), holder="watermain-stream"):
            context = dg.build_sensor_context(instance, cursor, sensor_name=sensor.name)
            assert "a stream captures it" in str(sensor.evaluate_tick(context).skip_message)


def test_daily_schedule_drives_only_what_reads_the_platform_s_own_tables() -> None:
    """A room without such a dataset has no schedule."""
    assert daily_schedule("shop", [airlines]) == []


class _Answers:
    """A source that answers: nothing waits."""

    def backlog(self) -> Backlog:
        return Backlog(rows=0)


@pytest.mark.parametrize("kind", ["kafka", "mqtt"])
def test_message_sensor_waits_while_the_broker_does_not_answer(
    home: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """A broker that is away is a reason, not a failure."""
    words = {"kafka": messages, "mqtt": signals}
    scheme = {"kafka": "", "mqtt": "mqtt://"}[kind]
    monkeypatch.setenv("WATERMAIN_SOURCE_BUS", f"{scheme}127.0.0.1:{free_port()}")
    monkeypatch.setattr("watermain.source.kafka.kafka_log.ANSWER_SECONDS", 1.0)
    monkeypatch.setattr("watermain.orchestrate.sensors.sources.is_streamed", lambda _: False)
    (sensor,) = source_sensors([words[kind]])
    with dg.instance_for_test() as instance:
        said = sensor.evaluate_tick(tick(sensor, instance))
    assert said.run_requests == []
    assert "see whether the broker runs" in str(said.skip_message)
    (told,) = troubles(home)
    assert (told.dataset, told.kind) == (str(words[kind].name), "UnreachableSystemError")
    monkeypatch.setattr("watermain.orchestrate.sensors.sources.open_source", lambda *_: _Answers())
    with dg.instance_for_test() as instance:
        sensor.evaluate_tick(tick(sensor, instance))
    assert troubles(home) == []

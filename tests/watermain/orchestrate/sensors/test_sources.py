"""Source sensors: a run when something waits, a reason when nothing does."""

from __future__ import annotations

import os
from pathlib import Path

import dagster as dg
import pyarrow as pa
import pytest

from tests.ports import free_port
from watermain.declare import Column, Contract, Files, Kafka, Mqtt, Platform, raw
from watermain.orchestrate.sensors.schedules import daily_schedule
from watermain.orchestrate.sensors.sources import source_sensors

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
    """The request names the capture, so that a second one does not start beside it."""
    (drop / "airlines.csv").write_text("carrier,name\nUA,United\n")
    os.utime(drop / "airlines.csv", (1_357_000_000, 1_357_000_000))
    (sensor,) = source_sensors([airlines])
    with dg.instance_for_test() as instance:
        said = sensor.evaluate_tick(tick(sensor, instance))
    assert [r.tags["watermain/capture"] for r in said.run_requests or []] == ["shop.raw.airlines"]


def test_daily_schedule_drives_only_what_reads_the_platform_s_own_tables() -> None:
    """A room without such a dataset has no schedule."""
    assert daily_schedule("shop", [airlines]) == []


@pytest.mark.parametrize("kind", ["kafka", "mqtt"])
def test_message_sensor_waits_while_the_broker_does_not_answer(
    home: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """A broker that is away is a reason, not a failure."""
    words = {"kafka": messages, "mqtt": signals}
    scheme = {"kafka": "", "mqtt": "mqtt://"}[kind]
    monkeypatch.setenv("WATERMAIN_SOURCE_BUS", f"{scheme}127.0.0.1:{free_port()}")
    monkeypatch.setattr("watermain.source.kafka.kafka_log.ANSWER_SECONDS", 1.0)
    (sensor,) = source_sensors([words[kind]])
    with dg.instance_for_test() as instance:
        said = sensor.evaluate_tick(tick(sensor, instance))
    assert said.run_requests == []
    assert "see whether the broker runs" in str(said.skip_message)

"""Tests of the field stations over the small broker."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest

from demo.mqtt_broker import EmbeddedMqttBroker
from demo.pace import Pace
from demo.sky import Sky
from demo.stations import Memory, connected_stations, follow_sky
from tests.demo.listening import Listener
from tests.ports import free_port
from watermain.declare.errors import UnreachableSystemError

NOON = datetime(2026, 11, 24, 17, tzinfo=UTC)
SKY = Sky(7)


@pytest.fixture
def broker() -> Iterator[EmbeddedMqttBroker]:
    """A broker of its own."""
    server = EmbeddedMqttBroker()
    server.start()
    yield server
    server.stop()


def measure(
    broker: EmbeddedMqttBroker,
    path: Path,
    start: datetime,
    seconds: int,
    *,
    speed: float = 1000,
    since: date | None = None,
) -> int:
    """Let the stations measure for a while; give the number of messages."""
    memory, counts = Memory(path), list[int]()
    with connected_stations(broker.address, memory, SKY) as stations:
        pace = Pace(start, start + timedelta(seconds=seconds), speed)
        follow_sky(stations, pace, since=since, tell=lambda n, _: counts.append(n))
    return sum(counts)


def numbers(messages: list[dict[str, Any]]) -> dict[str, list[int]]:
    """Give the numbers of each device, in the order they came."""
    found = defaultdict(list)
    for each in messages:
        found[each["device"]].append(each["sequence"])
    return found


def test_numbers_go_on_after_a_restart_without_a_hole(
    broker: EmbeddedMqttBroker, tmp_path: Path
) -> None:
    """New stations send the last minutes first; later ones a reading for each hour they missed."""
    with Listener(broker.port, "stations/+/telemetry/+") as listener:
        first = measure(broker, tmp_path / "stations.json", NOON, 1)
        assert first == 9 * 60
        later = NOON + timedelta(hours=2, minutes=20)
        second = measure(broker, tmp_path / "stations.json", later, 12, speed=20)
        got = [json.loads(text) for text in listener.until(first + second)]
    assert 9 * 2 < second <= 9 * (2 + 3)
    by_device = numbers(got)
    assert set(by_device) == {
        f"{airport}-{name}"
        for airport in ("EWR", "JFK", "LGA")
        for name in ("wind", "visibility", "pressure")
    }
    for each in by_device.values():
        assert each == list(range(1, (first + second) // 9 + 1))
    at = [datetime.fromisoformat(each["measured_at"]) for each in got]
    assert min(at) == NOON - timedelta(minutes=5) + timedelta(seconds=5)
    assert all(each.second % 5 == 0 for each in at)
    between = {each for each in at if NOON + timedelta(minutes=1) < each < later}
    assert between == {NOON + timedelta(hours=1), NOON + timedelta(hours=2)}
    for each, moment in zip(got, at, strict=True):
        assert each["value"] == SKY.reading(each["airport"], each["instrument"], moment)


def test_new_stations_kept_a_reading_of_each_hour_since_a_day(
    broker: EmbeddedMqttBroker, tmp_path: Path
) -> None:
    """From midnight in New York to noon, then the last minutes; once, even after a kill."""
    path, since = tmp_path / "stations.json", NOON.date()
    with Listener(broker.port, "stations/+/telemetry/+") as listener:
        first = measure(broker, path, NOON, 1, since=since)
        got = [json.loads(text) for text in listener.until(first)]
        assert first == 9 * (12 + 60)
        assert measure(broker, path, NOON + timedelta(seconds=9), 0, since=since) <= 9
    at = sorted({datetime.fromisoformat(each["measured_at"]) for each in got})
    assert at[:12] == [NOON - timedelta(hours=n) for n in range(12, 0, -1)]
    assert at[12] == NOON - timedelta(minutes=5) + timedelta(seconds=5)


def test_message_that_may_be_lost_is_sent_again_as_it_was(
    broker: EmbeddedMqttBroker, tmp_path: Path
) -> None:
    """The number was written down before; no other message gets it."""
    path = tmp_path / "stations.json"
    memory = Memory(path)
    assert memory.last_at is None
    memory.sequences = {"JFK-wind": 8}
    memory.write({"stations/JFK/telemetry/wind": json.dumps({"device": "JFK-wind", "sequence": 8})})
    with Listener(broker.port, "stations/+/telemetry/+") as listener:
        with connected_stations(broker.address, Memory(path), SKY) as stations:
            count = stations.measure(NOON)
        got = [json.loads(text) for text in listener.until(count + 1)]
    assert got[0] == {"device": "JFK-wind", "sequence": 8}
    assert numbers(got)["JFK-wind"] == [8, 9]
    assert Memory(path).unconfirmed == {}


def test_station_that_is_lost_says_so_by_its_last_will(broker: EmbeddedMqttBroker) -> None:
    """One that stops in order says nothing."""
    memory = Memory(Path("/nowhere/stations.json"))
    with Listener(broker.port, "stations/+/status") as listener:
        with connected_stations(broker.address, memory, SKY):
            pass
        with connected_stations(broker.address, memory, SKY) as stations:
            lost: paho.Client = stations._clients["LGA"]
            lost.loop_stop()
            line = lost.socket()
            assert line is not None
            line.close()
            assert [json.loads(text) for text in listener.until(1)] == [
                {"airport": "LGA", "status": "lost"}
            ]


def test_broker_that_is_not_there_is_told() -> None:
    """Four lines, with what to do."""
    memory = Memory(Path("/nowhere/stations.json"))
    address = f"mqtt://127.0.0.1:{free_port()}"
    with (
        pytest.raises(UnreachableSystemError, match="does not answer") as told,
        connected_stations(address, memory, SKY),
    ):
        pass
    assert told.value.next == "start the broker, then run the same command again"
